"""Compiled once: by the first process, for all later ones, and never from an older source."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from deepometry.core import numba_cache as compiled

PROGRAM = """
import sys
import numpy as np
from deepometry.images.cif.codec import decode_mask
from deepometry.images.cif.decode_kernels import unpack_mask
from deepometry.core.numba_cache import compile_message
first = compile_message()
assert decode_mask(bytes([1, 3]), 2, 2).sum() == 4
print(first.partition(" ")[0] or "kept", sum(unpack_mask.stats.cache_hits.values()))
"""


def run(**places: str) -> str:
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env=os.environ | places,
        check=True,
        capture_output=True,
        text=True,
    )
    return result.stdout.strip()


def test_the_second_process_finds_what_the_first_compiled(tmp_path: Path) -> None:
    assert run(NUMBA_CACHE_DIR=str(tmp_path)) == "Compiling 0"
    assert run(NUMBA_CACHE_DIR=str(tmp_path)) == "kept 1"


def test_a_place_that_cannot_be_written_to_costs_time_only(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert run(NUMBA_CACHE_DIR=str(tmp_path / "file")) == "Compiling 0"


def test_every_file_that_holds_compiled_functions_names_the_place() -> None:
    package = Path(compiled.__file__).parents[1]
    users = {
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        if "deepometry.core.numba_cache import compiled" in path.read_text("utf-8")
    }
    assert users
    assert users <= set(compiled.SOURCES)
