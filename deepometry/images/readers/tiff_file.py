"""One file of any kind of TIFF, or a picture, as images with channels, or one reason why not."""

from __future__ import annotations

import io
import logging
import os
import stat
import struct
import threading
import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np

from deepometry.core.errors import explain_os_error
from deepometry.images.readers.archive import read_file as read_packed
from deepometry.images.readers.archive_file import ArchiveError
from deepometry.images.readers.file_images import SINGLE, Contents, FileError, FileImages
from deepometry.images.readers.intensities import (
    LOSSY,
    TURNED,
    joined_notes,
    looked_up,
    turned,
    without_alpha,
)
from deepometry.images.readers.picture_file import decode_picture, is_picture
from deepometry.images.readers.tiff_fast import decode_plain_tiff
from deepometry.images.readers.tiff_layout import find_blocks

MOST_BYTES = 2**30  # of a file or of its pixels; a cell has some ten thousand
_TOO_MANY = "holds more pixels than can be read at once; split it into smaller files"
_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _PALETTE, _YCBCR = 0, 1, 2, 3, 6  # PhotometricInterpretation
_PHOTOMETRIC, _LINEAR = 262, 34892  # the tag, and intensities of a camera
_COLOURS = (_RGB, _YCBCR)
_INTENSITIES = (_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _PALETTE, _YCBCR, _LINEAR)
_JPEG = (6, 7)
_LOSSLESS = (1, 5, 8, 32773, 32946)
MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


T = TypeVar("T")


class TiffError(FileError):
    """A file that is not the image of a cell; the sentence names it."""


class _Hush(logging.Filter):
    """Suppresses messages of tifffile on the screen; `TiffError` reports them in one sentence.

    Only while this module reads, in the thread that reads: the logger belongs to everyone.
    """

    def __init__(self) -> None:
        super().__init__()
        self.local = threading.local()

    def filter(self, record: logging.LogRecord) -> bool:
        return not getattr(self.local, "reading", False)


_hush = _Hush()
logging.getLogger("tifffile").addFilter(_hush)


def read_file(path: str) -> np.ndarray | FileImages:
    """Read a file; of the plainest ones, which are many, the one grey image alone.

    Returns
    -------
    ndarray, shape (height, width), or FileImages
        A plain image may be in the byte order of its file, and read-only.

    Raises
    ------
    TiffError
        As `read_images`.
    """
    data = read_bytes(path)
    plain = decode_plain_tiff(data)
    return _decode(data, path) if plain is None else plain


def read_images(path: str) -> FileImages:
    """Read all images in a file.

    Returns
    -------
    FileImages
        In the dtype of the file, in native byte order.

    Raises
    ------
    TiffError
        It cannot be read, or it is not clear what its axes are.

    Notes
    -----
    Channels are what the file calls so: samples of a pixel, the axis C of OME and ImageJ, pages
    that have names of channels. Whatever else follows each other in a file is an image of its
    own. A fourth sample that is called alpha is left out if pixels are interleaved and of 8
    bits, as in pictures; with 16 bits, or in planes, it is kept, since common software calls the
    fourth of any four channels so. Where 0 is white, values are turned so that bright is bright.
    """
    return as_images(read_file(path))


def as_images(file: np.ndarray | FileImages) -> FileImages:
    """Return what `read_file` read, plain or not, as `read_images` does."""
    if isinstance(file, np.ndarray):
        return FileImages(SINGLE, [native(file)[:, :, np.newaxis]])
    return file


def read_contents(path: str) -> Contents:
    """Find out what a file holds, without its pixels; raise `TiffError` as `read_images`."""
    data = read_bytes(path)
    if decode_plain_tiff(data) is not None:
        return SINGLE
    if is_picture(data):
        return SINGLE  # as far as cells are counted
    return _guarded(lambda: _open(data, lambda file, pages: find_blocks(file, pages)[0]), path)


def native(pixels: np.ndarray) -> np.ndarray:
    """Return pixels in the byte order of this machine."""
    return pixels.astype(pixels.dtype.newbyteorder("="), copy=False)


def read_bytes(path: str) -> bytes:
    """Read a whole file; the system calls themselves, since this is most of the time."""
    try:
        if (packed := read_packed(path)) is not None:
            return packed
    except ArchiveError as error:
        raise TiffError(str(error)) from error
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        try:
            data = _read_open(handle, path)
        finally:
            os.close(handle)
    except OSError as error:
        raise TiffError(str(explain_os_error(error, _name(path)))) from error
    if not data:
        raise TiffError(f"{_name(path)} is empty (0 bytes): export it again.")
    return data


def _read_open(handle: int, path: str) -> bytes:
    about = os.fstat(handle)
    if not stat.S_ISREG(about.st_mode):
        raise TiffError(f"{_name(path)} is not a file.")
    if about.st_size > MOST_BYTES:
        raise TiffError(f"{_name(path)} has {about.st_size:,} bytes, too many to read at once.")
    data = os.read(handle, about.st_size)
    while len(data) < about.st_size and (more := os.read(handle, about.st_size - len(data))):
        data += more
    return data


