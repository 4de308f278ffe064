"""The whole parse, on sources made up in memory: what is written, and what never is."""

from __future__ import annotations

import csv
import errno
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

import deepometry.parse as module
from deepometry.errors import DeepometryError, OptionsError
from deepometry.framing import Block
from deepometry.options import ParseOptions
from deepometry.parse import ParseResult, parse
from deepometry.progress import Cancelled, Progress
from deepometry.readers import Cell, Problem, UnreadableSource
from deepometry.stacks import StackWriter, safe_name, unique_name


@dataclass
class Made:
    """A source of random cells with channels 1, 2, 3 and 10."""

    path: str
    cells: int = 5
    size: tuple[int, int] = (20, 20)
    dtype: str = "uint16"
    stem: str = "cells"
    channels: tuple[int, ...] = (1, 2, 3, 10)
    channel_names: dict[int, str] = field(default_factory=dict)
    problems: tuple[int, ...] = ()
    swap: dict[int, Any] = field(default_factory=dict)
    names: tuple[str, ...] = ()

    @property
    def folder(self) -> tuple[str, ...]:
        return tuple(self.path.split("/")) if self.path else ()

    @property
    def source(self) -> str:
        return "/".join((*self.folder, f"{self.stem}.cif"))

    @property
    def objects(self) -> Sequence[str]:
        return self.names or [str(number) for number in range(1, self.cells + 1)]

    @property
    def keys(self) -> Sequence[str]:
        return [f"{self.source}:{name}" for name in self.objects]

    def pixels(self, number: int) -> np.ndarray:
        random = np.random.default_rng([number, len(self.source)])
        levels = [100 * channel for channel in self.channels]
        image = random.normal(levels, 5, (*self.size, len(levels)))
        return np.clip(image, 0, None).astype(self.dtype)

    @property
    def has_masks(self) -> bool:
        return False

    def read(self, channels: Sequence[int], masked: bool = False) -> Iterator[Cell | Problem]:
        lacking = [channel for channel in channels if channel not in self.channels]
        columns = [self.channels.index(n) for n in channels if n not in lacking]
        for number, name in enumerate(self.objects):
            swapped = self.swap.get(number)
            if isinstance(swapped, BaseException):
                raise swapped
            if lacking or number in self.problems:
                yield Problem(self.source, name, "Expected a good cell, found a bad one.")
            elif swapped is not None:
                yield Cell(self.source, name, swapped[..., columns])
            else:
                yield Cell(self.source, name, self.pixels(number)[..., columns])


Parse = Callable[..., ParseResult]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Parse:
    """Parse made-up sources from <tmp>/in to <tmp>/out."""
    (tmp_path / "in").mkdir()

    def parse_sources(*sources: Made, progress: Any = None, **options: Any) -> ParseResult:
        monkeypatch.setattr(module, "find_sources", lambda *_: list(sources))
        chosen = {"frame": 24, "montage": 2} | options
        places: dict[str, Any] = {"input": tmp_path / "in", "output": tmp_path / "out"}
        return parse(ParseOptions(**(places | chosen)), progress)

    return parse_sources


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def tree(folder: Path) -> dict[str, bytes]:
    """Give all files below a folder, with what they hold; parse.json but by name."""
    return {
        path.relative_to(folder).as_posix(): b"" if path.name == "parse.json" else path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def record(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "parse.json").read_text("utf-8"))


# --- what is written -------------------------------------------------------------------------


def test_folders_of_the_input_are_kept(run: Parse, tmp_path: Path) -> None:
    result = run(Made("Day 1/Class A"), Made("Day 2/Class B", 3, stem="x"), montage=0)
    assert set(tree(tmp_path / "out")) == {
        "Day 1/Class A/cells.npy",
        "Day 1/Class A/cells.csv",
        "Day 2/Class B/x.npy",
        "Day 2/Class B/x.csv",
        "parse.json",
    }
    assert (result.cells, result.problems, result.sides) == (8, 0, {})
    assert result.stacks == ("Day 1/Class A/cells.npy", "Day 2/Class B/x.npy")


