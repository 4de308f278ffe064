"""What a parse wrote, and what its user should know of it."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from deepometry.cells.dataset import open_dataset
from deepometry.core.folder_names import HOLD_OUT, Levels, find_targets, label_of
from deepometry.core.notebook import NotebookView, ShowsInNotebook
from deepometry.core.result_files import PROBLEMS_TABLE
from deepometry.core.text import counted, joined, shortened

_NAMED = 4  # labels that a sentence names
_EXACT = 0.02  # how far the share held out may be from what was asked before it is told


@dataclass(frozen=True, kw_only=True)
class ParseResult(ShowsInNotebook):
    """What a parse wrote.

    Attributes
    ----------
    output : Path
        The output folder; all other paths are relative to it, with forward slashes.
    cells, problems : int
        Cells written, and cells that could not be used, listed in problems.csv.
    channels : tuple of int
        Channel numbers, in the order of the last axis of the arrays.
    sides : dict of str to int
        Cells in `Train` and in `Hold-out`; empty without a split.
    stacks : tuple of str
        The .npy stacks; with one file a cell, the tables.
    montages : tuple of str
        The .tif sheets.
    frame : int
        Side of every cell, in pixels.
    notices : dict of str to int
        What was changed in cells as they were read, and in how many.
    warnings : tuple of str
        Why the parsed cells may not be what they should be: a sentence each.
    remarks : tuple of str
        What was changed in the cells or decided for the user: a sentence each.
    """

    output: Path
    cells: int
    problems: int
    channels: tuple[int, ...]
    sides: dict[str, int]
    stacks: tuple[str, ...]
    montages: tuple[str, ...]
    frame: int = 0
    notices: dict[str, int] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()

    def __str__(self) -> str:
        share = {side: cells / self.cells for side, cells in self.sides.items()}
        sides = ", ".join(f"{side} {n:,} = {share[side]:.0%}" for side, n in self.sides.items())
        text = f"Parsed {counted(self.cells, 'cell')}{f' ({sides})' * bool(sides)} of channels "
        text += f"{joined(self.channels)} into {counted(len(self.stacks), 'file')}"
        text += f", with {counted(len(self.montages), 'montage')}" * bool(self.montages) + "."
        lines = [f"Warning: {warning}" for warning in self.warnings]
        lines += [text, *self.remarks, *self._changed()]
        if self.problems:
            listed = self.output / PROBLEMS_TABLE
            unusable = f"{counted(self.problems, 'cell')} could not be used"
            lines.append(f"{unusable}: {listed} lists the reasons.")
        return "\n".join([*lines, f"Results: {self.output}"])

    def _changed(self) -> list[str]:
        return [f"{counted(cells, 'cell')}: {text}" for text, cells in self.notices.items()]

    def notebook_view(self) -> NotebookView:
        """Show what was parsed, with some of the cells."""
        rows: dict[str, object] = {"Cells": self.cells, "Problems": self.problems, **self.sides}
        rows |= {"Channels": joined(self.channels), "Folder": self.output}
        title, output = f"Parsed {counted(self.cells, 'cell')}", self.output
        notes = [f"Warning: {warning}" for warning in self.warnings]
        notes += [*self.remarks, *self._changed()]
        return NotebookView(title, rows, notes, lambda: open_dataset(output).picture())


def inexact_split(sides: Mapping[str, int], asked: float | None, by: str | None) -> list[str]:
    """Describe a split that is far from the one asked for, in a sentence; nothing if it is near."""
    cells = sum(sides.values())
    if asked is None or not cells or abs(sides[HOLD_OUT] / cells - asked) <= _EXACT:
        return []
    held = sides[HOLD_OUT] / cells
    why = f"all cells of a {by} stay together" if by else "each folder is split for itself"
    return [
        f"{100 * (1 - asked):g}/{100 * asked:g} of {counted(cells, 'cell')} can only be "
        f"approximated, since {why}: it is {100 * (1 - held):.0f}/{100 * held:.0f}."
    ]


def lost_folders(problems: Mapping[Levels, str], written: Container[Levels]) -> list[str]:
    """Find folders of which not one cell could be used; return a sentence on them.

    Parameters
    ----------
    problems : dict of (folder names, outermost first) to str
        Why the first cell of the folder that could not be used is one.
    written : container of folder names
        Folders of which cells were written.
    """
    lost = {folder: reason for folder, reason in problems.items() if folder not in written}
    if not lost:
        return []
    names = shortened(["/".join(folder) or "the input itself" for folder in lost], _NAMED)
    first = next(iter(lost.values())).rstrip(".")
    return [f"Not one cell of {names} could be used, the first because: {first}."]


def separating_dtypes(dtypes: Mapping[Levels, set[str]]) -> list[str]:
    """Find targets some of whose labels alone have a type of pixels; return a sentence for each.

    Parameters
    ----------
    dtypes : dict of (folder names, outermost first) to set of str
        Types of the pixels in every folder of the input.
    """
    if len(set().union(*dtypes.values())) < 2:
        return []
    sentences = []
    for target in find_targets(dict.fromkeys(dtypes, 1)):
        types: dict[str, set[str]] = {}
        for levels, found in dtypes.items():
            if (label := label_of(levels, target.name)) is not None:
                types.setdefault(label, set()).update(found)
        if any(one != other for one in types.values() for other in types.values()):
            sentences.append(_separates(target.name, types))
    return sentences


def _separates(target: str, types: Mapping[str, set[str]]) -> str:
    listed = [f"{label} is {' and '.join(sorted(found))}" for label, found in types.items()]
    return (
        f"The type of the pixels differs between the labels of {target}: "
        f"{shortened(listed, _NAMED)}. A model may learn that instead of the cells, and its score "
        "does not show it. Export all images alike, and parse again."
    )