def _name(path: str) -> str:
    return os.path.basename(path)  # noqa: PTH119 (a Path for every cell is slow)


def _decode(data: bytes, path: str) -> FileImages:
    """Decode any file but a plain one; every failure is a `TiffError`."""
    if is_picture(data):
        return _guarded(lambda: decode_picture(data, MOST_BYTES), path)
    if data[:4] not in MAGIC:
        raise TiffError(f"{_name(path)} is not a TIFF file: it begins with {data[:8]!r}.")
    return _guarded(lambda: _open(data, _read_blocks), path)


def _guarded(read: Callable[[], T], path: str) -> T:
    _hush.local.reading = True
    try:
        with warnings.catch_warnings(action="ignore"):
            return read()
    except FileError as error:
        raise TiffError(f"{_name(path)} {error}.") from error
    except Exception as error:  # a damaged file can make the library raise anything
        words = _first_line(error)
        raise TiffError(f"{_name(path)} is damaged or of an unknown kind: {words}.") from error
    finally:
        _hush.local.reading = False


def _first_line(error: Exception) -> str:
    words = str(error).strip().splitlines()
    return words[0].rstrip(".") if words else type(error).__name__


def _open(data: bytes, use: Callable[[Any, list[Any]], T]) -> T:
    import tifffile  # only for files that are not plain, and it takes long to load

    if data[:4] not in MAGIC:
        raise FileError(f"is not a TIFF file: it begins with {data[:8]!r}")
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        pages = list(file.pages)
        if not pages:
            raise FileError("is damaged: it holds no image")
        _check_chain(file, pages[-1], data)
        pages = [page for page in pages if not page.is_reduced] or pages
        for page in pages:
            _check_page(page, len(data))
        if sum(page.nbytes for page in pages) > MOST_BYTES:
            raise FileError(_TOO_MANY)
        return use(file, pages)


def _read_blocks(file: Any, pages: list[Any]) -> FileImages:
    contents, blocks = find_blocks(file, pages)
    if sum(series.nbytes for series in file.series) > 2 * MOST_BYTES:
        raise FileError(_TOO_MANY)
    images = [native(image) for block in blocks for image in block.images()]
    first = pages[0].keyframe
    images, note = _intensities(images, first)
    scenes = tuple(replace(scene, channels=images[0].shape[2]) for scene in contents.scenes)
    colour = first.photometric in _COLOURS and images[0].shape[2] == 3
    note = joined_notes(note, LOSSY if first.compression in _JPEG else "")
    return FileImages(replace(contents, scenes=scenes), images, note, colour)


def _intensities(images: list[np.ndarray], page: Any) -> tuple[list[np.ndarray], str]:
    """Turn what the file shows into intensities; return a note where that changes something."""
    if page.photometric == _WHITE_IS_ZERO and _PHOTOMETRIC in page.tags:
        if images[0].dtype.kind == "b":  # masks, which are refused
            return images, ""
        return [turned(image, page.bitspersample) for image in images], TURNED
    if page.photometric == _PALETTE:
        both = [looked_up(image, page.colormap) for image in images]
        return [image for image, _ in both], joined_notes(*(note for _, note in both))
    interleaved = page.axes.endswith("S")
    marked = [int(sample) in (1, 2) for sample in page.extrasamples if interleaved]
    if not marked and page.photometric == _RGB and images[0].shape[2] == 4:
        marked = [False]  # left out only where it looks like transparency beside equal colours
    return without_alpha(images, marked) if marked else (images, "")


def _check_chain(file: Any, last: Any, data: bytes) -> None:
    """Refuse a file whose last page points to another one: it is not there."""
    layout = file.tiff
    entries = struct.unpack_from(layout.tagnoformat, data, last.offset)[0]
    end = last.offset + layout.tagnosize + entries * layout.tagsize
    if struct.unpack_from(layout.offsetformat, data, end)[0]:
        raise FileError("is damaged: its next page is missing")


def _check_page(page: Any, size: int) -> None:
    """Refuse what the library would fill with zeros or read as other than intensities."""
    spans = list(zip(page.dataoffsets, page.databytecounts, strict=True))
    held = sum(length for _, length in spans)
    if not spans or any(at + length > size for at, length in spans):
        raise FileError("is damaged: it ends before its pixels do")
    if any(length == 0 for _, length in spans):
        raise FileError("is damaged: a part of its pixels is missing")
    whole = page.bitspersample % 8 == 0 and page.compression == 1
    if whole and held < page.nbytes:
        raise FileError(f"is damaged: it holds {held} bytes of pixels where {page.nbytes} belong")
    if page.photometric not in _INTENSITIES or _is_raw_ycbcr(page):
        name = getattr(page.photometric, "name", page.photometric)
        raise FileError(f"holds colours of the kind {name}; save it as grey or RGB")
    if page.dtype is None or page.dtype.kind not in "buif":
        raise FileError(f"holds pixels of the kind {page.dtype}, which are no intensities")


def _is_raw_ycbcr(page: Any) -> bool:
    """Return whether it is YCbCr of which no codec makes red, green and blue."""
    return page.photometric == _YCBCR and page.compression in _LOSSLESS
