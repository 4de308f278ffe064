"""One cell made ready to be written to an Amnis file: checked, coded, and its tags listed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from deepometry.images.cif.codec import (
    GREY,
    MASK,
    MOST_PIXELS,
    PLAIN,
    CifError,
    encode_grey,
    encode_mask,
)
from deepometry.images.cif.directory import (
    BACKGROUND_MEAN,
    BACKGROUND_SD,
    BITS,
    CENTRE_X,
    CENTRE_Y,
    COMPRESSION,
    HEIGHT,
    IMAGE_KIND,
    KIND,
    MASK_KIND,
    WIDTH,
)
from deepometry.images.cif.directory_writer import (
    BYTE,
    DOUBLE,
    LONG,
    PHOTOMETRIC,
    ROWS,
    SAMPLES,
    SHORT,
    SUBFILE,
    Tags,
)


class Coding(NamedTuple):
    """How all cells of a file are coded: number of channels, whether packed, byte order."""

    channels: int
    packed: bool
    order: str


@dataclass(frozen=True, slots=True)
class EncodedCell:
    """A cell as `CifWriter.encode` returns it and `CifWriter.add_encoded` takes it.

    Attributes
    ----------
    coding : Coding
        How it is coded; it can only go to a file that is coded alike.
    image_tags : dict of int to (type, values)
        Its directory, the object number apart.
    image : bytes
        Its strip.
    mask_tags : dict of int to (type, values), or None
        The directory of its mask, None for a cell without.
    mask : bytes
        The strip of its mask.
    """

    coding: Coding
    image_tags: Tags
    image: bytes
    mask_tags: Tags | None
    mask: bytes


def encode_cell(
    image: ArrayLike,
    mask: ArrayLike | None,
    background: ArrayLike | None,
    centre: tuple[float, float] | None,
    coding: Coding,
) -> EncodedCell:
    """Check a cell and code it; parameters and errors are those of `CifWriter.encode`."""
    pixels = _checked_image(np.asarray(image), coding.channels)
    covered = None if mask is None else _checked_mask(np.asarray(mask), pixels.shape)
    tags = _picture_tags(pixels, 16, GREY if coding.packed else PLAIN)
    tags |= {SUBFILE: (BYTE, (2, 0)), SAMPLES: (SHORT, (1,)), KIND: (SHORT, (IMAGE_KIND,))}
    if background is not None:
        means, sds = _checked_background(background, coding.channels).T.tolist()
        tags |= {BACKGROUND_MEAN: (DOUBLE, means), BACKGROUND_SD: (DOUBLE, sds)}
    if centre is not None:
        x, y = _checked_centre(centre)
        tags |= {CENTRE_X: (DOUBLE, (x,)), CENTRE_Y: (DOUBLE, (y,))}
    strip = _code(pixels, coding)
    if covered is None:
        return EncodedCell(coding, tags, strip, None, b"")
    return EncodedCell(coding, tags, strip, _mask_tags(covered, coding), _code(covered, coding))


def wide(cell: np.ndarray) -> np.ndarray:
    """Arrange the channels (height, width, channels) side by side: (height, channels x width)."""
    return cell.transpose(0, 2, 1).reshape(cell.shape[0], -1)


def _code(planes: np.ndarray, coding: Coding) -> bytes:
    if not coding.packed:
        return wide(planes).astype(f"{coding.order}u{planes.itemsize}").tobytes()
    return encode_grey(wide(planes)) if planes.dtype == np.uint16 else encode_mask(wide(planes))


def _picture_tags(planes: np.ndarray, bits: int, compression: int) -> dict[int, Any]:
    height, width, channels = planes.shape
    return {
        WIDTH: (LONG, (width * channels,)),
        HEIGHT: (LONG, (height,)),
        BITS: (SHORT, (bits,)),
        COMPRESSION: (SHORT, (compression,)),
        PHOTOMETRIC: (SHORT, (1,)),
        ROWS: (LONG, (height,)),
    }


def _mask_tags(mask: np.ndarray, coding: Coding) -> Tags:
    tags = _picture_tags(mask, 8, MASK if coding.packed else PLAIN)
    return tags | {
        SUBFILE: (BYTE, (6, 0)),
        SAMPLES: (BYTE, (1, 0)),  # two bytes here, a short number in images, as IDEAS has it
        KIND: (SHORT, (MASK_KIND,)),
    }


def _checked_image(image: np.ndarray, channels: int) -> np.ndarray:
    if image.ndim != 3 or image.shape[2] != channels or image.size == 0:
        raise CifError(
            f"image: expected the shape (height, width, {channels}) with one plane a channel, "
            f"found {image.shape}; one plane for each of the channels of the file is needed"
        )
    if image.dtype.kind != "u" or image.dtype.itemsize != 2:
        raise CifError(
            f"image: expected counts as uint16, found {image.dtype}; convert it, without "
            "cutting off values below 0 or above 65535"
        )
    if image.size > MOST_PIXELS:
        raise CifError(
            f"image: expected at most {MOST_PIXELS} pixels in all channels, found {image.size}; "
            "cut it into single cells"
        )
    return image.astype(np.uint16, copy=False)


def _checked_mask(mask: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    if mask.shape != shape:
        raise CifError(
            f"mask: expected the shape of the image, {shape}, found {mask.shape}; give one plane "
            "a channel, or no mask"
        )
    if mask.dtype != np.bool_ and mask.dtype != np.uint8:
        raise CifError(f"mask: expected bool or uint8, found {mask.dtype}; convert it")
    if mask.dtype == np.uint8 and mask.max() > 3:
        raise CifError(
            f"mask: expected values 0 (background) to 3, found {mask.max()}; "
            "give 1 where the cell is"
        )
    return mask.astype(np.uint8, copy=False)


def _checked_background(background: ArrayLike, channels: int) -> np.ndarray:
    numbers = _numbers("background", background)
    if numbers.shape != (channels, 2):
        raise CifError(
            f"background: expected the shape ({channels}, 2), mean and standard deviation of each "
            f"channel, found {numbers.shape}; leave it out if it is not known"
        )
    if not np.isfinite(numbers).all() or (numbers[:, 1] < 0).any():
        raise CifError(
            "background: expected finite means and standard deviations of 0 or more, found "
            f"{numbers.tolist()}; leave it out if it is not known"
        )
    return numbers


def _checked_centre(centre: ArrayLike) -> list[float]:
    numbers = _numbers("centre", centre)
    if numbers.shape != (2,) or not np.isfinite(numbers).all():
        raise CifError(
            f"centre: expected two finite numbers, x and y, found {centre!r}; leave it out if it "
            "is not known"
        )
    return numbers.tolist()


def _numbers(field: str, values: ArrayLike) -> np.ndarray:
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise CifError(f"{field}: expected numbers, found {values!r}; leave it out") from error