def test_pixels_and_rows_are_those_of_the_cells_in_order(run: Parse, tmp_path: Path) -> None:
    source = Made("Class A", 7, size=(18, 30))
    run(source, channels="3,1")
    stack = np.load(tmp_path / "out/Class A/cells.npy", mmap_mode="r")
    assert (stack.shape, stack.dtype) == ((7, 24, 24, 2), np.uint16)
    for number, cell in enumerate(stack):
        expected = source.pixels(number)[:, 3:27][..., [2, 0]]
        np.testing.assert_array_equal(cell[3:21], expected)
        assert abs(cell[:3, :, 0].mean() - 300) < 5
    rows = table(tmp_path / "out/Class A/cells.csv")
    assert [row["object"] for row in rows] == list("1234567")
    assert rows[0]["source"] == "Class A/cells.cif"
    assert (rows[0]["height"], rows[0]["width"]) == ("18", "30")
    assert {row["note"] for row in rows} == {"cropped from 18 x 30"}


def test_a_cell_that_fits_has_no_note(run: Parse, tmp_path: Path) -> None:
    run(Made("Class A"), montage=0)
    row = table(tmp_path / "out/Class A/cells.csv")[0]
    assert list(row) == ["source", "object", "height", "width", "centre_x", "centre_y", "note"]
    assert row["note"] == row["centre_x"] == row["centre_y"] == ""


def test_channels_are_by_default_all_in_numeric_order(run: Parse, tmp_path: Path) -> None:
    result = run(Made("Class A", channel_names={10: "Ch10", 2: "Brightfield"}))
    assert result.channels == (1, 2, 3, 10)
    assert record(tmp_path / "out")["channel_names"] == {"2": "Brightfield", "10": "Ch10"}


@pytest.mark.parametrize(
    ("cells", "chosen"), [((4, 4, 9), (1, 3)), ((5, 5, 1), (1, 2, 3)), ((2, 8, 6), (1, 2, 3))]
)
def test_channels_by_default_are_those_that_most_cells_have(
    run: Parse, cells: tuple[int, int, int], chosen: tuple[int, ...]
) -> None:
    two, three, other = cells
    sources = Made("A", two, channels=(1, 2)), Made("B", three, channels=(1, 2, 3))
    result = run(*sources, Made("C", other, channels=(1, 3)))
    assert result.channels == chosen
    assert result.cells + result.problems == sum(cells)


def test_a_channel_that_no_image_has_is_one_sentence(run: Parse) -> None:
    with pytest.raises(OptionsError) as caught:
        run(Made("A"), channels="1,7,12")
    assert caught.value.fields == {
        "channels": "Channels: expected channels that the images have (1,2,3,10), found 7,12; "
        "choose among those."
    }


def test_montages_show_the_cells_where_the_table_says(run: Parse, tmp_path: Path) -> None:
    result = run(Made("Day 1/Class A", 9), channels="3,1")
    folder = tmp_path / "out/Day 1/Class A"
    stack = np.load(folder / "cells.npy")
    for cell, row in zip(stack, table(folder / "cells.csv"), strict=True):
        y, x = ((int(row[f"montage_{axis}"]) - 1) * 24 for axis in ("row", "column"))
        for position, channel in enumerate((3, 1)):
            name = f"Day 1_Class A_ch{channel}_{row['montage_sheet']}.tif"
            sheet = tifffile.imread(folder / name)
            np.testing.assert_array_equal(sheet[y : y + 24, x : x + 24], cell[..., position])
    assert len(result.montages) == 6


def test_montages_of_the_root_are_named_after_the_stack(run: Parse) -> None:
    result = run(Made("", 2, stem="sample 7"), channels="10")
    assert result.montages == ("sample 7_ch10_1.tif",)


def test_montages_of_several_sources_in_a_folder_do_not_meet(run: Parse, tmp_path: Path) -> None:
    result = run(Made("A", 3, stem="x"), Made("A", 3, stem="y"), channels="1")
    assert result.montages == ("A/A_x_ch1_1.tif", "A/A_y_ch1_1.tif")
    stack = np.load(tmp_path / "out/A/y.npy")
    sheet = tifffile.imread(tmp_path / "out/A/A_y_ch1_1.tif")
    np.testing.assert_array_equal(sheet[:24, :24], stack[0, ..., 0])


