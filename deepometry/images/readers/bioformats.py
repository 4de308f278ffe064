"""Any file that Bio-Formats reads, as a source of cells: the second reader, which needs Java."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from deepometry.core.errors import DeepometryError
from deepometry.core.options.fields import Z_PAGES
from deepometry.core.text import counted
from deepometry.images.cif.cell import find_columns
from deepometry.images.cif.codec import CifError
from deepometry.images.readers import jvm as java
from deepometry.images.readers.base import (
    NO_MASK,
    Cell,
    Problem,
    Source,
    UnreadableSource,
    WithoutFeatures,
)
from deepometry.images.readers.bioformats_file import (
    Contents,
    PlaneFile,
    image_suffixes,
    read_contents,
)
from deepometry.images.readers.cif import CifSource, as_sentence
from deepometry.images.readers.file_images import project
from deepometry.images.readers.jvm import JavaError


class BioformatsFiles:
    """Opens files folder by folder; leaves out those that belong to another one.

    Some formats spread their images over several files, each of which may be taken for images of
    its own: of `a.ics` and `a.ids` only the first is a source. `check` is called between files, and
    raises if the work is to stop.

    Raises
    ------
    OptionsError
        There is no Bio-Formats, or no Java.
    """

    def __init__(self, check: Callable[[], None]) -> None:
        self.suffixes = image_suffixes()
        self._check, self._taken = check, set[str]()

    def look_into(
        self,
        path: Path,
        folder: tuple[str, ...],
        names: Sequence[str],
        amnis: Sequence[str],
        pages: str | None = None,
    ) -> dict[str, Callable[[str], Source]]:
        """Return for file names a function from the name of a stack to the source.

        Files that belong to another one are left out. `folder` is the path below the input,
        `amnis` are the names of .cif and .rif files, and `pages` says how z planes are taken.
        """
        contents = {name: self._look(path / name, name in amnis) for name in names}
        most_first = sorted(contents, key=lambda name: -len(_files(contents[name])))
        chosen = {name for name in most_first if self._take(path / name, _files(contents[name]))}
        return {
            name: partial(_open, path / name, folder, contents[name], name in amnis, pages)
            for name in names
            if name in chosen
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
    path: Path,
    folder: tuple[str, ...],
    contents: Contents | str,
    amnis: bool,
    pages: str | None,
    stem: str,
) -> Source:
    try:
        if isinstance(contents, Contents):
            return BioformatsSource(path, folder, stem, contents, amnis, pages)
    except DeepometryError as error:
        contents = str(error)
    return UnreadableSource(folder, stem, path.name, contents)


def _files(contents: Contents | str) -> frozenset[str]:
    return frozenset() if isinstance(contents, str) else contents.files


def _plain(path: Path | str) -> str:
    return os.path.normcase(os.path.realpath(path))


class BioformatsSource(WithoutFeatures):
    """The cells of one file, through Bio-Formats.

    In a .cif or .rif file (`amnis`) every image is a cell; in any other, every z plane of every
    time point of every series is one, with all its channels, unless `pages` projects z planes. Of
    images stored in several
    resolutions the highest is read. Numbers of channels and objects, and cells of a .cif file that
    are lost, which Bio-Formats does not report, come from our own reader, where that can read the
    file; the lost ones stand at the end of `objects`.

    Raises
    ------
    DeepometryError
        In a .cif file Bio-Formats and our own reader find different numbers of channels.
    """

    def __init__(
        self,
        path: Path,
        folder: tuple[str, ...],
        stem: str,
        contents: Contents,
        amnis: bool,
        pages: str | None = None,
    ) -> None:
        self.path, self.folder, self.stem, self._amnis = path, folder, stem, amnis
        self._pages = pages if pages in Z_PAGES and not amnis else None
        self._cells, self._own = contents.cells, self._find_own(amnis)
        counts = Counter(contents.cells[:, 3].tolist())
        most = max(counts, key=lambda count: (counts[count], count))
        self._numbers = tuple(range(1, max(counts) + 1))
        self.channels = self._numbers[:most]
        self.channel_names = contents.names
        self.brightfield: tuple[int, ...] = ()
        self.details: dict[str, str] = {}
        self.has_masks = bool((contents.cells[:, 4] >= 0).any())
        self._planes = _group(contents.cells, projected=self._pages is not None)
        self.objects: Sequence[str] = _name_cells(np.array([planes[0] for planes in self._planes]))
        if self._own:
            self._take_over(self._own)

    def _find_own(self, amnis: bool) -> CifSource | None:
        try:
            own = CifSource(self.path, self.folder, self.stem) if amnis else None
        except CifError:
            return None
        return own if own and not own.fault else None

    def _take_over(self, own: CifSource) -> None:
        """Use all of our own reader of Amnis files but the pixels."""
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
    def places(self) -> str:
        """Describe the planes and time points of a series: `3 z planes`; blank for a single one."""
        depth, times = (0, 0) if self._amnis else self._cells[:, 1:3].max(axis=0).tolist()
        parts = [(depth + 1, "z plane"), (times + 1, "time point")]
        return " of ".join(counted(number, noun) for number, noun in parts if number > 1)

    @property
    def _source(self) -> str:
        return "/".join((*self.folder, self.path.name))

    def read(self, channels: Sequence[int], masked: bool = False) -> Iterator[Cell | Problem]:
        """Yield every cell in the order of `objects`, or a `Problem` with the reason.

        With `masked`, a cell without a mask is a problem.
        """
        try:
            file = java.run(lambda: PlaneFile(self.path, self._amnis))
        except JavaError as error:
            reason = f"Bio-Formats cannot open the file: {error}."
            yield from (Problem(self._source, name, reason) for name in self.objects)
            return
        try:
            for name, planes in zip(self.objects, self._planes, strict=False):
                yield self._read_cell(file, name, planes, channels, masked)
        finally:
            file.close()
        yield from self._lost()

    def _read_cell(
        self,
        file: PlaneFile,
        name: str,
        planes: Sequence[Sequence[int]],
        channels: Sequence[int],
        masked: bool,
    ) -> Cell | Problem:
        count, outline = planes[0][3:]
        try:
            columns = find_columns(channels, self._numbers[:count])
            if masked and outline < 0:
                return Problem(self._source, name, NO_MASK)
            read = java.run(lambda: [file.read(plane[:3], columns) for plane in planes])
            pixels = project(np.stack(read), (0,), self._pages) if self._pages else read[0]
            mask = java.run(lambda: file.read((outline, 0, 0), columns)) != 0 if masked else None
        except CifError as error:
            return Problem(self._source, name, as_sentence(error))
        except JavaError as error:
            return Problem(self._source, name, f"Bio-Formats cannot read it: {error}.")
        if mask is not None and mask.shape != pixels.shape:
            return Problem(self._source, name, "Its mask is not of the size of its image.")
        return Cell(self._source, name, pixels, mask=mask)

    def _lost(self) -> Iterator[Problem]:
        """Yield the cells that only our own reader misses, which stand at the end of `objects`."""
        readable = len(self._cells)
        if self._own and len(self._own.numbers) == readable:
            yield from self._own.lost()
        elif len(self.objects) > readable:
            reason = f"The file is damaged behind the {readable} cells that Bio-Formats finds."
            yield Problem(self._source, "", reason)


def _group(cells: np.ndarray, *, projected: bool) -> list[list[list[int]]]:
    """Return the planes of every cell: one of each, or all z planes of a time point."""
    if not projected:
        return [[plane] for plane in cells.tolist()]
    groups: dict[tuple[int, int], list[list[int]]] = {}
    for plane in cells.tolist():
        groups.setdefault((plane[0], plane[2]), []).append(plane)
    return list(groups.values())


def _name_cells(cells: np.ndarray) -> Sequence[str]:
    """Number cells from 0, by series, z plane and time point if they differ in several."""
    varying = [axis for axis in range(3) if np.ptp(cells[:, axis])]
    if len(varying) < 2:
        return [str(number) for number in range(len(cells))]
    letters = "szt"
    return ["_".join(f"{letters[axis]}{cell[axis]}" for axis in varying) for cell in cells.tolist()]
