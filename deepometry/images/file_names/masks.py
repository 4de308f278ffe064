"""Masks that lie beside the images they were made of, by their names: they are no cells.

A mask taken for a cell would stand in the split beside the very cell that it outlines.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from deepometry.core.folder_names import natural_key
from deepometry.core.name_pattern import NamePattern, stem_of
from deepometry.core.text import counted
from deepometry.images.file_names.marked_names import Marks
from deepometry.images.file_names.naming import Folders

_LEFT, _RIGHT = r"(?:(?<![^\W\d_])|(?-i:(?<=[a-z])(?=[A-Z])))", r"(?![^\W\d_])"
_SURE = "masks?|segmentations?|outlines?|contours?"
_WORDS = f"{_SURE}|seg|labels?"  # these may also be a type of cell, or where classes are
_OF = "(?:cp|cells?|nuc|nuclei|nucleus|cyto|cytoplasm|objects?)[-_ .]?"
_MASK = re.compile(f"{_LEFT}(?:{_WORDS}){_RIGHT}", re.IGNORECASE)
_MASK_OF = re.compile(f"{_LEFT}{_OF}(?:{_WORDS}){_RIGHT}", re.IGNORECASE)  # cell_mask, cp_masks
_SURE_MASK = re.compile(f"{_LEFT}(?:{_OF})?(?:{_SURE}){_RIGHT}", re.IGNORECASE)
_NUMBERED = re.compile(r"(?<![^\W_])M0?\d{1,2}(?![^\W_])")  # as IDEAS numbers masks: M01
_SEPARATORS = re.compile(r"[\W_]+")

_Folder = tuple[str, ...]


def split_masks(
    folders: Folders, pattern: NamePattern | None = None
) -> tuple[dict[_Folder, list[str]], list[str]]:
    """Leave out the masks of images that are there, too.

    Parameters
    ----------
    folders : mapping of tuple of str to sequence of str
        The names of the files in each folder below the input.
    pattern : NamePattern, optional
        What the user entered. Masks that it makes a channel of a cell with images stay.

    Returns
    -------
    (dict of tuple of str to list of str, list of str)
        The folders without masks, and the masks, relative to the input.
    """
    masks = {folder: set(_masks_in(folder, folders)) for folder in folders}
    if pattern is not None and pattern.has_channel and any(masks.values()):
        masks = _without_channels(masks, folders, pattern)
    left, paths = {}, []
    for folder, names in folders.items():
        left[folder] = [name for name in names if name not in masks[folder]]
        paths += ["/".join((*folder, name)) for name in names if name in masks[folder]]
    return {folder: names for folder, names in left.items() if names}, paths


def masks_left_out(masks: Sequence[str]) -> str:
    """Return a sentence on masks that were left out; blank without any."""
    if not masks:
        return ""
    of, verb = ("its image", "was") if len(masks) == 1 else ("their images", "were")
    return (
        f"{counted(len(masks), 'mask')} beside {of} {verb} left out, such as "
        f"{min(masks, key=natural_key)}."
    )


def _masks_in(folder: _Folder, folders: Folders) -> Iterator[str]:
    """Yield the names of a folder that are masks of images in it, or in a folder beside it."""
    images = _images_beside(folder, folders)
    known: _Images | None = None
    for name in folders[folder] if images else ():
        stem = stem_of(name)
        if images is not folders[folder] or _may_be_mask(stem):
            known = known or _Images(images)
            if known.have(stem):
                yield name


def _images_beside(folder: _Folder, folders: Folders) -> Sequence[str]:
    """Return the names among which the images of masks are: for `masks/001.tif`, of all sisters."""
    if not folder or not _SURE_MASK.fullmatch(folder[-1]):
        return folders[folder]
    sisters = [each for each in folders if each[:-1] == folder[:-1] or each == folder[:-1]]
    images = [each for each in sisters if each == folder[:-1] or not _SURE_MASK.fullmatch(each[-1])]
    return [name for each in images for name in folders[each]]


def _may_be_mask(stem: str) -> bool:
    return bool(_MASK.search(stem) or _NUMBERED.search(stem))


class _Images:
    """What images there are, by their names without the channels."""

    def __init__(self, names: Sequence[str]) -> None:
        self._marks = Marks()
        stems = [stem for name in names if not _may_be_mask(stem := stem_of(name))]
        self._all = {self._core(stem) for stem in stems}
        self._of_channels = {self._core(stem) for stem in stems if self._marks.find(stem)}
        self._in_front = {core[:-1] for core in self._all}  # of channels nobody knows: 001_red1

    def have(self, stem: str) -> bool:
        """Return whether a mask of this name is of one of them."""
        if not _MASK.search(stem):
            found = self._core(_NUMBERED.sub("", stem))
            return found in (self._of_channels if _NUMBERED.search(stem) else self._all)
        cores = {self._core(word.sub("", stem)) for word in (_MASK, _MASK_OF)}
        front = cores - {()} if _SURE_MASK.search(stem) else set()
        return bool(cores & self._all or front & self._in_front)

    def _core(self, stem: str) -> _Folder:
        """Return the parts of a name that are no channel."""
        rest, at = "", 0
        for _, start, end in self._marks.find(stem):
            rest, at = f"{rest}{stem[at:start]} ", end
        return tuple(filter(None, _SEPARATORS.split((rest + stem[at:]).casefold())))


def _without_channels(
    masks: dict[_Folder, set[str]], folders: Folders, pattern: NamePattern
) -> dict[_Folder, set[str]]:
    """Return the masks without those that a pattern makes a channel of a cell with images."""

    def cell_of(folder: _Folder, name: str) -> tuple[_Folder, str] | None:
        above = folder[: max(0, len(folder) - pattern.depth)]
        parts = pattern.split("/".join((*folder[len(above) :], name)))
        return (above, parts[0]) if parts else None

    images = {cell_of(f, n) for f, names in folders.items() for n in names if n not in masks[f]}
    images.discard(None)
    return {
        f: {name for name in each if cell_of(f, name) not in images} for f, each in masks.items()
    }
