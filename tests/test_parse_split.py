"""The split of a parse into training and hold-out cells."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from tests.parsing import CifInput, ParseRun, record, sides_of, table


@pytest.fixture
def run(tmp_path: Path) -> ParseRun:
    return ParseRun(tmp_path)


@pytest.mark.parametrize("single", [False, True])
def test_the_split_is_exact_in_every_folder(run: ParseRun, tmp_path: Path, single: bool) -> None:
    sources = CifInput("Class A", 20), CifInput("Class B", 10), CifInput("Class B", 10, stem="more")
    result = run(*sources, split="80/20", one_file_per_cell=single)
    assert result.sides == {"Train": 32, "Hold-out": 8}
    assert record(tmp_path / "out")["sides"] == {"Train": 32, "Hold-out": 8}
    sides = sides_of(tmp_path / "out")
    assert not sides["Train"] & sides["Hold-out"]
    assert sum(name.startswith("Class A") for name, _ in sides["Hold-out"]) == 4
    arrays = list((tmp_path / "out/Hold-out/Class A").glob("*.npy"))
    assert len(arrays) == (4 if single else 1)


def test_other_channels_frame_and_sources_move_no_cell(run: ParseRun, tmp_path: Path) -> None:
    run(CifInput("A", 20), split="80/20")
    before = sides_of(tmp_path / "out")
    run(CifInput("A", 20), CifInput("B", 9), split="80/20", channels="3", frame=16, montage=0)
    after = sides_of(tmp_path / "out")
    assert before == {side: {k for k in keys if k[0][0] == "A"} for side, keys in after.items()}


def test_the_noise_of_a_channel_does_not_depend_on_the_others(
    run: ParseRun, tmp_path: Path
) -> None:
    run(CifInput("A", 4), channels="1,3")
    run(CifInput("A", 4), channels="3", output=tmp_path / "alone")
    both, alone = (np.load(tmp_path / name / "A/cells.npy") for name in ("out", "alone"))
    np.testing.assert_array_equal(both[..., 1:], alone)


def test_each_side_has_montages_of_its_own(run: ParseRun, tmp_path: Path) -> None:
    run(CifInput("A", 10), split="60/40", channels="2")
    for side, sheets in (("Train", 2), ("Hold-out", 1)):
        folder = tmp_path / "out" / side / "A"
        assert len(list(folder.glob("A_ch2_*.tif"))) == sheets
        for cell, row in zip(
            np.load(folder / "cells.npy"), table(folder / "cells.csv"), strict=True
        ):
            sheet = tifffile.imread(folder / f"A_ch2_{row['montage_sheet']}.tif")
            y, x = ((int(row[f"montage_{axis}"]) - 1) * 24 for axis in ("row", "column"))
            np.testing.assert_array_equal(sheet[y : y + 24, x : x + 24], cell[..., 0])


def test_samples_are_kept_whole(run: ParseRun, tmp_path: Path) -> None:
    paths = [f"Day {day}/Sample {name}" for day in (1, 2) for name in "ABCDE"]
    run(*(CifInput(path, 3) for path in paths), split="80/20", split_by="sample", montage=0)
    sides = {
        side: {source.split("/")[1] for source, _ in cells}
        for side, cells in sides_of(tmp_path / "out").items()
    }
    assert len(sides["Hold-out"]) == 1
    assert not sides["Train"] & sides["Hold-out"]
    # a side without cells of a source has no stack of it
    assert len(list((tmp_path / "out").rglob("*.npy"))) == 10