def test_names_that_differ_in_case_alone_are_kept_apart(run: Parse) -> None:
    result = run(Made("A", 2, stem="x"), Made("A", 2, stem="X"), Made("B", 2, stem="x"))
    assert result.stacks == ("A/x.npy", "A/X_2.npy", "B/x.npy")


def test_the_record_says_how_it_was_made_and_lists_every_file(run: Parse, tmp_path: Path) -> None:
    run(Made("A", 3), Made("B", 2, dtype="uint8", problems=(0,)), channels="1,3", seed=4)
    told = record(tmp_path / "out")
    assert (told["step"], told["options"]["seed"]) == ("parse", 4)
    assert (told["cells"], told["problems"]) == (4, 1)
    assert (told["channels"], told["frame"]) == ([1, 3], 24)
    assert told["dtypes"] == ["uint16", "uint8"]
    assert told["stacks"] == [
        {"path": "A/cells.npy", "cells": 3, "dtype": "uint16"},
        {"path": "B/cells.npy", "cells": 1, "dtype": "uint8"},
    ]
    assert set(told["files"]) == set(tree(tmp_path / "out"))


@pytest.mark.parametrize("single", [False, True])
def test_a_second_parse_gives_the_same_bytes(run: Parse, tmp_path: Path, single: bool) -> None:
    sources = Made("A", 9), Made("B", 4, size=(30, 11))
    options = {"split": "70/30", "one_file_per_cell": single}
    run(*sources, **options)
    run(*sources[::-1], output=tmp_path / "again", **options)
    assert tree(tmp_path / "out") == tree(tmp_path / "again")
    run(*sources, seed=1, output=tmp_path / "other", **options)
    assert tree(tmp_path / "out") != tree(tmp_path / "other")


def test_unicode_names_are_kept(run: Parse, tmp_path: Path) -> None:
    result = run(Made("Tag 1/Klasse Größe µ", 2, stem="Zellen 細胞"), channels="1")
    assert result.stacks == ("Tag 1/Klasse Größe µ/Zellen 細胞.npy",)
    row = table(tmp_path / "out/Tag 1/Klasse Größe µ/Zellen 細胞.csv")[0]
    assert row["source"] == "Tag 1/Klasse Größe µ/Zellen 細胞.cif"
    assert set(record(tmp_path / "out")["files"]) == set(tree(tmp_path / "out"))


# --- one file a cell -------------------------------------------------------------------------


def test_one_file_per_cell(run: Parse, tmp_path: Path) -> None:
    run(Made("A", 3), channels="2", one_file_per_cell=True, montage=0)
    files = set(tree(tmp_path / "out"))
    assert files == {"A/cells.csv", "parse.json", *(f"A/cells_{n}.npy" for n in (1, 2, 3))}
    run(Made("A", 3), channels="2", output=tmp_path / "stacked")
    stack = np.load(tmp_path / "stacked/A/cells.npy")
    for cell, row in zip(stack, table(tmp_path / "out/A/cells.csv"), strict=True):
        np.testing.assert_array_equal(cell, np.load(tmp_path / "out/A" / row["file"]))


def test_files_are_named_after_objects_in_names_that_every_system_accepts(
    run: Parse, tmp_path: Path
) -> None:
    names = ("cell:1", "cell_1", "Cell_1", "con", ".x", "größe µ")
    run(Made("A", names=names, stem="y"), one_file_per_cell=True, channels="1")
    assert [row["object"] for row in table(tmp_path / "out/A/y.csv")] == list(names)
    files = [row["file"] for row in table(tmp_path / "out/A/y.csv")]
    expected = ["cell_1", "cell_1_2", "Cell_1_3", "con", ".x", "größe µ"]
    assert files == [f"y_{name}.npy" for name in expected]
    assert len(list((tmp_path / "out/A").glob("*.npy"))) == 6


def test_two_sources_of_a_folder_share_its_names(run: Parse, tmp_path: Path) -> None:
    run(Made("A", 2, stem="x"), Made("A", 2, stem="X"), one_file_per_cell=True, montage=0)
    assert len(list((tmp_path / "out/A").glob("*.npy"))) == 4


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


# --- the split -------------------------------------------------------------------------------


