"""What the files of features beside parsed cells have in common: HDF5 with names, keys and values.

`names`; `keys`, uint64, a hash of source and object of every cell; `values`, float32.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from deepometry.core.errors import DeepometryError
from deepometry.core.files import writing

_FORMAT = 1
_DAMAGE = (OSError, KeyError, ValueError, TypeError, AttributeError, RuntimeError)


@contextmanager
def opened(path: Path, advice: str) -> Iterator[Any]:
    """Open a file of features; every failure is a `DeepometryError`, which ends with `advice`."""
    import h5py  # takes long to load

    try:
        with h5py.File(path, "r", locking=False) as file:
            yield file
    except DeepometryError:
        raise
    except _DAMAGE as error:
        reason = " ".join(str(error).split())[:120]
        raise DeepometryError(f"{path} is damaged ({reason}): {advice}.") from error


@contextmanager
def mapped(path: Path, advice: str) -> Iterator[np.ndarray]:
    """Map the values, which lie in one piece, so that cells can be read in any order."""
    with opened(path, advice) as file:
        place, shape = file["values"].id.get_offset(), file["values"].shape
        if 0 in shape:
            yield np.empty(shape, np.float32)
            return
        if place is None:
            raise ValueError("its values are not in one piece")
        values = np.memmap(path, "<f4", "r", place, shape)
        try:
            yield values
        finally:
            values._mmap.close()  # type: ignore[attr-defined]  # Windows could not replace it


def read_names_and_keys(file: Any, cells_first: bool) -> tuple[list[str], np.ndarray]:
    """Read what the features are called, and whose they are; raise `ValueError` if they don't fit.

    `cells_first` says whether the values are (cells, features), or the other way round.
    """
    names = [name.decode() for name in file["names"][:]]
    keys = np.asarray(file["keys"], np.uint64)
    shape = (len(keys), len(names)) if cells_first else (len(names), len(keys))
    if file["values"].shape != shape:
        raise ValueError("its parts do not fit together")
    return names, keys


@contextmanager
def begun(path: Path, names: Sequence[str], keys: np.ndarray, **about: str) -> Iterator[Any]:
    """Begin a file of features, without its values; it is kept when the block ends well."""
    import h5py

    with writing(path) as part, h5py.File(part, "w") as file:
        file.attrs["format_version"] = _FORMAT
        for name, text in about.items():
            file.attrs[name] = text
        file["names"] = np.array([name.encode() for name in names], dtype=object)
        file["keys"] = keys
        yield file
