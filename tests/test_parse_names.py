"""From files named in many ways to parsed cells: no cell is divided, channels have their names."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from deepometry.core.errors import Question
from deepometry.core.options.parse import InfoOptions
from deepometry.images.info import info
from tests.parsing import ParseRun, record, sides_of, table
from tests.test_file_names import grid

SCHEMES = {
    "markers": (grid("{n:03}_{m}.tif", n=range(1, 7), m=("DAPI", "PE", "BF")), "BF DAPI PE"),
    "ImageJ": (grid("C{m}-cell_{n:02}.tif", n=range(1, 7), m=(1, 2, 3)), "C1 C2 C3"),
    "Zeiss": (grid("cell_{n:02}_c{m}.tif", n=range(1, 7), m=(0, 1, 2)), "c0 c1 c2"),
}


@pytest.fixture
def run(tmp_path: Path) -> ParseRun:
    return ParseRun(tmp_path)


def write(folder: Path, names: list[str], height: int = 20) -> None:
    """Write files whose level is that of their place in the list, three to a cell."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, name in enumerate(names):
        pixels = np.full((height, 20), 100 + number, np.uint16)
        tifffile.imwrite(folder / name, pixels, photometric="minisblack", metadata=None)


@pytest.mark.parametrize(("names", "channels"), SCHEMES.values(), ids=SCHEMES)
def test_a_cell_is_on_one_side_of_the_split_with_all_channels(
    run: ParseRun, tmp_path: Path, names: list[str], channels: str
) -> None:
    for label in ("Class A", "Class B"):
        write(run.input / label, names)
    result = run(split="50/50", montage=0)
    assert (result.cells, result.problems, result.channels) == (12, 0, (1, 2, 3))
    assert list(record(tmp_path / "out")["channel_names"].values()) == channels.split()
    taken = f"36 files = 12 cells x {', '.join(channels.split())} (channels 1 to 3)."
    assert taken in record(tmp_path / "out")["remarks"]
    assert taken in str(result).splitlines()
    sides = sides_of(tmp_path / "out")
    assert {side: len(cells) for side, cells in sides.items()} == {"Train": 6, "Hold-out": 6}
    for source, name in sides["Train"] | sides["Hold-out"]:
        assert source.rpartition("/")[2] in names
        assert name in source
    stack = np.load(tmp_path / "out" / "Train" / "Class A" / "Class A.npy")
    assert stack.shape == (3, 24, 24, 3)
    assert (np.ptp(stack[:, 12, 12], axis=1) == 2).all()  # three neighbours in the list


def test_a_cell_without_a_channel_is_a_problem_with_a_reason(run: ParseRun, tmp_path: Path) -> None:
    write(run.input / "Class A", SCHEMES["markers"][0][:-1])
    result = run(montage=0)
    assert (result.cells, result.problems) == (5, 1)
    (row,) = table(tmp_path / "out" / "problems.csv")
    assert (row["object"], row["reason"]) == ("006", "channel 1 is missing (it has 2, 3).")


def test_what_can_be_read_in_two_ways_stops_parse_and_info(run: ParseRun) -> None:
    write(run.input / "A", grid("cell_{n}_{c}.tif", n=range(1, 5), c=(1, 2, 3)))
    with pytest.raises(Question):
        run()
    with pytest.raises(Question):
        info(InfoOptions(input=run.input))
    assert not (run.folder / "out").exists()
    result = run(pattern="{cell}_{channel}.tif", montage=0)
    assert (result.cells, result.channels) == (4, (1, 2, 3))
    assert run(pattern="{cell}", montage=0).cells == 12


def test_info_says_how_files_are_taken_and_keeps_the_pattern(run: ParseRun) -> None:
    write(run.input / "A", grid("cell_{n}_{c}.tif", n=range(1, 5), c=("x", "y")))
    found = info(InfoOptions(input=run.input, pattern="{cell}_{channel}"))
    assert found.taken == "8 files = 4 cells x x, y (channels 1,2)."
    assert found.taken in str(found).splitlines()
    assert [channel.names for channel in found.channels] == [("x",), ("y",)]
    assert "--pattern" in found.command


def test_files_that_do_not_match_the_pattern_are_problems(run: ParseRun, tmp_path: Path) -> None:
    write(run.input / "A", ["a-1.tif", "a-2.tif", "b-1.tif", "b-2.tif", "overview.tif"])
    result = run(pattern="{cell}-{channel}.tif", montage=0)
    assert (result.cells, result.problems, result.channels) == (2, 1, (1, 2))
    (row,) = table(tmp_path / "out" / "problems.csv")
    assert row["object"] == "overview.tif"
    assert row["reason"] == "Its name does not match the pattern {cell}-{channel}.tif."


def test_folders_that_are_channels_are_read_by_a_pattern(run: ParseRun, tmp_path: Path) -> None:
    for label in ("Class A", "Class B"):
        for channel in ("BF", "DAPI"):
            write(run.input / label / channel, ["1.tif", "2.tif"])
    with pytest.raises(Question):
        run()
    found = info(InfoOptions(input=run.input, pattern="{channel}/{cell}.tif"))
    assert (found.files, found.cells) == ({".tif": 8}, 4)
    result = run(pattern="{channel}/{cell}.tif", montage=0)
    assert (result.cells, result.stacks) == (4, ("Class A/Class A.npy", "Class B/Class B.npy"))
    rows = table(tmp_path / "out" / "Class A" / "Class A.csv")
    assert [(row["source"], row["object"]) for row in rows] == [
        ("Class A/BF/1.tif", "1"),
        ("Class A/BF/2.tif", "2"),
    ]
    assert record(tmp_path / "out")["channel_names"] == {"1": "BF", "2": "DAPI"}


def test_folders_that_are_cells_are_read_by_a_pattern(run: ParseRun) -> None:
    for cell in ("cell 1", "cell 2"):
        write(run.input / "Class A" / cell, ["c0.tif", "c1.tif"])
    result = run(pattern="{cell}/{channel}.tif", montage=0)
    assert (result.cells, result.channels) == (2, (1, 2))
    assert result.stacks == ("Class A/Class A.npy",)
