"""Parsed cells for programs and notebooks: indexed as an array, as a table, as AnnData."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np

from deepometry.cells.annotated import annotate
from deepometry.cells.dataset_parts import Part
from deepometry.cells.dataset_table import cell_table
from deepometry.cells.record_check import check_recorded
from deepometry.cells.recorded_shapes import RecordedShapes
from deepometry.cells.stack_reader import array_folders, stored_in
from deepometry.cells.stacked_cells import Array, StackedCells
from deepometry.core.errors import DeepometryError
from deepometry.core.files import existing_folder
from deepometry.core.folder_names import SIDES, TRAIN, Levels
from deepometry.core.notebook import NotebookView, ShowsInNotebook
from deepometry.core.progress import Progress, Report, as_progress
from deepometry.core.text import counted

if TYPE_CHECKING:
    import pandas as pd
    from anndata import AnnData

Index = int | slice | Sequence[int] | Sequence[bool] | Array
"""One cell, or some of them: a slice, positions, or a mask of all cells."""

_IMAGES_AT_ONCE = 256
_SHOWN = 6  # cells in a notebook


class Dataset(StackedCells, ShowsInNotebook):
    """All parsed cells below a folder, in a fixed order; pixels are read when they are needed.

    `len(cells)` is their number, `cells[3]` the image of one, `cells[10:20]` those of some, and
    iterating yields one image after another.
    """

    def __repr__(self) -> str:
        shown = ", ".join(self.channel_labels)
        return f"Dataset({counted(len(self), 'cell')}, {self.frame} x {self.frame} pixels, {shown})"

    def __getitem__(self, index: Index) -> Array:
        """Read the images of one cell or of some.

        Parameters
        ----------
        index : int, slice, sequence of int or mask
            As of a NumPy array of shape (cells,).

        Returns
        -------
        ndarray, shape (frame, frame, channels) or (n, frame, frame, channels)
            Counts, in `dtype`; a copy that may be changed.

        Raises
        ------
        IndexError
            There are not so many cells.
        """
        chosen = index if isinstance(index, int | slice) else np.asarray(index)
        indices = np.arange(len(self))[chosen]
        pixels = self.read(np.atleast_1d(indices))
        return pixels if np.ndim(indices) else pixels[0]

    def __iter__(self) -> Iterator[Array]:
        for first in range(0, len(self), _IMAGES_AT_ONCE):
            yield from self[first : first + _IMAGES_AT_ONCE]

    @property
    def channel_labels(self) -> list[str]:
        """The number and name of each channel, such as `Ch1 Brightfield`."""
        numbers, names = self.channel_numbers, self.channel_names
        return [f"Ch{number} {names.get(number, '')}".strip() for number in numbers]

    @property
    def channel_table(self) -> pd.DataFrame:
        """Number and name of each channel, by its label."""
        import pandas as pd

        numbers = self.channel_numbers
        names = [self.channel_names.get(number, "") for number in numbers]
        return pd.DataFrame({"channel": numbers, "name": names}, index=self.channel_labels)

    @cached_property
    def table(self) -> pd.DataFrame:
        """One row a cell, in the order of the images.

        `source` and `object` identify the cell. Each folder level and each target has a column,
        such as `Day` and `Class`, and so have labels from elsewhere. `gated_out` (bool) is there
        where the cells have gates. `split` is `Train` or `Hold-out`, missing where the parse made
        no split. `stack` (relative to the folder) and `row` say where the pixels are. Text that
        repeats is categorical.
        """
        marks = self.gated_out.marks
        return cell_table(self.root, self.parts, self.folders, self.label_columns, marks)

    def to_anndata(
        self,
        features: Path | str | None = None,
        layer: str | None = None,
        images: bool = False,
        progress: Progress | Report | None = None,
    ) -> AnnData:
        """Make an AnnData object of all cells, in memory, for scanpy and its kin.

        Parameters
        ----------
        features : Path, optional
            A folder that Extract wrote for these cells: its features become X.
        layer : str, optional
            Layer of the features; by default the one extracted last.
        images : bool
            Whether to copy the images to `obsm["images"]`, (cells, frame, frame, channels).
        progress : Progress or callable, optional
            Called with (cells done, cells in all, text).

        Returns
        -------
        AnnData
            `obs` is `table`, with further columns of the features' metadata.tsv, such as the
            predicted class. X is float32: the features, or, without any, the mean intensity of
            each channel over the whole image, in counts, which is enough to look at a marker.
            `var` names its columns; `uns["X"]` says which they are.

        Raises
        ------
        DeepometryError
            There are no such features, or not of all cells.
        """
        folder = None if features is None else Path(features)
        return annotate(self, folder, layer, images, as_progress(progress))

    def notebook_view(self) -> NotebookView:
        """Show what the cells are, with some of them."""
        size = f"{self.frame} x {self.frame} pixels"
        rows: dict[str, object] = {"Cells": len(self), "Images": f"{size}, {self.dtype}"}
        rows["Channels"] = ", ".join(self.channel_labels)
        for target in self.targets():
            rows[target.name] = ", ".join(f"{name} {n:,}" for name, n in target.labels.items())
        rows["Folder"] = self.root
        return NotebookView(counted(len(self), "cell"), rows, picture=self.picture)

    def picture(self) -> bytes:
        """Draw some cells in every channel, from all over the dataset, as a .png file."""
        from deepometry.images.gallery import cells_image, png_bytes
        from deepometry.images.gallery_sheet import GalleryCell

        chosen = np.unique(np.linspace(0, len(self) - 1, _SHOWN).astype(np.int64))
        places = np.searchsorted(self._starts, chosen, side="right") - 1
        cells = [
            GalleryCell(f"cell {n}", "/".join(self.parts[p].levels), self.channel_numbers, pixels)
            for n, p, pixels in zip(chosen, places, self[chosen], strict=True)
        ]
        names = SimpleNamespace(channel_names=self.channel_names, brightfield=())
        return png_bytes(cells_image(cells, [names]))


def open_cells(
    path: Path | str,
    channels: Sequence[int] | None = None,
    progress: Progress | Report | None = None,
) -> Dataset:
    """Open parsed cells.

    Parameters
    ----------
    path : Path
        Folder that Parse wrote, or one in it.
    channels : sequence of int, optional
        Numbers of the channels to read, in the order that is wanted; all by default.
    progress : Progress or callable, optional
        Called with messages of the search.

    Returns
    -------
    Dataset

    Raises
    ------
    DeepometryError
        The folder is missing or has no parsed cells, or there is no such channel.

    Examples
    --------
    >>> cells = deepometry.open_cells("parsed", channels=(1, 9))  # doctest: +SKIP
    >>> images = cells[(cells.table["Class"] == "Side")]  # (n, frame, frame, 2)  # doctest: +SKIP
    """
    dataset = open_dataset(path, progress)
    return dataset if channels is None else dataset.with_channels(channels)


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
        Reports the search.
    keep : callable, optional
        Chooses among the parts.

    Raises
    ------
    DeepometryError
        The folder is missing or holds no parsed cells, an array is damaged or not as its
        parse.json lists it, or the arrays differ in frame or channels.
    """
    root = existing_folder(Path(root), "Input location")
    progress = as_progress(progress)
    found, recorded = [], RecordedShapes()
    for folder, names in array_folders(root, progress):
        below = _levels_and_side(folder.relative_to(root).parts)
        found += [Part(stored, *below) for stored in stored_in(folder, names, recorded)]
    check_recorded(root, [part.stored for part in found], progress)
    parts = [part for part in found if len(part.stored) and (keep is None or keep(part))]
    if not parts:
        raise DeepometryError(
            f"Input location {root}: expected parsed cells (.npy files), found none; "
            "run Parse first and give the folder that it wrote."
        )
    return Dataset(root, parts)


def _levels_and_side(below: Levels) -> tuple[Levels, str | None]:
    """Separate `Train` or `Hold-out`, which Parse wrote, from the folder levels."""
    side = next((name for name in below if name in SIDES), None)
    return tuple(name for name in below if name != side), side


def training_part(part: Part) -> bool:
    """Choose the cells to learn from: all but those held out."""
    return part.side in (None, TRAIN)
