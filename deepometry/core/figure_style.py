"""What all plots share: colours, plain axes, files."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from deepometry.core.files import writing
from deepometry.core.palette import GROUPS

INK, FAINT, ACCENT, OTHER = "#26303b", "#dfe4ea", "#0b6ab0", "#c8541a"
GREY = "#8a94a1"
STYLES = ("-", "--", ":", "-.")
MOST_SHOWN = 40  # classes or samples in a plot
LARGEST = 24.0  # inches a side; a larger picture would take gigabytes
_MOST_NAMED = 60
PLOTS = ("png", "svg")


def colour_of(place: int) -> str:
    """Return the colour of a class."""
    return GROUPS[place % len(GROUPS)]


def style_of(place: int) -> str:
    """Return the line style of a class: classes of one colour differ in it."""
    return STYLES[place // len(GROUPS) % len(STYLES)]


def make_figure(
    size: tuple[float, float], columns: int = 1, rows: int = 1, **more: Any
) -> tuple[Any, Any]:
    """Make a figure without any global state of pyplot, so that threads may draw at once."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, layout="constrained")
    return figure, figure.subplots(rows, columns, squeeze=False, **more)


def plain_axes(axes: Any, title: str = "", grid: str = "both") -> None:
    """Draw axes in one ink, with a faint grid behind the data."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(GREY)
    axes.tick_params(colors=INK, length=3, labelsize=8.5)
    for side in (axes.xaxis, axes.yaxis):
        side.label.set_color(INK)
        side.label.set_size(9)
    axes.set_title(title, color=INK, fontsize=10, parse_math=False, loc="left")
    axes.grid(True, axis=grid, color=FAINT, linewidth=0.8)
    axes.set_axisbelow(True)


def name_ticks(axis: Any, names: Sequence[str], slant: float = 0.0) -> None:
    """Write names along an axis: all, or evenly spaced ones of very many."""
    ticks = range(0, len(names), -(-len(names) // _MOST_NAMED))
    style = {"rotation": slant, "ha": "right", "rotation_mode": "anchor"} if slant else {}
    axis.set_ticks(ticks, [names[tick] for tick in ticks], parse_math=False, **style)


def legend(axes: Any, **more: Any) -> None:
    """Add a legend without a frame."""
    drawn = axes.legend(frameon=False, labelcolor=INK, fontsize=8, **more)
    for text in drawn.get_texts():
        text.set_parse_math(False)


def shown(labels: Sequence[str]) -> list[str]:
    """Shorten names that would leave no room for the data."""
    return [label if len(label) <= 28 else f"{label[:13]}…{label[-13:]}" for label in labels]


def save_figure(figure: Any, path: Path) -> None:
    """Write a figure in the format of its suffix, whole or not at all."""
    with writing(path) as part:
        figure.savefig(part, dpi=150, format=path.suffix.removeprefix("."), facecolor="white")


def save_plots(figure: Any, folder: Path, name: str) -> str:
    """Write a figure as .png and .svg; return the .svg as a piece of a page.

    Its ink is that of the text around it, its ground clear.
    """
    save_figure(figure, folder / f"{name}.png")
    text = io.StringIO()
    figure.savefig(text, format="svg", transparent=True, metadata={"Date": None})
    whole = text.getvalue()
    with writing(folder / f"{name}.svg") as part:
        part.write_text(_on_white(whole), "utf-8")
    return _inline(whole, name)


def _on_white(svg: str) -> str:
    """Put a white ground behind a figure, for programs that show it on another."""
    head, _, rest = svg.partition("<defs>")
    return f'{head}<rect width="100%" height="100%" fill="#ffffff"/>\n <defs>{rest}'


def _inline(svg: str, name: str) -> str:
    head, _, rest = svg[svg.index("<svg") :].partition("<metadata>")
    body = head + rest.partition("</metadata>")[2]
    body = body.replace(INK, "currentColor").replace(FAINT, "var(--line)").replace(GREY, "#808b99")
    body = body.replace(ACCENT, "var(--accent)")
    # names of parts are of one figure; a page holds several
    for mark in ('id="', 'href="#', "url(#"):
        body = body.replace(mark, f"{mark}{name}-")
    return body.replace("xmlns:xlink=", "aria-hidden='true' xmlns:xlink=", 1)
