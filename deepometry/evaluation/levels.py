"""Folder levels as groups of cells: for summaries, and to be resampled as a whole."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from deepometry.dataset import Dataset
from deepometry.errors import OptionsError
from deepometry.names import level_columns, level_value, natural_key, normal_name

Level = tuple[list[str], np.ndarray]


def levels_of(dataset: Dataset, without: str = "") -> dict[str, Level]:
    """Give every folder level, with the value that each cell has there.

    Parameters
    ----------
    dataset : Dataset
    without : str
        A level to leave out: that of the true classes.

    Returns
    -------
    dict of str to (list of str, ndarray of int64, shape (cells,))
        Values in natural order, and the place of every cell's value among them; -1 where its
        folders end above the level.
    """
    sizes = [len(part.stored) for part in dataset.parts]
    found = {}
    for name, depth in level_columns(dataset.folders).items():
        if name.casefold() != without.casefold():
            each = [level_value(part.levels, depth, name) for part in dataset.parts]
            found[name] = _coded(each, sizes)
    return found


def groups_of(dataset: Dataset, group_by: str, target: str) -> Level:
    """Give the groups of cells that belong together.

    Parameters
    ----------
    dataset : Dataset
    group_by : str
        A folder prefix, in any case, or `Folder level N`. Values that differ in case alone are one
        group, named as the first of them is spelled.
    target : str
        What the model tells apart.

    Raises
    ------
    DeepometryError
        There is no such level, it has one value only, or some cells have none.
    """
    sizes = [len(part.stored) for part in dataset.parts]
    each = dataset.labels(group_by)
    offered = [t.name for t in dataset.targets() if t.name.casefold() != target.casefold()]
    there = f"levels that can be used: {', '.join(offered) or 'none'}"
    values: dict[str, str] = {}  # a sample spelled in two ways is one, as in a split by groups
    for value in each:
        if value is not None:
            values.setdefault(value.casefold(), value)
    wrong = ""
    if normal_name(group_by).casefold() == target.casefold():
        wrong = f"a level other than {target}, which the model tells apart, found {group_by}"
    elif len(values) < 2:
        found = f"one, {next(iter(values.values()))}" if values else "none"
        wrong = f"a folder level with two values or more, found {found} for {group_by}"
    elif None in each:
        part = dataset.parts[each.index(None)]
        wrong = f"a value of {group_by} for all cells, found none for {part.stored.path}"
    if wrong:
        raise OptionsError({"group_by": f"Group by: expected {wrong}; {there}."})
    return _coded([values[value.casefold()] for value in each if value is not None], sizes)


def _coded(values: Sequence[str], sizes: Sequence[int]) -> Level:
    known = sorted({value for value in values if value}, key=natural_key)
    place = {value: number for number, value in enumerate(known)}
    codes = np.array([place.get(value, -1) for value in values], np.int64)
    return known, np.repeat(codes, sizes)
