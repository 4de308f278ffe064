"""The histogram of a stain, on which the page sets thresholds."""

from __future__ import annotations

from pathlib import Path

from deepometry.core.text import counted
from deepometry.web.browse.background import Task
from deepometry.web.browse.histogram import Histogram, histogram_of

_MOST = 5000  # cells, evenly chosen


def stain_histogram(path: Path, channel: int, task: Task) -> tuple[str, Histogram]:
    """Measure the stain of some cells, evenly chosen, and count them; also say whose they are.

    Raises
    ------
    DeepometryError
        There are no such cells, or no such channel.
    """
    import numpy as np

    from deepometry.cells.dataset import open_dataset
    from deepometry.cells.labels.label_folder import parsed_home
    from deepometry.classical.stain import stain_light

    dataset = open_dataset(parsed_home(path), task.progress)
    column = dataset.columns([channel])[0]
    number = min(len(dataset), _MOST)
    cells = np.unique(np.linspace(0, len(dataset) - 1, number).astype(np.int64))
    light, _ = stain_light(dataset, column, task.progress, cells)
    of = "" if number == len(dataset) else f", {number:,} of them, evenly chosen"
    head = f"{dataset.channel_labels[column]} of {counted(len(dataset), 'cell')}{of}"
    return head, histogram_of(light)
