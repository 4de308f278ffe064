"""A small picture of what comes of a file whose pages may be taken in several ways."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np

from deepometry.core.contact_sheet import DIM, GAP, PLAIN, ContactSheet
from deepometry.core.contrast import grey, stretch

_SIDE, _LABEL, _LINE, _EDGE = 56, 60, 16, 10
_MOST_CELLS, _MOST_CHANNELS = 4, 6


def draw_cells(cells: Sequence[np.ndarray], ends: tuple[float, float]) -> bytes:
    """Draw the first few cells, a row a cell, a column a channel, as a .png file.

    Parameters
    ----------
    cells : sequence of ndarray, shape (height, width, channels)
    ends : tuple of two floats
        What is drawn black and white.
    """
    shown = [cell[:, :, :_MOST_CHANNELS] for cell in cells[:_MOST_CELLS]]
    columns = max(cell.shape[2] for cell in shown)
    width = _EDGE + _LABEL + columns * (_SIDE + GAP) + _EDGE
    sheet = ContactSheet((max(width, 200), 2 * _EDGE + 2 * _LINE + len(shown) * (_SIDE + GAP)))
    for column in range(columns):
        _write(sheet, (_EDGE + _LABEL + column * (_SIDE + GAP), _EDGE), f"Ch{column + 1}", _SIDE)
    for row, cell in enumerate(shown):
        y = _EDGE + _LINE + row * (_SIDE + GAP)
        _write(sheet, (_EDGE, y + _SIDE // 2 - 8), f"Cell {row + 1}", _LABEL - GAP)
        for column in range(cell.shape[2]):
            place = (_EDGE + _LABEL + column * (_SIDE + GAP), y)
            sheet.paste(_tile(grey(cell[:, :, column], *ends)), place, (_SIDE, _SIDE))
    y = _EDGE + _LINE + len(shown) * (_SIDE + GAP)
    sheet.pen.write((_EDGE, y), _left_out(cells), DIM, sheet.picture.width - 2 * _EDGE)
    content = io.BytesIO()
    sheet.picture.save(content, format="png")
    return content.getvalue()


def black_and_white(images: Sequence[np.ndarray]) -> tuple[float, float]:
    """Return what to draw black and white in images of shape (height, width, channels)."""
    first = images[: _MOST_CELLS * _MOST_CHANNELS]
    return stretch([np.nan_to_num(image) for image in first])


def _tile(plane: np.ndarray) -> np.ndarray:
    """Pad a picture to a square."""
    side = max(plane.shape)
    square = np.zeros((side, side), np.uint8)
    square[: plane.shape[0], : plane.shape[1]] = plane
    return square


def _write(sheet: ContactSheet, place: tuple[int, int], text: str, room: int) -> None:
    sheet.pen.write(place, text, PLAIN, room)


def _left_out(cells: Sequence[np.ndarray]) -> str:
    more_cells, more_channels = len(cells) - _MOST_CELLS, cells[0].shape[2] - _MOST_CHANNELS
    parts = [f"{more_cells:,} more cells"] if more_cells > 0 else []
    parts += [f"{more_channels:,} more channels"] if more_channels > 0 else []
    return "and " + " and ".join(parts) if parts else ""
