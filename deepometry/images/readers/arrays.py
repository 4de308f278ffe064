"""Arrays of other programs (.npy, .npz) as sources of cells."""

from __future__ import annotations

import shutil
import weakref
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np

from deepometry.core.text import shortened
from deepometry.images.cif.cell import find_columns
from deepometry.images.cif.codec import CifError
from deepometry.images.readers.archive import extract_arrays
from deepometry.images.readers.array_file import ArrayError, Header, StoredArray, read_header
from deepometry.images.readers.base import LEFT_OUT, Cell, Problem, WithoutMetadata
from deepometry.images.readers.cif import as_sentence
from deepometry.images.readers.numbered import Numbered

_BATCH = 2**23  # bytes that are read at once, which matters where cells do not lie one by one


class ArraySource(WithoutMetadata):
    """The cells of some arrays, one array behind the other.

    Parameters
    ----------
    folder : tuple of str
        Folders below the input.
    stem : str
        Name of its stack.
    arrays : dict of str to StoredArray
        At least one; cells of a single one are numbered from 0, those of several are called after
        their array.
    name : str
        The file that holds all of them; blank where each is a file.
    """

    def __init__(
        self,
        folder: tuple[str, ...],
        stem: str,
        arrays: Mapping[str, StoredArray],
        name: str = "",
        features: Mapping[str, np.ndarray] | None = None,
    ) -> None:
        self.folder, self.stem = folder, stem
        self._arrays, self._name, self._features = dict(arrays), name, dict(features or {})
        self._details: dict[str, str] = {}
        most = max(array.channels for array in self._arrays.values())
        self.channels: tuple[int, ...] = tuple(range(1, most + 1))

    @cached_property
    def objects(self) -> Sequence[str]:
        """Row numbers, or names of the arrays, or both."""
        if len(self._arrays) == 1 and self._name:
            return Numbered(next(iter(self._arrays.values())).cells)
        return [name for key, array in self._arrays.items() for name in _names(key, array)]

    @property
    def keys(self) -> Sequence[str]:
        """File and name of every cell."""
        if isinstance(self.objects, Numbered):
            return Numbered(len(self.objects), before=f"{self._source('')}#")
        return [f"{self._source('')}#{name}" for name in self.objects]

    @property
    def features(self) -> Mapping[str, np.ndarray]:
        """Arrays of one number a cell, such as labels, of the same file."""
        return self._features

    @property
    def details(self) -> dict[str, str]:
        """Which arrays of the file were left out."""
        return self._details

    def _source(self, file: str) -> str:
        return "/".join((*self.folder, self._name or file)).rstrip("/")

    def read(self, channels: Sequence[int], masked: bool = False) -> Iterator[Cell | Problem]:
        """Yield every cell in the order of `objects`, or a `Problem` with the reason."""
        names = iter(self.objects)
        for array in self._arrays.values():
            source = self._source(array.path.name)
            try:
                columns = find_columns(channels, range(1, array.channels + 1))
                pixels = array.open()
            except (CifError, ArrayError) as error:
                reason = as_sentence(error) if isinstance(error, CifError) else str(error)
                yield from (Problem(source, next(names), reason) for _ in range(array.cells))
                continue
            step = max(1, _BATCH // max(1, array.cell_bytes))
            for first in range(0, array.cells, step):
                block = np.ascontiguousarray(pixels[first : first + step])
                yield from (Cell(source, next(names), cell[:, :, columns]) for cell in block)


def _names(key: str, array: StoredArray) -> Iterator[str]:
    if array.single:
        return iter([key])
    return (f"{key}_{row}" for row in range(array.cells))


def open_array(
    path: Path, folder: tuple[str, ...], stem: str, pages: str | None = None
) -> ArraySource:
    """Open a .npy file of many cells, or of one.

    Raises
    ------
    DeepometryError
        It is damaged, or its shape is not that of cells.
    """
    array = StoredArray.of(path, read_header(path), pages)
    name = "" if array.single else path.name
    return ArraySource(folder, stem, {path.stem: array}, name)


def open_singles(
    place: Path, folder: tuple[str, ...], stem: str, names: Sequence[str], pages: str | None = None
) -> ArraySource:
    """Open .npy files of one cell each, which lie in one place; raise `DeepometryError` as such."""
    files = {Path(name).stem: place / name for name in names}
    arrays = {stem: StoredArray.of(file, read_header(file), pages) for stem, file in files.items()}
    return ArraySource(folder, stem, arrays)


def open_arrays(
    path: Path, folder: tuple[str, ...], stem: str, pages: str | None = None
) -> ArraySource:
    """Open an .npz file: all its arrays that are cells; those of one number a cell are features.

    Its arrays are unpacked to a private temporary folder, which lasts as long as the source.

    Raises
    ------
    DeepometryError
        It is damaged, too large when unpacked, or not one of its arrays is of cells.
    """
    place = extract_arrays(path)
    try:
        source = _from_folder(path, place, folder, stem, pages)
    except BaseException:
        shutil.rmtree(place, ignore_errors=True)
        raise
    weakref.finalize(source, shutil.rmtree, place, ignore_errors=True)
    return source


def _from_folder(
    path: Path, place: Path, folder: tuple[str, ...], stem: str, pages: str | None
) -> ArraySource:
    headers: dict[str, tuple[Path, Header]] = {}
    images: dict[str, StoredArray] = {}
    others: dict[str, str] = {}
    for file in sorted(place.iterdir()):
        key = others[file.stem] = file.stem
        try:
            headers[key] = file, read_header(file)
            others[key] = f"{key} {headers[key][1].shape}"
            images[key] = StoredArray.of(*headers[key], pages)
            del others[key]
        except ArrayError:
            continue  # labels as text, objects: listed with the others
    if not images:
        found = shortened(list(others.values())) or "none"
        raise ArrayError(
            f"{path}: expected an array of cells (cells, height, width, channels), found {found}; "
            "save the images with np.savez under a key of their own."
        )
    features = {}
    if len(images) == 1:
        cells = next(iter(images.values())).cells
        columns = [k for k in others if k in headers and headers[k][1].is_column(cells)]
        features = {key: np.array(headers[key][1].open(headers[key][0])) for key in columns}
    source = ArraySource(folder, stem, images, path.name, features)
    if left := [text for key, text in others.items() if key not in features]:
        source.details[LEFT_OUT] = f"arrays that are not of cells: {shortened(left)}"
    return source
