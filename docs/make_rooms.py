"""Draw the rooms of the program: floors from the contract in pyproject.toml, lines from imports.

python docs/make_rooms.py    writes docs/pictures/rooms.png
"""

from __future__ import annotations

import ast
import io
import textwrap
import tomllib
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from matplotlib.path import Path as MatplotlibPath
from PIL import Image

HERE = Path(__file__).parent
ROOT = HERE.parent
PACKAGE = ROOT / "deepometry"
WIDTH, HEIGHT, GAP, FLOOR = 3.5, 1.2, 0.35, 1.75  # of a room, between rooms, between floors
LETTERS = 46  # of a line in a room
FILL, LINE = "#e8eaf6", "#5c6bc0"
BENDS = (0, 1, -1, 2, -2, 3, -3, 4.5, -4.5, 6, -6, 8, -8)  # of an arrow, the straightest first
Places = dict[str, tuple[float, float]]


def main() -> None:
    places = placed(contract())
    figure = Figure(figsize=(10, 12.5), dpi=110, facecolor="white")
    axes = figure.add_axes((0, 0, 1, 1))
    for start, end in direct(imports(places)):
        draw_import(axes, start, end, places)
    for room, middle in places.items():
        draw_room(axes, room, middle)
    side, top = 1.55 * (WIDTH + GAP), max(y for _, y in places.values())
    axes.set(xlim=(-side, side), ylim=(-HEIGHT, top + HEIGHT))
    axes.set_axis_off()
    drawn = io.BytesIO()
    figure.savefig(drawn)
    few = Image.open(drawn).convert("RGB").quantize(32)
    few.save(HERE / "pictures" / "rooms.png", optimize=True)


def contract() -> list[list[str]]:
    """Return the rooms of every floor, the lowest first, as far as they exist."""
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]
    layers = tools["importlinter"]["contracts"][0]["layers"]
    floors = [[name.strip(" ()") for name in layer.split("|")] for layer in reversed(layers)]
    floors = [[room for room in floor if modules(room) and room[0] != "_"] for floor in floors]
    return [floor for floor in floors if floor]


def modules(room: str) -> list[Path]:
    """Return the modules of a room, the first of which describes it."""
    single = PACKAGE / f"{room}.py"
    return [single] if single.is_file() else sorted((PACKAGE / room).rglob("*.py"))


def placed(floors: Iterable[list[str]]) -> Places:
    """Return the middle of every room; floors of one room stand aside in turns, to show lines."""
    places = {}
    for number, floor in enumerate(floors):
        for n, room in enumerate(floor):
            aside = (WIDTH + GAP) / 2 * (-1) ** number if len(floor) == 1 else 0.0
            places[room] = ((n - (len(floor) - 1) / 2) * (WIDTH + GAP) + aside, number * FLOOR)
    return places


def imports(rooms: Iterable[str]) -> dict[str, set[str]]:
    """Return the rooms that each room imports from."""
    found = {room: {name for path in modules(room) for name in imported(path)} for room in rooms}
    return {room: names & found.keys() - {room} for room, names in found.items()}


def imported(path: Path) -> list[str]:
    """Return the rooms that a module imports from, wherever in it the import stands."""
    nodes = ast.walk(ast.parse(path.read_text("utf-8")))
    names = [node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module]
    return [name.split(".")[1] for name in names if name.startswith("deepometry.")]


def direct(below: dict[str, set[str]]) -> list[tuple[str, str]]:
    """Return the imports that do not follow from a longer way over other rooms."""
    pairs = [(room, other) for room, others in below.items() for other in others]
    return [
        (room, other)
        for room, other in pairs
        if not any(other in reached(way, below) for way in below[room] - {other})
    ]


def reached(room: str, below: dict[str, set[str]]) -> set[str]:
    """Return the rooms that a room imports from, directly or over others."""
    rooms, waiting = set(), [room]
    while waiting:
        fresh = below[waiting.pop()] - rooms
        rooms |= fresh
        waiting += fresh
    return rooms


def draw_import(axes: Axes, start: str, end: str, places: Places) -> None:
    """Draw an arrow that goes around other rooms where it can."""
    first = places[start] + np.array([0, -HEIGHT / 2])
    last = places[end] + np.array([0, HEIGHT / 2])
    others = np.array([middle for room, middle in places.items() if room not in (start, end)])
    ways = [np.array([first, (first + last) / 2 + [bend, 0], last]) for bend in BENDS]
    way = min(ways, key=lambda way: hidden(way, others))
    curve = MatplotlibPath(way, [MatplotlibPath.MOVETO, *[MatplotlibPath.CURVE3] * 2])
    style = {"arrowstyle": "-|>", "color": LINE, "lw": 1.4, "mutation_scale": 15}
    axes.add_patch(FancyArrowPatch(path=curve, **style))


def hidden(way: np.ndarray, others: np.ndarray) -> int:
    """Count how many of a hundred points of a curve lie behind rooms."""
    t = np.linspace(0, 1, 100)[:, None]
    points = (1 - t) ** 2 * way[0] + 2 * t * (1 - t) * way[1] + t**2 * way[2]
    away = np.abs(points[:, None] - others) < np.array([WIDTH, HEIGHT]) * 0.53
    return int(away.all(axis=2).any(axis=1).sum())


def draw_room(axes: Axes, room: str, middle: tuple[float, float]) -> None:
    x, y = middle
    corner = (x - WIDTH / 2, y - HEIGHT / 2)
    shape = "round,pad=0,rounding_size=0.12"
    axes.add_patch(FancyBboxPatch(corner, WIDTH, HEIGHT, shape, fc=FILL, ec=LINE, zorder=3))
    files = modules(room)
    name = f"{room}  ({len(files)} files)" if len(files) > 1 else f"{room}.py"
    text = (ast.get_docstring(ast.parse(files[0].read_text("utf-8"))) or "").split("\n")[0]
    style = {"ha": "center", "zorder": 4}
    axes.text(x, y + 0.47, name, fontsize=11, weight="bold", va="top", **style)
    lines = textwrap.fill(text, LETTERS)
    axes.text(x, y + 0.13, lines, fontsize=7.5, va="top", linespacing=1.35, **style)


if __name__ == "__main__":
    main()
