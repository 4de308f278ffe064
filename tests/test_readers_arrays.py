"""Reading .npy and .npz arrays of other programs."""

from __future__ import annotations

import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from deepometry.cells.dataset import open_cells as open_parsed
from deepometry.cells.parse import parse
from deepometry.core.errors import DeepometryError, Question
from deepometry.core.options.parse import InfoOptions, ParseOptions
from deepometry.images.info import info
from deepometry.images.readers.base import Problem
from deepometry.images.readers.find import find_sources, open_cells
from tests.parsing import ParseRun, table
from tests.reading import cells_of, only

CELLS = np.random.default_rng(8).integers(0, 4096, (30, 20, 24, 3)).astype(np.uint16)
ONE = CELLS[0]


def headed(shape: str, dtype: str = "'<u2'", order: str = "False", content: bytes = b"") -> bytes:
    """Make a .npy file with any text in its header."""
    text = f"{{'descr': {dtype}, 'fortran_order': {order}, 'shape': {shape}, }}".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text) + 1) + text + b"\n" + content


@pytest.mark.parametrize(
    "array",
    [
        CELLS,
        np.asfortranarray(CELLS),
        CELLS.astype(">u2"),
        CELLS.astype(np.float32),
        CELLS.astype(np.float64) / 7,
        CELLS.astype(np.int64),
        (CELLS / 4096).astype(np.float16),
        np.moveaxis(CELLS, -1, 1),
        np.asfortranarray(np.moveaxis(CELLS, -1, 1)),
        CELLS[..., :1],
        CELLS[:1],
        CELLS[..., 0],
        np.asfortranarray(CELLS[..., 0]),
        CELLS[:, :20, :20, 0],
        CELLS[:, :16, :16, 0],
    ],
)
def test_stacks_are_read_whatever_their_order_and_type(tmp_path: Path, array: np.ndarray) -> None:
    np.save(tmp_path / "cells.npy", array)
    source = only(tmp_path)
    expected = array if array.ndim == 4 else array[..., np.newaxis]
    if expected.shape[1] == 3:
        expected = np.moveaxis(expected, 1, -1)
    assert source.channels == tuple(range(1, expected.shape[-1] + 1))
    assert list(source.objects) == [str(number) for number in range(len(expected))]
    cells = cells_of(source)
    for cell, pixels in zip(cells, expected, strict=True):
        assert cell.dtype == array.dtype.newbyteorder("=")
        assert np.array_equal(cell.pixels, pixels)
    assert source.keys[0] == "cells.npy#0"


def test_channels_are_chosen(tmp_path: Path) -> None:
    np.save(tmp_path / "cells.npy", CELLS)
    chosen = cells_of(only(tmp_path), (3, 1))
    assert np.array_equal(chosen[4].pixels, CELLS[4][:, :, [2, 0]])
    assert all(isinstance(cell, Problem) for cell in only(tmp_path).read((4,)))


def test_files_of_one_cell_become_one_stack(tmp_path: Path) -> None:
    for number in (2, 10, 1):
        np.save(tmp_path / f"cell_{number}.npy", CELLS[number])
    np.save(tmp_path / "grey.npy", CELLS[7][:, :, 0])
    np.save(tmp_path / "many.npy", CELLS)
    many, singles = find_sources(tmp_path)
    assert (many.stem, singles.stem) == ("many", tmp_path.name)
    assert list(singles.objects) == ["cell_1", "cell_2", "cell_10", "grey"]
    *cells, grey = singles.read((1, 2, 3))
    assert [cell.source for cell in cells] == ["cell_1.npy", "cell_2.npy", "cell_10.npy"]
    for cell, number in zip(cells, (1, 2, 10), strict=True):
        assert not isinstance(cell, Problem)
        assert np.array_equal(cell.pixels, CELLS[number])
    assert isinstance(grey, Problem)
    assert grey.reason == "Channels 2, 3 are not in use (those in use: 1)."


