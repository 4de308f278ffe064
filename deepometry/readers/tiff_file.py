"""One TIFF file of any kind as an array of channels, or one clear reason why not."""

from __future__ import annotations

import io
import logging
import os
import stat
import struct
import threading
import warnings
from typing import Any

import numpy as np

from deepometry.errors import DeepometryError, explain_os_error
from deepometry.readers.tiff_plain import decode_plain_tiff

MOST_BYTES = 2**30  # of a file or of its pixels; a cell has some ten thousand
MOST_CHANNELS = 16  # as far as the axis of channels has to be guessed
_TOO_MANY = "holds more pixels than one cell can have"
_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


class TiffError(DeepometryError):
    """A .tif file that is not the image of a cell."""


class _Hush(logging.Filter):
    """Keeps tifffile from writing on the user's screen what `TiffError` says in one sentence.

    Only while this module reads, in the thread that reads: the logger belongs to everyone.
    """

    def __init__(self) -> None:
        super().__init__()
        self.local = threading.local()

    def filter(self, record: logging.LogRecord) -> bool:
        return not getattr(self.local, "reading", False)


_hush = _Hush()
logging.getLogger("tifffile").addFilter(_hush)


def read_plane(path: str) -> np.ndarray:
    """Read a file that holds a single grey image.

    Parameters
    ----------
    path : str
        The file.

    Returns
    -------
    ndarray, shape (height, width)
        In the dtype of the file; maybe in its byte order and read-only.

    Raises
    ------
    TiffError
        It cannot be read, or holds several pages, channels or colours.
    """
    data = _read_bytes(path)
    plain = decode_plain_tiff(data)
    if plain is not None:
        return plain
    cell = _decode(data, path)
    if cell.shape[2] != 1:
        raise TiffError(
            f"{_name(path)} holds {cell.shape[2]} images or colours where one is expected."
        )
    return cell[:, :, 0]


def read_channels(path: str) -> np.ndarray:
    """Read a file that holds all channels of a cell.

    Parameters
    ----------
    path : str
        The file.

    Returns
    -------
    ndarray, shape (height, width, channels)
        In the dtype of the file, in native byte order.

    Raises
    ------
    TiffError
        It cannot be read, or it is not clear what its channels are.

    Notes
    -----
    Channels are what the file calls so: samples of a pixel, the axis C of OME and ImageJ. Else
    they are the shorter axis, the first or the last, if it is clearly shorter than the others.
    Red, green and blue are three channels. A fourth sample that is called alpha is left out if
    pixels are interleaved and of 8 bits, as in pictures; with 16 bits, or in planes, it is kept,
    since common software calls the fourth of any four channels so.
    """
    data = _read_bytes(path)
    plain = decode_plain_tiff(data)
    found = _decode(data, path) if plain is None else plain[:, :, np.newaxis]
    return found.astype(found.dtype.newbyteorder("="), copy=False)


def _read_bytes(path: str) -> bytes:
    """Read a whole file; the system calls themselves, since this is most of the time."""
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        try:
            data = _read_open(handle, path)
        finally:
            os.close(handle)
    except OSError as error:
        raise TiffError(str(explain_os_error(error, _name(path)))) from error
    if not data:
        raise TiffError(f"{_name(path)} is empty (0 bytes): export it anew.")
    return data


def _read_open(handle: int, path: str) -> bytes:
    about = os.fstat(handle)
    if not stat.S_ISREG(about.st_mode):
        raise TiffError(f"{_name(path)} is not a file.")
    if about.st_size > MOST_BYTES:
        raise TiffError(f"{_name(path)} has {about.st_size:,} bytes, too many for one cell.")
    data = os.read(handle, about.st_size)
    while len(data) < about.st_size and (more := os.read(handle, about.st_size - len(data))):
        data += more
    return data


def _name(path: str) -> str:
    return os.path.basename(path)  # noqa: PTH119 (a Path for every cell is slow)


def _decode(data: bytes, path: str) -> np.ndarray:
    """Decode any TIFF file, shape (height, width, channels); every failure is a `TiffError`."""
    if data[:4] not in _MAGIC:
        raise TiffError(f"{_name(path)} is not a TIFF file: it begins with {data[:8]!r}.")
    _hush.local.reading = True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _decode_pages(data)
    except TiffError as error:
        raise TiffError(f"{_name(path)} {error}.") from error
    except Exception as error:  # a damaged file can make the library raise anything
        words = _first_line(error)
        raise TiffError(f"{_name(path)} is damaged or of an unknown kind: {words}.") from error
    finally:
        _hush.local.reading = False


def _first_line(error: Exception) -> str:
    words = str(error).strip().splitlines()
    return words[0].rstrip(".") if words else type(error).__name__


