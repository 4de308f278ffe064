"""The cells that a model has seen: kept in its file as hashes, so that they are recognised later.

A cell is recognised by its pixels, in any channel, whatever its file is called: by the centre of
the cell, which is the same in every frame. The name of its file and its number decide only where
there is no contrast to compare: files of one name in two folders are often two cells.
"""

from __future__ import annotations

import struct
import unicodedata
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PureWindowsPath

import numpy as np

from deepometry.cells.centres import centre_hashes
from deepometry.cells.dataset import Dataset
from deepometry.cells.identity import cell_key
from deepometry.cells.model_archive import not_a_model, read_member
from deepometry.core.progress import Progress
from deepometry.core.result_files import KNOWN_CELLS

TRAINING, VALIDATION = 1, 2
"""Codes of what a recognised cell was for the model; 0 stands for a cell that it has not seen."""

CHANNELS = 4
"""Channels of a cell that are kept, the first ones with contrast."""

_AT_ONCE = 2048
_BYTES = 6  # of a hash: among a million cells in four channels, less than one is mistaken
_DROPPED = 64 - 8 * _BYTES
_COUNTS = struct.Struct("<6Q")
_MOST = 1 << 29  # bytes, for 15 million cells


@dataclass(frozen=True)
class Fingerprints:
    """Hashes of cells.

    Attributes
    ----------
    pixels : ndarray of uint64, shape (cells, channels)
        Of the centre of each channel; 0 where it has too little contrast.
    names : ndarray of uint64, shape (cells,)
        Of the name of the file and the object.
    paths : ndarray of uint64, shape (cells,)
        Of the path of the file below the input and the object: files of several folders are often
        numbered alike.
    """

    pixels: np.ndarray
    names: np.ndarray
    paths: np.ndarray

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, indices: np.ndarray) -> Fingerprints:
        return Fingerprints(self.pixels[indices], self.names[indices], self.paths[indices])


def fingerprints_of(dataset: Dataset, progress: Progress) -> Fingerprints:
    """Return the fingerprints of all cells, in their first `CHANNELS` channels with contrast."""
    found = [_first_ones(some) for some in _fingerprints(dataset, progress)]
    each = ([getattr(some, name) for some in found] for name in ("pixels", "names", "paths"))
    return Fingerprints(*map(np.concatenate, each))


def _first_ones(some: Fingerprints) -> Fingerprints:
    order = np.argsort(some.pixels == 0, axis=1, kind="stable")[:, :CHANNELS]
    return replace(some, pixels=np.take_along_axis(some.pixels, order, 1))


def _fingerprints(dataset: Dataset, progress: Progress) -> Iterator[Fingerprints]:
    """Yield the fingerprints of all cells in all channels, some at a time."""
    done = 0
    for part in dataset.parts:
        sizes, first = part.stored.sizes(), done
        for some in part.stored.identities(_AT_ONCE, dataset.root):
            if done + len(some) > first + len(part.stored):
                continue  # rows too many: the table says so at its end
            indices = np.arange(done, done + len(some))
            yield fingerprints(centre_hashes(dataset, indices, sizes[indices - first]), some)
            done += len(some)
            progress.report(done, len(dataset), "Taking fingerprints of the cells")


def fingerprints(hashes: np.ndarray, identities: Sequence[tuple[str, str]]) -> Fingerprints:
    """Make fingerprints of the hashes of centres and the (source, object) of some cells."""
    files = ((PureWindowsPath(source), name) for source, name in identities)
    keys = ((_key(file.name, name), _key(file.as_posix(), name)) for file, name in files)
    both = np.fromiter(keys, np.dtype((np.uint64, 2)), len(identities))
    return Fingerprints(hashes >> np.uint64(_DROPPED), both[:, 0], both[:, 1])


def _key(file: str, name: str) -> int:
    """Hash the name of a file, which stays when folders move, or its path, and the object."""
    if not file.isascii():  # macOS writes letters with accents in another way
        file = unicodedata.normalize("NFC", file)
    return cell_key(file, name) >> _DROPPED


@dataclass(frozen=True)
class Side:
    """The training cells, or the validation cells, of a model, as sorted hashes without repeats.

    Attributes
    ----------
    pixels : ndarray of uint64
    paths : ndarray of uint64
    plain : ndarray of uint64
        Those of the names of files whose cells have too little contrast in every channel.
    """

    pixels: np.ndarray
    paths: np.ndarray
    plain: np.ndarray

    @classmethod
    def of(cls, prints: Fingerprints) -> Side:
        """Sort the fingerprints of some cells."""
        pixels, plain = prints.pixels, ~prints.pixels.any(1)
        found = (pixels[pixels > 0], prints.paths, prints.names[plain])
        return cls(*map(np.unique, found))

    def with_others(self, other: Side) -> Side:
        """Return the cells of both."""
        return Side(*(np.union1d(one, two) for one, two in zip(self, other, strict=True)))

    def __iter__(self) -> Iterator[np.ndarray]:
        return iter((self.pixels, self.paths, self.plain))

    def has(self, prints: Fingerprints) -> np.ndarray:
        """Return for every cell whether it is one of these, bool, shape (cells,)."""
        pixels = (_among(prints.pixels, self.pixels) & (prints.pixels > 0)).any(1)
        plain = _among(prints.names, self.plain) & ~prints.pixels.any(1)
        return np.asarray(pixels | plain)


