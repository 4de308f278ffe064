"""Parsed cells on disk, in a fixed order: pixels stay memory-mapped, folders become labels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import replace
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from deepometry.cells.channel_list import ChannelList, one_channel_list, record_above
from deepometry.cells.dataset_parts import Part, SomeChannels, one_shape
from deepometry.cells.stack_reader import Window
from deepometry.core.errors import DeepometryError
from deepometry.core.files import hash_bytes
from deepometry.core.folder_names import Levels, Target, find_targets, label_of
from deepometry.core.progress import Progress, Report, as_progress

Array = NDArray[Any]
_ROWS_AT_ONCE = 1024


class StackedCells:
    """The cells of many stacks as one set, read by position.

    Parameters
    ----------
    root : Path
        The input folder.
    parts : sequence of Part
        In the order of their cells; all of one frame and one number of channels.
    listed : (tuple of int or None, dict of int to str), optional
        Numbers and names of the channels; by default those in the parse.json above each part.

    Attributes
    ----------
    frame : int
        Side of the images, in pixels.
    depth : int
        Number of channels.
    channels : tuple of int or None
        Their channel numbers; None where there is no parse.json.
    channel_names : dict of int to str
        Names of those that have one.
    """

    def __init__(
        self, root: Path, parts: Sequence[Part], listed: ChannelList | None = None
    ) -> None:
        self.root = root
        self.parts = tuple(parts)
        self.frame, self.depth = one_shape(parts)
        self._listed = listed
        self.channels, self.channel_names = listed or one_channel_list(
            (part.stored.path.parent for part in parts), self.depth
        )
        self._starts = np.cumsum([0, *(len(part.stored) for part in parts)])

    def __len__(self) -> int:
        return int(self._starts[-1])

    @cached_property
    def dtype(self) -> np.dtype[Any]:
        """Type of the pixels: that of the stacks."""
        return np.result_type(*{part.stored.dtype for part in self.parts})

    @property
    def channel_numbers(self) -> tuple[int, ...]:
        """The channel numbers; from 1 where there is no parse.json."""
        return self.channels or tuple(range(1, self.depth + 1))

    @property
    def sides(self) -> set[str | None]:
        """The sides of the hold-out split that are present."""
        return {part.side for part in self.parts}

    def without(self, side: str) -> Self:
        """Return all cells but those of one side of the split."""
        kept = [part for part in self.parts if part.side != side]
        return type(self)(self.root, kept, self._listed)

    @cached_property
    def folders(self) -> dict[Levels, int]:
        """Number of cells of every folder."""
        counts: dict[Levels, int] = {}
        for part in self.parts:
            counts[part.levels] = counts.get(part.levels, 0) + len(part.stored)
        return counts

    @cached_property
    def parse_record(self) -> dict[str, Any]:
        """The record of the parse that the first cells came from; empty where there is none."""
        if self._listed:
            return {}
        records: dict[Path, dict[str, Any]] = {}
        path = record_above(self.parts[0].stored.path.parent, records)
        return {} if path is None else records[path]

    def with_channels(self, channels: Sequence[int]) -> Self:
        """Return the cells with these channels; raise `DeepometryError` if one is missing."""
        columns = self.columns(channels)
        some = copy(self)
        some.parts = tuple(
            replace(part, stored=SomeChannels(part.stored, columns)) for part in self.parts
        )
        some.channels, some.depth = tuple(channels), len(columns)
        return some

    def targets(self) -> list[Target]:
        """List the targets that the folder names define, with labels and counts."""
        return find_targets(self.folders)

    def labels(self, target: str) -> list[str | None]:
        """Return the label of each part, if any; raise `DeepometryError` if a path has two."""
        return [label_of(part.levels, target) for part in self.parts]

    def codes(self, target: str, labels: Sequence[str]) -> Array:
        """Return the class of each cell, as index into `labels`; -1 for none of them."""
        index = {label: code for code, label in enumerate(labels)}
        each = [index.get(label, -1) if label is not None else -1 for label in self.labels(target)]
        return np.repeat(np.array(each, np.int64), np.diff(self._starts))

    def columns(self, channels: Sequence[int] | None) -> list[int]:
        """Return the positions of channels in the images; raise an error if one is missing."""
        present = self.channel_numbers
        missing = [n for n in channels or () if n not in present]
        if missing:
            raise DeepometryError(
                f"{self.root}: expected channel {', '.join(map(str, missing))} in the parsed "
                f"cells, found {', '.join(map(str, present))}; choose among these or parse again."
            )
        return [present.index(n) for n in channels or present]

    def read(
        self, indices: Array, columns: Sequence[int] | None = None, window: Window = None
    ) -> Array:
        """Read the pixels of some cells.

        Parameters
        ----------
        indices : ndarray of int, shape (n,)
            In any order.
        columns : sequence of int, optional
            Positions of the wanted channels, as `columns` returns them.
        window : (int, int), optional
            First row and column that is wanted, and the one behind the last; all by default.

        Returns
        -------
        ndarray, shape (n, frame, frame, channels)
            Counts, in `dtype`; of a window, as many rows and columns as it has.
        """
        side = window[1] - window[0] if window else self.frame
        which = np.searchsorted(self._starts, indices, side="right") - 1
        rows = indices - self._starts[which]
        parts = np.unique(which)
        depth = self.depth if columns is None else len(columns)
        pixels = np.empty((len(indices), side, side, depth), self.dtype)
        for part in parts:
            here = np.flatnonzero(which == part)
            pixels[here] = self.parts[part].stored.read(
                rows[here], _whole(columns, self.depth), window
            )
        return pixels

    def read_numbers(self, indices: Array, columns: Sequence[int] | None = None) -> Array:
        """Read the pixels of some cells, as `read`, and refuse those that are no numbers.

        Raises
        ------
        DeepometryError
            A pixel is NaN or infinite; Parse leaves such cells out.
        """
        pixels = self.read(indices, columns)
        if pixels.dtype.kind == "f":
            good = np.isfinite(pixels).all((1, 2, 3))
            if not good.all():
                raise self._no_number(int(indices[int(np.argmin(good))]))
        return pixels

    def _no_number(self, index: int) -> DeepometryError:
        part = int(np.searchsorted(self._starts, index, side="right")) - 1
        places = self.parts[part].stored.places()
        path, row = next(islice(places, index - int(self._starts[part]), None))
        return DeepometryError(
            f"{path}: expected a number in every pixel, found some in cell {row + 1} that are none "
            "(NaN or infinite); leave this cell out, or parse the images, which does so."
        )

    def identities(self) -> Iterator[tuple[Part, str, str]]:
        """Yield part, source and object of every cell, in order; tables are read as needed."""
        for part in self.parts:
            for rows in part.stored.identities(_ROWS_AT_ONCE, self.root):
                yield from ((part, source, name) for source, name in rows)

    def identities_of(self, indices: Array) -> Iterator[tuple[str, str]]:
        """Yield source and object of some cells, in the order of the dataset."""
        wanted = np.zeros(len(self), bool)
        wanted[indices] = True
        for chosen, (_, source, name) in zip(wanted, self.identities(), strict=True):
            if chosen:
                yield source, name

    def fingerprints(self, progress: Progress | Report | None = None) -> Array:
        """Hash the bytes of each image to 64 bits (BLAKE2b), to find the same image twice.

        Raises DeepometryError where a pixel is no number.
        """
        progress = as_progress(progress)
        hashes = np.empty(len(self), np.uint64)
        for first in range(0, len(self), _ROWS_AT_ONCE):
            last = min(first + _ROWS_AT_ONCE, len(self))
            hashes[first:last] = [
                hash_bytes(image.tobytes()) for image in self.read_numbers(np.arange(first, last))
            ]
            progress.report(last, len(self), "Reading the cells", "cells")
        return hashes


def _whole(columns: Sequence[int] | None, depth: int) -> Sequence[int] | None:
    """Return None where the columns are all of them in order: selecting them would copy."""
    return None if columns is None or list(columns) == list(range(depth)) else columns
