"""What each intensity scaling makes of some cells, before a training; and which one suits them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from deepometry.cells.dataset import Dataset, open_dataset
from deepometry.cells.groups import Level, levels_of
from deepometry.core.errors import OptionsError
from deepometry.core.files import writing
from deepometry.core.notebook import NotebookView, ShowsInNotebook
from deepometry.core.options.fields import AUTO
from deepometry.core.options.scalings import ScalingsOptions
from deepometry.core.options.train import SCALINGS
from deepometry.core.progress import Progress, Report, as_progress
from deepometry.core.text import counted, percent, table
from deepometry.images.gallery import check_gallery
from deepometry.network.scaling import less_background, scaled
from deepometry.training.scaling_advice import Facts, advice
from deepometry.training.scaling_picture import Tiles, draw

_MOST = 1000  # cells that numbers are of
_EACH, _SHOWN = 2, 12  # cells of a label that are shown, and of all labels
_SEED = 0


@dataclass(frozen=True)
class ScaledChannel:
    """The pixels of a channel under a scaling.

    Attributes
    ----------
    scaling, channel : str
    mean, spread : float
        Mean and standard deviation over the pixels of all cells.
    low, high : float
        1st and 99th percentile.
    between : float
        Standard deviation of the means of the cells: how much of their brightness, and of that of
        their background, is left to see.
    saturated : float
        Share of the pixels that have the highest count of their camera; no scaling changes it.
    """

    scaling: str
    channel: str
    mean: float
    spread: float
    low: float
    high: float
    between: float
    saturated: float

    @property
    def texts(self) -> tuple[str, ...]:
        """The numbers, as a table shows them."""
        numbers = (self.mean, self.spread, self.low, self.high, self.between)
        return (*map(_short, numbers), percent(self.saturated))


def _short(number: float) -> str:
    """Write a number with three decimals, one of hundreds without any."""
    return f"{number:,.0f}" if abs(number) >= 100 else f"{round(number, 3) + 0.0:.3f}"


@dataclass(frozen=True)
class ScalingsResult(ShowsInNotebook):
    """Intensity scalings of some cells.

    Attributes
    ----------
    rows : tuple of ScaledChannel
        One for every scaling and channel.
    recommended, reason : str
        The scaling that suits these cells, and why, in a sentence.
    cells, of : int
        Cells that were measured, and all of them.
    tiles : Tiles
        The cells that are shown.
    """

    rows: tuple[ScaledChannel, ...]
    recommended: str
    reason: str
    cells: int
    of: int
    tiles: Tiles = field(repr=False, compare=False)

    def __str__(self) -> str:
        head = ("Scaling", "Channel", "Mean", "Spread", "1 %", "99 %", "Between cells", "Saturated")
        rows = [(row.scaling, row.channel, *row.texts) for row in self.rows]
        lines = table([head, *rows], "<<>>>>>>")
        seen = "" if self.cells == self.of else f", {self.cells:,} of them measured"
        return "\n".join([f"{counted(self.of, 'cell')}{seen}.", *lines, self.sentence])

    @property
    def sentence(self) -> str:
        """The recommendation and its reason."""
        return f"Recommended: {self.recommended}; {self.reason}"

    def picture(self) -> bytes:
        """Draw some cells under each scaling, as a .png file."""
        return draw(self.tiles)

    def notebook_view(self) -> NotebookView:
        """Show the cells under each scaling."""
        rows: dict[str, object] = {"Cells": self.of, "Recommended": self.recommended}
        return NotebookView("Intensity scalings", rows, [self.sentence], self.picture)

    def plain(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        rows = [vars(row) for row in self.rows]
        facts = {"recommended": self.recommended, "reason": self.reason, "cells": self.cells}
        return facts | {"rows": rows}


def scalings(options: ScalingsOptions, progress: Progress | Report | None = None) -> ScalingsResult:
    """Show what each intensity scaling makes of some cells, and recommend one.

    Parameters
    ----------
    options : ScalingsOptions
        Where the cells are, the channels, and the picture to write, if any.
    progress : Progress or callable, optional
        Receives the number of cells done; may cancel.

    Returns
    -------
    ScalingsResult

    Raises
    ------
    DeepometryError
        There are no parsed cells, or no such channel or labels, or the picture cannot be written.

    Notes
    -----
    Means and deviations are those of up to 1,000 cells, evenly chosen; a training measures up to
    20,000 of its own. The recommendation is a rule on measured backgrounds and contrasts, not a
    comparison of trained models.
    """
    progress = as_progress(progress)
    dataset = open_dataset(options.input, progress)
    columns = dataset.columns(options.channels) if options.channels else list(range(dataset.depth))
    if options.gallery is not None:
        check_gallery(options.gallery, options.overwrite)
    labels = _labels(dataset, options.target)
    among = np.arange(len(dataset)) if labels is None else np.flatnonzero(labels[1] >= 0)
    chosen = among[np.unique(np.linspace(0, len(among) - 1, _MOST).astype(np.int64))]
    progress.report(0, 0, "Reading cells")
    images = dataset.read_numbers(chosen, columns)
    names = [dataset.channel_labels[column] for column in columns]
    numbers = {each: _statistics(images, each) for each in SCALINGS if each != AUTO}
    target = options.target or ""
    levels = {name: (v, codes[chosen]) for name, (v, codes) in levels_of(dataset, "").items()}
    if labels is not None:
        levels[target] = (labels[0], labels[1][chosen])
    recommended, reason = advice(_facts(images), levels, target, names)
    shown, about = _shown(chosen, labels)
    seen = [scaled(images[shown], each, *numbers[each]) for each in numbers]
    tiles = Tiles(tuple(numbers), tuple(names), about, tuple(seen), recommended)
    rows = [row for each in numbers for row in _rows(images, each, numbers[each], names)]
    result = ScalingsResult(tuple(rows), recommended, reason, len(chosen), len(dataset), tiles)
    if options.gallery is not None:
        with writing(options.gallery) as part:
            part.write_bytes(result.picture())
    return result


def _labels(dataset: Dataset, target: str | None) -> Level | None:
    """Return the labels of all cells; None where none are asked for."""
    if not target:
        return None
    labels = dataset.learnt(target)
    if not labels.labelled.any():
        names = ", ".join(each.name for each in dataset.targets()) or "none"
        raise OptionsError(
            {
                "target": f"Target classification: expected one of these cells ({names}), found "
                f"{target!r}; choose another, or leave it blank."
            }
        )
    return list(labels.classes), labels.codes(labels.classes)


def _statistics(images: np.ndarray, scaling: str) -> tuple[list[float], list[float]]:
    """Measure the means and deviations that a scaling uses, as a training does."""
    counts = images.astype(np.float64)
    counts = less_background(counts) if scaling == "background" else counts
    means, deviations = counts.mean((0, 1, 2)), counts.std((0, 1, 2))
    flat = deviations <= 1e-6 * np.abs(means)
    return means.tolist(), np.where(flat, 1.0, deviations).tolist()


def _facts(images: np.ndarray) -> Facts:
    counts = images.astype(np.float64)
    backgrounds = (counts - less_background(counts))[:, 0, 0]
    return Facts(backgrounds, counts.std((1, 2)))


def _rows(
    images: np.ndarray, scaling: str, how: tuple[list[float], list[float]], names: Sequence[str]
) -> list[ScaledChannel]:
    seen = scaled(images, scaling, *how)
    rows = []
    for place, name in enumerate(names):
        pixels, counts = seen[..., place].astype(np.float64), images[..., place]
        low, high = np.percentile(pixels, (1, 99)).tolist()
        between = float(pixels.mean((1, 2)).std())
        numbers = (float(pixels.mean()), float(pixels.std()), low, high, between)
        rows.append(ScaledChannel(scaling, name, *numbers, _saturated(counts)))
    return rows


def _saturated(counts: np.ndarray) -> float:
    """Return the share of pixels at the limit of a camera of 8, 10, 12, 14 or 16 bits."""
    highest = float(counts.max())
    full = counts.dtype.kind in "ui" and highest in {2**bits - 1 for bits in (8, 10, 12, 14, 16)}
    return float(np.mean(counts == highest)) if full else 0.0


def _shown(chosen: np.ndarray, labels: Level | None) -> tuple[np.ndarray, tuple[str, ...]]:
    """Choose cells to show, some of every label; return their places in `chosen`, and labels."""
    if labels is None:
        places = np.unique(np.linspace(0, len(chosen) - 1, _SHOWN // 2).astype(np.int64))
        return places, tuple(f"cell {chosen[place] + 1:,}" for place in places)
    values, codes = labels
    rng = np.random.default_rng(_SEED)
    some: list[int] = []
    about: list[str] = []
    for code, value in enumerate(values[:_SHOWN]):
        own = rng.permutation(np.flatnonzero(codes[chosen] == code))[:_EACH]
        some += own.tolist()
        about += [value] * len(own)
    return np.array(some[:_SHOWN], np.int64), tuple(about[:_SHOWN])
