"""An Amnis .cif or .rif file as a source of cells."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np

from deepometry.cif.codec import CifError
from deepometry.cif.directory import read_first
from deepometry.cif.positions import PositionedFile
from deepometry.cif.reader import CifCatalogue, CifReader
from deepometry.readers.base import Cell, Problem


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
    damaged behind some cell, or to hold less cells than it tells, the last of `objects` is empty
    and stands for the cells that are lost.
    """

    def __init__(self, path: Path, folder: tuple[str, ...], stem: str) -> None:
        check_amnis(path)
        self.path, self.folder, self.stem = path, folder, stem

    @cached_property
    def _contents(self) -> tuple[CifCatalogue | None, Sequence[str], str]:
        """Catalogue, object names, and what is wrong with the file or its rest."""
        try:
            with CifReader(self.path) as reader:
                return reader.catalogue, _name_objects(reader.object_ids), reader.damage
        except CifError as error:
            return None, [], str(error)

    @property
    def fault(self) -> str:
        """Why not one cell can be read; blank if some can."""
        catalogue, _, damage = self._contents
        return damage if catalogue is None else ""

    @property
    def objects(self) -> Sequence[str]:
        """Object numbers; places in the file, from 0, where numbers are missing or repeated."""
        _, names, damage = self._contents
        return [*names, ""] if damage else names

    @property
    def keys(self) -> Sequence[str]:
        """File and object number of every cell."""
        return [f"{self._source}#{name}" for name in self.objects]

    @property
    def channels(self) -> tuple[int, ...]:
        """Numbers of the channels, as IDEAS counts them."""
        catalogue = self._contents[0]
        return catalogue.metadata.channels if catalogue else ()

    @property
    def channel_names(self) -> dict[int, str]:
        """Names of those channels that have one."""
        catalogue = self._contents[0]
        return catalogue.metadata.names if catalogue else {}

    @property
    def brightfield(self) -> tuple[int, ...]:
        """Numbers of the channels that were lit by the brightfield lamp."""
        catalogue = self._contents[0]
        return catalogue.metadata.brightfield if catalogue else ()

    @property
    def details(self) -> dict[str, str]:
        """Instrument, magnification, acquisition and program, where the file tells them."""
        catalogue = self._contents[0]
        if catalogue is None:
            return {}
        told = catalogue.metadata
        found = {
            "Instrument": told.instrument,
            "Magnification": f"{told.magnification:g}x" if told.magnification else "",
            "Acquired": told.acquired,
            "Software": told.software,
        }
        return {name: text for name, text in found.items() if text}

    def read(self, channels: Sequence[int]) -> Iterator[Cell | Problem]:
        """Give every cell in the order of `objects`, or the reason why it cannot be had.

        Parameters
        ----------
        channels : sequence of int
            The wanted channels, in the wanted order.
        """
        catalogue, names, damage = self._contents
        if catalogue is not None:
            yield from self._read_all(catalogue, names, channels)
        if catalogue is None or damage:
            yield Problem(self._source, "", _rest(catalogue, names, damage))

    def _read_all(
        self, catalogue: CifCatalogue, names: Sequence[str], channels: Sequence[int]
    ) -> Iterator[Cell | Problem]:
        try:
            columns = _columns(channels, catalogue.metadata.channels)
            reader = CifReader(self.path, catalogue)
        except CifError as error:
            yield from (Problem(self._source, name, str(error)) for name in names)
            return
        with reader:
            for position, name in enumerate(names):
                yield self._read_cell(reader, position, name, columns)

    def _read_cell(
        self, reader: CifReader, position: int, name: str, columns: list[int]
    ) -> Cell | Problem:
        try:
            cell = reader.read(position, mask=False)
        except CifError as error:
            return Problem(self._source, name, str(error))
        background = None if cell.background is None else cell.background[columns]
        pixels = np.ascontiguousarray(cell.image[:, :, columns])
        return Cell(self._source, name, pixels, background)

    @property
    def _source(self) -> str:
        return "/".join((*self.folder, self.path.name))


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


def _name_objects(ids: Sequence[int | None]) -> Sequence[str]:
    unique = len(set(ids)) == len(ids) and None not in ids
    return [str(name) for name in (ids if unique else range(len(ids)))]


def _columns(wanted: Sequence[int], present: Sequence[int]) -> list[int]:
    missing = [channel for channel in wanted if channel not in present]
    if missing:
        verb = "channel {} is" if len(missing) == 1 else "channels {} are"
        told = ", ".join(map(str, present))
        raise CifError(f"{verb.format(', '.join(map(str, missing)))} missing (it has {told}).")
    return [present.index(channel) for channel in wanted]


def _rest(catalogue: CifCatalogue | None, names: Sequence[str], damage: str) -> str:
    if catalogue is None:
        return damage
    told = catalogue.metadata.objects_told
    lost = f" of {told}" if told and told > len(names) else ""
    return f"The file is damaged behind its {len(names)} cells{lost} that were read: {damage}."
