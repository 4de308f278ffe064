"""The archive that a model file is: its members are read only as far as they can be true."""

from __future__ import annotations

import io
import json
import lzma
import math
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from deepometry.core.errors import DeepometryError, explain_os_error


def not_a_model(path: Path, found: str) -> DeepometryError:
    """Return the error for a file that is no model; `found` says what it is instead."""
    return DeepometryError(
        f"{path}: expected a model file that deepometry train wrote (.keras), found {found}; "
        "choose another file or train again."
    )


def read_member(path: Path, name: str, most: int) -> bytes | None:
    """Read a member of a model file; None where it has no such member.

    `most` is the largest size, in bytes, that it may have. Raises DeepometryError where it is
    larger, or the file is no archive, damaged, or cannot be read.
    """
    with opened(path) as archive:
        if name not in archive.namelist():
            return None
        info = archive.getinfo(name)
        if info.file_size > most:
            raise not_a_model(path, f"{name} of {info.file_size:,} bytes in it")
        with archive.open(info) as member:
            return member.read(most)  # no more, whatever its header says


def array_of(content: bytes, name: str) -> np.ndarray:
    """Read an array, an .npy file in memory, whose header may promise no more than is there.

    Raises ValueError, which calls it `name`, where it is damaged, or holds Python objects.
    """
    file = io.BytesIO(content)
    version = np.lib.format.read_magic(file)
    if version != (1, 0):
        raise ValueError(f"{name} is of version {version}")
    shape, _, dtype = np.lib.format.read_array_header_1_0(file)
    if dtype.hasobject or math.prod(shape) * dtype.itemsize != len(content) - file.tell():
        raise ValueError(f"{name} is not whole")
    return np.frombuffer(content, dtype, offset=file.tell()).reshape(shape)


def array_bytes(array: np.ndarray) -> bytes:
    """Return an array as the .npy file that `array_of` reads."""
    content = io.BytesIO()
    np.save(content, np.ascontiguousarray(array), allow_pickle=False)
    return content.getvalue()


def read_object(path: Path, text: bytes) -> dict[str, Any]:
    """Read a JSON object that stands in a model file."""
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise not_a_model(path, "a damaged one, or one that was changed") from error
    if not isinstance(content, dict):
        raise not_a_model(path, "one whose description is no JSON object")
    return content


@contextmanager
def opened(path: Path) -> Iterator[zipfile.ZipFile]:
    """Open a model file as the archive that it is; raise DeepometryError for whatever is wrong."""
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except DeepometryError:
        raise
    except OSError as error:
        if error.errno:
            raise explain_os_error(error, path) from error
        raise not_a_model(path, "a damaged one") from error
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, ValueError) as error:
        raise not_a_model(path, "another kind of file, or a damaged one") from error
    except RuntimeError as error:  # a password, or a compression that is not known
        raise not_a_model(path, f"an archive that cannot be read ({error})") from error
