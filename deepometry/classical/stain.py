"""Labels that a stain gives: its intensity, or classes between thresholds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from deepometry.cells.dataset import Dataset, open_dataset
from deepometry.cells.label_import.free_name import free_name
from deepometry.cells.labels.label_folder import parsed_home
from deepometry.cells.labels.label_table import write_label_table
from deepometry.core.errors import DeepometryError, OptionsError
from deepometry.core.folder_names import CLASSES, NUMBER
from deepometry.core.notebook import NotebookView, ShowsInNotebook
from deepometry.core.numba_cache import compile_message
from deepometry.core.options.stain import StainOptions
from deepometry.core.progress import Progress, Report, as_progress
from deepometry.core.text import counted, shortened

_AT_ONCE = 256  # cells
_BLEEDS = 0.6  # correlation of pixels from which a channel may show the stain
_SPREAD = 10.0  # of the 95 % point to the median, from which intensities are compared as logarithms
_SEED = 0


@dataclass(frozen=True)
class StainResult(ShowsInNotebook):
    """The labels that a stain gives.

    Attributes
    ----------
    name, kind : str
        Of the target; `classes` or `number`.
    labels : dict of str to int
        Cells of each class; empty for numbers.
    cells : int
        All of them have a label.
    thresholds : tuple of float
        Between the classes, in counts.
    alike : dict of str to float
        For each other channel, the median over cells of the correlation of its pixels with those
        of the stain.
    table : Path
        `labels/<name>.csv` in the folder that Parse wrote.
    message : str
        All of it in words.
    """

    name: str
    kind: str
    labels: Mapping[str, int]
    cells: int
    thresholds: tuple[float, ...]
    alike: Mapping[str, float]
    table: Path
    message: str

    def __str__(self) -> str:
        return f"{self.message}\nLabels: {self.table}"

    def notebook_view(self) -> NotebookView:
        """Show the labels."""
        rows: dict[str, object] = {"Cells": self.cells, **self.labels}
        return NotebookView(f"Labels {self.name}", rows, [self.message])


def stain(options: StainOptions, progress: Progress | Report | None = None) -> StainResult:
    """Label parsed cells by the intensity of a stain.

    Parameters
    ----------
    options : StainOptions
        Where the cells are, the channel, and thresholds if any.
    progress : Progress or callable, optional
        Called with (cells done, cells in all, text).

    Returns
    -------
    StainResult
        `labels/<name>.csv` and its record lie in the folder that Parse wrote. The record names
        the channel: trainings of this target leave it out.

    Raises
    ------
    DeepometryError
        There are no such cells or channel, the name is taken, or the cells do not divide.

    Notes
    -----
    Intensity is the sum of counts above the background, which is the median of the border of the
    image, over all pixels where any channel shows the cell (as the classical features find it).
    Otsu, IEEE Trans. Syst. Man Cybern. 9, 62 (1979); several thresholds as scikit-image's
    `threshold_multiotsu`. Where intensities spread over decades, thresholds are found on their
    inverse hyperbolic sines, which are logarithms of all but small ones.
    """
    progress = as_progress(progress)
    home = parsed_home(options.input)
    dataset = open_dataset(home, progress)
    column = dataset.columns([options.channel])[0]
    title = dataset.channel_names.get(options.channel) or f"Ch{options.channel}"
    as_classes = bool(options.thresholds) or options.classes != "none"
    default = f"{title} {'level' if as_classes else 'intensity'}"
    name = free_name(options.name or default, options.overwrite, dataset)
    light, alike = stain_light(dataset, column, progress)
    thresholds = options.thresholds or find_thresholds(light, options)
    names = options.class_names or default_names(len(thresholds) + 1)
    codes = np.searchsorted(thresholds, light, side="right")
    _check_divided(light, codes, as_classes, options.channel)
    texts = [names[code] for code in codes] if as_classes else [f"{v:.6g}" for v in light]
    about = f" ({title})" * (not title.startswith("Ch"))
    facts: dict[str, Any] = {
        "kind": CLASSES if as_classes else NUMBER,
        "origin": f"intensity of channel {options.channel}{about}",
        "classes": list(names) if as_classes else [],
        "channels": [options.channel],
        "thresholds": list(thresholds),
        "alike": alike,
    }
    rows = (
        (source, each, text)
        for (_, source, each), text in zip(dataset.identities(), texts, strict=True)
    )
    table = write_label_table(home, name, rows, facts, options)
    counts = np.bincount(codes, minlength=len(names)).tolist()
    labels = dict(zip(names, counts, strict=True)) if as_classes else {}
    message = _message(name, light, labels, thresholds, options.channel, alike)
    kind = str(facts["kind"])
    return StainResult(name, kind, labels, len(dataset), thresholds, alike, table, message)


def _check_divided(light: np.ndarray, codes: np.ndarray, as_classes: bool, channel: int) -> None:
    """Raise `OptionsError` where all cells would have the same label."""
    low, high = light.min(), light.max()
    if low == high:
        raise OptionsError(
            {"channel": f"Channel: expected intensities that differ, found {low:.6g} in all cells "
             f"in channel {channel}; choose the channel of a stain."}
        )  # fmt: skip
    if as_classes and len(np.unique(codes)) < 2:
        raise OptionsError(
            {"thresholds": "Thresholds: expected some between the intensities of the cells, "
             f"{low:.6g} to {high:.6g}, found none there: all cells are in one class."}
        )  # fmt: skip


def stain_light(
    dataset: Dataset, column: int, progress: Progress, chosen: np.ndarray | None = None
) -> tuple[np.ndarray, dict[str, float]]:
    """Measure the stain of cells.

    Parameters
    ----------
    dataset : Dataset
    column : int
        Position of the channel of the stain.
    progress : Progress
    chosen : ndarray of int, optional
        Cells; by default all.

    Returns
    -------
    light : ndarray of float64, shape (cells,)
        Counts above the background.
    alike : dict of str to float
        How each other channel's pixels correlate with those of the stain, the median of all cells.
    """
    from deepometry.classical.features.stained import measure_stain

    if message := compile_message("features"):
        progress.say(message)
    cells = np.arange(len(dataset)) if chosen is None else chosen
    light, alike = np.empty(len(cells)), np.empty((len(cells), dataset.depth))
    for first in range(0, len(cells), _AT_ONCE):
        some = slice(first, first + _AT_ONCE)
        images = dataset.read_numbers(cells[some]).astype(np.float32)
        measure_stain(images, column, light[some], alike[some])
        done = min(first + _AT_ONCE, len(cells))
        progress.report(done, len(cells), "Measuring the stain", "cells")
    medians = np.median(alike, axis=0).tolist()
    pairs = zip(dataset.channel_labels, medians, strict=True)
    return light, {label: r for place, (label, r) in enumerate(pairs) if place != column}


def default_names(classes: int) -> tuple[str, ...]:
    """Name classes of rising intensity."""
    known = {2: ("low", "high"), 3: ("low", "middle", "high")}
    return known.get(classes, tuple(f"level {n}" for n in range(1, classes + 1)))


def find_thresholds(light: np.ndarray, options: StainOptions) -> tuple[float, ...]:
    """Find the intensities that divide cells into classes; none for a number.

    Raises
    ------
    DeepometryError
        The intensities do not divide into so many classes.
    """
    if options.classes == "none":
        return ()
    wanted = len(options.class_names or ("low", "high"))
    scale = scale_of(light)
    values = np.arcsinh(light / scale) if scale else light
    find = _by_otsu if options.classes == "otsu" else _by_mixture
    found = find(values, wanted)
    if found is None or len(found) < wanted - 1:
        raise DeepometryError(
            f"Channel {options.channel}: expected intensities that divide into {wanted} classes, "
            f"found {light.min():.6g} to {light.max():.6g}, which do not by {options.classes}; "
            "enter Thresholds, or ask for fewer classes."
        )
    back = np.sinh(found) * scale if scale else np.asarray(found)
    return tuple(float(f"{value:.6g}") for value in back)


def scale_of(light: np.ndarray) -> float:
    """Return what counts as small where intensities spread over decades; 0 where they do not."""
    low, middle, high = np.percentile(np.abs(light), (25, 50, 95))
    return float(max(low, 1e-6)) if high > _SPREAD * max(middle, 1e-6) else 0.0


def _by_otsu(values: np.ndarray, classes: int) -> np.ndarray | None:
    from skimage.filters import threshold_multiotsu

    try:
        found: np.ndarray = threshold_multiotsu(values, classes)
    except ValueError:  # fewer different values than classes
        return None
    return found


def _by_mixture(values: np.ndarray, classes: int) -> np.ndarray | None:
    """Fit normal distributions, and divide where the likelier one changes."""
    from sklearn.mixture import GaussianMixture

    if len(np.unique(values)) <= classes:
        return None
    fitted = GaussianMixture(classes, n_init=3, random_state=_SEED).fit(values[:, None])
    order = np.argsort(fitted.means_.ravel())
    means = fitted.means_.ravel()[order]
    grid = np.linspace(means[0], means[-1], 4096)
    shares = fitted.predict_proba(grid[:, None])[:, order]
    places = []
    for number, (low, high) in enumerate(pairwise(means)):
        inside = np.flatnonzero((grid >= low) & (grid <= high))
        higher = shares[inside, number + 1 :].sum(1) > shares[inside, : number + 1].sum(1)
        if not higher.any():
            return None
        places.append(grid[inside[int(np.argmax(higher))]])
    return np.array(places)


def _message(
    name: str,
    light: np.ndarray,
    labels: Mapping[str, int],
    thresholds: Sequence[float],
    channel: int,
    alike: Mapping[str, float],
) -> str:
    low, middle, high = np.percentile(light, (5, 50, 95))
    every = counted(len(light), "cell")
    if labels:
        named = shortened([f"{label} {n:,}" for label, n in labels.items()])
        at = " and ".join(f"{value:.6g}" for value in thresholds)
        empty = [label for label, n in labels.items() if not n]
        first = f"{name}: {every} in {len(labels)} classes ({named}), divided at {at}."
        first += f" No cell is in {shortened(empty)}." * bool(empty)
    else:
        first = f"{name}: {every} from {low:.4g} to {high:.4g} (5 to 95 %), median {middle:.4g}."
    parts = [first, f"Trainings of {name} leave channel {channel} out."]
    bright = {label: r for label, r in alike.items() if abs(r) >= _BLEEDS}
    if bright:
        told = shortened([f"{label} (correlation {r:.2f})" for label, r in bright.items()])
        parts.append(
            f"Warning: inside of the cells, pixels go along with those of the stain in {told}: if "
            "light of the stain reaches there, a model reads the label instead of the cell; check "
            "the compensation, or leave such a channel out, too."
        )
    return " ".join(parts)
