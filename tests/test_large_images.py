"""Whole fields of view are recognised by size and content, and asked about."""

from __future__ import annotations

import shlex
from pathlib import Path

import numpy as np
import pytest
import tifffile

from deepometry.cells.parse import parse
from deepometry.core.errors import OptionsError, Question
from deepometry.core.options.parse import InfoOptions, ParseOptions
from deepometry.images.info import info
from deepometry.images.large_images import count_objects, find_fields, kept_share
from tests.builders import SHARED, random_cells, write_cif
from tests.parsing import record

SIZES = [(300, 320), (512, 512), (600, 700), (1040, 1390)]


def spots(
    size: tuple[int, int], centres: np.ndarray, radius: float, level: float = 200, seed: int = 0
) -> np.ndarray:
    """Draw round cells on a noisy background."""
    image = np.random.default_rng(seed).normal(100, 4, size)
    y, x = np.mgrid[: size[0], : size[1]]
    for down, right in centres:
        image[(y - down) ** 2 + (x - right) ** 2 < radius**2] += level
    return image


def field(size: tuple[int, int], cells: int = 12, level: float = 200, seed: int = 0) -> np.ndarray:
    """Draw cells on a grid, each a little off its place."""
    rng = np.random.default_rng(seed)
    places = np.stack(np.meshgrid(np.arange(4), np.arange(-(-cells // 4))), -1).reshape(-1, 2)
    steps = np.array(size) / (4, -(-cells // 4))
    centres = (places[:cells] + 0.5 + rng.uniform(-0.15, 0.15, (cells, 2))) * steps
    return spots(size, centres, 11, level, seed)


def single(size: tuple[int, int], seed: int = 0) -> np.ndarray:
    """Draw one large cell with bright spots in it."""
    rng = np.random.default_rng(seed)
    middle, radius = np.array(size) / 2, min(size) / 7
    image = spots(size, middle[None], radius, 60, seed)
    return image + spots(size, middle + rng.uniform(-0.6, 0.6, (9, 2)) * radius, 4, 90, seed)


@pytest.mark.parametrize("level", [200, -80])
@pytest.mark.parametrize("size", SIZES)
def test_cells_of_a_field_are_counted(size: tuple[int, int], level: float) -> None:
    assert 10 <= count_objects(field(size, 12, level)) <= 12


@pytest.mark.parametrize("size", [(160, 160), (248, 248), (512, 512)])
def test_one_cell_is_not_several_objects(size: tuple[int, int]) -> None:
    assert count_objects(single(size)) == 0
    assert count_objects(np.random.default_rng(0).normal(9, 2, size)) == 0
    assert count_objects(np.full(size, 7)) == 0


@pytest.mark.parametrize("frame", [48, 320, 1024])
@pytest.mark.parametrize("size", SIZES)
def test_fields_are_recognised_whatever_the_frame(size: tuple[int, int], frame: int) -> None:
    found = find_fields([field(size, seed=n) for n in range(3)], frame)
    assert found
    assert found.sides == size
    assert found.objects >= 10


@pytest.mark.parametrize(
    ("images", "frame", "asked"),
    [
        ([single((300, 320))], 48, True),
        ([single((300, 320))], 304, False),
        ([single((300, 320))], 160, False),
        ([field((200, 220))], 48, True),
        ([field((200, 220))], 160, False),
        ([field((128, 128), 8)], 48, True),
        ([field((127, 127), 8)], 48, False),
        ([single((128, 128))], 48, False),
        ([single((248, 248))], 48, False),
        ([single((120, 700))], 48, False),
        ([field((300, 320)), field((310, 320)), field((300, 330))], 48, False),
        ([field((300, 320))] * 8 + [field((40, 40))], 48, True),
        ([field((300, 320))] + [single((40, 40))] * 8, 48, False),
        ([], 48, False),
    ],
    ids=[
        "little is kept of a large one",
        "all of it is kept",
        "a quarter is kept",
        "several cells in a smaller image",
        "half of that is kept",
        "eight cells in a small image",
        "an even smaller one",
        "one small cell of a cytometer",
        "one cell of a cytometer",
        "a long cell",
        "all sizes",
        "nearly all are fields",
        "nearly all are cells",
        "no images",
    ],
)
def test_single_cells_are_not_taken_for_fields(
    images: list[np.ndarray], frame: int, asked: bool
) -> None:
    assert (find_fields(images, frame) is not None) is asked


def test_the_share_that_a_frame_keeps() -> None:
    assert kept_share((300, 320), 48) == pytest.approx(0.024)
    assert kept_share((20, 40), 30) == 0.75
    assert kept_share((20, 20), 30) == 1


@pytest.mark.skipif(not SHARED.exists(), reason="the real cells are not here")
def test_real_cells_are_not_several_objects_when_they_are_large() -> None:
    cells = np.load(SHARED / "jurkat_cell_cycle.npz")["images"][::150]
    nuclei = np.load(SHARED / "mitocheck_nuclei.npz")["images"][::100]
    for channel in range(3):
        large = [np.kron(cell[..., channel], np.ones((6, 6))) for cell in cells]
        assert find_fields(large, 48) is None
    assert find_fields([np.kron(nucleus, np.ones((4, 4))) for nucleus in nuclei], 48) is None


# --- the question ----------------------------------------------------------------------------


@pytest.fixture
def fields(tmp_path: Path) -> ParseOptions:
    (tmp_path / "in").mkdir()
    for number in range(2):
        image = field((300, 320), seed=number).astype(np.uint8)
        tifffile.imwrite(tmp_path / f"in/field{number}.tif", image)
    return ParseOptions(input=tmp_path / "in", output=tmp_path / "out", montage=0)


def with_options(options: ParseOptions, **more: object) -> ParseOptions:
    return ParseOptions(
        **{"input": options.input, "output": options.output, "montage": 0} | more  # type: ignore
    )


@pytest.mark.parametrize(
    ("frame", "values", "words"),
    [
        (48, ["whole", "crop"], "300 x 320 pixels, of which a frame of 48 keeps 2 %, with about"),
        ("auto", ["whole"], "300 x 320 pixels, with about"),
        (512, ["whole"], "300 x 320 pixels, with about"),
    ],
)
def test_fields_are_asked_about(
    fields: ParseOptions, frame: int | str, values: list[str], words: str
) -> None:
    with pytest.raises(Question) as caught:
        parse(with_options(fields, frame=frame))
    assert caught.value.option == "large_images"
    assert words in str(caught.value)
    assert "CellProfiler" in str(caught.value)
    assert [choice.value for choice in caught.value.choices] == values
    assert all(choice.picture.startswith(b"\x89PNG") for choice in caught.value.choices)
    assert not fields.output.exists()


@pytest.mark.parametrize(("answer", "frame"), [("crop", 48), ("whole", 320)])
def test_the_answer_decides_the_frame(fields: ParseOptions, answer: str, frame: int) -> None:
    result = parse(with_options(fields, large_images=answer))
    assert (result.cells, result.frame) == (2, frame)
    assert bool(result.warnings) is (answer == "crop")
    assert record(fields.output)["sizes"]["cropped"] == (2 if answer == "crop" else 0)


def test_images_beyond_the_largest_frame_say_what_is_kept(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    tifffile.imwrite(tmp_path / "in/a.tif", field((1500, 2000)).astype(np.uint8))
    with pytest.raises(Question) as caught:
        parse(ParseOptions(input=tmp_path / "in", output=tmp_path / "out"))
    detail = caught.value.choices[0].detail
    assert detail == "A frame of 1024 pixels, the largest there is, which keeps 35 % of each"


def test_large_cells_of_an_instrument_are_never_asked_about(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    write_cif(tmp_path / "in/a.cif", random_cells([(300, 320)] * 2, 1))
    result = parse(ParseOptions(input=tmp_path / "in", output=tmp_path / "out", montage=0))
    assert result.warnings[0].startswith("2 of 2 cells were larger than the frame of 48 pixels")


def test_an_answer_that_there_is_not_is_refused(fields: ParseOptions) -> None:
    with pytest.raises(OptionsError, match="Large images: expected one of ask, crop, whole"):
        with_options(fields, large_images="both")


@pytest.mark.parametrize("size", [(300, 320), (128, 128)])
def test_info_says_what_parse_will_ask(tmp_path: Path, size: tuple[int, int]) -> None:
    (tmp_path / "in").mkdir()
    for number in range(4):
        image = field(size, 12 if size[0] > 200 else 8, seed=number).astype(np.uint8)
        tifffile.imwrite(tmp_path / f"in/field{number}.tif", image)
    result = info(InfoOptions(input=tmp_path / "in"))
    with pytest.raises(Question) as asked:
        parse(ParseOptions(input=tmp_path / "in", output=tmp_path / "out", montage=0))
    assert result.fields.startswith(
        f"Large images: expected images of single cells, found images of {size[0]}"
    )
    assert "objects in each" in result.fields and "objects in each" in str(asked.value)
    text = str(result)
    assert result.fields in text and "Next, if every image is one cell: " in text
    words = shlex.split(result.command)
    assert words[words.index("--large-images") + 1] == "whole" and "--frame" not in words
    whole = ParseOptions(
        input=tmp_path / "in", output=tmp_path / "out", montage=0, large_images="whole"
    )
    assert parse(whole).cells == 4


def test_info_says_nothing_of_fields_where_there_are_none(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    tifffile.imwrite(tmp_path / "in/a.tif", single((300, 320)).astype(np.uint8))
    result = info(InfoOptions(input=tmp_path / "in"))
    assert result.fields == "" and "--frame 320" in result.command