def _among(values: np.ndarray, sorted_values: np.ndarray) -> np.ndarray:
    if not len(sorted_values):
        return np.zeros(values.shape, bool)
    places = np.searchsorted(sorted_values, values)
    return np.asarray(sorted_values[np.minimum(places, len(sorted_values) - 1)] == values)


@dataclass(frozen=True)
class KnownCells:
    """The cells that a model has seen, those of the models that it started from included."""

    training: Side
    validation: Side

    @classmethod
    def of(cls, prints: Fingerprints, training: np.ndarray, validation: np.ndarray) -> KnownCells:
        """Choose the cells of a training by their indices."""
        return cls(Side.of(prints[training]), Side.of(prints[validation]))

    def with_earlier(self, earlier: KnownCells | None) -> KnownCells:
        """Return also the cells of an earlier model."""
        if earlier is None:
            return self
        return KnownCells(
            self.training.with_others(earlier.training),
            self.validation.with_others(earlier.validation),
        )

    def codes(self, prints: Fingerprints) -> np.ndarray:
        """Return for every cell 0, `TRAINING` or `VALIDATION`, int8, shape (cells,)."""
        validated = np.where(self.validation.has(prints), VALIDATION, 0)
        return np.where(self.training.has(prints), TRAINING, validated).astype(np.int8)

    def alike_by_name(self, prints: Fingerprints) -> np.ndarray:
        """Return which cells have the path and the object of one of these."""
        named = [_among(prints.paths, side.paths) for side in (self.training, self.validation)]
        return np.asarray(named[0] | named[1])


@dataclass(frozen=True)
class Recognised:
    """Which cells of a dataset a model has seen.

    Attributes
    ----------
    codes : ndarray of int8, shape (cells,)
        0, `TRAINING` or `VALIDATION`.
    only_named : int
        Cells with the path and object of one that the model has seen, but other pixels.
    """

    codes: np.ndarray
    only_named: int


class Recogniser:
    """Looks for the cells of a model among others, some at a time, in all of their channels."""

    def __init__(self, known: KnownCells) -> None:
        self._known, self._codes, self._only_named = known, [np.empty(0, np.int8)], 0

    def add(self, some: Fingerprints) -> None:
        """Look at the next cells."""
        codes = self._known.codes(some)
        self._codes.append(codes)
        self._only_named += int((self._known.alike_by_name(some) & (codes == 0)).sum())

    def result(self) -> Recognised:
        """Return which of them the model has seen."""
        return Recognised(np.concatenate(self._codes), self._only_named)


def recognise(dataset: Dataset, known: KnownCells, progress: Progress) -> Recognised:
    """Look for the cells of a model among others, in all of their channels."""
    recogniser = Recogniser(known)
    for some in _fingerprints(dataset, progress):
        recogniser.add(some)
    return recogniser.result()


# --- in a model file ----------------------------------------------------------------------------


def write_known(archive: zipfile.ZipFile, known: KnownCells) -> None:
    """Add the cells to the archive that is a model file: six counts, then hashes of 6 bytes."""
    arrays = [*known.training, *known.validation]
    hashes = (array.astype("<u8").view(np.uint8).reshape(-1, 8)[:, :_BYTES] for array in arrays)
    content = [_COUNTS.pack(*map(len, arrays)), *(each.tobytes() for each in hashes)]
    archive.writestr(KNOWN_CELLS, b"".join(content), zipfile.ZIP_STORED)


def read_known(path: Path) -> KnownCells | None:
    """Read the cells in a model file; None where a version wrote it that did not keep them.

    Raises
    ------
    DeepometryError
        The file is damaged.
    """
    content = read_member(path, KNOWN_CELLS, _MOST)
    if content is None:
        return None
    counts = _COUNTS.unpack_from(content.ljust(_COUNTS.size, b"\0"))
    if len(content) != _COUNTS.size + _BYTES * sum(counts):
        raise not_a_model(path, f"a damaged one ({KNOWN_CELLS} is not whole)")
    hashes = np.frombuffer(content, np.uint8, offset=_COUNTS.size).reshape(-1, _BYTES)
    arrays = []
    for some in np.split(hashes, np.cumsum(counts[:-1]).astype(np.int64)):
        whole = np.zeros((len(some), 8), np.uint8)
        whole[:, :_BYTES] = some
        arrays.append(np.sort(whole.view("<u8").ravel()))  # whoever wrote it
    return KnownCells(Side(*arrays[:3]), Side(*arrays[3:]))
