"""Pictures, .png, .jpg and .bmp, as arrays of intensities, by Pillow."""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING

import numpy as np

from deepometry.images.readers.file_images import Contents, FileError, FileImages, Scene
from deepometry.images.readers.intensities import CLEAR, LOSSY, joined_notes

if TYPE_CHECKING:
    from PIL.Image import Image

STARTS = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"BM")
_FORMATS = ("PNG", "JPEG", "BMP", "DIB", "MPO")
_PNG_BITS, _PNG_KIND = 24, 25  # places in the file
_GREY, _COLOUR, _CLEAR = ("L", "I;16", "I;16B", "I;16L"), ("RGB", "RGBX"), ("LA", "RGBA")


def is_picture(data: bytes) -> bool:
    """Return whether a file begins as one of these."""
    return data.startswith(STARTS)


def decode_picture(data: bytes, most_bytes: int) -> FileImages:
    """Decode a picture.

    Returns
    -------
    FileImages
        One image, uint8 or uint16: one channel if it is grey, three if it is coloured. Palettes
        are looked up.

    Raises
    ------
    FileError
        It is no image of intensities, or would take more than `most_bytes`. The words follow the
        name of the file.
    """
    from PIL import Image, UnidentifiedImageError

    with warnings.catch_warnings(action="ignore"):
        try:
            with Image.open(io.BytesIO(data), formats=_FORMATS) as picture:
                _check(picture, most_bytes)
                array, note = _pixels(picture, data)
        except UnidentifiedImageError as error:
            raise FileError("is damaged, or a picture of a kind that is not read") from error
        except Image.DecompressionBombError as error:
            raise FileError("holds more pixels than one cell can have") from error
    array = array if array.ndim == 3 else array[:, :, np.newaxis]
    lossy = LOSSY if data.startswith(STARTS[1]) else ""
    contents = Contents((Scene(channels=array.shape[2]),))
    return FileImages(contents, [array], joined_notes(note, lossy), colour=array.shape[2] == 3)


def _check(picture: Image, most_bytes: int) -> None:
    if 4 * picture.width * picture.height > most_bytes:
        raise FileError(
            f"has {picture.width:,} x {picture.height:,} pixels, more than one cell can have"
        )
    if getattr(picture, "n_frames", 1) > 1:
        raise FileError(f"holds {getattr(picture, 'n_frames', 2)} pictures; save each by itself")
    if picture.mode == "1":
        raise FileError("is black and white without any grey (1 bit), as masks are; give images")
    if picture.mode not in (*_GREY, *_COLOUR, *_CLEAR, "I", "P", "PA"):
        raise FileError(f"holds colours of the kind {picture.mode}; save it as grey or RGB")


def _pixels(picture: Image, data: bytes) -> tuple[np.ndarray, str]:
    note = CLEAR if picture.mode in _CLEAR and _varies(picture.getchannel("A")) else ""
    if picture.format == "PNG" and data[_PNG_BITS] == 16:
        return _deep(picture, data), note
    if picture.mode == "LA":
        picture = picture.convert("L")
    elif picture.mode not in (*_GREY, "I"):
        picture = picture.convert("RGB")
    array = np.asarray(picture)
    return (_narrowed(array) if array.dtype not in (np.uint8, np.uint16) else array), note


def _varies(channel: Image) -> bool:
    low, high = channel.getextrema()
    return bool(low != high)


def _deep(picture: Image, data: bytes) -> np.ndarray:
    """Read a .png file of 16 bits, of whose colours Pillow drops the lower 8."""
    import imagecodecs

    picture.load()  # which finds damage
    array: np.ndarray = imagecodecs.png_decode(data)
    return array[:, :, :-1] if data[_PNG_KIND] in (4, 6) else array


def _narrowed(array: np.ndarray) -> np.ndarray:
    if array.size and (array.min() < 0 or array.max() > np.iinfo(np.uint16).max):
        raise FileError("holds values beyond 16 bits")
    return array.astype(np.uint16)
