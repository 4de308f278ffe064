"""Cells that have several labels: asked about, and settled."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from deepometry.core.errors import Choice, Question
from deepometry.core.text import counted, shortened


@dataclass(frozen=True)
class Given:
    """The labels that were given, one a row; a cell may have several.

    Attributes
    ----------
    cells : ndarray of int64, shape (rows,)
        Index of the cell.
    codes : ndarray of int64, shape (rows,)
        Index into `classes`.
    classes : tuple of str
        In order; of labels that overlap, `first` keeps that which stands first here.
    """

    cells: np.ndarray
    codes: np.ndarray
    classes: tuple[str, ...]


def settled(given: Given, how: str, what: str) -> tuple[Given, int]:
    """Give every cell one label.

    Parameters
    ----------
    given : Given
    how : str
        `ask`, `first`, `exclude` or `own`, as the option `overlap`.
    what : str
        The file, for the question.

    Returns
    -------
    given : Given
        Each cell once, in order of the cells.
    overlapping : int
        Number of cells that had several labels.

    Raises
    ------
    Question
        A cell has several labels, and nobody has said what it is.
    """
    pairs = np.unique(np.stack([given.cells, given.codes], 1), axis=0)
    cells, first, counts = np.unique(pairs[:, 0], return_index=True, return_counts=True)
    several = counts > 1
    codes, classes = pairs[first, 1], given.classes
    if several.any() and how == "ask":
        raise _question(pairs, cells, first, several, classes, what)
    if how == "exclude":
        cells, codes = cells[~several], codes[~several]
    elif how == "own":
        codes, classes = _own_classes(pairs[:, 1], first, counts, classes)
    return Given(cells, codes, classes), int(several.sum())


def _own_classes(
    codes: np.ndarray, first: np.ndarray, counts: np.ndarray, classes: Sequence[str]
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return a class for every combination of labels that a cell has."""
    chosen, names = codes[first], list(classes)
    index: dict[tuple[int, ...], int] = {}
    for place in np.flatnonzero(counts > 1):
        some = tuple(codes[first[place] : first[place] + counts[place]].tolist())
        if some not in index:
            index[some] = len(names)
            names.append(" + ".join(classes[code] for code in some))
        chosen[place] = index[some]
    return chosen, tuple(names)


def _question(
    pairs: np.ndarray,
    cells: np.ndarray,
    first: np.ndarray,
    several: np.ndarray,
    classes: Sequence[str],
    what: str,
) -> Question:
    ends = np.append(first[1:], len(pairs))
    both: Counter[str] = Counter(
        " + ".join(classes[code] for code in pairs[first[place] : ends[place], 1])
        for place in np.flatnonzero(several).tolist()
    )
    number = int(several.sum())
    named = shortened([f"{name} ({n:,})" for name, n in both.most_common()], 3)
    message = (
        f"Overlaps: {what}: expected one label a cell, found {number:,} of "
        f"{counted(len(cells), 'cell')} with several: {named}; choose what these are."
    )
    rest = counted(len(cells) - number, "cell")
    return Question(
        "overlap",
        message,
        [
            Choice("first", "The first of them", f"first as in {shortened(classes, 4)}"),
            Choice("exclude", "Without a label", f"{rest} keep theirs"),
            Choice("own", "Classes of their own", shortened([*both], 3)),
        ],
    )
