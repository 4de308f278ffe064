"""What an extraction gave: a table of features, and the cells as points to explore."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from deepometry.errors import DeepometryError
from deepometry.names import natural_key
from deepometry.web.results_cells import Cells, Matching
from deepometry.web.results_output import Output
from deepometry.web.results_points import MOST_POINTS, Points, drawn, points_of
from deepometry.web.results_table import TABS, RowTable, index_table

METADATA = "metadata.tsv"
_MOST_GROUPS = 24  # in the legend; the others share one entry
_IDENTITY = 2  # columns before the groups


@dataclass(frozen=True)
class Extracted:
    """The cells of an extraction, or of a map of them, ready for questions.

    Attributes
    ----------
    table : RowTable
    cells : Cells or str
        The pictures, or the sentence that says why there are none.
    """

    table: RowTable
    cells: Cells | str


def open_extracted(output: Output) -> Extracted:
    """Go through the metadata of an extraction once, beside the cells it is about."""
    matching = Matching(output)
    table = index_table(output.path(METADATA), TABS, lambda header: header[_IDENTITY:], matching)
    return Extracted(table, matching.cells())


def feature_table(output: Output) -> str:
    """Give the name of the table of features."""
    return f"features_extracted_by_{output.option('layer')}.txt"


def points_json(output: Output, found: Extracted) -> dict[str, Any]:
    """Work out what the scatter plot draws.

    Raises
    ------
    DeepometryError
        The table of features cannot be read or does not fit its metadata.
    """
    cells, path = int(output.record.get("cells", 0)), output.path(feature_table(output))
    if cells != len(found.table):
        raise DeepometryError(
            f"{METADATA}: expected a row for each of {cells:,} cells, found "
            f"{len(found.table):,}; extract the features anew."
        )
    points = points_of(path, cells, width(output))
    groups = {name: _grouped(found.table, name, points) for name in found.table.values}
    content = drawn(points, {name: codes for name, (_, codes) in groups.items()})
    legends = {name: legend for name, (legend, _) in groups.items()}
    return content | {"cells": cells, "sampled": cells > MOST_POINTS, "groups": legends}


def width(output: Output) -> int:
    """Count the features."""
    with output.path(feature_table(output)).open("rb") as file:
        return file.readline().count(b"\t") + 1


def _grouped(table: RowTable, name: str, points: Points) -> tuple[list[dict[str, Any]], list[int]]:
    """Give the legend of a column, with counts over all cells, and the code of every point.

    Of very many groups the largest keep their own entry.
    """
    import numpy as np

    values, codes = table.values[name], table.codes[name]
    counts = np.bincount(codes, minlength=len(values))
    largest = np.argsort(-counts, kind="stable")[:_MOST_GROUPS]
    shown = sorted(largest.tolist(), key=lambda code: natural_key(values[code]))
    others = len(values) - len(shown)
    new = np.full(len(values), len(shown))
    new[shown] = np.arange(len(shown))
    legend = [{"label": values[c] or "(none)", "cells": int(counts[c])} for c in shown]
    if others:
        rest = int(counts.sum() - counts[shown].sum())
        legend.append({"label": f"{others:,} others", "cells": rest})
    return legend, new[codes[points.rows]].tolist()
