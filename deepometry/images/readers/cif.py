"""An Amnis .cif or .rif file as a source of cells."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import overload

import numpy as np

from deepometry.images.cif.cell import CifCell, find_columns
from deepometry.images.cif.codec import CifError
from deepometry.images.cif.directory import read_first
from deepometry.images.cif.file import CifCatalogue
from deepometry.images.cif.metadata import CifMetadata
from deepometry.images.cif.offsets import PositionedFile
from deepometry.images.cif.reader import CifReader
from deepometry.images.readers.base import NO_MASK, Cell, Problem, WithoutFeatures

_MOST_LOST = 100_000
"""Lost objects beyond which they are no longer listed one by one: such a count is
itself likely damaged."""


class CifSource(WithoutFeatures):
    """The cells of one .cif or .rif file.

    Raises
    ------
    CifError
        It cannot be opened, or is not of an Amnis instrument.

    Notes
    -----
    The file is walked through at the first access. Where it turns out to be
    damaged, the lost objects stand behind all others, as far as their numbers are known;
    otherwise an empty one stands for all of them.
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
        expected, readable = catalogue.metadata.objects_told, len(catalogue.chain)
        unknown = bool(damage) and not lost.size and expected != readable
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
    def sizes(self) -> np.ndarray:
        """Heights and widths of its cells, from the list of the file, where they make sense.

        int64, shape (cells, 2).
        """
        catalogue = self._opened[0]
        if catalogue is None or not self.channels:
            return np.empty((0, 2), np.int64)
        sizes: np.ndarray = catalogue.chain.sizes // np.array([1, len(self.channels)])
        return sizes[(sizes > 0).all(1)].astype(np.int64)

    @property
    def _metadata(self) -> CifMetadata:
        catalogue = self._opened[0]
        return catalogue.metadata if catalogue else CifMetadata((), {}, None, None)

    @property
    def channels(self) -> tuple[int, ...]:
        """Numbers of the channels, as IDEAS counts them."""
        return self._metadata.channels

    @property
    def channel_names(self) -> dict[int, str]:
        """Names of those channels that have one."""
        return self._metadata.names

    @property
    def brightfield(self) -> tuple[int, ...]:
        """Numbers of the channels that were lit by the brightfield lamp."""
        return self._metadata.brightfield

    @property
    def details(self) -> dict[str, str]:
        """Instrument, magnification, acquisition and program, where the file has them."""
        metadata = self._metadata
        details = {
            "Instrument": metadata.instrument,
            "Magnification": f"{metadata.magnification:g}x" if metadata.magnification else "",
            "Acquired": metadata.acquired,
            "Software": metadata.software,
            "Doubt": metadata.doubt,
            "Damage": "" if self.fault else self._opened[1],
        }
        return {name: text for name, text in details.items() if text}

    @property
    def has_masks(self) -> bool:
        """Whether there is a mask for at least one cell."""
        catalogue = self._opened[0]
        return catalogue is not None and bool(catalogue.chain.masks.any())

    def open(self) -> CifReader:
        """Open the file without walking through it again; raise `CifError` if that fails."""
        catalogue, damage = self._opened
        if catalogue is None:
            raise CifError(damage)
        return CifReader(self.path, catalogue)

    def read(self, channels: Sequence[int], masked: bool = False) -> Iterator[Cell | Problem]:
        """Yield every cell in the order of `objects`, or a `Problem` with the reason.

        With `masked`, a cell without a mask is a problem.
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
        """Convert a cell of the reader, with the name that it has here."""
        if isinstance(cell, CifError):
            return Problem(self.name, name, as_sentence(cell))
        if masked and cell.mask is None:
            return Problem(self.name, name, NO_MASK)
        mask = cell.mask != 0 if masked and cell.mask is not None else None
        return Cell(self.name, name, cell.image, cell.background, cell.centre, mask)

    def lost(self) -> Iterator[Problem]:
        """Yield the objects that cannot be found, which stand at the end of `objects`."""
        catalogue, damage = self._opened
        if catalogue is None:
            yield Problem(self.name, "", damage)
            return
        readable, expected = len(catalogue.chain), catalogue.metadata.objects_told
        of = f" of {expected}" if expected and expected > readable else ""
        for place in range(readable, len(self.objects)):
            name = self.objects[place]
            reason = f"It cannot be found, because the file is damaged: {damage}."
            rest = f"The file is damaged, {readable} cells{of} could be found: {damage}."
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
        numbered = place < len(self.numbers)
        return self.before + (object_name(int(self.numbers[place])) if numbered else "")

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
    """Raise `CifError` if a file is, by its content, not of an Amnis instrument."""
    with PositionedFile(path) as file:
        try:
            read_first(file)
        except CifError as error:
            raise CifError(f"{path}: {error}.") from error


def as_sentence(error: CifError) -> str:
    """Capitalise errors of `find_columns`; other errors begin with a file."""
    text = str(error)
    return f"{text[:1].upper()}{text[1:]}" if text.startswith("channel") else text


def _are_good(ids: np.ndarray) -> bool:
    """Return whether every cell has a number of its own."""
    return bool((ids >= 0).all()) and np.unique(ids).size == ids.size


def _lost_numbers(catalogue: CifCatalogue) -> np.ndarray:
    """Return which objects are lost: those missing where the chain broke, and those behind its end.

    Gaps elsewhere are no loss: a file of chosen cells has them.
    """
    chain, expected = catalogue.chain, catalogue.metadata.objects_told or 0
    none = np.empty(0, np.int64)
    if not chain.damage or not _are_good(chain.ids):
        return none
    gaps = []
    for place in chain.breaks:
        first = int(chain.ids[place - 1]) + 1 if place else 0
        after = int(chain.ids[place]) if place < len(chain) else expected
        gaps.append((first, max(first, after)))
    if sum(after - first for first, after in gaps) > _MOST_LOST:
        return none
    lost = np.concatenate([none, *(np.arange(first, after) for first, after in gaps)])
    return np.setdiff1d(lost, chain.ids)