def sides_of(folder: Path) -> dict[str, set[tuple[str, str]]]:
    return {
        side: {
            (row["source"], row["object"])
            for path in (folder / side).rglob("*.csv")
            for row in table(path)
        }
        for side in ("Train", "Hold-out")
    }


@pytest.mark.parametrize("single", [False, True])
def test_the_split_is_exact_in_every_folder(run: Parse, tmp_path: Path, single: bool) -> None:
    sources = Made("Class A", 20), Made("Class B", 10), Made("Class B", 10, stem="more")
    result = run(*sources, split="80/20", one_file_per_cell=single)
    assert result.sides == {"Train": 32, "Hold-out": 8}
    assert record(tmp_path / "out")["sides"] == {"Train": 32, "Hold-out": 8}
    sides = sides_of(tmp_path / "out")
    assert not sides["Train"] & sides["Hold-out"]
    assert sum(name.startswith("Class A") for name, _ in sides["Hold-out"]) == 4
    arrays = list((tmp_path / "out/Hold-out/Class A").glob("*.npy"))
    assert len(arrays) == (4 if single else 1)


def test_other_channels_frame_and_sources_move_no_cell(run: Parse, tmp_path: Path) -> None:
    run(Made("A", 20), split="80/20")
    before = sides_of(tmp_path / "out")
    run(Made("A", 20), Made("B", 9), split="80/20", channels="3", frame=16, montage=0)
    after = sides_of(tmp_path / "out")
    assert before == {side: {k for k in keys if k[0][0] == "A"} for side, keys in after.items()}


def test_the_noise_of_a_channel_does_not_depend_on_the_others(run: Parse, tmp_path: Path) -> None:
    run(Made("A", 4), channels="1,3")
    run(Made("A", 4), channels="3", output=tmp_path / "alone")
    both, alone = (np.load(tmp_path / name / "A/cells.npy") for name in ("out", "alone"))
    np.testing.assert_array_equal(both[..., 1:], alone)


def test_each_side_has_montages_of_its_own(run: Parse, tmp_path: Path) -> None:
    run(Made("A", 10), split="60/40", channels="2")
    for side, sheets in (("Train", 2), ("Hold-out", 1)):
        folder = tmp_path / "out" / side / "A"
        assert len(list(folder.glob("A_ch2_*.tif"))) == sheets
        for cell, row in zip(
            np.load(folder / "cells.npy"), table(folder / "cells.csv"), strict=True
        ):
            sheet = tifffile.imread(folder / f"A_ch2_{row['montage_sheet']}.tif")
            y, x = ((int(row[f"montage_{axis}"]) - 1) * 24 for axis in ("row", "column"))
            np.testing.assert_array_equal(sheet[y : y + 24, x : x + 24], cell[..., 0])


def test_samples_are_kept_whole(run: Parse, tmp_path: Path) -> None:
    paths = [f"Day {day}/Sample {name}" for day in (1, 2) for name in "ABCDE"]
    run(*(Made(path, 3) for path in paths), split="80/20", split_by="sample", montage=0)
    sides = {
        side: {source.split("/")[1] for source, _ in cells}
        for side, cells in sides_of(tmp_path / "out").items()
    }
    assert len(sides["Hold-out"]) == 1
    assert not sides["Train"] & sides["Hold-out"]
    # a side without cells of a source has no stack of it
    assert len(list((tmp_path / "out").rglob("*.npy"))) == 10


# --- what is wrong with cells ----------------------------------------------------------------


def test_cells_with_problems_are_listed_with_the_reason(run: Parse, tmp_path: Path) -> None:
    result = run(Made("A", 4, problems=(0, 2)), Made("B", 2, problems=(0, 1)), Made("C"))
    assert (result.cells, result.problems) == (7, 4)
    rows = table(tmp_path / "out/problems.csv")
    assert [row["object"] for row in rows] == ["1", "3", "1", "2"]
    assert rows[0]["source"] == "A/cells.cif"
    assert rows[0]["reason"] == "Expected a good cell, found a bad one."
    assert [row["object"] for row in table(tmp_path / "out/A/cells.csv")] == ["2", "4"]
    assert not (tmp_path / "out/B").exists()


def test_no_problems_make_no_table(run: Parse, tmp_path: Path) -> None:
    run(Made("A"))
    assert not (tmp_path / "out/problems.csv").exists()


