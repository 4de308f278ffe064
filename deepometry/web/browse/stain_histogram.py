"""The histogram of a stain, on which the page sets thresholds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from deepometry.core.text import counted
from deepometry.web.browse.background import Task

_MOST = 5000  # cells, evenly chosen
_BARS, _TICKS = 100, 4


@dataclass(frozen=True)
class StainHistogram:
    """Intensities of a channel, as bars.

    Attributes
    ----------
    head : str
        Whose they are.
    bars : tuple of float
        Heights, in percent of the highest.
    low, high : float
        Where the bars begin and end: counts, or where there is a scale `asinh(counts / scale)`.
    scale : float
        0 where the axis is linear.
    ticks : tuple of (float, str)
        Place in percent, and what stands there.
    """

    head: str
    bars: tuple[float, ...]
    low: float
    high: float
    scale: float
    ticks: tuple[tuple[float, str], ...]


def _short(value: float) -> str:
    """Write a number in few characters: 66k for 66,012."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.3g}{letter}"
    return f"{value:.3g}"


def stain_histogram(path: Path, channel: int, task: Task) -> StainHistogram:
    """Measure the stain of some cells, evenly chosen, and count them.

    Raises
    ------
    DeepometryError
        There are no such cells, or no such channel.
    """
    import numpy as np

    from deepometry.cells.dataset import open_dataset
    from deepometry.cells.labels.label_folder import parsed_home
    from deepometry.classical.stain import scale_of, stain_light

    dataset = open_dataset(parsed_home(path), task.progress)
    column = dataset.columns([channel])[0]
    number = min(len(dataset), _MOST)
    cells = np.unique(np.linspace(0, len(dataset) - 1, number).astype(np.int64))
    light, _ = stain_light(dataset, column, task.progress, cells)
    scale = scale_of(light)
    values = np.arcsinh(light / scale) if scale else light
    low, high = np.percentile(values, (0.1, 99.9)).tolist()
    high = high if high > low else low + 1.0
    counts, _ = np.histogram(values.clip(low, high), _BARS, (low, high))
    places = np.linspace(0, 1, _TICKS)
    at = low + places * (high - low)
    shown = np.sinh(at) * scale if scale else at
    ticks = tuple(
        (100 * place, _short(value))
        for place, value in zip(places.tolist(), shown.tolist(), strict=True)
    )
    of = "" if number == len(dataset) else f", {number:,} of them, evenly chosen"
    head = f"{dataset.channel_labels[column]} of {counted(len(dataset), 'cell')}{of}"
    bars = tuple((100 * counts / max(1, counts.max())).round(2).tolist())
    return StainHistogram(head, bars, low, high, scale, ticks)
