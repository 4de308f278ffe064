"""Functions compiled by Numba, once for a computer: other processes find them compiled.

Numba keeps compiled code beside each file and compiles again when that file changes, but not when
another file changes whose functions are called. Here the name of the folder is made from all such
files, so that a new version never runs code of an old one.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar, cast

import numba

from deepometry.core.errors import DeepometryError
from deepometry.core.user_folders import cache_folder, nobody_else_writes

Function = TypeVar("Function", bound=Callable[..., Any])

SOURCES = (
    "training/augmentation_kernels.py",
    "images/cif/block_kernels.py",
    "images/cif/decode_kernels.py",
    "images/cif/encode_kernels.py",
    "images/cif/directory_kernels.py",
    "images/cif/word_kernels.py",
    "classical/features/channel_pairs.py",
    "classical/features/one_cell.py",
    "classical/features/core.py",
    "classical/features/intensity.py",
    "classical/features/ordering.py",
    "classical/features/runs.py",
    "classical/features/segmentation.py",
    "classical/features/stained.py",
    "classical/features/radial.py",
    "classical/features/granularity.py",
    "classical/features/morphology.py",
    "classical/features/texture.py",
    "classical/features/quality.py",
    "images/frame_kernels.py",
    "images/padding_noise.py",
    "classical/tree_file.py",
)


def compiled(function: Function) -> Function:
    """Compile a function when it is first called; it holds up no other threads."""
    return _compile(function, "never")


def inlined(function: Function) -> Function:
    """Compile a small function into those that call it."""
    return _compile(function, "always")


def compile_message(what: str = "reader") -> str:
    """Return the message before the "reader" or the "features" are compiled; blank afterwards."""
    place = _place()
    if place is None:
        return f"Compiling the {what}; nothing can be written where it could be kept ..."
    # Numba names a folder after the one of the file
    cached = {path.parent.name.startswith("features_") for path in place.glob("**/*.nbi")}
    if (what == "features") in cached:
        return ""
    long = ", which takes a minute" * (what == "features")
    return f"Compiling the {what} for this processor, once after installing{long} ..."


def _compile(function: Function, inline: str) -> Function:
    if numba.config.DISABLE_JIT:
        raise DeepometryError(
            "NUMBA_DISABLE_JIT: expected it unset, found it set; without compiling, .cif files "
            "cannot be read."
        )
    place, before = _place(), numba.config.CACHE_DIR
    if place is None:
        return cast(Function, numba.njit(nogil=True, inline=inline)(function))
    numba.config.CACHE_DIR = str(place)  # read once, when a function is decorated
    try:
        return cast(Function, numba.njit(nogil=True, inline=inline, cache=True)(function))
    finally:
        numba.config.CACHE_DIR = before


@lru_cache(maxsize=1)
def _place() -> Path | None:
    """Return the folder for compiled functions; None if there is none that can be written to.

    Never one that others may write to as well: what lies there is run.
    """
    content = b"".join((Path(__file__).parents[1] / name).read_bytes() for name in SOURCES)
    place = cache_folder() / hashlib.blake2b(content, digest_size=8).hexdigest()
    try:
        place.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=place):
            return place if nobody_else_writes(place) else None
    except OSError:
        return None
