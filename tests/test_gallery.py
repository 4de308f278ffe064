"""The picture of the first cells: grey values, frames, sizes, places."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from deepometry.core.contact_sheet import CANVAS
from deepometry.core.contrast import LARGEST_SIDE, choose_scale, grey, offset, overlap, stretch
from deepometry.core.errors import DeepometryError, OptionsError, Question
from deepometry.core.options.parse import InfoOptions
from deepometry.core.picture_text import Pen
from deepometry.core.progress import Cancelled, Progress
from deepometry.images.frame import frame_cell
from deepometry.images.gallery import (
    ROWS,
    check_gallery,
    gallery_image,
    pick_cells,
    png_bytes,
    write_gallery,
)
from deepometry.images.gallery_sheet import FRAME, TILE
from deepometry.images.info import info
from deepometry.images.padding_noise import Noise
from deepometry.images.readers.base import Source
from deepometry.images.readers.find import find_sources
from tests.builders import acquisition_xml, random_cells, write_channel_tiffs, write_cif


def cif(folder: Path, cells: list[np.ndarray], name: str = "a.cif", **more: object) -> list[Source]:
    folder.mkdir(parents=True, exist_ok=True)
    write_cif(folder / name, cells, **more)
    return find_sources(folder)


def pixels(picture: Image.Image) -> np.ndarray:
    return np.asarray(picture).astype(int)


def spots(picture: Image.Image, colour: tuple[int, int, int]) -> np.ndarray:
    """Return rows and columns of all pixels of a colour."""
    return np.argwhere((pixels(picture) == colour).all(-1))


def test_the_frame_stands_where_parse_cuts(tmp_path: Path) -> None:
    """An odd cell larger than the frame in height and smaller in width, enlarged by 128 // 16."""
    cell = random_cells([(21, 11)], 1)[0]
    picture = gallery_image(cif(tmp_path, [cell]), 16)
    ys, xs = spots(picture, FRAME).T
    top, left, bottom, right = ys.min(), xs.min(), ys.max(), xs.max()
    assert (bottom - top + 1, right - left + 1) == (16 * 8, 16 * 8)
    line = {(y, x) for y in range(top, bottom + 1) for x in (left, right)}
    line |= {(y, x) for y in (top, bottom) for x in range(left, right + 1)}
    assert set(map(tuple, spots(picture, FRAME).tolist())) == line
    low, high = stretch([cell[:, :, 0]])
    inside = pixels(picture)[top + 4 : bottom : 8, left + 4 : right : 8]
    columns = slice(2, 13)  # floor((16 - 11) / 2) before, the rest after
    np.testing.assert_array_equal(
        inside[:, columns], np.stack([grey(cell[2:18, :, 0], low, high)] * 3, axis=-1)
    )
    assert (inside[:, :2] == TILE).all()
    assert (inside[:, 13:] == TILE).all()
    above = pixels(picture)[top - 4, left + 2 * 8 + 4]
    assert above[0] == grey(cell[1, :1, 0], low, high)[0]


@pytest.mark.parametrize("size", [10, 15, 16, 17, 31, 40])
@pytest.mark.parametrize("frame", [15, 16])
def test_offsets_are_those_of_parse(size: int, frame: int) -> None:
    rows = np.arange(1, size + 1, dtype=np.uint16)[:, None, None]
    ramp = np.ascontiguousarray(np.broadcast_to(rows, (size, frame, 1)))
    framed = frame_cell(ramp, frame, "", Noise(0, [1]), np.zeros((1, 2)))[:, 0, 0]
    expected = np.arange(frame) + offset(size, frame) + 1
    np.testing.assert_array_equal(
        framed, np.where((expected > 0) & (expected <= size), expected, 0)
    )
    seen, place = overlap(size, frame)
    assert seen.stop - seen.start == place.stop - place.start == min(size, frame)


