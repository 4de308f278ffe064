"""Channels of a cell put together, or the reason why they do not fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from deepometry.images.file_names.naming import Layout, file_name
from deepometry.images.readers.file_images import Contents, FileImages
from deepometry.images.readers.intensities import GREY, is_grey, joined_notes
from deepometry.images.readers.tiff_file import TiffError


def as_grey(file: FileImages) -> FileImages:
    """Take one channel of colours that are equal in all images of a file."""
    if not file.colour or not all(map(is_grey, file.images)):
        return file
    scenes = tuple(replace(scene, channels=1) for scene in file.contents.scenes)
    return FileImages(
        replace(file.contents, scenes=scenes),
        [image[:, :, :1] for image in file.images],
        joined_notes(GREY, file.note),
    )


def unequal(*numbers: int) -> TiffError:
    """Make the error of files that hold different numbers of images."""
    return TiffError(
        f"holds {' or '.join(map(str, sorted(numbers)))} images, which do not belong together; "
        "export all files alike."
    )


def channel_order(
    contents: Contents, wanted: Sequence[str], count: int, file: str
) -> Sequence[int]:
    """Return the place of every channel: files may hold the same ones in another order.

    Raises
    ------
    TiffError
        The file holds other channels, and to take them in their order would mix them up.
    """
    names = contents.names
    if names == wanted or not wanted:
        return range(count)
    if sorted(names) == sorted(wanted):
        return [names.index(name) for name in wanted]
    if contents.named_pages or have_moved(names, wanted):
        raise TiffError(
            f"{file} has the channels {', '.join(names)} where the first file has "
            f"{', '.join(wanted)}; export all cells alike."
        )
    return range(count)


def have_moved(names: Sequence[str], wanted: Sequence[str]) -> bool:
    """Return whether a channel of one list is another one, by its number, in the other list."""
    shared = {*names} & {*wanted}
    return any(
        (one in shared or other in shared) and one != other
        for one, other in zip(names, wanted, strict=False)
    )


def renamed(names: Sequence[str], wanted: Sequence[str]) -> str:
    """Return a note on channels that have other names than in the first file; or blank."""
    if not names or not wanted or sorted(names) == sorted(wanted):
        return ""
    return f"its channels are called {', '.join(names)}, taken as {', '.join(wanted)}"


def last_part(path: str) -> str:
    """Return the name of a file; a Path for every cell is slow."""
    return path.rpartition("/")[2]


def files_by_channel(name: str, layout: Layout) -> dict[int, str]:
    """Return the file name pattern of every channel."""
    files: dict[int, str] = {}
    for channel, pattern in layout:
        if channel in files:
            first, second = file_name(name, files[channel]), file_name(name, pattern)
            raise TiffError(
                f"Both {first} and {second} claim channel {channel}: remove one of them."
            )
        files[channel] = pattern
    return files


def check_wanted(wanted: Sequence[int], present: Sequence[int] | dict[int, str]) -> None:
    """Raise `TiffError` if a wanted channel is missing."""
    if not wanted:
        raise TiffError("No channel of it is wanted.")
    missing = [channel for channel in wanted if channel not in present]
    if missing:
        verb = "channel {} is" if len(missing) == 1 else "channels {} are"
        listed = ", ".join(map(str, sorted(present)))
        raise TiffError(f"{verb.format(', '.join(map(str, missing)))} missing (it has {listed}).")


def stack_planes(planes: Sequence[np.ndarray], channels: Sequence[int]) -> np.ndarray:
    """Stack planes (height, width) as (height, width, channels), in native byte order."""
    first = planes[0]
    pixels = np.empty((*first.shape, len(planes)), first.dtype.newbyteorder("="))
    for i, plane in enumerate(planes):
        if plane.shape != first.shape or plane.dtype.newbyteorder("=") != pixels.dtype:
            raise TiffError(
                f"channel {channels[0]} is {_look(first)}, but channel {channels[i]} is "
                f"{_look(plane)}; export all channels alike."
            )
        pixels[:, :, i] = plane
    return pixels


def _look(plane: np.ndarray) -> str:
    return f"{plane.shape[1]} x {plane.shape[0]} pixels of {plane.dtype.newbyteorder('=')}"
