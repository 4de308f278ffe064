"""Writing Amnis files that cannot be written: nothing half-written, and one clear sentence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from deepometry.core.errors import DeepometryError
from deepometry.images.cif.codec import CifError
from deepometry.images.cif.reader import CifReader
from deepometry.images.cif.writer import CifWriter
from tests.builders import random_cells

SIZES = [(40, 41), (37, 52)]

# --- nothing half-written --------------------------------------------------------------------


@pytest.mark.parametrize("failure", [RuntimeError, KeyboardInterrupt, OSError, DeepometryError])
@pytest.mark.parametrize("earlier", [b"", b"earlier"])
def test_an_error_leaves_what_was_there(tmp_path: Path, failure: type, earlier: bytes) -> None:
    path = tmp_path / "a.cif"
    if earlier:
        path.write_bytes(earlier)
    with pytest.raises(failure, match="mine"), CifWriter(path, (1, 2)) as file:
        file.add(random_cells(SIZES)[0])
        raise failure("mine")
    assert [p.read_bytes() for p in tmp_path.iterdir()] == ([earlier] if earlier else [])


def test_a_file_appears_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.cif"
    with CifWriter(path, (1, 2)) as file:
        file.add(random_cells(SIZES)[0])
        assert not path.exists()
    assert [p.name for p in path.parent.iterdir()] == ["a.cif"]


def test_a_full_disk_is_told_and_leaves_nothing(tmp_path: Path, monkeypatch) -> None:
    class Full:
        def write(self, data: bytes) -> int:
            raise OSError(28, "No space left on device")

    cells = random_cells(SIZES)
    refused = pytest.raises(DeepometryError, match=r"a\.cif.*the disk is full")
    with refused, CifWriter(tmp_path / "a.cif", (1, 2)) as file:
        file.add(cells[0])
        monkeypatch.setattr(file._chain, "_file", Full())
        file.add(cells[1])
    assert list(tmp_path.iterdir()) == []


def test_a_cell_broken_off_spoils_the_file_even_if_nobody_listens(
    tmp_path: Path, monkeypatch
) -> None:
    cells = random_cells(SIZES)
    refused = pytest.raises(DeepometryError, match="interrupted")
    with refused, CifWriter(tmp_path / "a.cif", (1, 2)) as file:
        file.add(cells[0])
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(file._chain, "add", interrupted)
            file.add(cells[1])
        with pytest.raises(CifError, match="interrupted"):
            file.add(cells[1])
    assert list(tmp_path.iterdir()) == []


def interrupted(*_: object) -> None:
    raise KeyboardInterrupt


def test_a_place_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(DeepometryError, match="file"), CifWriter(tmp_path / "file/a.cif", (1,)):
        pass


def test_a_file_without_cells_is_refused(tmp_path: Path) -> None:
    refused = pytest.raises(CifError, match=r"a\.cif: expected one cell or more")
    with refused, CifWriter(tmp_path / "a.cif", (1,)):
        pass
    assert list(tmp_path.iterdir()) == []


# --- mistakes --------------------------------------------------------------------------------

CELL = np.zeros((4, 5, 2), np.uint16)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"image": CELL.astype(float)}, "uint16, found float64"),
        ({"image": CELL.astype(np.int16)}, "uint16, found int16"),
        ({"image": CELL.astype(np.uint8)}, "uint16, found uint8"),
        ({"image": CELL[:, :, :1]}, r"\(height, width, 2\)"),
        ({"image": CELL[:, :, 0]}, r"found \(4, 5\)"),
        ({"image": CELL[:0]}, r"found \(0, 5, 2\)"),
        ({"image": np.broadcast_to(CELL[:1, :1], (2**13, 2**13, 2))}, "at most"),
        ({"mask": CELL[:3].astype(bool)}, r"mask: expected the shape of the image"),
        ({"mask": CELL}, "bool or uint8, found uint16"),
        ({"mask": np.full(CELL.shape, 4, np.uint8)}, "found 4"),
        ({"background": np.ones(2)}, r"expected the shape \(2, 2\)"),
        ({"background": np.ones((3, 2))}, r"found \(3, 2\)"),
        ({"background": np.full((2, 2), np.nan)}, "finite"),
        ({"background": -np.ones((2, 2))}, "finite"),
        ({"background": "much"}, "expected numbers"),
        ({"background": [[1, 2], [3]]}, "expected numbers"),
        ({"centre": (1, np.inf)}, "two finite numbers"),
        ({"centre": (1,)}, "two finite numbers"),
        ({"object_id": 2**32}, "0 to 4294967295, found 4294967296"),
        ({"object_id": -1}, "found -1"),
        ({"object_id": 1.5}, r"found 1\.5"),
    ],
)
def test_a_cell_that_cannot_be_written_costs_only_itself(
    tmp_path: Path, more: dict, words: str
) -> None:
    path = tmp_path / "a.cif"
    with CifWriter(path, (1, 2)) as file:
        file.add(CELL)
        with pytest.raises(CifError, match=words) as caught:
            file.add(**({"image": CELL} | more))
        assert str(caught.value).startswith(f"{path}, cell 1: ")
        assert str(caught.value).endswith(".")
        file.add(CELL)
    with CifReader(path) as reader:
        assert list(reader.object_ids) == [0, 1]


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"channels": ()}, "found none"),
        ({"channels": (0, 1)}, "from 1 on"),
        ({"channels": (2, 1)}, "rising"),
        ({"channels": (1, 1)}, "different"),
        ({"channels": (1.0, 2.5)}, "whole"),
        ({"channels": (1, 13)}, "up to 12, found 13.*flags=13"),
        ({"flags": 0}, "flags: expected 1 to 64"),
        ({"flags": 65}, "flags: expected 1 to 64"),
        ({"names": {3: "x"}}, r"names: expected channels of the file \(1, 2\), found 3"),
        ({"names": {2: "a\nb"}}, "names, channel 2: expected a line of text"),
        ({"names": {2: "\ud800"}}, "names, channel 2: expected a line of text"),
        ({"brightfield": (3,)}, "brightfield: expected channels"),
        ({"magnification": 0}, "magnification: expected a number above 0"),
        ({"magnification": float("nan")}, "magnification"),
        ({"software": "a\0b"}, "software: expected a line of text"),
        ({"order": "="}, 'order: expected "<" or ">"'),
        ({"compression": "zip"}, 'compression: expected "packed" or "none"'),
    ],
)
def test_a_file_that_cannot_be_written_is_refused_at_once(
    tmp_path: Path, more: dict, words: str
) -> None:
    with pytest.raises(CifError, match=words) as caught:
        CifWriter(tmp_path / "a.cif", **({"channels": (1, 2)} | more))
    assert str(caught.value).startswith(str(tmp_path / "a.cif"))


def test_cells_are_added_inside_the_block_only(tmp_path: Path) -> None:
    file = CifWriter(tmp_path / "a.cif", (1, 2))
    with pytest.raises(CifError, match="not open"):
        file.add(CELL)
    with file:
        file.add(CELL)
    with pytest.raises(CifError, match="not open"):
        file.add(CELL)


def test_a_cell_encoded_for_another_kind_of_file_is_refused(tmp_path: Path) -> None:
    plain = CifWriter(tmp_path / "b.cif", (1, 2), compression="none").encode(CELL)
    with CifWriter(tmp_path / "a.cif", (1, 2)) as file:
        with pytest.raises(CifError, match="packed=False"):
            file.add_encoded(plain)
        file.add(CELL)
