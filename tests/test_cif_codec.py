"""Both codings of the Amnis format."""

from __future__ import annotations

import numpy as np
import pytest

from deepometry.images.cif.codec import (
    CifError,
    decode_grey,
    decode_mask,
    decode_plain,
    encode_grey,
    encode_mask,
)
from tests.builders import random_cells, wide
from tests.reading import assert_same


@pytest.mark.parametrize("shape", [(1, 1), (1, 2), (2, 1), (1, 257), (300, 1), (7, 5), (40, 240)])
@pytest.mark.parametrize("top", [1, 8, 1024, 65536])
def test_grey_comes_back_exactly(shape: tuple[int, int], top: int) -> None:
    picture = np.random.default_rng(top).integers(0, top, shape).astype(np.uint16)
    assert_same(decode_grey(encode_grey(picture), *shape), picture)


def test_the_widest_steps_need_six_groups() -> None:
    picture = np.zeros((4, 4), np.uint16)
    picture[::2, ::2] = picture[1::2, 1::2] = 65535
    coded = encode_grey(picture)
    assert_same(decode_grey(coded, 4, 4), picture)
    assert decode_grey(coded, 4, 4).dtype == np.uint16


@pytest.mark.parametrize(
    ("number", "groups"),
    [(0, [0]), (3, [3]), (4, [12, 0]), (31, [15, 3]), (32, [8, 12, 0]), (65535, [15] * 5 + [1])],
)
def test_a_number_is_coded_in_the_fewest_groups_lowest_first(
    number: int, groups: list[int]
) -> None:
    padded = [*groups, 0][: len(groups) + len(groups) % 2]
    expected = bytes(low | high << 4 for low, high in zip(padded[::2], padded[1::2], strict=True))
    assert encode_grey(np.array([[number]], np.uint16)) == expected


def test_negative_numbers_have_their_sign_in_the_last_group() -> None:
    # 5 takes two groups, 13 and 0; the step of -4 one, 4.
    assert encode_grey(np.array([[5, 1]], np.uint16)) == bytes([0x0D, 0x04])


def test_decoding_wraps_at_sixteen_bits() -> None:
    assert decode_grey(bytes([0x07]), 1, 1)[0, 0] == 65535  # -1


@pytest.mark.parametrize(
    ("data", "shape"),
    [
        (b"", (1, 1)),
        (b"\0", (1, 3)),  # too few
        (b"\0\0", (1, 2)),  # too many
        (b"\x10", (1, 1)),  # the unused half byte is not 0
        (b"\x88", (1, 1)),  # no end
        (b"\x88\x88\x88\x08", (1, 1)),  # seven groups
        (b"\x00\x80", (1, 3)),  # ends within a number
        (bytes(100), (2_000_000_000, 2_000_000_000)),
        (bytes(100), (0, 10)),
        (bytes(100), (10, -1)),
        (bytes(10_000), (1, 2)),
    ],
)
def test_a_damaged_grey_strip_is_refused(data: bytes, shape: tuple[int, int]) -> None:
    with pytest.raises(CifError):
        decode_grey(data, *shape)


def test_every_cut_of_a_grey_strip_is_refused() -> None:
    coded = encode_grey(wide(random_cells([(9, 11)], 3)[0]))
    for length in range(len(coded)):
        with pytest.raises(CifError):
            decode_grey(coded[:length], 9, 33)


@pytest.mark.parametrize("shape", [(1, 1), (1, 256), (1, 257), (3, 512), (40, 240)])
def test_masks_come_back_exactly(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(1)
    for mask in (np.zeros(shape, np.uint8), rng.integers(0, 4, shape).astype(np.uint8)):
        assert_same(decode_mask(encode_mask(mask), *shape), mask)


def test_runs_go_on_across_rows_and_are_256_at_most() -> None:
    assert encode_mask(np.ones((3, 100), np.uint8)) == bytes([1, 255, 1, 43])


@pytest.mark.parametrize(
    ("data", "shape"),
    [
        (b"", (1, 1)),
        (b"\1", (1, 1)),  # half a pair
        (b"\1\4", (1, 4)),  # too many
        (b"\1\2", (1, 4)),  # too few
        (b"\1\3", (0, 4)),
        (b"\1\3", (2_000_000_000, 2_000_000_000)),
    ],
)
def test_a_damaged_mask_strip_is_refused(data: bytes, shape: tuple[int, int]) -> None:
    with pytest.raises(CifError):
        decode_mask(data, *shape)


def test_plain_rows_are_read_in_either_byte_order() -> None:
    picture = np.arange(6, dtype=np.uint16).reshape(2, 3) * 300
    assert_same(decode_plain(picture.astype("<u2").tobytes(), 2, 3, 16, "<"), picture)
    assert_same(decode_plain(picture.astype(">u2").tobytes(), 2, 3, 16, ">"), picture)
    assert decode_plain(bytes(6), 2, 3, 8, "<").dtype == np.uint8
    for bits, length in ((16, 11), (12, 12), (32, 24)):
        with pytest.raises(CifError):
            decode_plain(bytes(length), 2, 3, bits, "<")
