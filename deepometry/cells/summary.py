"""Number of cells and intensity of every channel, folder by folder: a look before training."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from deepometry.cells.dataset import Dataset, open_dataset
from deepometry.cells.group_differences import GroupDifferences, differences_between
from deepometry.cells.groups import group_values
from deepometry.core.earlier_results import earlier_results
from deepometry.core.figure_style import save_figure
from deepometry.core.files import check_not_among_cells, staged
from deepometry.core.folder_names import natural_key
from deepometry.core.notebook import NotebookView, ShowsInNotebook
from deepometry.core.options.summary import SummaryOptions
from deepometry.core.progress import Progress, Report, Ticker, as_progress
from deepometry.core.result_files import DIFFERENCES_PLOT, DIFFERENCES_TABLE, record_of, table_of
from deepometry.core.run_records import provenance, write_json
from deepometry.core.spreadsheet import table_file, write_frame

STEP = "summary"
_AT_ONCE = 512  # cells
_PERCENTILES = {"median": 50, "5 %": 5, "95 %": 95}


@dataclass(frozen=True)
class SummaryResult(ShowsInNotebook):
    """Number of cells and intensities of every group of parsed cells.

    Attributes
    ----------
    rows : DataFrame
        A row a group: its name, `cells`, where there are gates how many of them are `gated_out`,
        and for every channel the median and the 5th and 95th
        percentile of the cells' mean counts.
    output : Path
        Folder of the table.
    differences : GroupDifferences or None
        Which groups look different, and in what; None without `group_by`.
    """

    rows: pd.DataFrame
    output: Path
    differences: GroupDifferences | None = None

    def __str__(self) -> str:
        told = "".join(f"{each}\n" for each in self._sentences)
        table = f"Table: {self.output / table_of(STEP)}"
        return f"{self.rows.to_string(index=False)}\n{told}{table}"

    @property
    def _sentences(self) -> list[str]:
        return self.differences.sentences if self.differences else []

    def notebook_view(self) -> NotebookView:
        """Show the table."""
        text = "\n".join([self.rows.to_string(index=False), *self._sentences])
        return NotebookView("Summary of parsed cells", text=text)


def summary(options: SummaryOptions, progress: Progress | Report | None = None) -> SummaryResult:
    """Count parsed cells and measure the intensity of every channel, group by group.

    Groups whose intensities differ for technical reasons, such as another exposure on another
    day, show here before a network learns to recognise them.

    Parameters
    ----------
    options : SummaryOptions
    progress : Progress or callable, optional
        Receives (cells done, cells in all, text).

    Returns
    -------
    SummaryResult
        `summary.csv` and its record lie in the output folder; with `group_by` also
        `group_differences.csv` and a picture of it, a map of what differs.

    Raises
    ------
    DeepometryError
        There are no parsed cells, or their folders have no such level.
    """
    progress = as_progress(progress)
    dataset = open_dataset(options.input, progress)
    names = _groups(dataset, options.group_by)
    check_not_among_cells(options.output, options.input)
    earlier = earlier_results(options)
    means = _mean_counts(dataset, Ticker(progress, len(dataset)))
    of_cells = np.repeat(names, [len(part.stored) for part in dataset.parts])
    first = options.group_by or "folder"
    rows = [_row(dataset, first, name, means, of_cells == name) for name in dict.fromkeys(names)]
    differences = _differences(dataset, of_cells, options.group_by, progress)
    result = SummaryResult(pd.DataFrame(rows), options.output, differences)
    with staged(options.output, earlier, progress.say) as stage:
        with table_file(stage / table_of(STEP)) as file:
            write_frame(file, result.rows, float_format="%.6g")
        facts = {"rows": rows, "files": [table_of(STEP), *_write(stage, differences)]}
        if differences:
            facts["differences"] = differences.sentences
        write_json(stage / record_of(STEP), provenance(STEP, options) | facts)
    return result


def _differences(
    dataset: Dataset, of_cells: np.ndarray, by: str | None, progress: Progress
) -> GroupDifferences | None:
    """Compare the groups that a folder level names."""
    if not by:
        return None
    progress.report(0, 0, "Comparing the groups")
    names = sorted(set(of_cells.tolist()), key=natural_key)
    places = {name: place for place, name in enumerate(names)}
    codes = np.array([places[name] for name in of_cells.tolist()], np.int64)
    return differences_between(dataset, codes, names, by)


def _write(stage: Path, differences: GroupDifferences | None) -> list[str]:
    """Write table and map of the differences, and return their names."""
    if differences is None or not differences.differences:
        return []
    with table_file(stage / DIFFERENCES_TABLE) as file:
        write_frame(file, differences.table(), float_format="%.4g")
    save_figure(differences.plot(), stage / DIFFERENCES_PLOT)
    return [DIFFERENCES_TABLE, DIFFERENCES_PLOT]


def _groups(dataset: Dataset, level: str | None) -> list[str]:
    """Return the group of every part of a dataset."""
    if level:
        folders = [part.levels for part in dataset.parts]
        return group_values(folders, level, "group_by", "leave it blank")
    return ["/".join(filter(None, (part.side, *part.levels))) for part in dataset.parts]


def _mean_counts(dataset: Dataset, ticker: Ticker) -> np.ndarray:
    """Return the mean of every channel of every cell, (cells, channels)."""
    means = np.empty((len(dataset), dataset.depth), np.float32)
    for start in range(0, len(dataset), _AT_ONCE):
        rows = np.arange(start, min(start + _AT_ONCE, len(dataset)))
        means[rows] = dataset.read(rows).mean((1, 2))
        ticker.tick("Measuring intensities", len(rows))
    return means


def _row(
    dataset: Dataset, first: str, name: str, means: np.ndarray, here: np.ndarray
) -> dict[str, str | float]:
    row: dict[str, str | float] = {first: name, "cells": int(here.sum())}
    if dataset.gated_out.gates:
        row["gated_out"] = int(dataset.gated_out.cells[here].sum())
    for label, values in zip(dataset.channel_labels, means[here].T, strict=True):
        for title, percentile in _PERCENTILES.items():
            row[f"{label} {title}"] = float(np.percentile(values, percentile))
    return row
