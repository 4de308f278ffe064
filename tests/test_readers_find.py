"""Finding the images below a folder."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pytest

from deepometry.core.errors import DeepometryError
from deepometry.core.file_types import IMAGES
from deepometry.core.progress import Cancelled, Progress
from deepometry.images.readers.find import find_sources, open_cells
from tests.reading import PLANE, cells_of, problem_of, touch


def test_folders_come_in_natural_order_and_hidden_ones_do_not_count(tmp_path: Path) -> None:
    touch(tmp_path, "Day 10/a.tif", "Day 2/Class b/a.tif", "Day 2/a.TIFF", "Day 2/Class A/x.tif")
    touch(tmp_path, ".hidden/a.tif", "Day 3/.a.tif")
    (tmp_path / "Day 2" / "notes.txt").touch()
    places = [(*source.folder, source.stem) for source in find_sources(tmp_path)]
    assert places == [
        ("Day 2", "Day 2"),
        ("Day 2", "Class A", "Class A"),
        ("Day 2", "Class b", "Class b"),
        ("Day 10", "Day 10"),
    ]


def test_no_images_at_all_is_explained(tmp_path: Path) -> None:
    with pytest.raises(DeepometryError, match="found nothing"):
        find_sources(tmp_path)
    (tmp_path / "sub").mkdir()
    for name in ("sub/y.txt", "sub/x.txt", "sub/z.dat"):
        (tmp_path / name).touch()
    with pytest.raises(DeepometryError) as caught:
        find_sources(tmp_path)
    assert str(tmp_path) in str(caught.value)
    assert ", ".join(IMAGES) in str(caught.value)
    assert "3 other files, such as sub/x.txt" in str(caught.value)
    with pytest.raises(DeepometryError, match="does not exist"):
        find_sources(tmp_path / "none")


def test_the_search_can_be_stopped_and_reports(tmp_path: Path) -> None:
    touch(tmp_path, "a/a.tif", "b/a.tif")
    reports: list[tuple[int, int]] = []
    find_sources(tmp_path, lambda done, total, _: reports.append((done, total)))
    assert reports == [(0, 1), (1, 3), (2, 3)]
    progress = Progress()
    progress.cancel()
    with pytest.raises(Cancelled):
        find_sources(tmp_path, progress)


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights on Windows")
def test_links_are_followed_but_not_in_a_circle(tmp_path: Path) -> None:
    touch(tmp_path, "real/a.tif", "input/b.tif")
    (tmp_path / "input" / "linked").symlink_to(tmp_path / "real")
    (tmp_path / "input" / "up").symlink_to(tmp_path)
    (tmp_path / "real" / "self").symlink_to(tmp_path / "real")
    folders = [source.folder for source in find_sources(tmp_path / "input")]
    assert folders == [(), ("linked",), ("up", "real")]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read all")
def test_a_folder_that_may_not_be_read_is_a_problem(tmp_path: Path) -> None:
    touch(tmp_path, "a/a.tif", "b/a.tif")
    (tmp_path / "b").chmod(0)
    try:
        first, second = find_sources(tmp_path)
        assert isinstance(first.objects[0], str)
        assert "permission" in problem_of(second)
    finally:
        (tmp_path / "b").chmod(0o700)


def test_a_single_file_is_opened_by_its_content(tmp_path: Path) -> None:
    touch(tmp_path, "a_Ch3.tif", "b_Ch3.tif")
    path = tmp_path / "a_Ch3.dat"
    (tmp_path / "a_Ch3.tif").rename(path)
    for source in (open_cells(path), open_cells(tmp_path / "b_Ch3.tif")):
        (cell,) = cells_of(source)
        np.testing.assert_array_equal(cell.pixels[:, :, 0], PLANE)
    assert open_cells(tmp_path / "b_Ch3.tif").channels == (3,)
    (only_one,) = find_sources(tmp_path / "b_Ch3.tif")
    assert list(only_one.objects) == ["b"]
    for name in ("none.tif", "", "text.tif"):
        (tmp_path / "text.tif").write_text("text")
        with pytest.raises(DeepometryError):
            open_cells(tmp_path / name)