@pytest.mark.parametrize(
    ("pixels", "words"),
    [
        (np.ones((20, 20, 4), "uint8"), ["uint8", "uint16"]),
        (np.ones((20, 20, 4), "complex64"), ["complex64"]),
        (np.ones((0, 20, 4), "uint16"), ["0 x 20"]),
    ],
)
def test_a_cell_that_does_not_fit_its_stack_is_a_problem(
    run: Parse, tmp_path: Path, pixels: np.ndarray, words: list[str]
) -> None:
    assert run(Made("A", 4, swap={2: pixels})).problems == 1
    (row,) = table(tmp_path / "out/problems.csv")
    assert row["object"] == "3"
    assert all(word in row["reason"] for word in words)
    assert np.load(tmp_path / "out/A/cells.npy").dtype == np.uint16


def test_pixels_that_are_no_numbers_are_a_problem(run: Parse, tmp_path: Path) -> None:
    broken = np.full((20, 20, 4), np.nan, "float32")
    assert run(Made("A", 4, dtype="float32", swap={0: broken})).cells == 3
    assert "NaN" in table(tmp_path / "out/problems.csv")[0]["reason"]


def test_byte_order_is_no_difference(run: Parse, tmp_path: Path) -> None:
    source = Made("A", 3)
    source.swap = {1: source.pixels(1).astype(">u2")}
    assert run(source, frame=20).problems == 0
    stack = np.load(tmp_path / "out/A/cells.npy")
    np.testing.assert_array_equal(stack[1], source.pixels(1))


def test_not_one_good_cell_is_an_error_with_the_first_reason(run: Parse, tmp_path: Path) -> None:
    with pytest.raises(DeepometryError) as caught:
        run(Made("A", 2, problems=(0, 1)), Made("B", 1, problems=(0,)))
    assert str(caught.value) == (
        f"Input location {tmp_path / 'in'}: none of 3 cells can be used; the first, "
        "1 of A/cells.cif: Expected a good cell, found a bad one."
    )
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("split_by", [None, "Sample"])
def test_a_file_that_cannot_be_opened_is_one_problem_and_moves_no_cell(
    run: Parse, tmp_path: Path, split_by: str | None
) -> None:
    sources = Made("Sample A", 10), Made("Sample B", 10)
    run(*sources, split="80/20", split_by=split_by, output=tmp_path / "before")
    broken = [UnreadableSource(path, "b", "b.cif", "Not a .cif.") for path in ((), ("Sample A",))]
    result = run(*broken[:1], *sources, *broken[1:], split="80/20", split_by=split_by)  # type: ignore
    assert (result.cells, result.problems) == (20, 2)
    rows = table(tmp_path / "out/problems.csv")
    assert rows[0] == {"source": "b.cif", "object": "", "reason": "Not a .cif."}
    assert sides_of(tmp_path / "before") == sides_of(tmp_path / "out")


@pytest.mark.parametrize("channels", [None, "3"])
def test_an_input_of_unreadable_files_says_the_first_reason(
    run: Parse, channels: str | None
) -> None:
    broken: Any = UnreadableSource(("A",), "b", "b.cif", "Expected a .cif, found nothing.")
    with pytest.raises(DeepometryError, match=r"first, A/b\.cif: Expected a \.cif, found nothing"):
        run(broken, channels=channels, split="80/20")


def test_an_input_without_cells_is_one_sentence(run: Parse) -> None:
    with pytest.raises(DeepometryError, match=r"expected \.cif or \.tif images"):
        run(Made("A", 0))


def test_an_empty_source_is_passed_over(run: Parse) -> None:
    assert run(Made("A", 0), Made("B", 2)).stacks == ("B/cells.npy",)


def test_a_source_called_problems_does_not_meet_the_table(run: Parse, tmp_path: Path) -> None:
    run(Made("", 2, stem="Problems", problems=(0,)), montage=0)
    assert set(tree(tmp_path / "out")) == {
        "Problems_2.npy",
        "Problems_2.csv",
        "problems.csv",
        "parse.json",
    }


# --- nothing half-written --------------------------------------------------------------------


