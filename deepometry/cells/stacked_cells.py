"""Parsed cells on disk, in a fixed order: pixels stay memory-mapped, and labels are looked up."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from copy import copy
from dataclasses import replace
from functools import cached_property
from itertools import islice, starmap
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from deepometry.cells.channel_list import ChannelList, one_channel_list, record_above
from deepometry.cells.dataset_parts import Part, SomeChannels, one_shape
from deepometry.cells.gates.apply import GatedOut, gated_out
from deepometry.cells.identity import cell_key, find_distinct, find_keys
from deepometry.cells.labels.label_folder import label_sources, parsed_home
from deepometry.cells.labels.source import CellLabels, LabelSource
from deepometry.cells.stack_reader import Window
from deepometry.core.errors import DeepometryError
from deepometry.core.files import hash_bytes
from deepometry.core.folder_names import (
    CLASSES,
    FOLDERS,
    NUMBER,
    Levels,
    Target,
    find_targets,
    label_of,
    natural_key,
    normal_name,
)
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
        self._labels: dict[str, CellLabels] = {}

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

    @cached_property
    def label_sources(self) -> tuple[LabelSource, ...]:
        """The labels that were imported or given beside folder names."""
        return tuple(label_sources(parsed_home(self.root)))

    @cached_property
    def keys(self) -> Array:
        """Hash of source and object of every cell, as `cells.identity`: uint64, shape (cells,)."""
        names = (pair for part in self.parts for pair in self._names(part))
        return np.fromiter(starmap(cell_key, names), np.uint64, len(self))

    def _names(self, part: Part) -> Iterator[tuple[str, str]]:
        for rows in part.stored.identities(_ROWS_AT_ONCE, self.root):
            yield from rows

    @cached_property
    def gated_out(self) -> GatedOut:
        """The cells that gates leave out, of learning and of scores.

        Raises
        ------
        DeepometryError
            A gate is damaged, or the features that it is about are not there.
        """

        def places(keys: Array) -> Array:
            return self._places_among(keys, find_distinct)

        return gated_out(parsed_home(self.root), len(self), places)

    def gated(self, out: GatedOut) -> Self:
        """Return the cells with these gates in place of those that are kept with them."""
        some = copy(self)
        some.__dict__["gated_out"] = out
        return some

    def targets(self) -> list[Target]:
        """List what can be learnt: by folder names, then by other labels; with counts."""
        out = self.gated_out
        given = (self.learnt(source.name) for source in self.label_sources)
        others = [labels.target() for labels in given if not labels.from_folders]
        found = find_targets(self._learnt_folders)
        found += [t for t in others if len(t.labels) > 1 or t.numbered]
        each = (replace(t, unlabelled=self._unlabelled(t), gated_out=out.count) for t in found)
        return list(each) if out.count else found

    def _unlabelled(self, target: Target) -> int:
        return len(self) - target.cells - self.gated_out.count

    @property
    def _learnt_folders(self) -> dict[Levels, int]:
        """Number of cells of every folder, without those that gates leave out."""
        if not self.gated_out.count:
            return self.folders
        counts: dict[Levels, int] = {}
        left = np.add.reduceat(~self.gated_out.cells, self._starts[:-1], dtype=np.int64)
        for part, number in zip(self.parts, left.tolist(), strict=True):
            counts[part.levels] = counts.get(part.levels, 0) + number
        return {levels: number for levels, number in counts.items() if number}

    def _clean(self, labels: CellLabels) -> CellLabels:
        return labels.without(self.gated_out.cells) if self.gated_out.count else labels

    def labels(self, target: str) -> CellLabels:
        """Return the labels of every cell, of whichever source has this name, in any case.

        Folder names come first. Where nothing has the name, no cell has a label.

        Raises
        ------
        DeepometryError
            A path has two values of it, or a source is damaged.
        """
        wanted = normal_name(target).casefold()
        if wanted not in self._labels:
            each = [label_of(part.levels, target) for part in self.parts]
            sources = (s for s in self.label_sources if normal_name(s.name).casefold() == wanted)
            source = None if any(each) else next(sources, None)
            found = self._labels_of(source) if source else self._folder_labels(target, each)
            self._labels[wanted] = found
        return self._labels[wanted]

    def learnt(self, target: str) -> CellLabels:
        """Return the labels of every cell as `labels`, but none of cells that gates leave out."""
        return self._clean(self.labels(target))

    def _folder_labels(self, name: str, each: Sequence[str | None]) -> CellLabels:
        classes = tuple(sorted({label for label in each if label is not None}, key=natural_key))
        index = {label: code for code, label in enumerate(classes)}
        codes = [index[label] if label is not None else -1 for label in each]
        values = np.repeat(np.array(codes, np.int64), np.diff(self._starts))
        return CellLabels(name, CLASSES, FOLDERS, classes, values)

    def _labels_of(self, source: LabelSource) -> CellLabels:
        """Look up the label of every cell, by the names of parsed cells in their own folder."""
        keys, given = source.read()
        places = self._places_among(keys)
        nothing = np.nan if source.kind == NUMBER else -1
        dtype = np.float64 if source.kind == NUMBER else np.int64
        values = np.append(given, nothing).astype(dtype)[places]
        made_of = getattr(source, "channels", ())
        return CellLabels(source.name, source.kind, source.origin, source.classes, values, made_of)

    def _places_among(
        self, keys: Array, find: Callable[[Array, Array], Array] = find_keys
    ) -> Array:
        """Find each cell among keys of cells in the folder of Parse; -1 for none."""
        places = find(self.keys, keys)
        if (places == -1).any() and (below := self._below_home):
            inside = find_keys(self._keys_below(below, np.flatnonzero(places == -1)), keys)
            places[places == -1] = inside
        return places

    @cached_property
    def _below_home(self) -> str:
        """The way from the folder that Parse wrote to this one; empty where it is the same."""
        way = self.root.absolute().relative_to(parsed_home(self.root).absolute())
        return "" if way == Path() else way.as_posix()

    def _keys_below(self, below: str, cells: Array) -> Array:
        """Hash cells that have no source but their array, as seen from the folder of Parse."""
        names = self.identities_of(cells)
        return np.fromiter((cell_key(f"{below}/{s}", name) for s, name in names), np.uint64)

    def labels_by_folder(self, target: str) -> dict[Levels, set[str]]:
        """Return the labels of a target that the cells of every folder have."""
        labels, found = self.learnt(target), dict[Levels, set[str]]()
        for part, first in zip(self.parts, self._starts.tolist(), strict=False):
            some = np.unique(labels.values[first : first + len(part.stored)]).tolist()
            names = {labels.classes[code] for code in some if code >= 0} if labels.classes else ()
            found.setdefault(part.levels, set()).update(names)
        return found

    @property
    def label_columns(self) -> dict[str, CellLabels]:
        """The labels of every source but folder names, by name, as columns of tables."""
        return {source.name: self.labels(source.name) for source in self.label_sources}

    def codes(self, target: str, labels: Sequence[str]) -> Array:
        """Return the class of each cell, as index into `labels`; -1 for none, or gated out."""
        return self.learnt(target).codes(labels)

    def values(self, target: str) -> Array:
        """Return the number of each cell, float64; NaN for none, or gated out."""
        return self.learnt(target).numbers()

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

    def cell(self, index: int) -> tuple[Part, tuple[str, str]]:
        """Return the part of a cell, and its source and object."""
        part = int(np.searchsorted(self._starts, index, side="right")) - 1
        row = index - int(self._starts[part])
        return self.parts[part], next(islice(self._names(self.parts[part]), row, None))

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
