"""Images that show their channels side by side are recognised, asked about, and split."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from deepometry.cells.parse import parse
from deepometry.core.errors import OptionsError, Question
from deepometry.core.options.parse import InfoOptions, ParseOptions
from deepometry.images.info import info
from deepometry.images.pictures import picture_of
from deepometry.images.readers.base import Cell, Problem
from deepometry.images.readers.find import find_sources
from deepometry.images.readers.strips import split_strips
from deepometry.images.strips import tiles_in
from tests.builders import SHARED, random_cells, write_cif
from tests.parsing import record, table

SIDE = 32


def picture(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)))


def png_size(png: bytes) -> tuple[int, int]:
    """Return width and height of a picture."""
    height, width = picture(png).shape
    return width, height


def blob(
    side: int, width: int, long: float, short: float, rng: np.random.Generator, shift: float = 1
) -> np.ndarray:
    """Draw one ellipse near the middle of a noisy image, its axes in pixels."""
    y, x = np.mgrid[:side, :width]
    down, right = rng.normal(0, shift, 2)
    far = ((x - width / 2 - right) / long) ** 2 + ((y - side / 2 - down) / short) ** 2
    return 100 + 200 * np.exp(-(far**2)) + rng.normal(0, 4, (side, width))


def cells_side_by_side(levels: Sequence[int], images: int, seed: int = 0) -> list[np.ndarray]:
    """Make images of one round cell in several channels, of these background levels."""
    rng = np.random.default_rng(seed)
    return [
        np.concatenate([blob(SIDE, SIDE, 9, 9, rng) + level for level in levels], axis=1)
        for _ in range(images)
    ]


def confluent(tiles: int, images: int) -> list[np.ndarray]:
    """Make images of channels that are full of structure up to their edges."""
    rng = np.random.default_rng(1)
    made = []
    for _ in range(images):
        waves = rng.normal(0, 1, (SIDE, tiles, SIDE)).cumsum(0).cumsum(2)
        made.append(waves.reshape(SIDE, -1))
    return made


@pytest.mark.parametrize("images", [1, 3, 12])
@pytest.mark.parametrize(
    "levels", [(0,) * 5, (0, 0, 0), (0, 400), (900, 0, 5, 5, 5), tuple(range(0, 1600, 100))]
)
def test_channels_side_by_side_are_counted(levels: Sequence[int], images: int) -> None:
    made = cells_side_by_side(levels, images)
    assert tiles_in(made) == len(levels)
    assert tiles_in([image.T for image in made]) == len(levels)


@pytest.mark.parametrize("tiles", [2, 3, 6])
def test_channels_full_of_structure_are_counted(tiles: int) -> None:
    assert tiles_in(confluent(tiles, 6)) == tiles


@pytest.mark.parametrize("images", [1, 4, 16])
@pytest.mark.parametrize("long", [6, 20, 40, 60])
@pytest.mark.parametrize("width", [64, 96, 128])
def test_an_elongated_cell_is_one_picture(width: int, long: float, images: int) -> None:
    rng = np.random.default_rng(width)
    made = [blob(SIDE, width, long, 9, rng, 3) for _ in range(images)]
    assert tiles_in(made) == 0
    assert tiles_in([image.T for image in made]) == 0


@pytest.mark.parametrize(
    "images",
    [
        [],
        [np.zeros((32, 96))],
        [np.full((32, 32), 7.0)],
        cells_side_by_side((0, 400), 3) + cells_side_by_side((0, 400, 0), 1),
        [image[:, :-1] for image in cells_side_by_side((0, 400, 0), 3)],
        [image[:4] for image in cells_side_by_side((0, 400, 0), 3)],
        list(np.random.default_rng(0).normal(100, 5, (9, 32, 96))),
    ],
    ids=["none", "empty", "square", "sizes", "no multiple", "flat", "noise"],
)
def test_other_images_are_no_strips(images: list[np.ndarray]) -> None:
    assert tiles_in(images) == 0


def test_two_cells_that_touch_are_one_picture() -> None:
    rng = np.random.default_rng(3)
    made = [np.roll(blob(32, 64, 8, 8, rng), 9, 1) for _ in range(9)]
    made = [image + np.roll(blob(32, 64, 8, 8, rng), -9, 1) for image in made]
    assert tiles_in(made) == 0


@pytest.mark.skipif(not SHARED.exists(), reason="the real cells are not here")
@pytest.mark.parametrize("order", [(0, 1, 2), (0, 1), (2, 0), (1, 1, 2)])
def test_real_channels_side_by_side_are_counted(order: tuple[int, ...]) -> None:
    cells = np.load(SHARED / "jurkat_cell_cycle.npz")["images"][::200]
    strips = [np.concatenate([cell[..., c] for c in order], axis=1) for cell in cells]
    assert tiles_in(strips) == len(order)
    assert tiles_in([cell[10:30, :, 0] for cell in cells]) == 0


# --- reading ---------------------------------------------------------------------------------


def write_strips(folder: Path, strips: Sequence[np.ndarray]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number, strip in enumerate(strips):
        tifffile.imwrite(folder / f"{number}@0x0.tif", strip.astype(np.uint16), metadata=None)


def read(folder: Path, tiles: int, channels: Sequence[int]) -> list[Cell | Problem]:
    (source,) = split_strips(find_sources(folder), tiles)
    return list(source.read(channels))


def test_every_tile_becomes_a_channel(tmp_path: Path) -> None:
    wide = np.arange(4 * 12).reshape(4, 12)
    write_strips(tmp_path, [wide, wide.T, wide[:, :11]])
    first, second, third = read(tmp_path, 3, (3, 1))
    assert isinstance(first, Cell)
    assert isinstance(second, Cell)
    np.testing.assert_array_equal(first.pixels[..., 0], wide[:, 8:])
    np.testing.assert_array_equal(first.pixels[..., 1], wide[:, :4])
    np.testing.assert_array_equal(second.pixels[..., 0], wide[:, 8:].T)
    assert isinstance(third, Problem)
    assert "Expected 3 tiles of one size side by side, found an image of 4 x 11" in third.reason


def test_tiles_of_channels_are_numbered_on(tmp_path: Path) -> None:
    tifffile.imwrite(
        tmp_path / "a.tif",
        np.arange(2 * 4 * 8, dtype=np.uint16).reshape(2, 4, 8),
        photometric="minisblack",
        metadata={"axes": "CYX"},
        ome=True,
    )
    (source,) = split_strips(find_sources(tmp_path), 2)
    assert source.channels == (1, 2, 3, 4)
    (cell,) = source.read((4, 1))
    assert cell.pixels[0, 0].tolist() == [32 + 4, 0]


def test_files_of_instruments_are_never_split(tmp_path: Path) -> None:
    write_cif(tmp_path / "a.cif", random_cells([(8, 24)] * 3, 2))
    (source,) = split_strips(find_sources(tmp_path), 3)
    assert source.channels == (1, 2)


# --- the question ----------------------------------------------------------------------------


@pytest.fixture
def strips(tmp_path: Path) -> Path:
    write_strips(tmp_path / "in/Class A", cells_side_by_side((0,) * 5, 4))
    return tmp_path / "in"


def test_strips_are_asked_about_with_pictures_of_both(strips: Path, tmp_path: Path) -> None:
    for ask in (
        lambda: parse(ParseOptions(input=strips, output=tmp_path / "out")),
        lambda: info(InfoOptions(input=strips)),
    ):
        with pytest.raises(Question) as caught:
            ask()
        assert caught.value.option == "tiles"
        assert "images are 32 x 160 pixels and look like 5 square pictures" in str(caught.value)
        split, whole = caught.value.choices
        assert (split.value, whole.value) == ("5", "1")
        assert png_size(split.picture) == (160 + 4 * 4, 32)
        assert png_size(whole.picture) == (160, 32)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("tiles", "channels"), [("5", (1, 2, 3, 4, 5)), (1, (1,))])
def test_the_answer_decides_the_channels(
    strips: Path, tmp_path: Path, tiles: str | int, channels: tuple[int, ...]
) -> None:
    result = parse(
        ParseOptions(input=strips, output=tmp_path / "out", tiles=tiles, frame=32, montage=0)
    )
    assert (result.cells, result.problems, result.channels) == (4, 0, channels)
    stack = np.load(tmp_path / "out/Class A/Class A.npy")
    assert stack.shape == (4, 32, 32, len(channels))
    first = tifffile.imread(strips / "Class A/0@0x0.tif")
    shown = np.concatenate(list(stack[0].transpose(2, 0, 1)), axis=1)
    np.testing.assert_array_equal(shown, first if len(channels) > 1 else first[:, 64:96])
    assert info(InfoOptions(input=strips, tiles=tiles)).channel_sets[0].channels == channels
    row = table(tmp_path / "out/Class A/Class A.csv")[0]
    assert (row["source"], row["width"]) == ("Class A/0@0x0.tif", "32" if tiles == "5" else "160")
    assert record(tmp_path / "out")["options"]["tiles"] == int(tiles)


@pytest.mark.parametrize("given", [0, 17, "two"])
def test_tiles_are_one_to_sixteen(tmp_path: Path, given: int | str) -> None:
    with pytest.raises(OptionsError, match="Tiles: expected a whole number from 1 to 16"):
        ParseOptions(input=tmp_path, output=tmp_path / "out", tiles=given)


@pytest.mark.parametrize(
    ("shape", "size"),
    [((2000, 1000), (240, 480)), ((40, 40), (160, 160)), ((200, 300), (300, 200))],
)
def test_pictures_of_questions_are_small(shape: tuple[int, int], size: tuple[int, int]) -> None:
    image = np.random.default_rng(0).random(shape)
    assert png_size(picture_of(image)) == size
    with_frame = picture(picture_of(np.full((200, 200), 9.0), frame=50))
    assert (with_frame[75, 80], with_frame[74, 80]) == (255, 0)


@pytest.mark.parametrize("kind", [".png", ".npy", ".zip"])
def test_strips_of_any_kind_of_file_are_asked_about(tmp_path: Path, kind: str) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    strips = [strip.astype(np.uint16) for strip in cells_side_by_side((0,) * 3, 4)]
    if kind == ".npy":
        np.save(folder / "cells.npy", np.stack(strips))
    elif kind == ".png":
        for number, strip in enumerate(strips):
            Image.fromarray((strip >> 2).astype(np.uint8)).save(folder / f"{number}.png")
    else:
        write_strips(tmp_path / "loose", strips)
        with zipfile.ZipFile(folder / "cells.zip", "w") as archive:
            for path in (tmp_path / "loose").iterdir():
                archive.write(path, path.name)
    options = {"input": folder, "output": tmp_path / "out", "montage": 0, "pages": "cells"}
    with pytest.raises(Question, match="look like 3 square pictures"):
        parse(ParseOptions(**options))
    assert parse(ParseOptions(tiles=3, **options)).channels == (1, 2, 3)


@pytest.mark.parametrize(
    ("tiles", "refused"), [(4, True), (10, True), (2, True), (5, False), (1, False)]
)
def test_another_number_of_tiles_than_the_images_show_is_refused(
    tmp_path: Path, tiles: int, refused: bool
) -> None:
    for number, image in enumerate(cells_side_by_side((0, 90, 0, 90, 0), 3)):
        tifffile.imwrite(tmp_path / f"{number}.tif", image.astype(np.uint8))
    options = InfoOptions(input=tmp_path, tiles=tiles)
    if not refused:
        assert len(info(options).channels) == tiles
        return
    with pytest.raises(
        OptionsError, match=f"Tiles: expected 5, .* 32 x 160 .*, found {tiles}"
    ) as error:
        info(options)
    assert set(error.value.fields) == {"tiles"}
