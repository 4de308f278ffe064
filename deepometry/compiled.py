"""Functions compiled by Numba, once for a computer: other processes find them compiled.

Numba keeps what it compiled beside each file and compiles anew when that file changes, but not when
another one does whose functions are called. Here the place has a name made from all such files, so
that a new version never runs code of an old one.
"""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import numba

from deepometry.errors import DeepometryError

Function = TypeVar("Function", bound=Callable[..., Any])

SOURCES = (
    "augment_kernels.py",
    "cif/block.py",
    "cif/kernels.py",
    "cif/packing.py",
    "cif/scan.py",
    "features/between.py",
    "features/cell.py",
    "features/core.py",
    "features/intensity.py",
    "features/masks.py",
    "features/radial.py",
    "features/scales.py",
    "features/shape.py",
    "features/texture.py",
    "frame_kernels.py",
    "noise.py",
    "trees.py",
)


def compiled(function: Function) -> Function:
    """Compile a function when it is first called; it holds up no other threads."""
    return _compile(function, "never")


def inlined(function: Function) -> Function:
    """Compile a small function into those that call it."""
    return _compile(function, "always")


def first_word(what: str = "reader") -> str:
    """Give what to tell before the first call, which compiles; blank where that is done.

    Parameters
    ----------
    what : str
        What is about to be called: the `reader` of images, or the `features` of cells.
    """
    place = _place()
    if place is None:
        return f"Compiling the {what}; nothing can be written where it could be kept ..."
    # Numba names a folder after the one of the file
    kept = {path.parent.name.startswith("features_") for path in place.glob("**/*.nbi")}
    if (what == "features") in kept:
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
        return numba.njit(nogil=True, inline=inline)(function)
    numba.config.CACHE_DIR = str(place)  # read once, when a function is decorated
    try:
        return numba.njit(nogil=True, inline=inline, cache=True)(function)
    finally:
        numba.config.CACHE_DIR = before


@lru_cache(maxsize=1)
def _place() -> Path | None:
    """Give the folder for compiled functions; None if there is none that can be written to.

    Never one that others may write to as well: what lies there is run.
    """
    content = b"".join((Path(__file__).parent / name).read_bytes() for name in SOURCES)
    place = _root() / "deepometry" / hashlib.blake2b(content, digest_size=8).hexdigest()
    try:
        place.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=place):
            return place
    except OSError:
        return None


def _root() -> Path:
    """Give the folder for what can be made again, where each system has it."""
    if chosen := os.environ.get("NUMBA_CACHE_DIR"):
        return Path(chosen)
    home = Path(os.path.expanduser("~"))  # noqa: PTH111 (never fails, unlike Path.home)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    if sys.platform == "darwin":
        return home / "Library" / "Caches"
    return Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache")
