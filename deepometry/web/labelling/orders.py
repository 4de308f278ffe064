"""The orders in which cells are shown to be labelled, by name.

An order is a function of what is asked for; it returns rows, the first ones to be shown first, not
necessarily all of them. The page asks for `order=<name>`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from deepometry.web.labelling.board import Board, Look
from deepometry.web.results.output import Unknown

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Asked:
    """What an order is asked for.

    Attributes
    ----------
    board : Board
        Cells and labels.
    look : Look
        The labels as they stand.
    label : int
        The class that the order is about, where it is about one; 0 for none.
    """

    board: Board
    look: Look
    label: int = 0


@dataclass(frozen=True)
class Ordered:
    """Cells in an order.

    Attributes
    ----------
    rows : ndarray of int, shape (some or all cells,)
    stamp : str
        Changes when the order does; the page then begins at its front again.
    lasting : bool
        Whether the page may fetch cells before they are needed, as labels change nothing.
    note : str
        What the page says of the order; empty for nothing.
    """

    rows: np.ndarray
    stamp: str = ""
    lasting: bool = True
    note: str = ""


@dataclass(frozen=True)
class Order:
    """An order on offer.

    Attributes
    ----------
    title : str
        As the page names it.
    rows : callable
        Returns the cells in this order.
    of_class : bool
        Whether it needs a class.
    of_labelled : bool
        Whether it is about labelled cells.
    """

    title: str
    rows: Callable[[Asked], Ordered]
    of_class: bool = False
    of_labelled: bool = False


def _parsed(asked: Asked) -> Ordered:
    import numpy as np

    return Ordered(np.arange(len(asked.board)))


def _random(asked: Asked) -> Ordered:
    return Ordered(asked.board.shuffled)


ORDERS = {
    "random": Order("random", _random),
    "parsed": Order("as parsed", _parsed),
}


def find_order(name: str) -> Order:
    """Return an order by its name; raise `Unknown` if there is none."""
    if name not in ORDERS:
        raise Unknown(f"Order: expected one of {', '.join(ORDERS)}, found {name!r}.")
    return ORDERS[name]
