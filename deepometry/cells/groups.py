"""Groups of cells that must not be separated, such as all cells of a sample."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise

import numpy as np

from deepometry.cells.dataset import Dataset
from deepometry.cells.labels.source import CellLabels
from deepometry.core.errors import OptionsError
from deepometry.core.folder_names import (
    NUMBER,
    Levels,
    label_of,
    level_columns,
    level_value,
    natural_key,
    normal_name,
    parse_name,
)

Level = tuple[list[str], np.ndarray]
"""Values in natural order, and for every cell the index of its value; -1 for none."""


def group_values(
    folders: Sequence[Levels],
    by: str,
    option: str,
    instead: str,
    needed: Sequence[bool] | None = None,
) -> list[str]:
    """Return the group of every folder.

    Parameters
    ----------
    folders : sequence of tuple of str
        Folder names below the input folder, outermost first.
    by : str
        A folder prefix such as `Sample`, in any case, or `Folder level N`.
    option : str
        Name of the option, such as `group_by`, for messages.
    instead : str
        What its users can do without groups, such as `split by cells`.
    needed : sequence of bool, optional
        Which folders must have a group; by default all.

    Returns
    -------
    list of str
        Blank for none. Values that differ in case alone are one, spelled as the first of them:
        a sample spelled in two ways stays together, where the opposite mistake would test on
        cells of a training sample.

    Raises
    ------
    OptionsError
        No folder has the prefix, a folder that must have it lacks it, or there is one value only.
    """
    values = [label_of(folder, by) or "" for folder in folders]
    spelled: dict[str, str] = {}
    for value in filter(None, values):
        spelled.setdefault(value.casefold(), value)
    must = [True] * len(folders) if needed is None else needed
    each = zip(folders, values, must, strict=True)
    without = [folder for folder, value, needs in each if needs and not value]
    wrong = ""
    if not spelled:
        wrong = f"folders named {by}, found {_prefixes(folders)}; name one of these"
    elif without:
        name = "/".join(without[0]) or "the input folder itself"
        wrong = f"every cell in a folder named {by}, found cells in {name} without one; "
        wrong += f"move them below a {by} folder"
    elif len(spelled) < 2:
        wrong = f"two or more values of {by}, found only {next(iter(spelled.values()))}; "
        wrong += "name another prefix"
    if wrong:
        raise OptionsError({option: f"{_titled(option)}: expected {wrong} or {instead}."})
    return [spelled.get(value.casefold(), "") for value in values]


def _prefixes(folders: Iterable[Levels]) -> str:
    names = dict.fromkeys(name for folder in folders for name in folder)
    parsed = [pair[0] for name in names if (pair := parse_name(name))]
    distinct = {prefix.casefold(): prefix for prefix in reversed(parsed)}
    return ", ".join(sorted(distinct.values())) or "no folder with a prefix"


def groups_of(dataset: Dataset, by: str, target: str, option: str = "group_by") -> Level:
    """Return the groups of cells that belong together; those without a class need no group.

    `option` is the name of the option that asks for them, for messages.

    Raises
    ------
    OptionsError
        `by` is the target, or as in `group_values`.
    """
    if normal_name(by).casefold() == target.casefold():
        raise OptionsError(
            {option: f"{_titled(option)}: expected a level other than {target}, the target itself; "
             "name another prefix or leave it blank."}
        )  # fmt: skip
    needed = dataset.learnt(target).labelled
    groups = dataset.labels(by)
    if not groups.from_folders:
        return _labelled_groups(groups, needed, option)
    starts = np.cumsum([0, *(len(part.stored) for part in dataset.parts)])
    each = [bool(needed[a:b].any()) for a, b in pairwise(starts.tolist())]
    folders = [part.levels for part in dataset.parts]
    return _coded(dataset, group_values(folders, by, option, "leave it blank", each))


def _titled(option: str) -> str:
    return option.replace("_", " ").capitalize()


def _labelled_groups(groups: CellLabels, needed: np.ndarray, option: str) -> Level:
    """Return groups that labels name; raise `OptionsError` where a cell that needs one has none.

    As those of folders, values that differ in case alone are one.
    """
    texts = [text for text in groups.texts() if text]
    spelled: dict[str, str] = {}
    for text in texts:
        spelled.setdefault(text.casefold(), text)
    values = sorted(spelled.values(), key=natural_key)
    index = {value.casefold(): code for code, value in enumerate(values)}
    without = int(np.count_nonzero(needed & ~groups.labelled))
    wrong = f"two or more values of {groups.name}, found {len(values)}" if len(values) < 2 else ""
    if groups.kind == NUMBER and len(values) > len(texts) // 2:
        wrong = f"groups of cells, such as samples, found {len(values):,} numbers of {groups.name}"
    if without:
        wrong = f"a value of {groups.name} for every cell, found {without:,} cells without one"
    if wrong:
        raise OptionsError({option: f"{_titled(option)}: expected {wrong}; leave it blank."})
    every = np.full(len(groups.values), -1, np.int64)
    every[groups.labelled] = [index[text.casefold()] for text in texts]
    return values, every


def levels_of(dataset: Dataset, without: str = "") -> dict[str, Level]:
    """Return every folder level but `without`, the true classes, with the value of each cell."""
    return {
        name: _coded(dataset, [level_value(part.levels, depth, name) for part in dataset.parts])
        for name, depth in level_columns(dataset.folders).items()
        if name.casefold() != without.casefold()
    }


def _coded(dataset: Dataset, values: Sequence[str]) -> Level:
    """Number the values of the parts, and repeat each number for all cells of its part."""
    distinct = sorted(set(filter(None, values)), key=natural_key)
    index: Mapping[str, int] = {value: number for number, value in enumerate(distinct)}
    codes = np.array([index.get(value, -1) for value in values], np.int64)
    return distinct, np.repeat(codes, [len(part.stored) for part in dataset.parts])


def hold_groups(
    order: Sequence[int],
    sizes: Sequence[int] | np.ndarray,
    wanted: float,
    allowed: Callable[[list[int]], bool],
) -> list[int]:
    """Choose whole groups to hold out.

    Parameters
    ----------
    order : sequence of int
        The groups, in random order.
    sizes : sequence of int
        Cells of every group.
    wanted : float
        Number of cells to hold out.
    allowed : callable
        Returns whether so many groups may be held out together.

    Returns
    -------
    list of int
        Groups are taken as long as each brings the held cells nearer to the wanted number; if
        every group is too large for that, the smallest that may be held out. May be empty.
    """
    held: list[int] = []
    done = 0
    for group in order:
        nearer = abs(done + sizes[group] - wanted) < abs(done - wanted)
        if nearer and allowed([*held, group]):
            held.append(group)
            done += int(sizes[group])
    smallest = sorted(order, key=lambda group: int(sizes[group]))
    return held or [group for group in smallest if allowed([group])][:1]