@pytest.mark.parametrize(("pages", "cells", "channels"), [("cells", 5, 1), ("channels", 1, 5)])
def test_few_planes_are_asked_about(tmp_path: Path, pages: str, cells: int, channels: int) -> None:
    array = CELLS[:5, ..., 0]
    np.save(tmp_path / "a.npy", array)
    for place in (tmp_path, tmp_path / "a.npy"):
        with pytest.raises(Question, match="may be 5 cells or 5 channels of one") as caught:
            find_sources(place)
        assert [choice.value for choice in caught.value.choices] == ["cells", "channels"]
    (source,) = find_sources(tmp_path, pages=pages)
    read = cells_of(source)
    assert (len(read), len(source.channels)) == (cells, channels)
    planes = array[:, :, :, np.newaxis] if cells == 5 else np.moveaxis(array, 0, -1)[np.newaxis]
    assert all(np.array_equal(cell.pixels, plane) for cell, plane in zip(read, planes, strict=True))


@pytest.mark.parametrize(("pages", "cells", "channels"), [("cells", 7, 1), ("channels", 1, 7)])
def test_few_planes_behind_a_square_are_asked_about(
    tmp_path: Path, pages: str, cells: int, channels: int
) -> None:
    array = np.random.default_rng(3).integers(0, 255, (40, 40, 7), np.uint8)
    np.save(tmp_path / "a.npy", array)
    for place in (tmp_path, tmp_path / "a.npy"):
        with pytest.raises(Question, match="may be 7 cells or 7 channels of one"):
            find_sources(place)
    (source,) = find_sources(tmp_path, pages=pages)
    read = cells_of(source)
    assert (len(read), len(source.channels)) == (cells, channels)
    planes = np.moveaxis(array, -1, 0)[..., np.newaxis] if cells == 7 else array[np.newaxis]
    assert all(np.array_equal(cell.pixels, plane) for cell, plane in zip(read, planes, strict=True))


@pytest.mark.parametrize(
    "shape", [(40, 40, 300), (40, 40, 60), (40, 40, 30), (40, 40, 60, 3), (40, 42, 300)]
)
@pytest.mark.parametrize("pages", [None, "cells", "channels"])
def test_arrays_whose_cells_may_be_last_are_refused(
    tmp_path: Path, shape: tuple[int, ...], pages: str | None
) -> None:
    np.save(tmp_path / "a.npy", np.zeros(shape, np.uint8))
    with pytest.raises(DeepometryError, match="does not say which axis counts the cells; save it"):
        find_sources(tmp_path, pages=pages)


@pytest.mark.parametrize(
    ("shape", "cells"),
    [((300, 40, 40), 300), ((40, 40, 40), 40), ((300, 40, 320), 300), ((41, 40, 60), 41)],
)
def test_arrays_whose_cells_are_in_front_are_read(
    tmp_path: Path, shape: tuple[int, ...], cells: int
) -> None:
    np.save(tmp_path / "a.npy", np.zeros(shape, np.uint8))
    (source,) = find_sources(tmp_path)
    assert len(source.objects) == cells
    assert cells_of(source)[0].pixels.shape == (*shape[1:], 1)


def test_as_many_channels_as_cells_are_read(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.zeros((8, 8, 40, 44), np.uint8))
    (source,) = find_sources(tmp_path)
    assert (len(source.objects), source.channels) == (8, tuple(range(1, 9)))


