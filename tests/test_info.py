"""What `deepometry info` finds in files of cells, whole and damaged."""

from __future__ import annotations

import json
import shlex
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from deepometry.cli import cli
from deepometry.core.channel_names import own_name
from deepometry.core.errors import DeepometryError
from deepometry.core.options.fields import settings
from deepometry.core.options.parse import InfoOptions
from deepometry.core.progress import Cancelled, Progress
from deepometry.images.info import QUICK, info
from deepometry.images.info_parts import Span
from deepometry.images.info_result import LISTED, InfoResult
from deepometry.images.info_statistics import IntensityTally, ProblemTally, span, suggest_frame
from deepometry.images.readers.base import Problem
from tests.builders import REAL_CIF, random_cells, write_channel_tiffs, write_cif
from tests.reading import patch

NOISE = [np.array([[30, 0.5], [40, 0.6]])] * 3


def look(path: Path, **more: object) -> InfoResult:
    return info(InfoOptions(input=path, **more))


def write_tiffs(folder: Path, sizes: list[tuple[int, int]], channels: tuple[int, ...]) -> None:
    for number, pixels in enumerate(random_cells(sizes, len(channels))):
        write_channel_tiffs(folder, f"c{number}", pixels, channels)


def is_plain(value: object) -> bool:
    if isinstance(value, dict):
        return all(type(key) is str and is_plain(item) for key, item in value.items())
    if isinstance(value, list | tuple):
        return all(map(is_plain, value))
    return value is None or type(value) in (str, int, float, bool)


def test_a_cif_file_is_described(tmp_path: Path) -> None:
    cells = random_cells([(20, 30), (22, 50), (40, 24)])
    masks = [np.ones(cell.shape, np.uint8) for cell in cells]
    write_cif(tmp_path / "a.cif", cells, channels=(1, 5), background=NOISE, masks=masks)
    result = look(tmp_path / "a.cif")
    assert (result.cells, result.looked_at, result.problems) == (3, 3, 0)
    assert (result.height, result.width) == (Span(20, 22, 40), Span(24, 30, 50))
    assert (result.frame, result.cropped) == (56, 0)
    assert (result.backgrounds, result.centres, result.masks) == (3, 3, 1)
    assert (result.files, result.dtypes) == ({".cif": 1}, {"uint16": 3})
    assert result.details["Magnification"] == {"40x": 1}
    first, second = result.channels
    assert (first.number, first.names, second.number) == (1, ("Dye 1",), 5)
    assert first.lowest == min(int(cell[:, :, 0].min()) for cell in cells)
    assert second.highest == max(int(cell[:, :, 1].max()) for cell in cells)
    assert second.darkest == np.median([cell[:, :, 1].min() for cell in cells])
    assert second.brightest == np.median([cell[:, :, 1].max() for cell in cells])
    assert is_plain(result.plain())


def test_the_suggested_command_is_understood(tmp_path: Path) -> None:
    (tmp_path / "my cells").mkdir()
    write_cif(tmp_path / "my cells" / "a.cif", random_cells([(20, 30)] * 3), channels=(2, 7))
    result = look(tmp_path / "my cells")
    _, verb, *words = shlex.split(result.command, posix=sys.platform != "win32")
    parameters = cli.commands[verb].make_context(verb, words).params
    assert parameters["input"].strip('"') == str(tmp_path / "my cells")
    assert (parameters["frame"], parameters["channels"]) == ("32", "2,7")
    assert f"Next: {result.command}" in str(result)


def test_the_output_of_the_command_is_never_inside_the_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "in" / "deep"
    write_tiffs(folder, [(20, 20)], (1,))
    monkeypatch.chdir(folder)
    for name in (".", ".."):
        command = look(Path(name)).command
        output = shlex.split(command, posix=sys.platform != "win32")[3]
        inside = Path(name).resolve()
        assert inside not in Path(output.strip('"')).resolve().parents


def test_folders_of_tiffs_and_files_make_one_page(tmp_path: Path) -> None:
    write_tiffs(tmp_path / "Day 1", [(20, 20), (24, 18)], (1, 2))
    write_tiffs(tmp_path / "Day 2 µ 細胞", [(20, 20)], (1, 2))
    write_cif(tmp_path / "Day 1" / "x.cif", random_cells([(30, 30)] * 2))
    result = look(tmp_path)
    assert result.files == {".tif": 6, ".cif": 1}
    names = [(source.name, source.cells) for source in result.sources]
    assert names == [("Day 1/x.cif", 2), ("Day 1", 2), ("Day 2 µ 細胞", 1)]
    text = str(result)
    assert "5 cells in 6 .tif, 1 .cif files; parse makes 3 stacks of them." in text
    assert "Day 1 2 1,2 20-24 18-20" in " ".join(text.split())
    assert "Not all have" not in text


