"""Which cells the labelling page shows: filtered by labels, in an order, a screenful of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from deepometry.cells.labels.hand_schema import NONE
from deepometry.web.cells.choose import Wanted, keep_rows
from deepometry.web.labelling.board import Board, Look
from deepometry.web.labelling.orders import Asked, find_order
from deepometry.web.results.output import Unknown

if TYPE_CHECKING:
    import numpy as np

FILTERS = {
    "unlabelled": "unlabelled cells",
    "own": "cells that I have not labelled",
    "labelled": "labelled cells",
    "open": "cells on which annotators differ",
    "settled": "cells that were settled",
    "all": "all cells",
}
MOST = 240  # cells at once


@dataclass(frozen=True)
class Screen:
    """A screenful of cells.

    Attributes
    ----------
    rows : list of int
    next : int or None
        Where in the order the next screenful begins; None if there are no more.
    total : int
        How many cells the filter leaves.
    stamp, lasting, note
        As those of `Ordered`.
    """

    rows: list[int]
    next: int | None
    total: int
    stamp: str
    lasting: bool
    note: str


def choose_cells(board: Board, look: Look, asked: Mapping[str, str]) -> Screen:
    """Choose the cells that the page asks for.

    Raises
    ------
    Unknown
        There is no such order or filter.
    """
    import numpy as np

    order = find_order(asked.get("order", "") or "random")
    ordered = order.rows(Asked(board, look, number_of(asked, "label")))
    keep = shown_rows(look, asked.get("show", "") or "unlabelled") & _found(board, asked)
    fits = keep[ordered.rows]
    first = number_of(asked, "after") if asked.get("stamp", "") == ordered.stamp else 0
    count = min(max(number_of(asked, "count"), 1), MOST)
    skipped = _skipped(asked)
    places = first + np.flatnonzero(fits[first:])[: count + 1 + len(skipped)]
    places = places[~np.isin(ordered.rows[places], skipped)]
    more = int(places[count]) if len(places) > count else None
    rows = ordered.rows[places[:count]].tolist()
    total = int(np.count_nonzero(fits))
    return Screen(rows, more, total, ordered.stamp, ordered.lasting, ordered.note)


def shown_rows(look: Look, show: str) -> np.ndarray:
    """Return which cells a filter leaves: bool, shape (cells,)."""
    import numpy as np

    kind, _, number = show.partition(":")
    if kind == "class" and number.isdecimal():
        return look.mask(look.counted == int(number))
    if kind == "by" and number.isdecimal():
        return look.mask(look.given.get(int(number), look.mine * NONE) != NONE)
    masks = {
        "unlabelled": lambda: ~look.mask(look.labelled),
        "own": lambda: ~look.mask(look.mine != NONE),
        "labelled": lambda: look.mask(look.labelled),
        "open": lambda: look.mask(look.open),
        "settled": lambda: look.mask(look.settled != NONE),
        "all": lambda: np.ones(len(look.board), bool),
    }
    if show not in masks:
        raise Unknown(f"Show: expected one of {', '.join(masks)}, found {show!r}.")
    mask: np.ndarray = masks[show]()
    return mask


def _found(board: Board, asked: Mapping[str, str]) -> np.ndarray | bool:
    """Return which cells are on a side of the split, and of a name that is searched for."""
    wanted = Wanted(text=" ".join(asked.get("q", "").split()), side=asked.get("side", ""))
    return keep_rows(board.places.rows, wanted) if wanted.text or wanted.side else True


def _skipped(asked: Mapping[str, str]) -> list[int]:
    """Read the cells that were seen just now and left unlabelled."""
    return [int(text) for text in asked.get("skip", "").split(",")[:MOST] if text.isdecimal()]


def number_of(asked: Mapping[str, str], name: str) -> int:
    """Read a whole number of an address; 0 if it is none."""
    text = asked.get(name, "")
    return int(text) if text.isdecimal() and len(text) < 12 else 0
