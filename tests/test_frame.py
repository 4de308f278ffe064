"""Crop, pad and noise: exact places, exact bytes, never a wrapped value."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from deepometry.images.frame import CORNER, corner_background, frame_cell, frame_cells
from deepometry.images.padding_noise import Noise

DTYPES = ["uint8", "uint16", "int16", "uint32", "int64", "uint64", "float32", "float64"]


def numbered(height: int, width: int, channels: int = 1, dtype: str = "uint16") -> np.ndarray:
    """Return an image in which every pixel has a value of its own."""
    values = np.arange(1000, 1000 + height * width * channels)
    return values.reshape(height, width, channels).astype(dtype)


def framed(pixels: np.ndarray, frame: int, **more: object) -> np.ndarray:
    noise = Noise(0, range(1, pixels.shape[2] + 1))
    return frame_cell(pixels, frame, "a cell", noise, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("size", "frame", "first"), [(9, 4, 2), (8, 4, 2), (9, 8, 0), (10, 8, 1), (11, 8, 1), (8, 8, 0)]
)
def test_crops_the_floor_of_half_the_surplus_off_the_top_and_left(
    size: int, frame: int, first: int
) -> None:
    pixels = numbered(size, size, 2)
    expected = pixels[first : first + frame, first : first + frame]
    np.testing.assert_array_equal(framed(pixels, frame), expected)


@pytest.mark.parametrize(
    ("size", "frame", "before"), [(4, 8, 2), (5, 8, 1), (4, 7, 1), (7, 8, 0), (1, 16, 7)]
)
def test_pads_the_floor_of_half_the_gap_before_and_the_rest_after(
    size: int, frame: int, before: int
) -> None:
    pixels = numbered(size, size, 2)
    background = np.array([[5.0, 0.0], [6.0, 0.0]])
    expected = np.empty((frame, frame, 2), "uint16")
    expected[...] = 5, 6
    expected[before : before + size, before : before + size] = pixels
    np.testing.assert_array_equal(framed(pixels, frame, background=background), expected)


@pytest.mark.parametrize(("height", "width"), [(20, 9), (9, 20)])
def test_each_axis_is_cropped_or_padded_on_its_own(height: int, width: int) -> None:
    pixels = numbered(height, width)
    result = framed(pixels, 16, background=np.array([[7.0, 0.0]]))
    if height > width:
        np.testing.assert_array_equal(result[:, 3:12], pixels[2:18])
        border = np.concatenate([result[:, :3], result[:, 12:]], axis=1)
    else:
        np.testing.assert_array_equal(result[3:12], pixels[:, 2:18])
        border = np.concatenate([result[:3], result[12:]])
    assert (border == 7).all()


@pytest.mark.parametrize("dtype", DTYPES)
def test_keeps_the_dtype_and_every_pixel_of_the_cell(dtype: str) -> None:
    pixels = numbered(10, 10, 3).astype(dtype)
    result = framed(pixels, 16)
    assert result.dtype == np.dtype(dtype)
    np.testing.assert_array_equal(result[3:13, 3:13], pixels)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "uint32", "uint64"])
def test_noise_near_zero_never_wraps(dtype: str) -> None:
    pixels = np.random.default_rng(1).integers(0, 4, (12, 12, 2)).astype(dtype)
    result = framed(pixels, 48, background=np.array([[0.5, 2.0], [0.0, 3.0]]))
    assert result.max() < 30
    assert (result == 0).mean() > 0.3


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "int64", "uint64"])
def test_noise_near_the_largest_value_never_wraps(dtype: str) -> None:
    most = np.iinfo(dtype).max
    pixels = np.full((12, 12, 1), most, dtype)
    result = framed(pixels, 32, background=np.array([[float(most), 4.0]]))
    assert result.min() > most * 0.8


def test_noise_of_integers_is_rounded_not_truncated() -> None:
    result = framed(numbered(2, 2), 16, background=np.array([[9.6, 0.0]]))
    assert result[0, 0, 0] == 10


def test_noise_of_floats_is_not_rounded() -> None:
    result = framed(numbered(8, 8, dtype="float32"), 16, background=np.array([[0.2, 1.0]]))
    border = result[:4]
    assert (border != np.rint(border)).any()
    assert border.min() < 0


def test_noise_has_the_mean_and_spread_of_the_background_that_the_file_gives() -> None:
    background = np.array([[300.0, 12.0], [50.0, 3.0]])
    border = framed(numbered(4, 4, 2), 256, background=background)[:120].reshape(-1, 2)
    np.testing.assert_allclose(border.mean(0), [300, 50], atol=0.3)
    np.testing.assert_allclose(border.std(0), [12, 3], rtol=0.02)


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -1.0])
def test_a_background_that_is_no_number_gives_way_to_the_corner(wrong: float) -> None:
    pixels = numbered(20, 20)
    result = framed(pixels, 32, background=np.array([[3.0, wrong]]))
    np.testing.assert_array_equal(result, framed(pixels, 32))


@pytest.mark.parametrize("corner", [(0, 0), (0, -1), (-1, 0), (-1, -1)])
def test_background_is_the_calmest_corner_of_each_channel(corner: tuple[int, int]) -> None:
    pixels = np.random.default_rng(2).integers(0, 1000, (40, 36, 2)).astype("uint16")
    y, x = (slice(0, CORNER) if end == 0 else slice(-CORNER, None) for end in corner)
    pixels[y, x, 0] = 77
    pixels[:CORNER, :CORNER, 1] = 88
    mean, spread = corner_background(pixels)
    np.testing.assert_array_equal(mean, [77, 88])
    np.testing.assert_array_equal(spread, [0, 0])


def test_background_matches_numpy_on_the_corner() -> None:
    pixels = np.random.default_rng(3).normal(500, 80, (40, 40, 1)).astype("uint16")
    pixels[:CORNER, -CORNER:] = pixels[:CORNER, -CORNER:] // 10 + 400
    mean, spread = corner_background(pixels)
    corner = pixels[:CORNER, -CORNER:].astype(float)
    np.testing.assert_allclose([mean[0], spread[0]], [corner.mean(), corner.std()])


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 30, 2), (3, 5, 1), (2, 2, 4)])
def test_tiny_images_can_be_framed(shape: tuple[int, int, int]) -> None:
    assert framed(numbered(*shape), 16).shape == (16, 16, shape[2])


def test_the_same_cell_gives_the_same_bytes_and_another_cell_others() -> None:
    pixels = np.random.default_rng(4).normal(500, 80, (20, 20, 2)).astype("uint16")
    noise, others = Noise(0, (1, 2)), Noise(0, (1, 2))
    first = frame_cell(pixels, 32, "cell 1", noise)
    frame_cell(pixels, 48, "cell 2", others)
    np.testing.assert_array_equal(first, frame_cell(pixels, 32, "cell 1", others))
    assert (first != frame_cell(pixels, 32, "cell 2", noise)).any()
    assert (first != frame_cell(pixels, 32, "cell 1", Noise(1, (1, 2)))).any()


def test_the_noise_of_a_channel_does_not_depend_on_the_other_channels() -> None:
    pixels = np.random.default_rng(5).normal(500, 80, (20, 20, 3)).astype("uint16")
    every = frame_cell(pixels, 32, "cell", Noise(0, (1, 2, 3)))
    swapped = frame_cell(pixels[..., [2, 0]], 32, "cell", Noise(0, (3, 1)))
    alone = frame_cell(pixels[..., [2]], 32, "cell", Noise(0, (3,)))
    np.testing.assert_array_equal(swapped, every[..., [2, 0]])
    np.testing.assert_array_equal(alone, every[..., [2]])


def test_seed_channel_and_key_cannot_be_confused() -> None:
    states = [Noise(1, (2,)).states("3"), Noise(12, (3,)).states(""), Noise(1, (23,)).states("")]
    states += [Noise(1, (2,)).states("#3"), Noise(1, (2,)).states("#03")]
    assert len({int(state[0]) for state in states}) == 5


def test_many_cells_of_a_file_have_the_noise_of_each_alone() -> None:
    noise, numbers = Noise(3, (1, 9, 12)), np.array([0, 7, 10**17])
    many = noise.states_of("Day 1/a.cif#", numbers)
    for state, number in zip(many, numbers, strict=True):
        np.testing.assert_array_equal(noise.states(f"Day 1/a.cif#{number}"), state)
    assert len(np.unique(many)) == many.size


def test_noise_is_normal_and_independent_between_channels_and_cells() -> None:
    pixels = np.zeros((1, 1, 2), "float32")
    background = np.array([[0.0, 1.0], [0.0, 1.0]])
    drawn = [
        frame_cell(pixels, 256, f"a#{number}", Noise(0, (1, 2)), background) for number in (1, 2)
    ]
    rows = np.concatenate([cell[:120].reshape(-1, 2).T for cell in drawn])
    assert np.abs(np.corrcoef(rows) - np.eye(4)).max() < 0.03
    assert np.abs(rows.mean(1)).max() < 0.02
    np.testing.assert_allclose((rows**2).mean(1), 1, atol=0.03)
    np.testing.assert_allclose((rows**4).mean(1), 3, atol=0.3)
    neighbours = np.corrcoef(rows[0, :-1], rows[0, 1:])[0, 1]
    assert abs(neighbours) < 0.03


def test_the_same_bytes_on_every_computer() -> None:
    pixels = np.arange(1, 7, dtype="uint16").reshape(2, 3, 1) * 100
    result = frame_cell(pixels, 16, "a.cif#4", Noise(5, (9,)), np.array([[30.0, 4.0]]))
    assert hashlib.sha256(result.astype("<u2").tobytes()).hexdigest()[:16] == "e207a542011480b8"


def test_names_that_are_not_text_are_keys_too() -> None:
    assert Noise(0, (1,)).states("bad \udcff name").shape == (1,)


def masks(shape: tuple[int, ...]) -> np.ndarray:
    return np.random.default_rng(8).choice([0, 0, 1, 2, 3], shape).astype("uint8")


def test_what_lies_outside_the_mask_becomes_background() -> None:
    pixels, background = numbered(10, 12, 2), np.array([[5.0, 0.0], [6.0, 0.0]])
    mask = masks(pixels.shape)
    result = framed(pixels, 16, background=background, mask=mask)[3:13, 2:14]
    np.testing.assert_array_equal(result, np.where(mask, pixels, np.array([5, 6])))


def test_masked_pixels_have_the_noise_of_their_place() -> None:
    pixels, background = numbered(10, 12, 2), np.array([[50.0, 5.0], [60.0, 5.0]])
    mask = masks(pixels.shape)
    nothing = framed(pixels, 16, background=background, mask=np.zeros_like(mask))
    result = framed(pixels, 16, background=background, mask=mask)
    plain = framed(pixels, 16, background=background)
    shown = np.zeros(result.shape, bool)
    shown[3:13, 2:14] = mask != 0
    np.testing.assert_array_equal(result, np.where(shown, plain, nothing))


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1)])
@pytest.mark.parametrize("masked", [False, True])
def test_many_cells_are_framed_as_each_alone(order: tuple[int, ...], masked: bool) -> None:
    random = np.random.default_rng(9)
    shapes = random.integers(3, 40, (30, 2))
    cells = [random.integers(0, 65536, (h, w, 3)).astype("uint16") for h, w in shapes]
    shown = [masks(cell.shape) for cell in cells]
    background = np.abs(random.normal(50, 9, (30, 3, 2)))
    background[::3, 1, 0] = np.nan
    counts = shapes.prod(1) * 3
    noise, columns = Noise(2, (7, 8, 9)), np.array(order)
    framed = frame_cells(
        flat(cells),
        np.cumsum(counts) - counts,
        shapes,
        columns,
        24,
        noise.states_of("a.cif#", np.arange(30)),
        background,
        flat(shown) if masked else None,
    )
    for number, cell in enumerate(cells):
        mask = shown[number][..., columns] if masked else None
        level = background[number][columns]
        alone = frame_cell(cell[..., columns], 24, f"a.cif#{number}", noise, level, mask)
        np.testing.assert_array_equal(framed[number], alone)


def flat(cells: list[np.ndarray]) -> np.ndarray:
    """Put cells one behind the other, each as (height, channels, width)."""
    return np.concatenate([cell.transpose(0, 2, 1).ravel() for cell in cells])


def test_half_floats_and_the_other_byte_order_are_framed() -> None:
    for dtype in ("float16", ">u2", ">f4"):
        pixels = numbered(10, 10).astype(dtype)
        result = framed(pixels, 16)
        assert result.dtype == np.dtype(dtype)
        np.testing.assert_array_equal(result[3:13, 3:13], pixels)