def test_grey_values_mean_the_same_in_all_cells(tmp_path: Path) -> None:
    dim, bright = np.full((16, 16, 1), 100, np.uint16), np.full((16, 16, 1), 300, np.uint16)
    picture = pixels(gallery_image(cif(tmp_path, [dim, bright, (dim + bright) // 2]), 16))
    column = picture[:, spots(Image.fromarray(picture.astype(np.uint8)), FRAME)[0, 1] + 60]
    assert {0, 128, 255} <= {int(grey[0]) for grey in column if len(set(grey)) == 1}


def test_a_hot_pixel_does_not_darken_the_others() -> None:
    plane = np.random.default_rng(0).integers(100, 200, (60, 60)).astype(np.uint16)
    plane[5, 5] = 65535
    low, high = stretch([plane])
    assert 99 < low < high < 200
    assert grey(plane, low, high)[5, 5] == 255
    assert (grey(np.full((2, 2), 7), 7, 7) == 0).all()


@pytest.mark.parametrize(
    ("sizes", "channels"),
    [([(1100, 1024)] * 3, 12), ([(40, 44)] * 14, 64), ([(3, 2)], 1), ([(30, 400), (400, 30)], 2)],
)
def test_no_picture_is_gigantic(tmp_path: Path, sizes: list, channels: int) -> None:
    cells = [np.zeros((*size, channels), np.uint16) for size in sizes]
    xml = acquisition_xml(range(1, channels + 1), max(12, channels))
    result = info(InfoOptions(input=tmp_path)) if cif(tmp_path, cells, xml=xml) else None
    assert result is not None
    picture = gallery_image(find_sources(tmp_path), result.frame, title="a" * 500)
    assert max(picture.size) <= LARGEST_SIDE
    assert min(picture.size) >= 200


def test_one_odd_cell_does_not_make_the_others_tiny() -> None:
    scale = choose_scale([(40, 40)] * 11 + [(900, 30)], 48, 12, 4)
    assert (scale.window, scale.factor) == ((72, 48), 2)
    assert choose_scale([(900, 900)], 904, 12, 4).factor < 0.3


def test_cells_come_from_different_folders_in_turns(tmp_path: Path) -> None:
    for day in range(3):
        for name in "ab":
            cif(tmp_path / f"Day {day}", random_cells([(9, 9)] * 20, 1), f"{name}.cif")
    write_channel_tiffs(tmp_path / "Day 3", "only", random_cells([(9, 9)], 1)[0], (1,))
    cells = pick_cells(find_sources(tmp_path), 12, Progress())
    names = [(cell.folder, cell.name) for cell in cells]
    assert len(names) == 12
    assert names[:4] == [
        ("Day 0", "a.cif #0"),
        ("Day 0", "a.cif #1"),
        ("Day 0", "b.cif #0"),
        ("Day 0", "b.cif #1"),
    ]
    assert ("Day 3", "only") in names
    few = pick_cells(find_sources(tmp_path), 3, Progress())
    assert [cell.folder for cell in few] == ["Day 0", "Day 1", "Day 3"]


def test_damaged_cells_are_passed_over(tmp_path: Path) -> None:
    for number, cell in enumerate(random_cells([(9, 9)] * 4, 1)):
        write_channel_tiffs(tmp_path, f"c{number}", cell, (1,))
    (tmp_path / "c1_Ch1.ome.tif").write_bytes(b"II*\0")
    (tmp_path / "bad.cif").write_bytes(b"nothing")
    sources = find_sources(tmp_path)
    assert [cell.name for cell in pick_cells(sources, 12, Progress())] == ["c0", "c2", "c3"]
    with pytest.raises(DeepometryError, match="expected cells that can be read, found none"):
        gallery_image(sources[:1], 16)


def test_good_cells_behind_many_bad_ones_are_found(tmp_path: Path) -> None:
    for number, cell in enumerate(random_cells([(9, 9)] * 4, 1)):
        write_channel_tiffs(tmp_path, f"c{number}", cell, (1,))
        if number < 3:
            (tmp_path / f"c{number}_Ch1.ome.tif").write_bytes(b"II*\0")
    cells = pick_cells(find_sources(tmp_path), 12, Progress(), tries=2)
    assert [cell.name for cell in cells] == ["c3"]


def test_channels_that_a_cell_lacks_stay_empty(tmp_path: Path) -> None:
    cif(tmp_path / "a", random_cells([(16, 16)], 2), channels=(1, 5))
    picture = gallery_image(cif(tmp_path / "b", random_cells([(16, 16)], 1), channels=(5,)), 16)
    both = gallery_image(find_sources(tmp_path), 16)
    # three frames, of 128 pixels a side each
    assert len(spots(picture, FRAME)) == 4 * 127
    assert len(spots(both, FRAME)) == 3 * 4 * 127
    assert len(spots(both, TILE)) > 128 * 128 - 2000


def test_stopping(tmp_path: Path) -> None:
    sources = cif(tmp_path, random_cells([(16, 16)], 2))
    progress = Progress()
    progress.cancel()
    with pytest.raises(Cancelled):
        gallery_image(sources, 16, progress=progress)


def test_names_of_any_letters_fit_their_column(tmp_path: Path) -> None:
    folder = tmp_path / "Класс 細胞 é" / ("very long " * 12).strip()
    cif(folder, random_cells([(16, 16)], 1), name="zelle µ.cif")
    picture = gallery_image(find_sources(tmp_path), 16, title="Übersicht \ud800\n" + "x" * 400)
    left = spots(picture, FRAME)[:, 1].min()
    between = pixels(picture)[60:200, left - 20 : left - 2]
    assert (between == CANVAS).all()
    pen = Pen()
    assert pen.wrapped(["one two three"], pen.width("one two")) == ["one two", "three"]


def test_the_file_is_whole_or_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    picture = gallery_image(cif(tmp_path / "in", random_cells([(16, 16)] * (ROWS + 3), 1)), 16)
    with Image.open(io.BytesIO(png_bytes(picture))) as read:
        assert (read.format, read.mode, read.size) == ("PNG", "RGB", picture.size)
    target = tmp_path / "out" / "look.PNG"
    check_gallery(target)
    assert not target.parent.exists()
    write_gallery(picture, target)
    before = target.read_bytes()
    monkeypatch.setattr(Image.Image, "save", lambda *_, **how: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write_gallery(picture, target)
    assert target.read_bytes() == before
    assert list(target.parent.iterdir()) == [target]


def test_names_that_no_picture_can_have(tmp_path: Path) -> None:
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "file").touch()
    for name, words in (("a.jpg", "ends in .png"), ("folder.png", "found the folder")):
        with pytest.raises(OptionsError, match=words) as caught:
            check_gallery(tmp_path / name)
        assert "gallery" in caught.value.fields
    with pytest.raises(DeepometryError):
        check_gallery(tmp_path / "file" / "a.png")


def test_a_file_of_the_name_is_replaced_only_when_allowed(tmp_path: Path) -> None:
    cif(tmp_path / "in", random_cells([(16, 16)]))
    target = tmp_path / "look.png"
    target.write_bytes(b"somebody's")
    options = InfoOptions(input=tmp_path / "in", gallery=target)
    with pytest.raises(Question, match=r"look\.png exists already") as asked:
        info(options)
    assert (asked.value.option, target.read_bytes()) == ("overwrite", b"somebody's")
    info(replace(options, overwrite=True))
    assert target.read_bytes().startswith(b"\x89PNG")
