"""Opening the files that hold many cells each, by the ends of their names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from deepometry.core.errors import DeepometryError, OptionsError
from deepometry.core.file_types import AMNIS, ARRAYS, IFCB, RTDC, suffix_of
from deepometry.core.folder_names import natural_key
from deepometry.images.readers.archive import open_unpacked
from deepometry.images.readers.array_file import NPY_MAGIC, is_single
from deepometry.images.readers.arrays import open_array, open_arrays, open_singles
from deepometry.images.readers.base import Source, UnreadableSource
from deepometry.images.readers.cif import CifSource
from deepometry.images.readers.ifcb import IfcbSource
from deepometry.images.readers.rtdc import RtdcSource
from deepometry.images.readers.rtdc_file import HDF5_MAGIC
from deepometry.images.readers.search import Folder

Opener = Callable[[Path, tuple[str, ...], str], Source]

_OPENERS: dict[str, Opener] = {
    **dict.fromkeys(AMNIS, CifSource),
    **dict.fromkeys(RTDC, RtdcSource),
    **dict.fromkeys(IFCB, IfcbSource),
}
_ARRAY_OPENERS = dict(zip(ARRAYS, (open_array, open_arrays), strict=True))


def opener_of(path: Path, start: bytes, pages: str | None) -> Opener | None:
    """Return what opens a file, by its first bytes or its name; None for images and others.

    Files of Amnis instruments are for `CifSource` to recognise. `pages` says what a short axis of
    an array is.
    """
    suffix = suffix_of(path.name)
    if start == HDF5_MAGIC:
        return RtdcSource
    if start.startswith(NPY_MAGIC) or suffix in ARRAYS:
        return _opener(suffix if suffix in ARRAYS else ARRAYS[0], pages)
    return IfcbSource if suffix in IFCB else None


def _opener(suffix: str, pages: str | None) -> Opener:
    return partial(_ARRAY_OPENERS[suffix], pages=pages) if suffix in ARRAYS else _OPENERS[suffix]


def open_container(folder: Folder, name: str, pages: str | None, stem: str) -> Source:
    """Open a file of many cells; one that does not open becomes an `UnreadableSource`.

    Raises
    ------
    Question
        It is an array whose shape does not say what it is, and `pages` is None.
    """
    names = [name, *folder.companions.get(name, [])]

    def open_at(place: Path) -> Source:
        return _opener(suffix_of(name), pages)(place / name, folder.parts, stem)

    return _opened(folder, stem, names, open_at)


def single_arrays(folder: Folder, pages: str | None) -> list[str]:
    """Return the names of the .npy files of a folder that are one cell each."""
    arrays = [name for name in folder.containers if suffix_of(name) == ARRAYS[0]]
    names = [name for name in arrays if is_single(folder.path / name, pages)]
    return sorted(names, key=natural_key)


def open_single_arrays(
    folder: Folder, names: Sequence[str], stem: str, pages: str | None
) -> Source:
    """Open the .npy files of a folder that are one cell each, as one source."""

    def open_at(place: Path) -> Source:
        return open_singles(place, folder.parts, stem, names, pages)

    return _opened(folder, stem, names, open_at)


def _opened(
    folder: Folder, stem: str, names: Sequence[str], open_at: Callable[[Path], Source]
) -> Source:
    try:
        return open_unpacked(folder.path, names, open_at)
    except OptionsError:
        raise
    except DeepometryError as error:
        return UnreadableSource(folder.parts, stem, names[0], str(error))
