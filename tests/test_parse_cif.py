"""From .cif files to arrays: masks, backgrounds, centres, channel numbers, damage."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from deepometry.cells.parse import ParseResult, parse
from deepometry.core.errors import DeepometryError, OptionsError
from deepometry.core.options.parse import ParseOptions
from deepometry.core.progress import Cancelled, Progress
from deepometry.images.framed_blocks import Block, Framing, read_blocks, read_one_by_one
from deepometry.images.padding_noise import Noise
from deepometry.images.readers.find import find_sources
from tests.builders import random_cells, write_cif
from tests.reading import patch, random_masks

SIZES = [(20, 13), (13, 20), (16, 16), (30, 30), (5, 7)] * 6
CELLS = random_cells(SIZES, 3, top=4096)
MASKS = random_masks(CELLS)
LEVEL = np.array([[30.0, 0.0], [41.0, 0.0], [223.0, 0.0]])
FRAME = 16


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "in" / "Day 1"
    place.mkdir(parents=True)
    return place


def run(folder: Path, **options: Any) -> ParseResult:
    root = folder.parents[1]
    chosen: dict[str, Any] = {"frame": FRAME, "montage": 0, "output": root / "out"}
    chosen |= {"overwrite": True} | options
    return parse(ParseOptions(input=root / "in", **chosen))


def stack(folder: Path, name: str = "out") -> np.ndarray:
    return np.load(folder.parents[1] / name / "Day 1" / "a.npy")


def table(folder: Path, name: str = "Day 1/a.csv") -> list[dict[str, str]]:
    with (folder.parents[1] / "out" / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def expected(cell: np.ndarray, mask: np.ndarray | None, columns: list[int]) -> np.ndarray:
    """Frame a cell in the plainest way, with a background that does not vary."""
    framed = np.empty((FRAME, FRAME, 3), "uint16")
    framed[...] = LEVEL[:, 0]
    shown = cell if mask is None else np.where(mask, cell, LEVEL[:, 0].astype("uint16"))
    (top, y), (left, x) = ((max(0, d // 2), max(0, -d // 2)) for d in _gaps(cell))
    inner = shown[y : y + FRAME, x : x + FRAME]
    framed[top : top + inner.shape[0], left : left + inner.shape[1]] = inner
    return framed[..., columns]


def _gaps(cell: np.ndarray) -> tuple[int, int]:
    """Return what is missing on each axis; a surplus is below 0, and its half rounded up."""
    height, width = (FRAME - side for side in cell.shape[:2])
    return (
        height if height > 0 else height + height % 2,
        width if width > 0 else width + width % 2,
    )


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("channels", [(1, 9, 12), (12, 1), (9,)])
def test_every_pixel_is_where_it_belongs(
    folder: Path, masked: bool, channels: tuple[int, ...]
) -> None:
    write_cif(folder / "a.cif", CELLS, MASKS, channels=(1, 9, 12), background=[LEVEL] * len(CELLS))
    run(folder, channels=channels, masked=masked)
    columns = [(1, 9, 12).index(number) for number in channels]
    for framed, cell, mask in zip(stack(folder), CELLS, MASKS, strict=True):
        shown = mask if masked else None
        np.testing.assert_array_equal(framed, expected(cell, shown, columns))


def test_the_table_has_number_size_and_centre(folder: Path) -> None:
    ids = list(range(100, 100 + len(CELLS)))
    write_cif(folder / "a.cif", CELLS, ids=ids)
    run(folder)
    for row, cell, number in zip(table(folder), CELLS, ids, strict=True):
        assert (row["source"], row["object"]) == ("Day 1/a.cif", str(number))
        assert (int(row["height"]), int(row["width"])) == cell.shape[:2]
        assert (float(row["centre_x"]), float(row["centre_y"])) == (30.5, 72.0)
        large = max(cell.shape[:2]) > FRAME
        assert row["note"] == (f"cropped from {row['height']} x {row['width']}" if large else "")


def test_a_file_without_centres_leaves_them_blank(folder: Path) -> None:
    write_cif(folder / "a.cif", CELLS, image_tags={33071: None, 33072: None})
    run(folder)
    assert {row["centre_x"] + row["centre_y"] for row in table(folder)} == {""}


def test_channels_not_in_use_are_refused_with_those_in_use(folder: Path) -> None:
    write_cif(folder / "a.cif", CELLS, channels=(1, 9, 12))
    with pytest.raises(OptionsError, match=r"\(1,9,12\), found 2,3"):
        run(folder, channels=(1, 2, 3))


def test_masks_are_asked_for_where_there_are_none(folder: Path) -> None:
    write_cif(folder / "a.rif", CELLS)
    with pytest.raises(OptionsError, match="found no mask in any file"):
        run(folder, masked=True)
    write_cif(folder / "b.cif", CELLS, MASKS)
    assert run(folder, masked=True).problems == len(CELLS)
    assert "found none; parse without --masked" in table(folder, "problems.csv")[0]["reason"]


def test_no_cell_of_a_file_without_masks_is_passed_over_when_one_is_damaged(folder: Path) -> None:
    places = write_cif(folder / "a.rif", CELLS)
    patch(folder / "a.rif", places[4].strip, b"\xff" * 9)
    write_cif(folder / "b.cif", CELLS, MASKS)
    assert run(folder, masked=True).problems == len(CELLS)
    listed = [row["object"] for row in table(folder, "problems.csv")]
    assert listed == [str(number) for number in range(len(CELLS))]


def test_a_cell_without_a_mask_is_listed_when_masks_are_asked_for(folder: Path) -> None:
    masks: list[np.ndarray | None] = [*MASKS]
    masks[3] = None
    write_cif(folder / "a.cif", CELLS, masks)
    result = run(folder, masked=True)
    assert (result.cells, result.problems) == (len(CELLS) - 1, 1)
    (problem,) = table(folder, "problems.csv")
    assert (problem["source"], problem["object"]) == ("Day 1/a.cif", "3")
    assert [row["object"] for row in table(folder)] == [
        str(number) for number in range(len(CELLS)) if number != 3
    ]
    assert run(folder).problems == 0


def test_damage_costs_the_damaged_cells_and_each_is_listed(folder: Path) -> None:
    path = folder / "a.cif"
    places = write_cif(path, CELLS, MASKS)
    whole = run(folder)
    before = stack(folder)
    patch(path, places[2].strip, b"\xff" * 9)
    patch(path, places[5].image, b"\xff" * 60)
    path.write_bytes(path.read_bytes()[: places[27].strip])
    result = run(folder)
    lost = [2, 27, 5, 28, 29]  # those that cannot be found stand at the end
    assert (result.cells, result.problems) == (whole.cells - 5, 5)
    problems = table(folder, "problems.csv")
    assert [int(row["object"]) for row in problems] == lost
    assert all(row["reason"].endswith(".") for row in problems)
    np.testing.assert_array_equal(stack(folder), np.delete(before, lost, axis=0))


def test_the_split_does_not_depend_on_how_cells_are_read(folder: Path) -> None:
    path = folder / "a.cif"
    places = write_cif(path, CELLS)
    run(folder, split="80/20")
    held = {row["object"] for row in table(folder, "Hold-out/Day 1/a.csv")}
    assert 0 < len(held) < len(CELLS)
    patch(path, places[2].strip, b"\xff" * 9)
    run(folder, split="80/20", channels=(2,))
    assert {row["object"] for row in table(folder, "Hold-out/Day 1/a.csv")} == held - {"2"}


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("ids", [None, [9] * len(CELLS)], ids=["numbered", "repeated"])
@pytest.mark.parametrize("noise", [True, False], ids=["told", "corner"])
def test_all_cores_give_what_one_by_one_gives(
    folder: Path, masked: bool, ids: Any, noise: bool
) -> None:
    background = [np.array([[30, 2.0], [40, 3.0], [200, 9.0]]) + n for n in range(len(CELLS))]
    places = write_cif(
        folder / "a.cif", CELLS, MASKS, ids=ids, background=background if noise else None
    )
    patch(folder / "a.cif", places[4].strip, b"\xff" * 9)
    (source,) = find_sources(folder)
    framing = Framing(FRAME, (3, 1), Noise(7, (3, 1)), masked)
    blocks, single = (
        list(read_blocks(source, framing, 9000)),
        list(read_one_by_one(source, framing)),
    )
    assert len(blocks) > 3
    assert _joined(blocks, "places").tolist() == [n for n in range(len(CELLS)) if n != 4]
    for name in ("places", "pixels", "sizes", "centres"):
        np.testing.assert_array_equal(_joined(blocks, name), _joined(single, name))
    for part in ("cells", "problems"):
        one, other = ([x for b in which for x in getattr(b, part)] for which in (blocks, single))
        assert one == other


def _joined(blocks: list[Block], name: str) -> np.ndarray:
    return np.concatenate([getattr(block, name) for block in blocks])


def test_stopping_on_the_way_leaves_nothing(folder: Path) -> None:
    write_cif(folder / "a.cif", CELLS * 40)
    root = folder.parents[1]
    progress = Progress(lambda done, total, text: progress.cancel())
    with pytest.raises(Cancelled):
        parse(ParseOptions(input=root / "in", output=root / "out"), progress)
    assert not list((root / "out").rglob("*.npy"))


def test_a_file_that_changes_after_it_was_opened_is_an_error_or_a_problem(folder: Path) -> None:
    path = folder / "a.cif"
    write_cif(path, CELLS)
    (source,) = find_sources(folder)
    assert len(source.objects) == len(CELLS)
    path.write_bytes(path.read_bytes()[:5000])
    framing = Framing(FRAME, (1,), Noise(0, (1,)))
    blocks = list(read_blocks(source, framing))
    problems = [problem for block in blocks for problem in block.problems]
    assert len(problems) + sum(len(block.cells) for block in blocks) == len(CELLS)
    assert problems
    path.unlink()
    with pytest.raises(DeepometryError, match="does not exist"):
        find_sources(folder / "a.cif")
