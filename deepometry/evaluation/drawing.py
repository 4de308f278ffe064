"""What all plots of an evaluation share: colours, plain axes, files."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from deepometry.files import writing

INK, FAINT, ACCENT, OTHER = "#26303b", "#dfe4ea", "#0b6ab0", "#c8541a"
GREY = "#8a94a1"
# Okabe and Ito's colours, which people with colour-blindness tell apart, without their yellow,
# which is lost on white
COLOURS = ("#0072b2", "#e69f00", "#009e73", "#d55e00", "#cc79a7", "#56b4e9", "#7a5c3e")
STYLES = ("-", "--", ":", "-.")
MOST_SHOWN = 40  # classes or samples in a plot
PLOTS = ("png", "svg")


def colour_of(place: int) -> str:
    """Give the colour of a class; unsure cells are grey."""
    return COLOURS[place % len(COLOURS)]


def style_of(place: int) -> str:
    """Give the line of a class: classes of one colour differ in it."""
    return STYLES[place // len(COLOURS) % len(STYLES)]


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


def legend(axes: Any, **more: Any) -> None:
    """Add a legend without a frame."""
    found = axes.legend(frameon=False, labelcolor=INK, fontsize=8, **more)
    for text in found.get_texts():
        text.set_parse_math(False)


def shown(labels: Sequence[str]) -> list[str]:
    """Shorten names that would leave no room for the data."""
    return [label if len(label) <= 28 else f"{label[:13]}…{label[-13:]}" for label in labels]


def save_plots(figure: Any, folder: Path, name: str) -> str:
    """Write a figure as .png and .svg; give the .svg as a piece of a page.

    Returns
    -------
    str
        `<svg ...>`, its ink that of the text around it, its ground clear.
    """
    with writing(folder / f"{name}.png") as part:
        figure.savefig(part, dpi=150, format="png", facecolor="white")
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
