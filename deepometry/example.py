"""The example data set: synthetic red blood cells of stored blood, in folders by day and shape.

`python -m deepometry.example FOLDER` writes it. Drawing (`example_cells`) is apart from writing
(`write_example`), which writes the same cells as .cif or as .tif files.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np
import tifffile
from numpy.typing import NDArray
from scipy import ndimage

from deepometry.cif import CifWriter
from deepometry.errors import DeepometryError
from deepometry.example_cell import CHANNELS, CLASSES, draw_cell, draw_cell_and_mask
from deepometry.example_optics import PIXEL
from deepometry.files import STAGE_PREFIX, staged
from deepometry.options import ExampleOptions
from deepometry.progress import Progress, Report, as_progress

__all__ = [
    "CHANNELS",
    "CLASSES",
    "DAYS",
    "SAMPLES",
    "ExampleCell",
    "ExampleResult",
    "cell_counts",
    "draw_cell",
    "example",
    "example_cells",
    "proportions",
    "write_example",
]

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
class ExampleResult:
    """What writing the example gave: the folder, and the number of cells in it."""

    output: Path
    cells: int

    def __str__(self) -> str:
        return f"Wrote {self.cells:,} example cells.\nImages: {self.output}"


def example(options: ExampleOptions, progress: Progress | Report | None = None) -> ExampleResult:
    """Write the example data set as .cif files, as a step of its own; see `write_example`."""
    cells = write_example(options.output, options.cells, options.seed, progress)
    return ExampleResult(options.output, cells)


def proportions(day: int, sample: str = "A") -> NDArray[np.float64]:
    """Share of each class in blood stored for some days.

    Parameters
    ----------
    day
        Day of storage.
    sample
        One of `SAMPLES`; the donor of each ages at a pace a little different.

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
        raise DeepometryError(f"the number of example cells must be 1 or more; {cells} was given")
    if seed < 0:
        raise DeepometryError(f"the seed must be 0 or more; {seed} was given")
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
        Told how far the work is; a plain function `(done, total, text)` will do.
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
        known = " or ".join(FORMATS)
        raise DeepometryError(f"the format of the example must be {known}; {format!r} was given")
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
    """Give every cell, and tell after its writing how many there were."""
    for done, cell in enumerate(drawn, start=1):
        yield cell
        if done % REPORT_EVERY == 0 or done == total:
            progress.report(done, total, "Drawing example cells")


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
            row, column = np.argwhere(cell.mask).mean(axis=0)
            file.add(cell.pixels, outline, background=_background(cell), centre=(column, row))


def _background(cell: ExampleCell) -> NDArray[np.float64]:
    """Mean and standard deviation of each channel away from the cell, shape (2, 2).

    The deviation is that of the camera's noise, from the steps between neighbours: what the slope
    of the light and the rings around a cell add would make padding rougher than the picture.
    """
    outside = ~ndimage.binary_dilation(cell.mask, iterations=HALO)
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


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the example data set from the command line; `--help` tells how."""
    parser = argparse.ArgumentParser(prog="python -m deepometry.example", description=__doc__)
    parser.add_argument("output", type=Path, metavar="FOLDER", help="new or empty folder")
    parser.add_argument("--cells", type=int, default=1400, help="how many in all (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="0 or more (%(default)s)")
    parser.add_argument("--format", choices=[*FORMATS], default="cif", help="(%(default)s)")
    given = parser.parse_args(arguments)
    try:
        write_example(given.output, given.cells, given.seed, format=given.format)
    except DeepometryError as error:
        parser.exit(1, f"{error}\n")


if __name__ == "__main__":
    main()
