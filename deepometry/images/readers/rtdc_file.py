"""Opening an .rtdc file: what is in it, and whether that is whole.

It is HDF5: `/events/image` has one brightfield image an event, `/events/mask` where the cell is,
`/events/image_bg` what the camera saw without it, and every other array of one number an event is
a feature. Source of the facts: dclab, which defines and reads the format.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from deepometry.core.errors import DeepometryError

HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"
IMAGE, MASK, BACKGROUNDS = "image", "mask", ("image_bg", "background")
_LARGEST_CELL = 2**26  # bytes of one image; cameras of these instruments have some 20 thousand
_LARGEST_PIECE = 2**28
_BATCH = 2**23  # bytes of images that are read at once
_DETAILS = {
    "Instrument": "setup:identifier",
    "Sample": "experiment:sample",
    "Acquired": "experiment:date",
    "Software": "setup:software version",
    "Pixel size": "imaging:pixel size",
}


class RtdcError(DeepometryError):
    """An .rtdc file that cannot be read."""


@contextmanager
def opened_events(path: Path) -> Iterator[Any]:
    """Open a file at its events; every failure is an `RtdcError`."""
    import h5py  # takes long to load

    try:
        file = h5py.File(path, "r", locking=False)
    except Exception as error:
        raise RtdcError(
            f"{path} cannot be opened as HDF5, as .rtdc files are ({why(error)}); copy it again."
        ) from error
    with file:
        if _is_elsewhere(file, "events"):
            raise RtdcError(_elsewhere(path, "events"))
        events = file.get("events")
        if not isinstance(events, h5py.Group):
            raise RtdcError(
                f"{path}: expected an .rtdc file with the group events, found none; "
                "choose a file of a deformability cytometer."
            )
        try:
            yield events
        except DeepometryError:
            raise
        except Exception as error:  # a damaged file can make the library raise anything
            raise RtdcError(f"{path} is damaged: {why(error)}.") from error


def _is_elsewhere(group: Any, name: str) -> bool:
    """Return whether something is not in this file, or only under another name."""
    import h5py

    link = group.get(name, getlink=True)
    return link is not None and not isinstance(link, h5py.HardLink)


def own_array(events: Any, name: str) -> Any:
    """Return an array of the file itself; None where there is none of that name."""
    import h5py

    if _is_elsewhere(events, name):
        return None
    array = events.get(name)
    if not isinstance(array, h5py.Dataset) or array.external or array.is_virtual:
        return None
    return array


def images_of(path: Path, events: Any) -> Any:
    """Return the array of images; raise `RtdcError` unless all of them are there."""
    images = own_array(events, IMAGE)
    if images is None:
        raise RtdcError(_no_images(path, events))
    if images.ndim != 3 or images.dtype.kind not in "uif" or 0 in images.shape[1:]:
        raise RtdcError(
            f"{path}: expected events/image of the shape (events, height, width), found "
            f"{images.dtype} of {images.shape}; write the file again with its own software."
        )
    if not images.shape[0]:
        raise RtdcError(f"{path} has no events; choose another file.")
    if math.prod(images.shape[1:]) * images.dtype.itemsize > _LARGEST_CELL:
        size = f"{images.shape[2]:,} x {images.shape[1]:,} pixels"
        raise RtdcError(f"{path}: expected images of single cells, found {size}; cut them out.")
    _check_filters(path, images)
    _check_whole(path, images)
    return images


def _no_images(path: Path, events: Any) -> str:
    if _is_elsewhere(events, IMAGE) or IMAGE in events:
        return _elsewhere(path, "events/image")
    if "basins" in events.file:
        return (
            f"{path} has no images of its own: it refers to another file (a basin) for them; give "
            "that file, or write the images into this one with dclab-repack or DCKit."
        )
    return (
        f"{path} has features but no images (no events/image); choose the file that the "
        "instrument wrote, or export it with images."
    )


def _elsewhere(path: Path, name: str) -> str:
    return (
        f"{path}: expected {name} in the file itself, found a link to elsewhere, which is not "
        "followed; write it into one file."
    )


def _check_filters(path: Path, images: Any) -> None:
    """Check that the compression is known; Zstandard and the like need a plug-in."""
    import h5py

    settings = images.id.get_create_plist()
    for number in range(settings.get_nfilters()):
        code = settings.get_filter(number)[0]
        if not h5py.h5z.filter_avail(code):
            with suppress(ImportError):
                import hdf5plugin  # noqa: F401 (loading it makes the filters known)
        if not h5py.h5z.filter_avail(code):
            raise RtdcError(
                f"{path}: its images are compressed in an unknown way (HDF5 filter {code}); "
                "write it again with gzip or Zstandard."
            )


def _check_whole(path: Path, images: Any) -> None:
    """Refuse arrays that are larger than what is stored: the library would fill in zeros."""
    if images.chunks is None:
        stored, expected, noun = images.id.get_storage_size(), images.nbytes, "bytes"
    else:
        if math.prod(images.chunks) * images.dtype.itemsize > _LARGEST_PIECE:
            raise RtdcError(f"{path}: its images are stored in too large pieces; repack the file.")
        pieces = zip(images.shape, images.chunks, strict=True)
        stored, noun = images.id.get_num_chunks(), "pieces"
        expected = math.prod(-(-size // piece) for size, piece in pieces)
    if stored < expected:
        raise RtdcError(
            f"{path} is damaged: it claims {images.shape[0]:,} images, but only {stored:,} of "
            f"{expected:,} {noun} of them are stored; copy it again."
        )


def rows_at_once(images: Any) -> int:
    """Return how many events to read at once: whole compressed pieces, each of them once."""
    piece = images.chunks[0] if images.chunks else 1
    fit = _BATCH // max(1, math.prod(images.shape[1:]) * images.dtype.itemsize)
    return max(piece, fit // piece * piece, 1)


def feature_names(events: Any) -> list[str]:
    """List the arrays of one number an event."""
    names = sorted(name for name in events if isinstance(name, str))
    return [name for name in names if _is_feature(own_array(events, name))]


def _is_feature(array: Any) -> bool:
    return array is not None and array.ndim == 1 and array.dtype.kind in "buif" and len(array) > 0


def details_of(attributes: Any) -> dict[str, str]:
    details = {}
    for name, key in _DETAILS.items():
        value = attributes.get(key)
        text = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
        if text is not None and np.ndim(text) == 0 and str(text).strip():
            details[name] = str(text).strip()
    return details


def why(error: Exception) -> str:
    """Return the first line of an error of the library."""
    words = str(error).strip().splitlines() or [type(error).__name__]
    return words[0].rstrip(".")
