"""What the pages of a TIFF file are, by OME, ImageJ, the names of pages and of axes."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

import numpy as np

from deepometry.images.file_names.marker_words import MARKER, is_other
from deepometry.images.readers.file_images import DEPTH, UNKNOWN, Contents, FileError, Scene

_MOST_CHANNELS = 16  # as far as the axis of channels has to be guessed, or ImageJ is believed
_CHANNEL_AXES = "CS"
_PAGE_NAME, _DESCRIPTION = 285, 270
_LONGEST_NAME = 60
# What is left of the names of pages that are numbered: of channels, and of anything else.
_CHANNEL_STEMS = {"c", "ch", "chan", "channel"}
_CELL = re.compile(r"(?<![^\W\d_])(?:cells?|objects?|events?)(?![^\W\d_])", re.IGNORECASE)
_IMAGER = re.compile(  # detectors of BD
    r"img[-_ ]?[a-z]{1,2}\d{1,2}(?!\d)|(?<![^\W_])(?:imaging|fl)[-_ ]?\d{1,2}(?!\d)", re.IGNORECASE
)
_PLACE_STEMS = {"", "z", "t", "s", "p", "time", "timepoint", "slice", "page", "plane", "frame"}
_PLACE_STEMS |= {"image", "img", "position", "series", "scene", "cell", "object", "event", "ifd"}


@dataclass(frozen=True)
class Block:
    """Images that are read as one array.

    Attributes
    ----------
    scene : Scene
    order : str
        Role of every axis of the array: Y, X, C for channels, or a letter of `Scene.axes`;
        `.` for an axis of length 1.
    read : callable
        Returns the array.
    """

    scene: Scene
    order: str
    read: Callable[[], np.ndarray]

    def images(self) -> list[np.ndarray]:
        """Read the images, shape (height, width, channels) each."""
        array = self.read()
        single = tuple(n for n, axis in enumerate(self.order) if axis == ".")
        array, order = np.squeeze(array, single), self.order.replace(".", "")
        axes = [n for n, axis in enumerate(order) if axis not in "YXC"]
        axes += [order.index("Y"), order.index("X")]
        axes += [n for n, axis in enumerate(order) if axis == "C"]
        array = array.transpose(axes)
        size = array.shape[len(self.scene.sizes) :][:2]
        return list(array.reshape(self.scene.images, *size, self.scene.channels))


def find_blocks(file: Any, pages: Sequence[Any]) -> tuple[Contents, list[Block]]:
    """Find out what the pages of an open file are.

    Parameters
    ----------
    file : tifffile.TiffFile
    pages : sequence of tifffile.TiffPage
        All of them.

    Raises
    ------
    FileError
        It is not clear what its axes are. The words follow the name of the file.
    """
    kind, arrays = _arrays(file, pages)
    ome = file.ome_metadata if kind == "ome" else None
    program = "ImageJ" if kind == "imagej" else "OME" if ome else ""
    blocks = [_block(axes, shape, read, kind, program) for axes, shape, read in arrays]
    scenes = tuple(block.scene for block in blocks)
    if len({scene.channels for scene in scenes}) > 1:
        raise FileError("holds images of different numbers of channels")
    names: tuple[str, ...] = ()
    if _is_silent(scenes, len(pages)):
        names = _page_names(pages) or _imagej_names(file, len(pages))
    if names:
        named = Block(
            Scene(channels=len(pages)), blocks[0].order.replace(UNKNOWN, "C"), arrays[0][2]
        )
        return Contents((named.scene,), names, named_pages=True), [named]
    number = scenes[0].channels
    named_channels = _ome_names(ome, number) if ome else _imagej_names(file, number)
    return Contents(scenes, named_channels, program=program), blocks


def _arrays(
    file: Any, pages: Sequence[Any]
) -> tuple[str, list[tuple[str, tuple[int, ...], Callable[[], np.ndarray]]]]:
    """Return the kind of file, and its arrays with the name of each axis as the library says."""
    series = [each for each in file.series if not each.keyframe.is_reduced] or list(file.series)
    kind = series[0].kind
    # An OME series may name pages of other files; those of this one are what there is then.
    own = sum(each.size for each in series) == sum(page.size for page in pages)
    listed = own if kind == "ome" else len(series) == 1 or kind not in ("generic", "uniform")
    if listed:
        return kind, [(each.axes, tuple(each.shape), each.asarray) for each in series]
    if len({(page.shape, page.dtype) for page in pages}) > 1:
        return "", [(page.axes, tuple(page.shape), page.asarray) for page in pages]

    def stacked() -> np.ndarray:
        return np.stack([page.asarray() for page in pages])

    axes, shape = pages[0].axes, tuple(pages[0].shape)
    if len(pages) == 1:
        return "", [(axes, shape, pages[0].asarray)]
    return "", [(UNKNOWN + axes, (len(pages), *shape), stacked)]


def _block(
    axes: str, shape: tuple[int, ...], read: Callable[[], np.ndarray], kind: str, program: str
) -> Block:
    if not all(shape):
        raise FileError("holds an image without pixels")
    order = "".join(map(_role, axes, shape))
    if program == "ImageJ" and _only_said(axes, shape):
        place = axes.index("C")
        order = order[:place] + UNKNOWN + order[place + 1 :]
    if kind == "shaped" and order.count(UNKNOWN) and "C" not in order:
        order = _guess_axis(order, shape)
    if order.count("Y") != 1 or order.count("X") != 1 or order.count(UNKNOWN) > 1:
        sizes = " x ".join(str(size) for size in shape if size > 1)
        raise FileError(
            f"has {len(order.replace('.', ''))} axes ({sizes}) where 2 or 3 are expected; name "
            "its axes as you write it, such as TCYX"
        )
    letters = [axis for axis in order if axis not in "YXC."]
    channels = int(np.prod([n for axis, n in zip(order, shape, strict=True) if axis == "C"]))
    if program == "ImageJ" and letters == [DEPTH] and channels == 1:
        order = order.replace(DEPTH, UNKNOWN)  # ImageJ calls the images of any stack slices
        letters = [UNKNOWN]
    lengths = tuple(n for axis, n in zip(order, shape, strict=True) if axis not in "YXC.")
    return Block(Scene("".join(letters), lengths, channels), order, read)


def _only_said(axes: str, shape: Sequence[int]) -> bool:
    """Return whether a file calls channels what ImageJ cannot have: many, or coloured ones.

    Programs that write its format call the first axis so if they are not told better.
    """
    sizes = dict(zip(axes, shape, strict=True))
    channels = sizes.get("C", 1)
    return channels > _MOST_CHANNELS or (channels > 1 and sizes.get("S", 1) > 1)


def _role(axis: str, size: int) -> str:
    if axis in "YX":
        return axis
    if size == 1:
        return "."
    return "C" if axis in _CHANNEL_AXES else UNKNOWN if axis == "Q" else axis


def _guess_axis(order: str, shape: Sequence[int]) -> str:
    """Find by its length which of three axes without names is that of images, first or last."""
    places = [n for n, axis in enumerate(order) if axis != "."]
    if len(places) != 3:
        return order
    sizes = [shape[n] for n in places]
    shortest, second = sorted(sizes)[:2]
    clear = shortest < second and (shortest <= _MOST_CHANNELS or 2 * shortest <= second)
    axis = sizes.index(shortest) if clear else 0
    if axis == 1:
        raise FileError(
            f"has three axes of {' x '.join(map(str, sizes))} pixels, and it is not clear which "
            "of them are images; name its axes as you write it, such as CYX"
        )
    roles = dict(zip(places, "IYX" if axis == 0 else "YXI", strict=True))
    return "".join(roles.get(n, ".") for n in range(len(order)))


# --- names -------------------------------------------------------------------------------------


def _is_silent(scenes: Sequence[Scene], pages: int) -> bool:
    """Return whether there are several pages, and nothing but their names says what they are."""
    return len(scenes) == 1 and scenes[0] == Scene(UNKNOWN, (pages,), 1)


def _page_names(pages: Sequence[Any]) -> tuple[str, ...]:
    """Return the names of the pages if these are names of channels, as BD writes them."""
    for tag in (_PAGE_NAME, _DESCRIPTION):
        values = [page.tags.valueof(tag) if hasattr(page, "tags") else None for page in pages]
        names = [value.strip("\0 ") if isinstance(value, str) else "" for value in values]
        if all(names) and name_channels(names):
            return tuple(names)
    return ()


def _imagej_names(file: Any, channels: int) -> tuple[str, ...]:
    """Return the labels of the images of ImageJ, if these are names of as many channels."""
    labels = (file.imagej_metadata or {}).get("Labels") or ()
    names = tuple(str(label).strip("\0 ") for label in labels)
    several = len(names) == channels > 1 and all(names)
    return names if several and name_channels(names) else ()


def name_channels(names: Sequence[str]) -> bool:
    """Return whether names of pages are those of channels, not numbers of planes or cells.

    They are numbered channels, or most of them are of different known markers.
    """
    plain = [name.casefold() for name in names]
    if len(set(plain)) < len(plain) or any(len(n) > _LONGEST_NAME or "\n" in n for n in plain):
        return False
    stems = {re.sub(r"[\W\d_]+", "", name) for name in plain}
    if stems <= _CHANNEL_STEMS:
        return True
    if stems & _PLACE_STEMS or any(map(is_other, names)) or any(map(_CELL.search, names)):
        return False
    found = (MARKER.search(name) or _IMAGER.search(name) for name in names)
    markers = [match[0].casefold() for match in found if match]
    return len(set(markers)) == len(markers) and 2 * len(markers) >= len(names)


def _ome_names(xml: str, channels: int) -> tuple[str, ...]:
    """Return the names of the channels of the first image, if all have one."""
    try:
        root = ElementTree.fromstring(xml)
    except ElementTree.ParseError:
        return ()
    pixels = next((each for each in root.iter() if each.tag.endswith("}Pixels")), None)
    found = [] if pixels is None else [c for c in pixels if c.tag.endswith("}Channel")]
    names = tuple(channel.get("Name", "").strip() for channel in found)
    return names if len(names) == channels and all(names) else ()
