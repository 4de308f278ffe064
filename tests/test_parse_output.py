"""A parse writes all or nothing, and only where nothing is lost."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from deepometry.cells.parse import parse
from deepometry.core.errors import DeepometryError
from deepometry.core.options.parse import ParseOptions
from deepometry.core.progress import Cancelled, Progress
from deepometry.images.readers.base import Cell, Problem
from deepometry.images.readers.tiff_folder import TiffSource
from tests.builders import random_cells
from tests.parsing import CifInput, ParseRun, TiffInput, tree


@pytest.fixture
def run(tmp_path: Path) -> ParseRun:
    return ParseRun(tmp_path)


def test_a_new_parse_replaces_the_old_one_and_leaves_other_files(
    run: ParseRun, tmp_path: Path
) -> None:
    run(CifInput("A", 5), CifInput("B", 5, damaged=(0,)), split="80/20")
    (tmp_path / "out/Train/B/notes.txt").write_text("mine")
    (tmp_path / "out/other.txt").write_text("mine")
    run(CifInput("A", 2), montage=0)
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
    run: ParseRun, tmp_path: Path, text: str
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out/parse.json").write_text(text)
    for folder in (tmp_path, tmp_path / "out"):
        (folder / "mine.txt").write_text("mine")
    run(CifInput("A", 2))
    assert (tmp_path / "out/mine.txt").read_text() == "mine"
    assert (tmp_path / "mine.txt").read_text() == "mine"


def fail_after(cells: int, error: BaseException, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let reading .tif files end in an error after some cells."""
    read = TiffSource.read

    def failing(source: TiffSource, *how: Any) -> Iterator[Cell | Problem]:
        yield from islice(read(source, *how), cells)
        raise error

    monkeypatch.setattr(TiffSource, "read", failing)


MANY = random_cells([(20, 20)] * 70, 1)
"""More cells than a block has, so that some are written before an error behind them."""

ERRORS = [
    (RuntimeError("a mistake in a reader"), RuntimeError),
    (KeyboardInterrupt(), KeyboardInterrupt),
    (OSError(errno.EIO, "Input/output error"), DeepometryError),
    (DeepometryError("a sentence"), DeepometryError),
]


@pytest.mark.parametrize(("raised", "expected"), ERRORS)
@pytest.mark.parametrize("single", [False, True])
def test_an_error_leaves_the_old_output_as_it_was(
    run: ParseRun,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    raised: BaseException,
    expected: type[BaseException],
    single: bool,
) -> None:
    run(CifInput("A", 5), split="80/20")
    before = tree(tmp_path / "out")
    sources = CifInput("A", 3, damaged=(1,)), TiffInput("B", MANY, channels=(1,))
    fail_after(68, raised, monkeypatch)
    with pytest.raises(expected):
        run(*sources, split="50/50", one_file_per_cell=single)
    assert tree(tmp_path / "out") == before


def test_an_error_leaves_no_new_output(
    run: ParseRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail_after(68, RuntimeError(), monkeypatch)
    with pytest.raises(RuntimeError):
        run(TiffInput("A", MANY, channels=(1,)), output=tmp_path / "new/folder")
    assert not (tmp_path / "new").exists()


def test_an_unreadable_source_is_named(run: ParseRun, monkeypatch: pytest.MonkeyPatch) -> None:
    fail_after(1, OSError(errno.EIO, "Input/output error"), monkeypatch)
    with pytest.raises(DeepometryError, match=r"^Day 1/Day 1: Input/output error"):
        run(TiffInput("Day 1", MANY[:3], channels=(1,)))


def test_cancelling_leaves_nothing(run: ParseRun, tmp_path: Path) -> None:
    def cancel(done: int, total: int, text: str) -> None:
        if text.startswith("Parsing"):
            progress.cancel()

    progress = Progress(on_report=cancel)
    with pytest.raises(Cancelled):
        run(CifInput("A", 50), progress=progress)
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
    run: ParseRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str, single: bool
) -> None:
    real = Path.open

    def opened(path: Path, mode: str = "r", *more: Any, **kinds: Any) -> Any:
        file = real(path, mode, *more, **kinds)
        return FullDisk(file) if path.name.endswith(ending) and "b" in mode else file

    monkeypatch.setattr(Path, "open", opened)
    with pytest.raises(DeepometryError) as caught:
        run(CifInput("A", 30), frame=64, one_file_per_cell=single)
    assert "the disk is full: free some space" in str(caught.value)
    assert str(tmp_path / "out") in str(caught.value)
    assert ".deepometry-" not in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_an_output_below_a_file_is_one_sentence(run: ParseRun, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(DeepometryError, match="file"):
        run(CifInput("A"), output=tmp_path / "file/out")
    assert (tmp_path / "file").read_text() == "not a folder"


@pytest.mark.parametrize("place", ["in", "in/out", "in/deep/out", "out/../in/x"])
def test_the_output_must_not_lie_in_the_input(run: ParseRun, tmp_path: Path, place: str) -> None:
    run.write(CifInput("A"))
    (tmp_path / "in/deep").mkdir()
    with pytest.raises(DeepometryError, match=r"Output location .* lies in the input"):
        run(output=tmp_path / place)
    assert set(tree(tmp_path)) == {"in/A/cells.cif"}


def test_the_output_must_not_lie_in_the_input_by_another_name(
    run: ParseRun, tmp_path: Path
) -> None:
    try:
        (tmp_path / "link").symlink_to(tmp_path / "in", target_is_directory=True)
    except OSError:
        pytest.skip("this system does not let its users make links")
    with pytest.raises(DeepometryError, match=r"Output location .* lies in the input"):
        run(CifInput("A"), output=tmp_path / "link/x")


def test_arrays_must_not_go_into_an_input_that_lies_in_the_output(
    run: ParseRun, tmp_path: Path
) -> None:
    assert run(CifInput("A"), output=tmp_path).cells == 5
    with pytest.raises(DeepometryError, match="choose another output"):
        run(CifInput("in"), output=tmp_path)
    with pytest.raises(DeepometryError, match="choose another output"):
        run(CifInput("in/deep"), output=tmp_path)


def test_an_input_that_is_missing_is_one_sentence(run: ParseRun, tmp_path: Path) -> None:
    with pytest.raises(DeepometryError, match=r"Input location .* does not exist"):
        run(CifInput("A"), input=tmp_path / "none")


def test_arrays_without_a_record_are_never_mixed_with_new_ones(
    run: ParseRun, tmp_path: Path
) -> None:
    run(CifInput("A", 5), split="80/20")
    (tmp_path / "out/parse.json").unlink()
    before = tree(tmp_path / "out")
    with pytest.raises(DeepometryError, match=r"no arrays but those that a parse\.json"):
        run(CifInput("A", 5))
    assert tree(tmp_path / "out") == before


@pytest.mark.parametrize("place", ["out", "out/Train"])
def test_what_an_earlier_parse_wrote_is_no_input(run: ParseRun, tmp_path: Path, place: str) -> None:
    run(CifInput("A", 5), split="80/20")
    before = tree(tmp_path / "out")
    with pytest.raises(DeepometryError, match="expected images of cells, found parsed ones"):
        run(CifInput("A", 5), input=tmp_path / place, output=tmp_path / "other")
    assert tree(tmp_path / "out") == before


def test_an_empty_folder_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    with pytest.raises(DeepometryError):
        parse(ParseOptions(input=tmp_path / "in", output=tmp_path / "out"))
    assert not (tmp_path / "out").exists()
