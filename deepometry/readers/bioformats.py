"""Any file that Bio-Formats reads, as a source of cells: the second reader, which needs Java."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from deepometry.cif.cell import find_columns
from deepometry.cif.codec import CifError
from deepometry.errors import DeepometryError
from deepometry.readers import java
from deepometry.readers.base import NO_MASK, Cell, Problem, Source, UnreadableSource
from deepometry.readers.bioformats_file import Contents, PlaneFile, image_suffixes, read_contents
from deepometry.readers.cif import CifSource, as_sentence
from deepometry.readers.java import JavaError


class BioformatsFiles:
    """Opens files folder by folder; leaves out those that belong to another one.

    Some formats spread their images over several files, each of which may be taken for images of
    its own: of `a.ics` and `a.ids` only the first is a source.

    Parameters
    ----------
    check : callable
        Called between files; raises if the work is to stop.

    Raises
    ------
    OptionsError
        There is no Bio-Formats, or no Java.

    Attributes
    ----------
    suffixes : tuple of str
        As `image_suffixes` gives them.
    """

    def __init__(self, check: Callable[[], None]) -> None:
        self.suffixes = image_suffixes()
        self._check, self._taken = check, set[str]()

    def look_into(
        self, path: Path, folder: tuple[str, ...], names: Sequence[str], amnis: Sequence[str]
    ) -> dict[str, Callable[[str], Source]]:
        """Find what files hold; those that belong to another one are not in the answer.

        Parameters
        ----------
        path : Path
            A folder.
        folder : tuple of str
            Its path below the input folder.
        names, amnis : sequence of str
            Names of files, in order, and of those among them that are .cif or .rif files.

        Returns
        -------
        dict of str to callable
            By file name, in order, what takes the name of a stack and gives the source.
        """
        found = {name: self._look(path / name, name in amnis) for name in names}
        most_first = sorted(found, key=lambda name: -len(_files(found[name])))
        kept = {name for name in most_first if self._take(path / name, _files(found[name]))}
        return {
            name: partial(_open, path / name, folder, contents=found[name], amnis=name in amnis)
            for name in names
            if name in kept
        }

    def without_parts(self, path: Path, names: Sequence[str]) -> list[str]:
        """Leave out those files of a folder that belong to one that was looked into."""
        return [name for name in names if not self._taken or _plain(path / name) not in self._taken]

    def _look(self, path: Path, amnis: bool) -> Contents | str:
        self._check()
        try:
            return read_contents(path, amnis=amnis)
        except DeepometryError as error:
            return str(error)

    def _take(self, path: Path, files: Iterable[str]) -> bool:
        own = _plain(path)
        if own in self._taken:
            return False
        self._taken.update({_plain(file) for file in files} - {own})  # links may lead here again
        return True


def _open(
    path: Path, folder: tuple[str, ...], stem: str, contents: Contents | str, amnis: bool
) -> Source:
    try:
        if isinstance(contents, Contents):
            return BioformatsSource(path, folder, stem, contents, amnis)
    except DeepometryError as error:
        contents = str(error)
    return UnreadableSource(folder, stem, path.name, contents)


def _files(found: Contents | str) -> frozenset[str]:
    return frozenset() if isinstance(found, str) else found.files


def _plain(path: Path | str) -> str:
    return os.path.normcase(os.path.realpath(path))


class BioformatsSource:
    """The cells of one file, through Bio-Formats.

    In a .cif or .rif file every image is a cell; in any other, every z plane of every time point
    of every series is one, with all its channels. Of images stored in several resolutions the
    highest is read. Where our own reader finds that cells of a .cif file are lost, which
    Bio-Formats does not tell, they stand at the end of `objects`.

    Parameters
    ----------
    path : Path
        The file.
    folder : tuple of str
        Folders below the input folder, outermost first.
    stem : str
        Name of the stack that its cells go to.
    contents : Contents
        What `read_contents` found.
    amnis : bool
        Whether it is a .cif or .rif file. Its numbers of channels and objects, which Bio-Formats
        does not tell, come from our own reader, where that can read it.

    Raises
    ------
    DeepometryError
        In a .cif file Bio-Formats and our own reader find different numbers of channels.
    """

    def __init__(
        self, path: Path, folder: tuple[str, ...], stem: str, contents: Contents, amnis: bool
    ) -> None:
        self.path, self.folder, self.stem, self._amnis = path, folder, stem, amnis
        self._cells, self._own = contents.cells, self._find_own(amnis)
        counts = Counter(contents.cells[:, 3].tolist())
        most = max(counts, key=lambda count: (counts[count], count))
        self._numbers = tuple(range(1, max(counts) + 1))
        self.channels = self._numbers[:most]
        self.channel_names = contents.names
        self.brightfield: tuple[int, ...] = ()
        self.details: dict[str, str] = {}
        self.has_masks = bool((contents.cells[:, 4] >= 0).any())
        self.objects: Sequence[str] = _name_cells(contents.cells)
        if self._own:
            self._take_over(self._own)

    def _find_own(self, amnis: bool) -> CifSource | None:
        try:
            own = CifSource(self.path, self.folder, self.stem) if amnis else None
        except CifError:
            return None
        return own if own and not own.fault else None

    def _take_over(self, own: CifSource) -> None:
        """Take what our own reader tells of an Amnis file, but for the pixels."""
        if len(own.channels) != len(self._numbers):  # pictures would be cut in the wrong places
            raise DeepometryError(
                f"{self.path}: expected {len(own.channels)} channels, but Bio-Formats finds "
                f"{len(self._numbers)}; choose the reader own."
            )
        self._numbers = self.channels = own.channels
        self.channel_names, self.brightfield = own.channel_names, own.brightfield
        self.details = own.details
        if len(own.numbers) == len(self._cells):
            self.objects = own.objects
        elif len(own.numbers) > len(self._cells):
            self.objects = [*self.objects, ""]

    @property
    def keys(self) -> Sequence[str]:
        """File and object number of every cell."""
        return [f"{self._source}#{name}" for name in self.objects]

    @property
    def _source(self) -> str:
        return "/".join((*self.folder, self.path.name))

    def read(self, channels: Sequence[int], masked: bool = False) -> Iterator[Cell | Problem]:
        """Give every cell in the order of `objects`, or the reason why it cannot be had.

        Parameters
        ----------
        channels : sequence of int
            The wanted channels, in the wanted order.
        masked : bool
            Whether to give the masks too; a cell without one is then a problem.
        """
        try:
            file = java.run(lambda: PlaneFile(self.path, self._amnis))
        except JavaError as error:
            reason = f"Bio-Formats cannot open the file: {error}."
            yield from (Problem(self._source, name, reason) for name in self.objects)
            return
        try:
            for name, place in zip(self.objects, self._cells, strict=False):
                yield self._read_cell(file, name, place.tolist(), channels, masked)
        finally:
            file.close()
        yield from self._lost()

    def _read_cell(
        self, file: PlaneFile, name: str, place: list[int], channels: Sequence[int], masked: bool
    ) -> Cell | Problem:
        *plane, count, outline = place
        try:
            columns = find_columns(channels, self._numbers[:count])
            if masked and outline < 0:
                return Problem(self._source, name, NO_MASK)
            pixels = java.run(lambda: file.read(plane, columns))
            mask = java.run(lambda: file.read((outline, 0, 0), columns)) != 0 if masked else None
        except CifError as error:
            return Problem(self._source, name, as_sentence(error))
        except JavaError as error:
            return Problem(self._source, name, f"Bio-Formats cannot read it: {error}.")
        if mask is not None and mask.shape != pixels.shape:
            return Problem(self._source, name, "Its mask is not of the size of its image.")
        return Cell(self._source, name, pixels, mask=mask)

    def _lost(self) -> Iterator[Problem]:
        """Give the cells that only our own reader misses, which stand at the end of `objects`."""
        found = len(self._cells)
        if self._own and len(self._own.numbers) == found:
            yield from self._own.lost()
        elif len(self.objects) > found:
            reason = f"The file is damaged behind the {found} cells that Bio-Formats finds."
            yield Problem(self._source, "", reason)


def _name_cells(cells: np.ndarray) -> Sequence[str]:
    """Number cells from 0, by series, z plane and time point if they differ in several."""
    varying = [axis for axis in range(3) if np.ptp(cells[:, axis])]
    if len(varying) < 2:
        return [str(number) for number in range(len(cells))]
    letters = "szt"
    return ["_".join(f"{letters[axis]}{cell[axis]}" for axis in varying) for cell in cells.tolist()]