def test_one_file_or_one_folder_gets_no_list(tmp_path: Path) -> None:
    write_tiffs(tmp_path, [(6, 9)], (3,))
    for path in (tmp_path, tmp_path / "c0_Ch3.ome.tif"):
        result = look(path)
        assert result.sources[0].name == "c0_Ch3.ome.tif"
        assert "1 cell in 1 .tif file; parse makes 1 stack of them." in str(result)
        assert "File or folder" not in str(result)
        assert "Suggested frame: 16 pixels, which holds the one cell whole." in str(result)


def test_different_channels_are_told(tmp_path: Path) -> None:
    write_tiffs(tmp_path / "a", [(20, 20)] * 3, (1, 5))
    write_tiffs(tmp_path / "b", [(20, 20)], (1, 2, 5))
    write_tiffs(tmp_path / "c", [(20, 20)], (1, 2, 5))
    result = look(tmp_path)
    sets = [(s.channels, s.sources, s.cells) for s in result.channel_sets]
    assert sets == [((1, 5), 1, 3), ((1, 2, 5), 2, 2)]
    assert [(c.number, c.cells) for c in result.channels] == [(1, 5), (2, 2), (5, 5)]
    assert "channels 1,2,5: 2 cells in 2 stacks" in str(result)
    assert result.command.endswith("--channels 1,5")


def test_many_sources_are_summed_up_in_the_text_only(tmp_path: Path) -> None:
    for number in range(LISTED + 3):
        write_tiffs(tmp_path / f"Day {number}", [(20, 20)], (1,))
    result = look(tmp_path)
    assert len(result.plain()["sources"]) == LISTED + 3
    assert "... and 3 more (--json lists all)." in str(result)
    assert f"Day {LISTED - 1} " in str(result)
    assert f"Day {LISTED} " not in str(result)


def test_damaged_and_missing_cells_are_counted_by_kind(tmp_path: Path) -> None:
    write_tiffs(tmp_path, [(20, 20)] * 9, (1, 2))
    for number in range(4):
        (tmp_path / f"c{number}_Ch2.ome.tif").unlink()
    (tmp_path / "c5_Ch1.ome.tif").write_bytes(b"II*\0 but no picture")
    result = look(tmp_path)
    assert (result.cells, result.looked_at, result.problems) == (9, 4, 5)
    missing, damaged = result.problem_kinds
    assert (missing.object, missing.number, damaged.object) == ("c0", 4, "c5")
    assert "Channel 2" in missing.reason.capitalize()
    text = str(result)
    assert "Problems with 5 cells or files:" in text
    assert "(and 3 more like it)" in text
    assert "A quick look" not in text


def test_files_that_cannot_be_read_do_not_hide_the_others(tmp_path: Path) -> None:
    write_cif(tmp_path / "good.cif", random_cells([(20, 20)] * 2))
    (tmp_path / "bad.cif").write_bytes(b"no picture at all")
    result = look(tmp_path)
    assert (result.cells, result.problems) == (2, 1)
    assert result.files == {".cif": 2}
    assert result.problem_kinds[0].source == "bad.cif"
    assert [source.channels for source in result.sources] == [(), (1, 2)]
    assert "1 problem:" in str(result)


def test_a_damaged_end_is_told_even_by_a_quick_look(tmp_path: Path) -> None:
    count = QUICK + 20
    cells = random_cells([(8, 8)] * count, 1)
    places = write_cif(tmp_path / "a.cif", cells, ids=[1] * count, object_count=None)
    patch(tmp_path / "a.cif", places[-5].image, b"\xff" * 40)
    for quick in (False, True):
        result = look(tmp_path / "a.cif", quick=quick)
        assert result.problems == 1
        assert result.problem_kinds[0].source.startswith("a")
    assert result.looked_at == QUICK


def test_nothing_that_can_be_read_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DeepometryError, match="does not exist"):
        look(tmp_path / "none")
    with pytest.raises(DeepometryError, match="found nothing"):
        look(tmp_path)
    for name in ("a_Ch1.tif", "b_Ch1.tif"):
        (tmp_path / name).write_bytes(b"II*\0 but no picture")
    with pytest.raises(DeepometryError, match="none of 2 cells or files can be read; the first"):
        look(tmp_path)
    with pytest.raises(DeepometryError, match=r"^a_Ch1\.tif"):
        look(tmp_path / "a_Ch1.tif")


def test_pixels_that_parse_cannot_use_are_problems(tmp_path: Path) -> None:
    kinds = {
        "a": np.zeros((5, 5), np.float32) + np.nan,
        "b": np.zeros((5, 5), np.complex64),
        "c": np.linspace(0, 1, 25, dtype=np.float32).reshape(5, 5),
        "d": np.arange(25, dtype=np.uint8).reshape(5, 5),
    }
    for name, plane in kinds.items():
        write_channel_tiffs(tmp_path, name, plane[:, :, None], (1,))
    result = look(tmp_path)
    assert result.problems == 2
    assert result.dtypes == {"float32": 1, "uint8": 1}
    assert "parse leaves the rarer ones of a stack out" in str(result)
    json.dumps(result.plain(), allow_nan=False)


