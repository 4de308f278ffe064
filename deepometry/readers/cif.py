"""An Amnis .cif or .rif file as a source of cells."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import overload

import numpy as np

from deepometry.cif.cell import CifCell, find_columns
from deepometry.cif.codec import CifError
from deepometry.cif.directory import read_first
from deepometry.cif.positions import PositionedFile
from deepometry.cif.reader import CifCatalogue, CifReader
from deepometry.readers.base import NO_MASK, Cell, Problem

_MOST_LOST = 100_000
"""Lost objects beyond which they are no longer listed one by one: a count that says so is
itself likely damaged."""


class CifSource:
    """The cells of one .cif or .rif file.

    Parameters
    ----------
    path : Path
        The file.
    folder : tuple of str
        Folders below the input folder, outermost first.
    stem : str
        Name of the stack that its cells go to.

    Raises
    ------
    CifError
        It cannot be opened, or is not of an Amnis instrument.

    Notes
    -----
    The file is walked through when something is first asked of it. Where it turns out to be
    damaged, the objects that are lost stand behind all others, as far as their numbers can be
    told; where they cannot, an empty one stands for all of them.
    """

    def __init__(self, path: Path, folder: tuple[str, ...], stem: str) -> None:
        check_amnis(path)
        self.path, self.folder, self.stem = path, folder, stem

    @property
    def name(self) -> str:
        """Path below the input folder, with forward slashes."""
        return "/".join((*self.folder, self.path.name))

    @cached_property
    def _opened(self) -> tuple[CifCatalogue | None, str]:
        """Catalogue, and what is wrong with the file."""
        try:
            with CifReader(self.path) as reader:
                return reader.catalogue, reader.damage
        except CifError as error:
            return None, str(error)

    @property
    def fault(self) -> str:
        """Why not one cell can be read; blank if some can."""
        catalogue, damage = self._opened
        return damage if catalogue is None else ""

    @cached_property
    def objects(self) -> _Names:
        """Object numbers; `@` and the place in the file where one is missing or repeated."""
        catalogue, damage = self._opened
        if catalogue is None:
            return _Names(np.empty(0, np.int64), blank=True)
        lost = _lost_numbers(catalogue)
        told, found = catalogue.metadata.objects_told, len(catalogue.chain)
        unknown = bool(damage) and not lost.size and told != found
        return _Names(np.concatenate([self.numbers, lost]), blank=unknown)

    @cached_property
    def keys(self) -> Sequence[str]:
        """File and object number of every cell."""
        return replace(self.objects, before=self.key)

    @property
    def key(self) -> str:
        """What stands before the object number in every key."""
        return f"{self.name}#"

    @cached_property
    def numbers(self) -> np.ndarray:
        """Object numbers of the cells that can be read: int64, shape (cells,).

        Where a number is missing or repeated it is -1 - p for the cell at place p of the file,
        which `objects` writes as `@p`; where all are missing, p itself.
        """
        catalogue = self._opened[0]
        if catalogue is None:
            return np.empty(0, np.int64)
        ids = catalogue.chain.ids
        places = np.arange(len(ids))
        if (ids < 0).all():
            return places
        first = np.zeros(len(ids), bool)
        first[np.unique(ids, return_index=True)[1]] = True
        return np.where(first & (ids >= 0), ids, -1 - places)

    @property
    def channels(self) -> tuple[int, ...]:
        """Numbers of the channels, as IDEAS counts them."""
        catalogue = self._opened[0]
        return catalogue.metadata.channels if catalogue else ()

    @property
    def channel_names(self) -> dict[int, str]:
        """Names of those channels that have one."""
        catalogue = self._opened[0]
        return catalogue.metadata.names if catalogue else {}

    @property
    def brightfield(self) -> tuple[int, ...]:
        """Numbers of the channels that were lit by the brightfield lamp."""
        catalogue = self._opened[0]
        return catalogue.metadata.brightfield if catalogue else ()

    @property
    def details(self) -> dict[str, str]:
        """Instrument, magnification, acquisition and program, where the file tells them."""
        catalogue = self._opened[0]
        if catalogue is None:
            return {}
        told = catalogue.metadata
        found = {
            "Instrument": told.instrument,
            "Magnification": f"{told.magnification:g}x" if told.magnification else "",
            "Acquired": told.acquired,
            "Software": told.software,
            "Doubt": told.doubt,
            "Damage": self._opened[1],
        }
        return {name: text for name, text in found.items() if text}

    @property
    def has_masks(self) -> bool:
        """Whether there is a mask for at least one cell."""
        catalogue = self._opened[0]
        return catalogue is not None and bool(catalogue.chain.masks.any())

    def open(self) -> CifReader:
        """Open the file without walking through it again.

        Raises
        ------
        CifError
            It cannot be opened.
        """
        catalogue, damage = self._opened
        if catalogue is None:
            raise CifError(damage)
        return CifReader(self.path, catalogue)

    def read(self, channels: Sequence[int], masked: bool = False) -> Iterator[Cell | Problem]:
        """Give every cell in the order of `objects`, or the reason why it cannot be had.

        Parameters
        ----------
        channels : sequence of int
            The wanted channels, in the wanted order.
        masked : bool
            Whether to give the masks too; a cell without one is then a problem.
        """
        if self.fault:
            yield from self.lost()
            return
        try:
            find_columns(channels, self.channels)
            reader = self.open()
        except CifError as error:
            yield from (Problem(self.name, name, as_sentence(error)) for name in self.objects)
            return
        with reader:
            for name, cell in zip(self.objects, reader.cells(channels, mask=masked), strict=False):
                yield self.as_cell(name, cell, masked)
        yield from self.lost()

    def as_cell(self, name: str, cell: CifCell | CifError, masked: bool) -> Cell | Problem:
        """Give a cell of the reader the name that it has here."""
        if isinstance(cell, CifError):
            return Problem(self.name, name, as_sentence(cell))
        if masked and cell.mask is None:
            return Problem(self.name, name, NO_MASK)
        mask = cell.mask != 0 if masked and cell.mask is not None else None
        return Cell(self.name, name, cell.image, cell.background, cell.centre, mask)

    def lost(self) -> Iterator[Problem]:
        """Give the objects that cannot be found, which stand at the end of `objects`."""
        catalogue, damage = self._opened
        if catalogue is None:
            yield Problem(self.name, "", damage)
            return
        found, told = len(catalogue.chain), catalogue.metadata.objects_told
        of = f" of {told}" if told and told > found else ""
        for place in range(found, len(self.objects)):
            name = self.objects[place]
            reason = f"It cannot be found, because the file is damaged: {damage}."
            rest = f"The file is damaged, {found} cells{of} could be found: {damage}."
            yield Problem(self.name, name, reason if name else rest)


@dataclass(frozen=True)
class _Names(Sequence[str]):
    """Numbers as text, made when asked for: a million texts would take a hundred megabytes."""

    numbers: np.ndarray
    blank: bool = False
    before: str = ""

    def __len__(self) -> int:
        return len(self.numbers) + self.blank

    @overload
    def __getitem__(self, which: int) -> str: ...
    @overload
    def __getitem__(self, which: slice) -> list[str]: ...
    def __getitem__(self, which: int | slice) -> str | list[str]:
        if isinstance(which, slice):
            return [self._name(place) for place in range(len(self))[which]]
        return self._name(range(len(self))[which])

    def _name(self, place: int) -> str:
        known = place < len(self.numbers)
        return self.before + (object_name(int(self.numbers[place])) if known else "")

    def __iter__(self) -> Iterator[str]:
        before = self.before
        for number in self.numbers.tolist():
            yield f"{before}{number}" if number >= 0 else before + object_name(number)
        if self.blank:
            yield before


def object_name(number: int) -> str:
    """Write a number of `CifSource.numbers`."""
    return str(number) if number >= 0 else f"@{-1 - number}"


def check_amnis(path: Path) -> None:
    """Tell by its content whether a file is of an Amnis instrument.

    Raises
    ------
    CifError
        It is not, or cannot be opened.
    """
    with PositionedFile(path) as file:
        try:
            read_first(file)
        except CifError as error:
            raise CifError(f"{path}: {error}.") from error


def as_sentence(error: CifError) -> str:
    """Begin what `find_columns` says with a capital; other errors begin with a file."""
    text = str(error)
    return f"{text[:1].upper()}{text[1:]}" if text.startswith("channel") else text


def _are_good(ids: np.ndarray) -> bool:
    """Tell whether every cell has a number of its own."""
    return bool((ids >= 0).all()) and np.unique(ids).size == ids.size


def _lost_numbers(catalogue: CifCatalogue) -> np.ndarray:
    """Tell which objects are lost: those missing where the chain broke, and those behind its end.

    Gaps elsewhere are no loss: a file of chosen cells has them.
    """
    chain, told = catalogue.chain, catalogue.metadata.objects_told or 0
    none = np.empty(0, np.int64)
    if not chain.damage or not _are_good(chain.ids):
        return none
    gaps = []
    for found in chain.breaks:
        first = int(chain.ids[found - 1]) + 1 if found else 0
        after = int(chain.ids[found]) if found < len(chain) else told
        gaps.append((first, max(first, after)))
    if sum(after - first for first, after in gaps) > _MOST_LOST:
        return none
    lost = np.concatenate([none, *(np.arange(first, after) for first, after in gaps)])
    return np.setdiff1d(lost, chain.ids)