@pytest.mark.parametrize(
    "shape", [(7,), (500, 40), (6, 6), (30, 9, 9, 9), (20, 1000, 12), (2, 3, 4, 5, 6), ()]
)
def test_a_shape_that_does_not_say_what_it_is_is_refused(
    tmp_path: Path, shape: tuple[int, ...]
) -> None:
    np.save(tmp_path / "a.npy", np.zeros(shape, np.uint8))
    with pytest.raises(DeepometryError, match="does not say what its axes are; save it as"):
        find_sources(tmp_path)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "damaged or not a NumPy array"),
        (b"\x93NUMPY\x01", "damaged or not a NumPy array"),
        (b"\x93NUMPY\x09\x00" + bytes(99), "damaged or not a NumPy array"),
        (headed("(3, 20, 20, 3"), "damaged or not a NumPy array"),
        (headed("[" * 4000), "damaged or not a NumPy array"),
        (headed("(9, 9, 9)", "'|V9'"), "expected an array of numbers"),
        (headed("(9, 9, 9)", "[('a', '<u2'), ('b', '<f4')]"), "expected an array of numbers"),
        (headed("(9, 9, 9)", "'|O'"), "expected an array of numbers, found object"),
        (headed("(-1, 20, 20, 3)"), "damaged or not|found one of the shape"),
        (headed("(True, 20, 20, 3)"), "damaged or not|found one of the shape"),
        (headed("(1000000, 20, 20, 3)"), "needs 2,400,000,000 bytes, and it holds 0"),
        (headed("(4294967296, 4294967296, 4294967296, 4294967296)"), "is damaged: its shape"),
        (headed("(100, 30, 30, 3)", content=bytes(1000)), "needs 540,000 bytes, and it holds 1,0"),
        (headed("(0, 30, 30, 3)"), "has no cells"),
        (headed("(1, 30, 30, 3)", "'<c8'", content=bytes(21600)), "expected an array of numbers"),
        (headed("(1, 30, 30, 3)", "'|b1'", content=bytes(2700)), "expected pixels that are numb"),
    ],
)
def test_a_damaged_header_is_one_sentence(tmp_path: Path, content: bytes, reason: str) -> None:
    (tmp_path / "a.npy").write_bytes(content)
    for search in (find_sources, info_of):
        with pytest.raises(DeepometryError, match=reason) as caught:
            search(tmp_path)
        assert "\n" not in str(caught.value)
    if content:
        with pytest.raises(DeepometryError, match=reason):
            open_cells(tmp_path / "a.npy")


def info_of(folder: Path) -> Any:
    return info(InfoOptions(input=folder))


