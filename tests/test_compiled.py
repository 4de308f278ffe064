"""Compiled once: by the first process, for all later ones, and never from an older source."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from deepometry import compiled

PROGRAM = """
import sys
import numpy as np
from deepometry.cif.codec import decode_mask
from deepometry.cif.kernels import unpack_mask
from deepometry.compiled import first_word
first = first_word()
assert decode_mask(bytes([1, 3]), 2, 2).sum() == 4
print(first.partition(" ")[0] or "kept", sum(unpack_mask.stats.cache_hits.values()))
"""


def run(**places: str) -> str:
    told = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env=os.environ | places,
        check=True,
        capture_output=True,
        text=True,
    )
    return told.stdout.strip()


def test_the_second_process_finds_what_the_first_compiled(tmp_path: Path) -> None:
    assert run(NUMBA_CACHE_DIR=str(tmp_path)) == "Compiling 0"
    assert run(NUMBA_CACHE_DIR=str(tmp_path)) == "kept 1"


def test_a_place_that_cannot_be_written_to_costs_time_only(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert run(NUMBA_CACHE_DIR=str(tmp_path / "file")) == "Compiling 0"


def test_every_file_that_holds_compiled_functions_names_the_place() -> None:
    package = Path(compiled.__file__).parent
    users = {
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        if "deepometry.compiled import compiled" in path.read_text("utf-8")
    }
    assert users
    assert users <= set(compiled.SOURCES)


@pytest.mark.parametrize(
    ("system", "variable", "expected"),
    [
        ("linux", "XDG_CACHE_HOME", "chosen"),
        ("win32", "LOCALAPPDATA", "chosen"),
        ("darwin", "UNUSED", "Caches"),
        ("linux", "UNUSED", ".cache"),
    ],
)
def test_each_system_has_its_own_folder(
    monkeypatch: pytest.MonkeyPatch, system: str, variable: str, expected: str
) -> None:
    for name in ("NUMBA_CACHE_DIR", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setenv(variable, "chosen")
    assert compiled._root().name == expected
