"""Pictures of a map, for screen and print: no group is always drawn above the others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from deepometry.core.files import writing
from deepometry.core.palette import GROUPS, UNKNOWN
from deepometry.maps.colouring import MISSING, Colouring

SHAPES = ("o", "s", "^", "D")  # which change with every turn of the colours
_BLOCKS = 40  # in which the cells are drawn: in each, every group has its share
_RASTER = 300  # dots an inch, of points inside .svg


def mark_of(number: int, label: str) -> tuple[str, str]:
    """Return colour and shape of a group."""
    if label == MISSING:
        return UNKNOWN, "o"
    turn = number // len(GROUPS)
    return GROUPS[number % len(GROUPS)], SHAPES[turn % len(SHAPES)]


def look_of(cells: int) -> tuple[float, float]:
    """Return area in square points and opacity of a cell: the more cells, the less of both."""
    area = float(np.clip(6e4 / max(cells, 1), 0.4, 26.0))
    return area, float(np.clip(2.2 / max(cells, 10) ** 0.15, 0.25, 0.9))


def plot_map(
    stem: Path,
    places: np.ndarray,
    colouring: Colouring,
    axes_names: tuple[str, ...],
    title: str,
    rng: np.random.Generator,
) -> list[str]:
    """Draw a map as .png and .svg; return the names of the files.

    `stem` is their path without an ending; `rng` shuffles the order of drawing. In the .svg the
    points are a picture, and all else is drawn.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.4, 6.0), layout="constrained")
    space = {"projection": "3d"} if places.shape[1] == 3 else {}
    axes = figure.add_subplot(**space)
    order = rng.permutation(len(places))
    if colouring.labels:
        _draw_groups(axes, places, colouring, order)
        _legend(figure, colouring)
    else:
        _draw_numbers(figure, axes, places, colouring, order)
    _dress(axes, axes_names, title)
    return _save(figure, stem)


def _draw_groups(axes: Any, places: np.ndarray, colouring: Colouring, order: np.ndarray) -> None:
    area, alpha = look_of(len(places))
    common = {"s": area, "alpha": alpha, "linewidths": 0, "rasterized": True}
    marks = [mark_of(n, label) for n, label in enumerate(colouring.labels)]
    if places.shape[1] == 3:  # where depth decides what lies above what
        _draw_in_space(axes, places[order], colouring.values[order], marks, common)
        return
    for block in np.array_split(order, min(_BLOCKS, max(1, len(order) // 25))):
        codes = colouring.values[block]
        for code in np.unique(codes):
            colour, shape = marks[code]
            axes.scatter(*places[block[codes == code]].T, color=colour, marker=shape, **common)


def _draw_in_space(
    axes: Any,
    places: np.ndarray,
    codes: np.ndarray,
    marks: list[tuple[str, str]],
    common: dict[str, Any],
) -> None:
    """Draw all cells of one shape at once, so that they are ordered by their depth."""
    colours, shapes = (np.array(each) for each in zip(*marks, strict=True))
    for shape in dict.fromkeys(shapes.tolist()):
        here = shapes[codes] == shape
        axes.scatter(
            *places[here].T, c=colours[codes[here]], marker=shape, depthshade=False, **common
        )


def _draw_numbers(
    figure: Any, axes: Any, places: np.ndarray, colouring: Colouring, order: np.ndarray
) -> None:
    from matplotlib import colormaps

    area, alpha = look_of(len(places))
    values = colouring.values[order]
    more = {"depthshade": False} if places.shape[1] == 3 else {"plotnonfinite": True}
    colours = colormaps["viridis"].with_extremes(bad=UNKNOWN)
    drawn = axes.scatter(
        *places[order].T, c=values, s=area, alpha=alpha, linewidths=0, cmap=colours,
        rasterized=True, **more,
    )  # fmt: skip
    bar = figure.colorbar(drawn, ax=axes, fraction=0.046, pad=0.03)
    bar.set_label(colouring.title, parse_math=False)
    bar.solids.set(alpha=1)


def _legend(figure: Any, colouring: Colouring) -> None:
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], linestyle="", color=colour, marker=shape, markersize=6)
        for colour, shape in (mark_of(n, label) for n, label in enumerate(colouring.labels))
    ]
    texts = [f"{x}  ({n:,})" for x, n in zip(colouring.labels, colouring.counts, strict=True)]
    legend = figure.legend(
        handles, texts, loc="outside right upper", frameon=False, title=colouring.title,
        fontsize=8, alignment="left",
    )  # fmt: skip
    for text in [*legend.get_texts(), legend.get_title()]:
        text.set_parse_math(False)


def _dress(axes: Any, names: tuple[str, ...], title: str) -> None:
    axes.set_xlabel(names[0])
    axes.set_ylabel(names[1])
    if len(names) == 3:
        axes.set_zlabel(names[2])
    else:
        axes.spines[["top", "right"]].set_visible(False)
        axes.set_aspect("equal", adjustable="datalim")
    axes.tick_params(labelsize=7, colors="#666666")
    axes.set_title(title, fontsize=10, loc="left", parse_math=False)


def _save(figure: Any, stem: Path) -> list[str]:
    names = []
    for kind, dots in (("png", 150), ("svg", _RASTER)):
        path = stem.with_name(f"{stem.name}.{kind}")
        # no time in the file: the same map is the same file
        more = {"metadata": {"Date": None}} if kind == "svg" else {}
        with writing(path) as part:
            figure.savefig(part, dpi=dots, format=kind, **more)
        names.append(path.name)
    return names