def test_a_quick_look_takes_the_first_cells_of_every_source(tmp_path: Path) -> None:
    write_cif(tmp_path / "a.cif", random_cells([(8, 8)] * QUICK + [(30, 30)] * 5, 1))
    write_cif(tmp_path / "b.cif", random_cells([(8, 8)] * 3, 1))
    result = look(tmp_path, quick=True)
    assert (result.cells, result.looked_at) == (QUICK + 8, QUICK + 3)
    assert result.height.maximum == 8
    assert f"A quick look: only {QUICK + 3} cells, the first ones" in str(result)
    assert look(tmp_path).height.maximum == 30
    assert f"first {QUICK} cells" in settings(InfoOptions)["quick"][0].help


def test_a_look_reports_and_can_be_stopped(tmp_path: Path) -> None:
    write_cif(tmp_path / "a.cif", random_cells([(8, 8)] * 20, 1))
    reports: list[tuple[int, int]] = []
    info(InfoOptions(input=tmp_path), lambda done, total, _: reports.append((done, total)))
    assert reports[-1] == (20, 20)
    progress = Progress(on_report=lambda *_: progress.cancel())
    with pytest.raises(Cancelled):
        info(InfoOptions(input=tmp_path), progress)


def test_a_channel_without_signal_is_noticed(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    cells = rng.normal(30, 2, (40, 30, 30, 3)).round().astype(np.uint16)
    cells[3, 12:18, 12:18, 1] += 60
    cells[9, 12:18, 12:18, 1] += 60
    cells[20, 12:18, 12:18, 1] += 60
    cells[..., 2] = 7
    write_cif(tmp_path / "a.cif", list(cells))
    result = look(tmp_path)
    assert [channel.faint for channel in result.channels] == [True, False, True]
    assert "no signal" in str(result)
    assert "empty: the same value in every pixel" in str(result)


def test_a_real_file() -> None:
    if not REAL_CIF.is_file():
        pytest.skip("the file is not on this machine")
    result = look(REAL_CIF)
    assert (result.cells, result.frame, result.cropped) == (111, 48, 3)
    assert [c.number for c in result.channels if c.faint] == [2]
    assert [c.number for c in result.channels if c.brightfield] == [5]
    assert "3 are larger and would be cropped" in str(result)


@pytest.mark.parametrize(
    ("sides", "expected"),
    [
        ({5: 10}, (16, 0)),
        ({48: 95, 49: 5}, (48, 5)),
        ({48: 94, 49: 6}, (56, 0)),
        ({41: 1}, (48, 0)),
        ({2000: 3}, (1024, 3)),
    ],
)
def test_the_frame_holds_nearly_all_cells(sides: dict, expected: tuple[int, int]) -> None:
    assert suggest_frame(sides) == expected


def test_the_median_of_counted_sizes() -> None:
    rng = np.random.default_rng(1)
    for _ in range(20):
        sizes = rng.integers(1, 30, rng.integers(1, 40)).tolist()
        middle = sorted(sizes)[(len(sizes) - 1) // 2]
        assert span(Counter(sizes)) == Span(min(sizes), middle, max(sizes))
    assert span({}) is None


def test_intensities_of_many_cells_stay_small() -> None:
    tally = IntensityTally(sampled=16)
    for number in range(1000):
        tally.add((1,), np.full((4, 4, 1), number, np.uint16))
        assert len(tally._sample) <= 32
    channel = tally.channels()[1]
    assert (channel["lowest"], channel["highest"], channel["cells"]) == (0, 999, 1000)
    assert channel["darkest"] == pytest.approx(500, abs=40)


def test_a_rare_set_of_channels_is_told_though_none_of_it_is_sampled() -> None:
    tally = IntensityTally(sampled=2)
    for number in range(99):
        tally.add((2,) if number == 51 else (1,), np.full((4, 4, 1), number, np.uint16))
    assert tally.channels()[2]["brightest"] == 51


def test_problems_of_many_kinds_stay_few() -> None:
    tally = ProblemTally(most=5)
    for number in range(50):
        tally.add(Problem("a.cif", str(number), "wrong " + "x" * (number % 10)))
        tally.add(Problem("b.tif", f"cell{number}", f"cell{number}_Ch1.tif has {1000 + number} B"))
    assert tally.number == 100
    assert [kind.number for kind in tally.kinds()] == [5, 50, 5, 5, 5]


@pytest.mark.parametrize(
    ("name", "own"),
    [("Ch5", ""), ("ch05", ""), ("Channel 5", ""), ("Ch6", "Ch6"), ("SSC", "SSC"), (" ", "")],
)
def test_names_that_are_only_numbers_are_left_out(name: str, own: str) -> None:
    assert own_name(5, [name]) == own
