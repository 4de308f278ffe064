"""Parsed cells on disk as one indexable set: pixels stay memory-mapped, folders become labels."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from deepometry.errors import DeepometryError
from deepometry.files import existing_folder, own_record
from deepometry.names import PARSE_RECORD, SIDES, TRAIN, Levels, Target, find_targets, label_of
from deepometry.progress import Progress, Report, as_progress
from deepometry.stored import Stored, array_folders, stored_in
from deepometry.words import counted, joined

_ROWS_AT_ONCE = 1024


@dataclass(frozen=True)
class Part:
    """The cells of one stack, or the single files of one folder, and what its folders say.

    Attributes
    ----------
    stored : Stored
        Where the pixels and the identities are.
    levels : tuple of str
        Folder names below the input folder, without `Train` and `Hold-out`.
    side : str or None
        `Train` or `Hold-out` where the parse made a split.
    """

    stored: Stored
    levels: Levels
    side: str | None


class Dataset:
    """All parsed cells below a folder, in a fixed order.

    Parameters
    ----------
    root : Path
        The input folder.
    parts : sequence of Part
        In the order of their cells; all of one frame and one number of channels.

    Attributes
    ----------
    frame : int
        Side of the images, in pixels.
    channels : tuple of int or None
        Their channel numbers; None where no parse.json tells them.
    channel_names : dict of int to str
        Names of those that have one.
    """

    def __init__(self, root: Path, parts: Sequence[Part]) -> None:
        self.root = root
        self.parts = tuple(parts)
        self.frame, self.depth = _one_shape(parts)
        self.channels, self.channel_names = _one_channel_list(parts, self.depth)
        self._starts = np.cumsum([0, *(len(part.stored) for part in parts)])

    def __len__(self) -> int:
        return int(self._starts[-1])

    @property
    def sides(self) -> set[str | None]:
        """The sides of the hold-out split that are present."""
        return {part.side for part in self.parts}

    def without(self, side: str) -> Dataset:
        """Give all cells but those of one side of the split."""
        return Dataset(self.root, [part for part in self.parts if part.side != side])

    @cached_property
    def folders(self) -> dict[Levels, int]:
        """Number of cells of every folder."""
        counts: dict[Levels, int] = {}
        for part in self.parts:
            counts[part.levels] = counts.get(part.levels, 0) + len(part.stored)
        return counts

    def targets(self) -> list[Target]:
        """List the targets that the folder names define, with labels and counts."""
        return find_targets(self.folders)

    def labels(self, target: str) -> list[str | None]:
        """Give the label of each part; None where its folders do not say.

        Raises
        ------
        DeepometryError
            A path gives the target two values.
        """
        return [label_of(part.levels, target) for part in self.parts]

    def codes(self, target: str, labels: Sequence[str]) -> np.ndarray:
        """Give the class of each cell.

        Returns
        -------
        ndarray of int64, shape (cells,)
            Index into `labels`; -1 where the folders say none of them.
        """
        index = {label: code for code, label in enumerate(labels)}
        each = [index.get(label, -1) if label is not None else -1 for label in self.labels(target)]
        return np.repeat(np.array(each, np.int64), np.diff(self._starts))

    def columns(self, channels: Sequence[int] | None) -> list[int]:
        """Give the positions of channels in the images.

        Raises
        ------
        DeepometryError
            A channel is not there.
        """
        known = self.channels or tuple(range(1, self.depth + 1))
        missing = [n for n in channels or () if n not in known]
        if missing:
            raise DeepometryError(
                f"{self.root}: expected channel {', '.join(map(str, missing))} in the parsed "
                f"cells, found {', '.join(map(str, known))}; choose among these or parse anew."
            )
        return [known.index(n) for n in channels or known]

    def read(self, indices: np.ndarray, columns: Sequence[int] | None = None) -> np.ndarray:
        """Read the pixels of some cells.

        Parameters
        ----------
        indices : ndarray of int, shape (n,)
            In any order.
        columns : sequence of int, optional
            Positions of the channels to keep, as `columns` gives them.

        Returns
        -------
        ndarray, shape (n, frame, frame, channels)
            Counts, in the dtype of the stacks.
        """
        which = np.searchsorted(self._starts, indices, side="right") - 1
        rows = indices - self._starts[which]
        parts = np.unique(which)
        dtype = np.result_type(*(self.parts[p].stored.dtype for p in parts))
        depth = self.depth if columns is None else len(columns)
        pixels = np.empty((len(indices), self.frame, self.frame, depth), dtype)
        for part in parts:
            here = np.flatnonzero(which == part)
            pixels[here] = self.parts[part].stored.read(rows[here], _whole(columns, self.depth))
        return pixels

    def identities(self) -> Iterator[tuple[Part, str, str]]:
        """Go through all cells in order: their part, source and object, read as they are used."""
        for part in self.parts:
            for rows in part.stored.identities(_ROWS_AT_ONCE, self.root):
                yield from ((part, source, name) for source, name in rows)

    def fingerprints(self, progress: Progress | Report | None = None) -> np.ndarray:
        """Hash the pixels of every cell, to find the same image twice.

        Returns
        -------
        ndarray of uint64, shape (cells,)
            BLAKE2b of the bytes of each image.
        """
        progress = as_progress(progress)
        found = np.empty(len(self), np.uint64)
        for first in range(0, len(self), _ROWS_AT_ONCE):
            last = min(first + _ROWS_AT_ONCE, len(self))
            found[first:last] = [_hash(image) for image in self.read(np.arange(first, last))]
            progress.report(last, len(self), "Looking through the cells")
        return found


def _hash(image: np.ndarray) -> int:
    return int.from_bytes(hashlib.blake2b(image.tobytes(), digest_size=8).digest(), "little")


def _whole(columns: Sequence[int] | None, depth: int) -> Sequence[int] | None:
    """Give None where the columns are all of them in order, so that nothing is picked twice."""
    return None if columns is None or list(columns) == list(range(depth)) else columns


def _one_shape(parts: Sequence[Part]) -> tuple[int, int]:
    first = parts[0].stored
    for part in parts:
        if part.stored.shape != first.shape:
            raise DeepometryError(
                f"{part.stored.path} holds images of {_size(part.stored)}, but {first.path} of "
                f"{_size(first)}; parse all cells with the same frame and channels."
            )
    return first.shape[0], first.shape[2]


def _size(stored: Stored) -> str:
    height, width, channels = stored.shape
    return f"{height} x {width} pixels in {counted(channels, 'channel')}"


def _one_channel_list(
    parts: Sequence[Part], depth: int
) -> tuple[tuple[int, ...] | None, dict[int, str]]:
    """Read channel numbers and names from the parse.json nearest to each part."""
    folders = dict.fromkeys(part.stored.path.parent for part in parts)
    read: dict[Path, dict[str, Any]] = {}
    found = dict.fromkeys(place for f in folders if (place := _parsed_above(f, read)))
    told = {place: _channels_told(place, read[place], depth) for place in found}
    if not told:
        return None, {}
    one, (channels, names) = next(iter(told.items()))
    for other, (others, _) in told.items():
        if others != channels:
            raise DeepometryError(
                f"{one} tells of channels {joined(channels)}, but {other} of {joined(others)}; "
                "parse all cells with the same channels."
            )
    return channels, names


Told = tuple[tuple[int, ...], dict[int, str]]


def _parsed_above(folder: Path, read: dict[Path, dict[str, Any]]) -> Path | None:
    """Find the nearest parse.json upwards that Parse wrote; `read` keeps what each one holds."""
    for place in [folder, *folder.parents]:
        path = place / PARSE_RECORD
        if path not in read:
            read[path] = own_record(path, "parse")
        if read[path]:
            return path
    return None


def _channels_told(path: Path, record: dict[str, Any], depth: int) -> Told:
    """Read the channels that a record tells.

    Raises
    ------
    DeepometryError
        It does not fit the arrays.
    """
    channels, names = record.get("channels"), record.get("channel_names") or {}
    whole = isinstance(channels, list) and all(type(number) is int for number in channels)
    if not whole or not isinstance(names, dict) or len(channels or ()) != depth:
        raise DeepometryError(
            f"{path}: expected the numbers of the {counted(depth, 'channel')} of the "
            f"arrays beside it, found {channels!r}; parse the cells anew."
        )
    named = {int(n): str(name) for n, name in names.items() if str(n).isdecimal()}
    return tuple(channels or ()), named


def open_dataset(
    root: Path | str,
    progress: Progress | Report | None = None,
    keep: Callable[[Part], bool] | None = None,
) -> Dataset:
    """Find all parsed cells below a folder.

    Parameters
    ----------
    root : Path
        Folder with stacks (cells, frame, frame, channels), with single arrays (height, width,
        channels) as the original program wrote them, or both. Folders that hold a model, and
        hidden ones, are passed over.
    progress : Progress or callable, optional
        Told about the search.
    keep : callable, optional
        Chooses among the parts.

    Raises
    ------
    DeepometryError
        The folder is missing or holds no parsed cells, an array is damaged, or the arrays
        differ in frame or channels.
    """
    root = existing_folder(Path(root), "Input location")
    progress = as_progress(progress)
    parts = []
    for folder, names in array_folders(root, progress):
        below = folder.relative_to(root).parts
        for stored in stored_in(folder, names):
            part = Part(stored, *_levels_and_side(below))
            if len(stored) and (keep is None or keep(part)):
                parts.append(part)
    if not parts:
        raise DeepometryError(
            f"Input location {root}: expected parsed cells (.npy files), found none; "
            "run Parse first and give the folder that it wrote."
        )
    return Dataset(root, parts)


def _levels_and_side(below: Levels) -> tuple[Levels, str | None]:
    """Take `Train` or `Hold-out`, which Parse put there, out of the folder levels."""
    side = next((name for name in below if name in SIDES), None)
    return tuple(name for name in below if name != side), side


def training_part(part: Part) -> bool:
    """Choose the cells to learn from: all but those held out."""
    return part.side in (None, TRAIN)