def test_a_new_parse_replaces_the_old_one_and_leaves_other_files(
    run: Parse, tmp_path: Path
) -> None:
    run(Made("A", 5), Made("B", 5, problems=(0,)), split="80/20")
    (tmp_path / "out/Train/B/notes.txt").write_text("mine")
    (tmp_path / "out/other.txt").write_text("mine")
    run(Made("A", 2), montage=0)
    assert set(tree(tmp_path / "out")) == {
        "A/cells.npy",
        "A/cells.csv",
        "parse.json",
        "Train/B/notes.txt",
        "other.txt",
    }
    assert not (tmp_path / "out/Hold-out").exists()


@pytest.mark.parametrize(
    "text",
    [
        "no json",
        '{"files": ["mine.txt"]}',
        '{"step": "train", "files": ["mine.txt"]}',
        '{"step": "parse", "files": "mine.txt"}',
        '{"step": "parse", "files": ["../mine.txt", "C:mine.txt", "/mine.txt", "", 3]}',
    ],
)
def test_nothing_is_deleted_on_the_word_of_a_foreign_record(
    run: Parse, tmp_path: Path, text: str
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out/parse.json").write_text(text)
    for folder in (tmp_path, tmp_path / "out"):
        (folder / "mine.txt").write_text("mine")
    run(Made("A", 2))
    assert (tmp_path / "out/mine.txt").read_text() == "mine"
    assert (tmp_path / "mine.txt").read_text() == "mine"


ERRORS = [
    (RuntimeError("a mistake in a reader"), RuntimeError),
    (KeyboardInterrupt(), KeyboardInterrupt),
    (OSError(errno.EIO, "Input/output error"), DeepometryError),
    (DeepometryError("a sentence"), DeepometryError),
]


@pytest.mark.parametrize(("raised", "expected"), ERRORS)
@pytest.mark.parametrize("single", [False, True])
def test_an_error_leaves_the_old_output_as_it_was(
    run: Parse,
    tmp_path: Path,
    raised: BaseException,
    expected: type[BaseException],
    single: bool,
) -> None:
    run(Made("A", 5), split="80/20")
    before = tree(tmp_path / "out")
    broken = Made("B", 9, problems=(1,), swap={6: raised})
    with pytest.raises(expected):
        run(Made("A", 3), broken, split="50/50", one_file_per_cell=single)
    assert tree(tmp_path / "out") == before


def test_an_error_leaves_no_new_output(run: Parse, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError):
        run(Made("A", 5, swap={3: RuntimeError()}), output=tmp_path / "new/folder")
    assert not (tmp_path / "new").exists()


def test_an_unreadable_source_is_named(run: Parse) -> None:
    broken = Made("Day 1", 3, stem="film", swap={1: OSError(errno.EIO, "Input/output error")})
    with pytest.raises(DeepometryError, match="Day 1/film: Input/output error"):
        run(broken)


def test_cancelling_leaves_nothing(run: Parse, tmp_path: Path) -> None:
    progress = Progress(on_report=lambda done, total, text: progress.cancel())
    with pytest.raises(Cancelled):
        run(Made("A", 50), progress=progress)
    assert not (tmp_path / "out").exists()


class FullDisk:
    """A file on a disk that has no room left after the first bytes."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def write(self, data: Any) -> int:
        if self._file.tell() + memoryview(data).nbytes > 5000:
            raise OSError(errno.ENOSPC, "No space left on device")
        return int(self._file.write(data))

    def __enter__(self) -> FullDisk:
        return self

    def __exit__(self, *raised: object) -> None:
        self._file.close()


@pytest.mark.parametrize("ending", [".npy", ".tif"])
@pytest.mark.parametrize("single", [False, True])
def test_a_full_disk_is_named_and_leaves_nothing(
    run: Parse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str, single: bool
) -> None:
    real = Path.open

    def opened(path: Path, mode: str = "r", *more: Any, **kinds: Any) -> Any:
        file = real(path, mode, *more, **kinds)
        return FullDisk(file) if path.name.endswith(ending) and "b" in mode else file

    monkeypatch.setattr(Path, "open", opened)
    with pytest.raises(DeepometryError) as caught:
        run(Made("A", 30), frame=64, one_file_per_cell=single)
    assert "the disk is full: free some space" in str(caught.value)
    assert str(tmp_path / "out") in str(caught.value)
    assert ".deepometry-" not in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_an_output_below_a_file_is_one_sentence(run: Parse, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(DeepometryError, match="file"):
        run(Made("A"), output=tmp_path / "file/out")
    assert (tmp_path / "file").read_text() == "not a folder"


@pytest.mark.parametrize("place", ["in", "in/out", "in/deep/out", "out/../in/x"])
def test_the_output_must_not_lie_in_the_input(run: Parse, tmp_path: Path, place: str) -> None:
    (tmp_path / "in/deep").mkdir()
    with pytest.raises(DeepometryError, match=r"Output location .* lies in the input"):
        run(Made("A"), output=tmp_path / place)
    assert tree(tmp_path) == {}


def test_the_output_must_not_lie_in_the_input_by_another_name(run: Parse, tmp_path: Path) -> None:
    try:
        (tmp_path / "link").symlink_to(tmp_path / "in", target_is_directory=True)
    except OSError:
        pytest.skip("this system does not let its users make links")
    with pytest.raises(DeepometryError, match=r"Output location .* lies in the input"):
        run(Made("A"), output=tmp_path / "link/x")


def test_arrays_must_not_go_into_an_input_that_lies_in_the_output(
    run: Parse, tmp_path: Path
) -> None:
    assert run(Made("A"), output=tmp_path).cells == 5
    with pytest.raises(DeepometryError, match="choose another output"):
        run(Made("in"), output=tmp_path)
    with pytest.raises(DeepometryError, match="choose another output"):
        run(Made("in/deep"), output=tmp_path)


def test_an_input_that_is_missing_is_one_sentence(run: Parse, tmp_path: Path) -> None:
    with pytest.raises(DeepometryError, match=r"Input location .* does not exist"):
        run(Made("A"), input=tmp_path / "none")


# --- progress, memory ------------------------------------------------------------------------


def test_progress_counts_cells_and_ends_full(run: Parse) -> None:
    reports: list[tuple[int, int, str]] = []
    run(Made("A", 400), Made("B", 3, problems=(0,)), progress=lambda *told: reports.append(told))
    assert reports[0] == (0, 403, "Parsing A/cells")
    assert reports[-1] == (403, 403, "402 cells parsed, 1 with problems")
    assert [done for done, _, _ in reports] == sorted(done for done, _, _ in reports)
    assert len(reports) < 100


def test_a_stack_is_a_valid_array_at_any_number_of_cells(tmp_path: Path) -> None:
    for number in (0, 1, 9, 1000):
        with StackWriter(tmp_path, "s", (16, 16, 1), np.dtype("uint8")) as writer:
            for first in range(0, number, 300):
                values = np.arange(first, min(first + 300, number))
                pixels = np.ones((len(values), 16, 16, 1), "uint8")
                pixels *= (values % 251)[:, None, None, None].astype("uint8")
                cells = [("a", str(value)) for value in values]
                sizes, centres = np.full((len(values), 2), 16), np.full((len(values), 2), np.nan)
                writer.add(Block(cells, values, pixels, sizes, centres))
        stack = np.load(tmp_path / "s.npy")
        assert stack.shape == (number, 16, 16, 1)
        assert (stack[:, 3, 3, 0] == np.arange(number) % 251).all()
        assert (tmp_path / "s.npy").read_bytes()[:8] == b"\x93NUMPY\x01\x00"
        assert len(table(tmp_path / "s.csv")) == number


# --- real files ------------------------------------------------------------------------------


def write_tiffs(folder: Path, cells: int, size: tuple[int, int]) -> dict[str, np.ndarray]:
    """Write channels 3, 4 and 11 of some cells, one file each; give the pixels."""
    folder.mkdir(parents=True)
    random = np.random.default_rng(len(folder.name))
    written = {}
    for number in range(cells):
        pixels = random.integers(0, 4096, (*size, 3)).astype("uint16")
        written[f"cell_{number:03}"] = pixels
        for channel, plane in zip((3, 4, 11), np.moveaxis(pixels, 2, 0), strict=True):
            name = folder / f"cell_{number:03}_Ch{channel}.ome.tif"
            tifffile.imwrite(name, np.ascontiguousarray(plane), metadata=None)
    return written


def test_tiffs_of_one_cell_and_channel_become_stacks(tmp_path: Path) -> None:
    cells = write_tiffs(tmp_path / "in/Day 1/Class A", 5, (20, 30))
    write_tiffs(tmp_path / "in/Day 1/Class B", 3, (24, 24))
    options = ParseOptions(
        input=tmp_path / "in", output=tmp_path / "out", frame="24", channels="11,3", montage="2"
    )
    result = parse(options)
    assert (result.cells, result.problems, result.channels) == (8, 0, (11, 3))
    (path,) = (tmp_path / "out/Day 1/Class A").glob("*.npy")
    rows = table(path.with_suffix(".csv"))
    assert [row["object"] for row in rows] == list(cells)
    for cell, row in zip(np.load(path), rows, strict=True):
        np.testing.assert_array_equal(cell[2:22], cells[row["object"]][:, 3:27, [2, 0]])
    before = tree(tmp_path / "out")
    parse(options)
    assert tree(tmp_path / "out") == before
    assert "Day 1/Class A/Day 1_Class A_ch11_2.tif" in before


def test_a_damaged_tiff_is_a_problem_of_its_cell_alone(tmp_path: Path) -> None:
    write_tiffs(tmp_path / "in/Class A", 4, (20, 20))
    (tmp_path / "in/Class A/cell_002_Ch4.ome.tif").write_bytes(b"II*\0")
    result = parse(ParseOptions(input=tmp_path / "in", output=tmp_path / "out"))
    assert (result.cells, result.problems) == (3, 1)
    assert table(tmp_path / "out/problems.csv")[0]["object"] == "cell_002"


def test_an_empty_folder_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    with pytest.raises(DeepometryError):
        parse(ParseOptions(input=tmp_path / "in", output=tmp_path / "out"))
    assert not (tmp_path / "out").exists()


REAL = Path(__file__).parents[1] / "../shared/data/imagestream_example.cif"


@pytest.mark.skipif(not REAL.exists(), reason="the real .cif is not here")
@pytest.mark.parametrize("single", [False, True])
def test_a_real_cif_given_as_a_file(tmp_path: Path, single: bool) -> None:
    options = {"input": REAL, "channels": "5,1", "montage": 10, "one_file_per_cell": single}
    result = parse(ParseOptions(output=tmp_path / "out", **options))
    assert result.cells + result.problems == 111
    rows = table(tmp_path / "out/imagestream_example.csv")
    if single:
        arrays = np.stack([np.load(tmp_path / "out" / row["file"]) for row in rows])
        assert rows[0]["file"] == f"imagestream_example_{rows[0]['object']}.npy"
    else:
        arrays = np.load(tmp_path / "out/imagestream_example.npy")
    assert arrays.shape == (result.cells, 48, 48, 2)
    # brightfield is bright everywhere, noise at the border included
    assert arrays[..., 0].min() > 100
    assert len(result.montages) == 4


def test_arrays_without_a_record_are_never_mixed_with_new_ones(run: Parse, tmp_path: Path) -> None:
    run(Made("A", 5), split="80/20")
    (tmp_path / "out/parse.json").unlink()
    before = tree(tmp_path / "out")
    with pytest.raises(DeepometryError, match=r"no arrays but those that a parse\.json"):
        run(Made("A", 5))
    assert tree(tmp_path / "out") == before


@pytest.mark.parametrize("place", ["out", "out/Train"])
def test_what_an_earlier_parse_wrote_is_no_input(run: Parse, tmp_path: Path, place: str) -> None:
    run(Made("A", 5), split="80/20")
    before = tree(tmp_path / "out")
    with pytest.raises(DeepometryError, match="expected images of cells, found parsed ones"):
        run(Made("A", 5), input=tmp_path / place, output=tmp_path / "other")
    assert tree(tmp_path / "out") == before


def test_one_odd_file_at_the_start_does_not_decide_the_dtype(run: Parse, tmp_path: Path) -> None:
    odd = np.full((20, 20, 4), 0.5, np.float32)
    result = run(Made("A", 8, swap={0: odd}))
    assert (result.cells, result.problems) == (7, 1)
    assert np.load(tmp_path / "out/A/cells.npy").dtype == np.uint16
    assert "1 cell could not be used" in str(result)