def test_pickled_objects_are_not_loaded(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> Any:
            return (Path.touch, (tmp_path / "opened",))

    np.save(tmp_path / "a.npy", np.array([Evil()], object), allow_pickle=True)
    np.savez(tmp_path / "b.npz", a=np.array([Evil()], object), allow_pickle=True)
    with pytest.raises(DeepometryError, match="found object"):
        find_sources(tmp_path)
    assert not (tmp_path / "opened").exists()


def test_parse_and_info_of_an_array(tmp_path: Path) -> None:
    run = ParseRun(tmp_path)
    (run.input / "Class A").mkdir()
    np.save(run.input / "Class A" / "x.npy", np.asfortranarray(CELLS))
    run(frame=32, montage=0)
    pixels = np.load(tmp_path / "out" / "Class A" / "x.npy")
    assert np.array_equal(pixels[:, 6:26, 4:28], CELLS)
    result = info_of(run.input)
    assert (result.cells, result.files, result.dtypes) == (30, {".npy": 1}, {"uint16": 30})
    assert result.left_out == ""


def test_what_parse_wrote_is_not_read_again(tmp_path: Path) -> None:
    run = ParseRun(tmp_path)
    np.save(run.input / "x.npy", CELLS)
    run(frame=32)
    for place in (tmp_path / "out",):
        with pytest.raises(DeepometryError, match="found parsed ones"):
            parse(ParseOptions(input=place, output=tmp_path / "again"))
        with pytest.raises(DeepometryError, match="found parsed ones"):
            find_sources(place)
    sources = find_sources(tmp_path)
    assert [source.folder for source in sources] == [("in",)]
    assert "were left out, such as out/x" in sources.left_out


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_an_npz_is_one_stack_with_its_labels(tmp_path: Path, save: Any) -> None:
    run = ParseRun(tmp_path)
    labels = np.arange(30) % 4
    save(run.input / "set.npz", x=np.asfortranarray(CELLS), y=labels, w=labels / 8, names=["a"] * 9)
    source = only(run.input)
    assert (source.stem, list(source.objects)[-1], source.keys[2]) == ("set", "29", "set.npz#2")
    for cell, pixels in zip(cells_of(source), CELLS, strict=True):
        assert np.array_equal(cell.pixels, pixels)
    assert source.features["y"].tolist() == labels.tolist()
    assert source.details == {"Left out": "arrays that are not of cells: names (9,)"}
    run(frame=32, split="50/50", montage=0)
    rows = [*table(tmp_path / "out/Train/set.csv"), *table(tmp_path / "out/Hold-out/set.csv")]
    assert all(row["y"] == str(int(row["object"]) % 4) for row in rows)
    assert {row["w"] for row in rows} == {"0.0", "0.125", "0.25", "0.375"}


def test_labels_that_are_objects_do_not_cost_the_cells(tmp_path: Path) -> None:
    labels = np.array(["A", "B"] * 15, object)
    np.savez(tmp_path / "set.npz", x=CELLS, y=labels, z=np.array(["a"] * 30))
    source = open_cells(tmp_path / "set.npz")
    assert len(cells_of(source)) == 30
    assert source.details == {"Left out": "arrays that are not of cells: y"}
    assert source.features["z"].tolist() == ["a"] * 30
    sources = find_sources(tmp_path)
    assert sources.left_out == "Left out of set: arrays that are not of cells: y."


def test_an_npz_of_several_sets(tmp_path: Path) -> None:
    np.savez(tmp_path / "mnist.npz", x_train=CELLS, x_test=CELLS[:4], y_train=np.zeros(30))
    source = open_cells(tmp_path / "mnist.npz")
    assert list(source.objects)[:5] == ["x_test_0", "x_test_1", "x_test_2", "x_test_3", "x_train_0"]
    assert len(cells_of(source)) == 34
    assert source.details == {"Left out": "arrays that are not of cells: y_train (30,)"}


def test_an_npz_without_cells_and_one_that_is_damaged(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", y=np.arange(9), z=np.zeros((4, 90)))
    with pytest.raises(DeepometryError, match=r"found y \(9,\), z \(4, 90\); save the images"):
        find_sources(tmp_path)
    (tmp_path / "a.npz").write_bytes(b"PK\x03\x04" + bytes(200))
    with pytest.raises(DeepometryError, match="is damaged or not a"):
        find_sources(tmp_path)


def test_an_npz_that_claims_too_much_is_not_unpacked(tmp_path: Path) -> None:
    whole = zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED)
    with whole, whole.open("x.npy", "w") as member:
        member.write(headed("(300, 1024, 1024, 1)", "'|u1'"))
        for _ in range(300):
            member.write(bytes(2**20))
    with pytest.raises(DeepometryError, match="would unpack from"):
        find_sources(tmp_path)


def test_parsed_cells_may_be_stored_in_any_order(tmp_path: Path) -> None:
    square = CELLS[:, :20, :20]
    (tmp_path / "Class A").mkdir()
    np.save(tmp_path / "Class A" / "a.npy", np.asfortranarray(square))
    np.save(tmp_path / "Class A" / "b.npy", square[:3])
    dataset = open_parsed(tmp_path)
    assert np.array_equal(dataset.read(np.array([3, 0, 31])), square[[3, 0, 1]])


@pytest.mark.parametrize("shape", ["(4294967296, 4294967296, 4294967296, 3)", "(-4, 20, 20, 3)"])
def test_parsed_cells_with_an_impossible_shape_are_one_sentence(tmp_path: Path, shape: str) -> None:
    (tmp_path / "a.npy").write_bytes(headed(shape))
    with pytest.raises(DeepometryError, match=r"a\.npy") as caught:
        open_parsed(tmp_path)
    assert "\n" not in str(caught.value)