def _decode_pages(data: bytes) -> np.ndarray:
    import tifffile  # only for files that are not plain, and it takes long to load

    with tifffile.TiffFile(io.BytesIO(data)) as file:
        pages = list(file.pages)
        if not pages:
            raise TiffError("is damaged: it holds no image")
        _check_chain(file, pages[-1], data)
        for page in pages:
            _check_page(page, len(data))
        if sum(page.nbytes for page in pages) > MOST_BYTES:
            raise TiffError(_TOO_MANY)
        array, axes = _read_series(file, pages)
    return _order_axes(_drop_alpha(array, axes, pages[0]), axes)


def _check_chain(file: Any, last: Any, data: bytes) -> None:
    """Refuse a file whose last page points to another one: it is not there."""
    layout = file.tiff
    entries = struct.unpack_from(layout.tagnoformat, data, last.offset)[0]
    end = last.offset + layout.tagnosize + entries * layout.tagsize
    if struct.unpack_from(layout.offsetformat, data, end)[0]:
        raise TiffError("is damaged: its next page is missing")


def _check_page(page: Any, size: int) -> None:
    """Refuse what the library would fill with zeros or read as other than intensities."""
    spans = list(zip(page.dataoffsets, page.databytecounts, strict=True))
    held = sum(length for _, length in spans)
    if not spans or any(at + length > size for at, length in spans):
        raise TiffError("is damaged: it ends before its pixels do")
    if any(length == 0 for _, length in spans):
        raise TiffError("is damaged: a part of its pixels is missing")
    whole = page.bitspersample % 8 == 0 and page.compression == 1
    if whole and held < page.nbytes:
        raise TiffError(f"is damaged: it holds {held} bytes of pixels where {page.nbytes} belong")
    if page.photometric == 3:
        raise TiffError("holds palette colours in place of intensities; save it as grey")
    if page.dtype is None or page.dtype.kind not in "buif":
        raise TiffError(f"holds pixels of the kind {page.dtype}, which are no intensities")


def _read_series(file: Any, pages: list[Any]) -> tuple[np.ndarray, str]:
    """Read all pages as one array with the name of each axis, as the file tells them."""
    series = file.series
    # An OME series may name pages of other files; those of this one are the cell then.
    own = len(series) == 1 and series[0].size == sum(page.size for page in pages)
    if own or (len(series) == 1 and series[0].kind != "ome"):
        if series[0].nbytes > MOST_BYTES:
            raise TiffError(_TOO_MANY)
        return series[0].asarray(), series[0].axes
    sizes = sorted({page.shape for page in pages})
    if len(sizes) > 1:
        told = " and ".join(" x ".join(map(str, size[1::-1])) for size in sizes[:2])
        raise TiffError(f"holds images of different sizes ({told})")
    return np.stack([page.asarray() for page in pages]), "I" + pages[0].axes


def _drop_alpha(array: np.ndarray, axes: str, page: Any) -> np.ndarray:
    marked = [int(sample) in (1, 2) for sample in page.extrasamples]
    if not any(marked) or axes[-1] != "S" or array.dtype.itemsize > 1:
        return array
    colours = array.shape[-1] - len(marked)
    keep = [*range(colours), *(colours + i for i, alpha in enumerate(marked) if not alpha)]
    return array[..., keep]


def _order_axes(array: np.ndarray, axes: str) -> np.ndarray:
    """Turn an array with named axes into (height, width, channels)."""
    if not array.size:
        raise TiffError("holds an image without pixels")
    single = tuple(i for i, name in enumerate(axes) if name not in "YX" and array.shape[i] == 1)
    array = np.squeeze(array, single)
    axes = "".join(name for i, name in enumerate(axes) if i not in single)
    if array.ndim == 2:
        return array[:, :, np.newaxis]
    if array.ndim != 3:
        raise TiffError(f"has {array.ndim} axes ({_told(array)}) where 2 or 3 are expected")
    told = [i for i, name in enumerate(axes) if name in "CS"]
    return np.moveaxis(array, told[0] if told else _guess_axis(array), -1)


def _guess_axis(array: np.ndarray) -> int:
    """Find the axis of channels by its length, among the first and the last."""
    shortest, second = sorted(array.shape)[:2]
    axis = array.shape.index(shortest)
    clear = shortest < second and (shortest <= MOST_CHANNELS or 2 * shortest <= second)
    if axis == 1 or not clear:
        raise TiffError(
            f"has three axes of {_told(array)} pixels, and it is not clear which of them "
            "are channels; export one file a channel, named such as cell_Ch1.tif"
        )
    return axis


def _told(array: np.ndarray) -> str:
    return " x ".join(map(str, array.shape))
