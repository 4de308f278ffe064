"""Cells of image files as a dataset for a model: framed as it wants them, with nothing on disk."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from deepometry.cells.cell_reading import CellReading, channel_names_of
from deepometry.cells.centres import centre_window, hash_centres
from deepometry.cells.choose_frame import ask_about_fields
from deepometry.cells.dataset import Dataset
from deepometry.cells.dataset_parts import Part
from deepometry.cells.framed_file import Collector, FramedFile
from deepometry.cells.known_cells import (
    Fingerprints,
    KnownCells,
    Recognised,
    Recogniser,
    fingerprints,
)
from deepometry.cells.model_description import Description, ImageChannels
from deepometry.cells.parse_plan import Plan, check_masks, choose_channels, plan_sources
from deepometry.core.folder_names import natural_key
from deepometry.core.options.parse import ParseOptions
from deepometry.core.progress import Progress, Ticker
from deepometry.images.framed_blocks import Block, Framing
from deepometry.images.padding_noise import Noise
from deepometry.images.readers.base import Source
from deepometry.images.readers.find import Sources, find_sources
from deepometry.images.strips import read_strips

KEPT = 128 << 20
"""Bytes of framed pixels that are kept between looking at the cells and classifying them."""


@dataclass(frozen=True)
class CellFiles:
    """Image files whose cells a model is to see, before a cell is read.

    Attributes
    ----------
    root : Path
        The folder of the files, or the only one.
    plans : list of Plan
        The sources, in the order that their stacks would have.
    framing : Framing
    seed : int
        Of the padding noise.
    names : dict of int to str
        Names of the channels.
    remarks : tuple of str
        Which files were taken for what, and which were left out.
    """

    root: Path
    plans: list[Plan]
    framing: Framing
    seed: int
    names: dict[int, str]
    remarks: tuple[str, ...]

    @property
    def objects(self) -> int:
        """Number of cells, those included that cannot be read."""
        return sum(len(plan.held) for plan in self.plans)


def open_sources(options: ParseOptions, progress: Progress) -> Sources:
    """Find the image files of a parse, and take them as its options say."""
    how = (options.reader, options.pages, options.pattern)
    return read_strips(find_sources(options.input, progress, *how), options.tiles)


def plans_of(sources: Sequence[Source], options: ParseOptions) -> list[Plan]:
    """Return the plans of sources in the order in which `open_dataset` has their stacks."""
    return sorted(plan_sources(sources, options), key=_place_of_stack)


def find_cell_files(
    options: ParseOptions, description: Description, model: Path, progress: Progress
) -> CellFiles:
    """Find the cells of image files, and how a model is to see them.

    Parameters
    ----------
    options : ParseOptions
        Where the files are and how they are read; `frame` is the model's.
    description : Description
        Of the model.
    model : Path
        Its file, for messages.
    progress : Progress
        Receives the search; may cancel.

    Raises
    ------
    DeepometryError
        There are no cells, or they lack a channel of the model.
    Question
        The files do not say what their images are.
    """
    sources = open_sources(options, progress)
    check_masks(sources, options)
    if options.large_images == "ask":
        ask_about_fields(sources, description.frame, fixed=True)
    numbers = choose_channels(sources, options)
    names = channel_names_of(sources, numbers)
    wanted = _wanted(ImageChannels(options.input, numbers, names), description, model)
    channels = _read_channels(sources, wanted)
    noise = Noise(options.seed, channels)
    return CellFiles(
        options.input,
        plans_of(sources, options),
        Framing(description.frame, channels, noise, options.masked),
        options.seed,
        channel_names_of(sources, channels),
        tuple(filter(None, (sources.taken, sources.left_out))),
    )


def _wanted(images: ImageChannels, description: Description, model: Path) -> tuple[int, ...]:
    """Return the channels of the files that the model wants, in its order."""
    if not images.channels:  # not one file can be opened; reading them will report why
        return description.channels or tuple(range(1, description.depth + 1))
    columns = description.columns_of_images(images, model)
    return tuple(images.channels[column] for column in columns)


def _read_channels(sources: Sequence[Source], wanted: Sequence[int]) -> tuple[int, ...]:
    """Choose the channels to read: those of the model, and those by which it knows its cells."""
    each = [set(source.channels) for source in sources if source.channels]
    return tuple(sorted(set.intersection(*each).union(wanted))) if each else tuple(wanted)


def _place_of_stack(plan: Plan) -> tuple[tuple[object, ...], object]:
    return tuple(natural_key(name) for name in plan.folder), natural_key(f"{plan.stem}.npy")


@dataclass(frozen=True)
class FileCells:
    """The good cells of image files.

    Attributes
    ----------
    dataset : Dataset
        Reads them from the files.
    files : list of FramedFile
        Those with good cells, in its order.
    reading : CellReading
        What was found on the way: sizes, problems, notices.
    recognised : Recognised or None
        Which of them a model has seen; None where it does not say which it has.
    """

    dataset: Dataset
    files: list[FramedFile]
    reading: CellReading
    recognised: Recognised | None


def look_at_cells(
    files: CellFiles,
    problems: Path,
    known: KnownCells | None,
    progress: Progress,
    watch: Callable[[np.ndarray], None] | None = None,
) -> FileCells:
    """Read all cells once: find those that can be used, and those that a model has seen.

    Parameters
    ----------
    files : CellFiles
    problems : Path
        The table of cells that cannot be used, which is written if there are any.
    known : KnownCells or None
        The cells that the model has seen.
    progress : Progress
        Receives the number of cells done; may cancel.
    watch : callable, optional
        Called with the images of the good cells, some at a time, in their order.

    Raises
    ------
    DeepometryError
        Not one cell can be used.

    Notes
    -----
    The pixels of the first cells, up to `KEPT` bytes, stay in memory for what follows. Of every
    cell there stay its place and its size, and the name of its file where there is one a cell.
    """
    framing, room = files.framing, KEPT
    reading = CellReading(framing, problems, Ticker(progress, files.objects), "Reading")
    recogniser = Recogniser(known) if known else None
    parts, stored = [], []
    with reading.problems:
        for plan in files.plans:
            collector = Collector(room)
            for block in reading.blocks(plan):
                collector.add(block)
                if recogniser:
                    recogniser.add(_fingerprints(block))
                if watch:
                    watch(block.pixels)
            found = collector.finish()
            room -= found.pixels.nbytes if found.pixels is not None else 0
            if len(found.places):
                stored.append(FramedFile(plan, framing, files.seed, found))
                parts.append(Part(stored[-1], plan.folder, None))
    reading.finish(files.root, sum(map(len, stored)), "read")
    dataset = Dataset(files.root, parts, (framing.channels, files.names))
    return FileCells(dataset, stored, reading, recogniser.result() if recogniser else None)


def _fingerprints(block: Block) -> Fingerprints:
    frame = block.pixels.shape[1]
    centre = slice(*centre_window(frame))
    hashes = hash_centres(block.pixels[:, centre, centre], block.sizes, frame)
    return fingerprints(hashes, block.cells)
