"""Parsed cells on their way to disk: names of files, stacks of any length."""

from __future__ import annotations

from fnmatch import fnmatch
from pathlib import Path

import numpy as np
import pytest

from deepometry.cells.model_description import Description
from deepometry.cells.parse_plan import names_of_folders
from deepometry.cells.stack_writer import StackWriter
from deepometry.core.safe_names import safe_name, unique_name
from deepometry.images.framed_blocks import Block
from tests.parsing import table


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ('a<b>c:d"e/f\\g|h?i*j\n', "a_b_c_d_e_f_g_h_i_j_"),
        ("NUL", "_NUL"),
        ("com1.x", "_com1.x"),
        ("end. .", "end"),
        ("..", "_"),
        (".hidden", "_.hidden"),
        ("bad \udcff", "bad _"),
        ("fine name-1, µ", "fine name-1, µ"),
        ("con .txt", "_con .txt"),
        ("LPT³", "_LPT³"),
        ("CONIN$", "_CONIN$"),
        ("contra", "contra"),
        ("\u202egpj.exe", "_gpj.exe"),
        ("a\x7fb\x85c", "a_b_c"),
        ("../../etc/passwd", "_.._.._etc_passwd"),
    ],
)
def test_safe_names(text: str, name: str) -> None:
    assert safe_name(text) == name


def test_long_names_are_cut_and_stay_apart() -> None:
    names = [safe_name("細" * 100 + end) for end in "ab"]
    assert all(len(name.encode()) <= 200 for name in names)
    assert names[0] != names[1]


def test_unique_names() -> None:
    used: set[str] = set()
    assert [unique_name(n, used) for n in ("a", "A", "a_2", "a")] == ["a", "A_2", "a_2_2", "a_3"]


def test_names_that_differ_in_the_spelling_of_an_accent_are_one_file() -> None:
    used: set[str] = set()
    assert [unique_name(n, used) for n in ("\u00e9", "e\u0301")] == ["\u00e9", "e\u0301_2"]


def test_a_model_file_has_a_safe_name_whatever_its_target() -> None:
    plain = {"channels": None, "depth": 1, "channel_names": {}, "frame": 16, "network": "small18"}
    plain |= {"labels": ("A", "B"), "scaling": "none", "fingerprint": "", "cells": {}}
    for target in ("../../Class\n", "細" * 300, "a:b|c", "", "x. "):
        name = Description(target=target, **plain).file_name  # type: ignore[arg-type]
        assert name == f"{safe_name(name[:-6])}.keras"
        assert fnmatch(name, "model_2-*_categories.keras")


def test_folders_of_an_archive_get_names_that_windows_takes() -> None:
    folder = ("Day 1", "Class a:b", "CON", "Class dot.")
    assert names_of_folders(folder, windows=False) == folder
    assert names_of_folders(folder, windows=True) == ("Day 1", "Class a_b", "_CON", "Class dot")


def block_of(cells: list[tuple[str, str]], values: np.ndarray) -> Block:
    """Make 16 x 16 cells of one channel, each full of its value, modulo 251."""
    pixels = np.ones((len(values), 16, 16, 1), "uint8")
    pixels *= (values % 251)[:, None, None, None].astype("uint8")
    sizes, centres = np.full((len(values), 2), 16), np.full((len(values), 2), np.nan)
    return Block(cells, values, pixels, sizes, centres)


def test_files_are_named_after_objects_in_names_that_every_system_accepts(tmp_path: Path) -> None:
    names = ("cell:1", "cell_1", "Cell_1", "con", ".x", "größe µ")
    cells = [("A/y.cif", name) for name in names]
    with StackWriter(tmp_path, "y", (16, 16, 1), np.dtype("uint8"), singles=set()) as writer:
        writer.add(block_of(cells, np.arange(6)))
    assert [row["object"] for row in table(tmp_path / "y.csv")] == list(names)
    files = [row["file"] for row in table(tmp_path / "y.csv")]
    expected = ["cell_1", "cell_1_2", "Cell_1_3", "con", ".x", "größe µ"]
    assert files == [f"y_{name}.npy" for name in expected]
    assert len(list(tmp_path.glob("*.npy"))) == 6


def test_a_stack_is_a_valid_array_at_any_number_of_cells(tmp_path: Path) -> None:
    for number in (0, 1, 9, 1000):
        with StackWriter(tmp_path, "s", (16, 16, 1), np.dtype("uint8")) as writer:
            for first in range(0, number, 300):
                values = np.arange(first, min(first + 300, number))
                writer.add(block_of([("a", str(value)) for value in values], values))
        stack = np.load(tmp_path / "s.npy")
        assert stack.shape == (number, 16, 16, 1)
        assert (stack[:, 3, 3, 0] == np.arange(number) % 251).all()
        assert (tmp_path / "s.npy").read_bytes()[:8] == b"\x93NUMPY\x01\x00"
        assert len(table(tmp_path / "s.csv")) == number
