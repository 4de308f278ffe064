"""All images in one file, and what they are: channels, or planes and cells that must be told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from math import prod

import numpy as np

from deepometry.core.errors import DeepometryError
from deepometry.core.text import counted

UNKNOWN, DEPTH, TIME = "I", "Z", "T"
_PROJECTED = (UNKNOWN, DEPTH)
_NOUNS = {UNKNOWN: "page", DEPTH: "z plane", TIME: "time point"}


class FileError(DeepometryError):
    """A file of images that cannot be read as cells."""


@dataclass(frozen=True, slots=True)
class Scene:
    """Images in a file that belong together.

    Attributes
    ----------
    axes : str
        What varies from one image to the next, a letter each: `T`, `Z`, `I` where the file does
        not say it, and so on. Channels are not among them. Blank for a single image.
    sizes : tuple of int
        Length of each axis.
    channels : int
        Channels of every image.
    """

    axes: str = ""
    sizes: tuple[int, ...] = ()
    channels: int = 1

    @property
    def images(self) -> int:
        """Number of images."""
        return prod(self.sizes)


@dataclass(frozen=True, slots=True)
class Contents:
    """What a file holds, as far as the file itself says it.

    Attributes
    ----------
    scenes : tuple of Scene
        In most files one.
    names : tuple of str
        Names of the channels; empty where the file has none.
    named_pages : bool
        The pages are channels by their names alone.
    program : str
        The program by whose words pages are planes, where these are often something else.
    """

    scenes: tuple[Scene, ...] = (Scene(),)
    names: tuple[str, ...] = ()
    named_pages: bool = False
    program: str = ""

    @property
    def images(self) -> int:
        """Number of images that are not channels of one another."""
        return sum(scene.images for scene in self.scenes)

    @property
    def channels(self) -> int:
        """Channels of the first image."""
        return self.scenes[0].channels

    @property
    def can_project(self) -> bool:
        """Whether a scene has an axis that may be that of z."""
        return any(axis in _PROJECTED for scene in self.scenes for axis in scene.axes)

    @property
    def has_planes(self) -> bool:
        """Whether the file itself says that images are z planes or time points of one view."""
        return any(axis in (DEPTH, TIME) for scene in self.scenes for axis in scene.axes)

    @property
    def is_silent(self) -> bool:
        """Whether the file does not say at all what its images are."""
        return len(self.scenes) == 1 and self.scenes[0].axes == UNKNOWN

    def __str__(self) -> str:
        """Describe it: `5 z planes of 3 time points`."""
        text = _described(self.scenes[0])
        if len(self.scenes) > 1:
            plain = not self.program and all(scene.images == 1 for scene in self.scenes)
            each = f" of {text}" if len(set(self.scenes)) == 1 and text else ""
            text = counted(len(self.scenes), "page" if plain else "scene") + each
        return text + f" of {self.channels} channels" * (self.channels > 1)


def _described(scene: Scene) -> str:
    sizes = reversed(list(zip(scene.axes, scene.sizes, strict=True)))
    return " of ".join(counted(size, _NOUNS.get(axis, "position")) for axis, size in sizes)


SINGLE = Contents()
"""One image of one channel."""


@dataclass(frozen=True, slots=True)
class FileImages:
    """The images of a file with their pixels.

    Attributes
    ----------
    contents : Contents
    images : list of ndarray, shape (height, width, channels)
        Scene for scene, the last axis fastest.
    note : str
        What was changed in the pixels, as in `Cell.note`.
    colour : bool
        The first three channels are red, green and blue.
    """

    contents: Contents
    images: list[np.ndarray]
    note: str = ""
    colour: bool = False


def cell_suffixes(contents: Contents, pages: str | None) -> list[str]:
    """Return what the cells of a file are called behind its name; `[""]` for a single cell.

    Parameters
    ----------
    contents : Contents
    pages : {"channels", "cells", "z-max", "z-mean"} or None
        How pages are taken; None where there is only what the file says.

    Returns
    -------
    list of str
        `#3` for the third page, `#t2z3` for a plane of a time point.
    """
    if contents.images == 1 or pages in (None, "channels") or not _can_take(contents, pages):
        return [""]
    many = len(contents.scenes) > 1
    suffixes = []
    for number, scene in enumerate(contents.scenes, 1):
        kept = [n for n, axis in enumerate(scene.axes) if _is_kept(axis, pages)]
        for place in product(*(range(scene.sizes[n]) for n in kept)):
            letters = [(_letter(scene.axes[n]), i + 1) for n, i in zip(kept, place, strict=True)]
            letters = [("s" if letters else "", number), *letters] if many else letters
            suffixes.append("".join(f"{letter}{i}" for letter, i in letters))
    return [f"#{suffix}" for suffix in suffixes] if len(suffixes) > 1 else [""]


def cells_in(file: FileImages, pages: str | None) -> list[np.ndarray]:
    """Return the cells of a file, one for each of `cell_suffixes`.

    Raises
    ------
    FileError
        The file cannot be taken so. Its words follow the name of the file.
    """
    contents, images = file.contents, file.images
    if contents.images == 1:
        return images
    if pages is None:
        raise FileError(
            f"holds {contents}, and nothing in it says how they make cells; choose what they are "
            "by the option pages"
        )
    if pages == "cells":
        return images
    if pages == "channels":
        _check_alike(images)
        return [np.concatenate(images, axis=2)]
    if not _can_take(contents, pages):
        raise FileError(f"holds {contents}, of which none is a z plane; choose pages = cells")
    return _projected(contents, images, pages)


def _can_take(contents: Contents, pages: str | None) -> bool:
    return pages == "cells" or contents.can_project


def _is_kept(axis: str, pages: str | None) -> bool:
    return pages == "cells" or axis not in _PROJECTED


def _letter(axis: str) -> str:
    return "" if axis == UNKNOWN else axis.lower()


def _check_alike(images: Sequence[np.ndarray]) -> None:
    """Raise `FileError` if images differ in size or type: they are no channels of a cell."""
    sizes = sorted({image.shape[:2] for image in images})
    if len(sizes) > 1:
        different = " and ".join(" x ".join(map(str, size[::-1])) for size in sizes[:2])
        raise FileError(f"holds images of different sizes ({different})")
    types = sorted({str(image.dtype) for image in images})
    if len(types) > 1:
        raise FileError(f"holds images of different types ({' and '.join(types)})")


def _projected(contents: Contents, images: list[np.ndarray], pages: str) -> list[np.ndarray]:
    cells: list[np.ndarray] = []
    for scene in contents.scenes:
        mine, images = images[: scene.images], images[scene.images :]
        stack = np.stack(mine).reshape(*scene.sizes, *mine[0].shape)
        over = tuple(n for n, axis in enumerate(scene.axes) if axis in _PROJECTED)
        flat = project(stack, over, pages) if over else stack
        cells += list(flat.reshape(-1, *mine[0].shape))
    return cells


def project(stack: np.ndarray, over: tuple[int, ...], pages: str) -> np.ndarray:
    """Project some axes by `z-max` or `z-mean`, and keep the dtype.

    Means of whole numbers are rounded, halves to even.
    """
    if pages == "z-max":
        highest: np.ndarray = stack.max(axis=over)
        return highest
    mean = stack.mean(axis=over, dtype=np.float64)
    whole = stack.dtype.kind in "ui"
    average: np.ndarray = (np.rint(mean) if whole else mean).astype(stack.dtype)
    return average


def reading(contents: Contents, pages: str) -> str:
    """Describe what comes of a file: `10 pages = 10 cells of 1 channel`."""
    cells = len(cell_suffixes(contents, pages))
    channels = contents.channels * (contents.images if pages == "channels" else 1)
    return f"{contents} = {counted(cells, 'cell')} of {counted(channels, 'channel')}"
