"""Results that show themselves in a notebook: a small table of scores, and the main picture."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

from deepometry.core.errors import DeepometryError

_LARGEST = 8 << 20  # bytes of a picture that is embedded

Picture = Path | Callable[[], bytes]
"""A .png file, or a function that draws one and returns its content."""


@dataclass(frozen=True)
class NotebookView:
    """What a notebook shows of a result.

    Attributes
    ----------
    title : str
    rows : dict of str to object
        Names and values: numbers, text or paths.
    notes : sequence of str
        Sentences below the table, such as warnings.
    picture : Path, callable or None
        Read or drawn when the notebook shows the result; left out where that fails.
    text : str
        Lines that are aligned in columns.
    """

    title: str
    rows: Mapping[str, object] = field(default_factory=dict)
    notes: Sequence[str] = ()
    picture: Picture | None = None
    text: str = ""


class ShowsInNotebook:
    """Mixin of results that show themselves in a notebook."""

    def notebook_view(self) -> NotebookView:
        """Return what a notebook shows."""
        raise NotImplementedError

    def _repr_html_(self) -> str:
        return view_html(self.notebook_view())


def view_html(view: NotebookView) -> str:
    """Write a view as HTML, with all text escaped and the picture inside."""
    rows = "".join(
        f'<tr><th style="text-align:left">{escape(name)}</th><td>{escape(_text(value))}</td></tr>'
        for name, value in view.rows.items()
    )
    notes = "".join(f"<p>{escape(note)}</p>" for note in view.notes)
    table = f"<table>{rows}</table>" if rows else ""
    table += f"<pre>{escape(view.text)}</pre>" if view.text else ""
    image = _image(view.picture, view.title) if view.picture is not None else ""
    return f"<div><p><strong>{escape(view.title)}</strong></p>{table}{notes}{image}</div>"


def _text(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.3f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _image(picture: Picture, title: str) -> str:
    try:
        content = picture.read_bytes() if isinstance(picture, Path) else picture()
    except (OSError, DeepometryError):  # moved or deleted since: the table still stands
        return ""
    if len(content) > _LARGEST:
        return ""
    data = base64.b64encode(content).decode("ascii")
    return f'<img alt="{escape(title)}" style="max-width:100%" src="data:image/png;base64,{data}">'
