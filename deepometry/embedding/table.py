"""`coordinates.csv`: where every cell lies on a map, beside which cell it is."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np

from deepometry.embedding.who import CONFIDENCE, Who, opened
from deepometry.files import writing
from deepometry.progress import Progress, Ticker

_AT_ONCE = 4096  # rows


def axis_names(method: str, dims: int) -> list[str]:
    """Name the columns of the coordinates: `umap_1`, `umap_2`."""
    return [f"{method}_{number}" for number in range(1, dims + 1)]


def write_coordinates(
    path: Path, metadata: Path, who: Who, places: np.ndarray, axes: list[str], progress: Progress
) -> None:
    """Write the table, a row a cell, in the order of the features.

    Parameters
    ----------
    path : Path
    metadata : Path
        Gives source and object of every cell.
    who : Who
        Gives folder levels and prediction.
    places : ndarray of float32, shape (cells, dims)
    axes : list of str
        Names of the columns of `places`.
    progress : Progress
    """
    ticker = Ticker(progress, len(who))
    told = [] if who.confidence is None else [CONFIDENCE]
    with writing(path) as part, part.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["source", "object", *who.columns, *told, *axes])
        with opened(metadata, tabs=True) as rows:
            next(rows, None)
            for first in range(0, len(who), _AT_ONCE):
                some = [row[:2] for row in islice(rows, _AT_ONCE)]
                here = slice(first, first + len(some))
                writer.writerows(_rows(some, who, places, here))
                ticker.tick("Writing the coordinates", len(some))


def _rows(
    identities: list[list[str]], who: Who, places: np.ndarray, here: slice
) -> Iterator[list[str]]:
    texts = [_texts(each.values, each.codes[here]) for each in who.columns.values()]
    if who.confidence is not None:
        sure = who.confidence[here].tolist()
        texts.append(["" if value != value else f"{value:.6g}" for value in sure])
    texts += [[f"{value:.6g}" for value in axis] for axis in places[here].T.tolist()]
    for identity, *row in zip(identities, *texts, strict=True):
        yield [*identity, *row]


def _texts(values: tuple[str, ...], codes: np.ndarray) -> list[str]:
    return ["" if code < 0 else values[code] for code in codes.tolist()]
