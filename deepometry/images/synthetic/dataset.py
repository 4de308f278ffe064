"""The example data set: synthetic red blood cells of stored blood, in folders by day and shape.

`deepometry example FOLDER` writes it. Drawing (`example_cells`) is apart
from writing (`write_example`), which writes the same cells as .cif or as .tif files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np
import tifffile
from numpy.typing import NDArray

from deepometry.core.disk import STAGE_PREFIX
from deepometry.core.errors import DeepometryError
from deepometry.core.files import staged
from deepometry.core.notebook import NotebookView, ShowsInNotebook
from deepometry.core.options.example import ExampleOptions
from deepometry.core.progress import Progress, Report, as_progress
from deepometry.images.cif.writer import CifWriter
from deepometry.images.synthetic.optics import PIXEL
from deepometry.images.synthetic.red_cell import CHANNELS, CLASSES, draw_cell_and_mask

DAYS = (1, 15, 29, 43)  # of storage; blood may be given up to day 42
SAMPLES = ("A", "B")

CIF_NAME = "cells.cif"
NAMES = dict(zip(CHANNELS, ("Brightfield", "Darkfield"), strict=True))
MAGNIFICATION = 60.0
SOFTWARE = "Deepometry example"
STEP_TO_SD = 1.4826 / np.sqrt(2)  # from the median step of normal noise to its deviation
HALO = 2  # pixels around a cell where its light falls too

REPORT_EVERY = 20  # cells


@dataclass(frozen=True, eq=False)
class ExampleCell:
    """One cell and where it belongs.

    Attributes
    ----------
    folders
        Folder names from the outermost, such as ("Day 1", "Sample A", "Class Side").
    name
        Unique within the data set, such as "cell_000123".
    pixels
        uint16, shape (height, width, 2): channels 1 and 12.
    mask
        bool, shape (height, width): where the cell is.
    """

    folders: tuple[str, ...]
    name: str
    pixels: NDArray[np.uint16]
    mask: NDArray[np.bool_]


@dataclass(frozen=True)
class ExampleResult(ShowsInNotebook):
    """The folder of the example, and the number of cells in it."""

    output: Path
    cells: int

    def __str__(self) -> str:
        return f"Wrote {self.cells:,} example cells.\nImages: {self.output}"

    def notebook_view(self) -> NotebookView:
        """Show where the cells are."""
        return NotebookView("Example cells", {"Cells": self.cells, "Folder": self.output})


def example(options: ExampleOptions, progress: Progress | Report | None = None) -> ExampleResult:
    """Write the example data set, as a step of its own; see `write_example`."""
    how = (options.cells, options.seed, progress, options.format)
    cells = write_example(options.output, *how)
    return ExampleResult(options.output, cells)


def proportions(day: int, sample: str = "A") -> NDArray[np.float64]:
    """Share of each class in blood stored for some days; the donor of each sample ages differently.

    Returns
    -------
    ndarray of float64, shape (7,)
        In the order of `CLASSES`; the sum is 1, and no share is below 0.04.
    """
    stage = 0.4 + 0.25 * SAMPLES.index(sample) + 3.4 * (1 - np.exp(-day / 18))
    sequence = np.exp(-0.5 * ((np.arange(len(CLASSES) - 1) - stage) / 1.7) ** 2)
    sequence /= sequence.sum()
    shares = np.append(sequence, 0.04 + 0.2 * sequence[:2].sum())  # discs are what lies on its side
    return 0.04 + (1 - 0.04 * len(CLASSES)) * shares / shares.sum()


def cell_counts(cells: int) -> NDArray[np.intp]:
    """Share out `cells` over days, samples and classes.

    Returns
    -------
    ndarray of int, shape (days, samples, classes)
        The sum is `cells`; what rounding leaves over goes to the largest remainders.
    """
    shares = np.array([[proportions(day, sample) for sample in SAMPLES] for day in DAYS])
    expected = cells * shares / shares.sum()
    counts = np.floor(expected).astype(np.intp)
    # Rounding first keeps ties, and so the counts, the same on every machine.
    order = np.argsort(-np.round(expected - counts, 9), axis=None, kind="stable")
    counts.flat[order[: cells - counts.sum()]] += 1
    return counts


def example_cells(cells: int = 1400, seed: int = 0) -> Iterator[ExampleCell]:
    """Draw the example data set, folder by folder.

    Parameters
    ----------
    cells
        How many in all, 1 or more. From about 200 on, every day holds every class.
    seed
        0 or more; the same numbers give the same cells.

    Returns
    -------
    iterator of ExampleCell
        One is drawn at a time, each from a generator of its own.

    Raises
    ------
    DeepometryError
        If a number is too small.
    """
    if cells < 1:
        raise DeepometryError(f"Cells: expected 1 or more, found {cells}.")
    if seed < 0:
        raise DeepometryError(f"Seed: expected 0 or more, found {seed}.")
    return _cells(cells, seed)


def _cells(cells: int, seed: int) -> Iterator[ExampleCell]:
    number = 0
    for place, count in np.ndenumerate(cell_counts(cells)):
        day, sample, label = DAYS[place[0]], SAMPLES[place[1]], CLASSES[place[2]]
        folders = (f"Day {day}", f"Sample {sample}", f"Class {label}")
        for _ in range(count):
            pixels, mask = draw_cell_and_mask(label, np.random.default_rng([seed, number]), day)
            yield ExampleCell(folders, f"cell_{number:06d}", pixels, mask)
            number += 1


def write_example(
    output: Path,
    cells: int = 1400,
    seed: int = 0,
    progress: Progress | Report | None = None,
    format: str = "cif",
) -> int:
    """Write the example data set in files like those of IDEAS.

    Parameters
    ----------
    output
        Folder to write to: new or empty.
    cells, seed
        As for `example_cells`.
    progress
        Receives the number of cells done; a plain function `(done, total, text)` will do.
    format
        "cif": one file a folder, `Day 1/Sample A/Class Side/cells.cif`, with masks, backgrounds
        and channel names; the objects in it are numbered from 0. "tif": one file a cell and
        channel, such as `Day 1/Sample A/Class Side/cell_000123_Ch1.ome.tif`.

    Returns
    -------
    int
        Number of cells written.

    Raises
    ------
    DeepometryError
        If the folder holds something or cannot be written, a number is too small, or the format
        unknown. Then nothing is left behind.
    """
    output = Path(output)
    if format not in FORMATS:
        formats = " or ".join(FORMATS)
        raise DeepometryError(f"Format: expected {formats}, found {format!r}.")
    _check_empty(output)
    drawn = _reported(example_cells(cells, seed), cells, as_progress(progress))
    with staged(output) as stage:
        for folders, group in groupby(drawn, lambda cell: cell.folders):
            folder = stage.joinpath(*folders)
            folder.mkdir(parents=True, exist_ok=True)
            FORMATS[format](folder, group)
    return cells


def _reported(
    drawn: Iterable[ExampleCell], total: int, progress: Progress
) -> Iterator[ExampleCell]:
    """Yield every cell; report after its writing how many there were."""
    for done, cell in enumerate(drawn, start=1):
        yield cell
        if done % REPORT_EVERY == 0 or done == total:
            progress.report(done, total, "Drawing example cells", "cells")


def _check_empty(output: Path) -> None:
    if not output.exists():
        return
    if not output.is_dir():
        raise DeepometryError(f"{output} is a file; give a new or empty folder for the example.")
    # A run that was killed may have left its hidden folder; that is no reason to refuse.
    if any(not path.name.startswith(STAGE_PREFIX) for path in output.iterdir()):
        raise DeepometryError(f"{output} is not empty; give a new or empty folder for the example.")


def _write_cif(folder: Path, cells: Iterable[ExampleCell]) -> None:
    """Write the cells of one folder to one file."""
    from skimage.measure import centroid

    with CifWriter(
        folder / CIF_NAME,
        CHANNELS,
        names=NAMES,
        brightfield=CHANNELS[:1],
        magnification=MAGNIFICATION,
        instrument="Synthetic cells",
        software=SOFTWARE,
    ) as file:
        for cell in cells:
            outline = np.repeat(cell.mask[..., np.newaxis], len(CHANNELS), axis=2)
            row, column = centroid(cell.mask)
            file.add(cell.pixels, outline, background=_background(cell), centre=(column, row))


def _background(cell: ExampleCell) -> NDArray[np.float64]:
    """Mean and standard deviation of each channel away from the cell, shape (2, 2).

    The deviation is that of the camera's noise, from the steps between neighbours: what the slope
    of the light and the rings around a cell add would make padding rougher than the picture.
    """
    from skimage.morphology import diamond, dilation

    outside = ~dilation(cell.mask, diamond(HALO))
    pixels = cell.pixels.astype(np.float64)
    steps = np.diff(pixels, axis=1)[outside[:, 1:] & outside[:, :-1]]
    spread = np.median(np.abs(steps), axis=0) * STEP_TO_SD
    return np.stack([pixels[outside].mean(axis=0), spread], axis=1)


def _write_tiffs(folder: Path, cells: Iterable[ExampleCell]) -> None:
    """Write the cells of one folder, one file a cell and channel."""
    for cell in cells:
        for place, channel in enumerate(CHANNELS):
            _write_tiff(folder / f"{cell.name}_Ch{channel}.ome.tif", cell.pixels[..., place])


def _write_tiff(path: Path, plane: NDArray[np.uint16]) -> None:
    """Write one grey picture; no time stamp, so that the same cells give the same bytes."""
    tifffile.imwrite(
        path,
        np.ascontiguousarray(plane),
        byteorder="<",
        photometric="minisblack",
        ome=False,
        metadata=None,
        software=SOFTWARE,
        resolution=(1e4 / PIXEL, 1e4 / PIXEL),
        resolutionunit="CENTIMETER",
    )


FORMATS: dict[str, Callable[[Path, Iterable[ExampleCell]], None]] = {
    "cif": _write_cif,
    "tif": _write_tiffs,
}
