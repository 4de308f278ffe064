"""What a gate leaves out, for people: histograms, counts by folder, pictures of cells."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd

from deepometry.cells.dataset import Dataset
from deepometry.cells.gates.gate import STEP, Gate
from deepometry.cells.imported_features import ImportedFeatures
from deepometry.core.result_files import INSIDE_SHEET, OUTSIDE_SHEET, record_of, table_of
from deepometry.core.run_records import provenance, write_json
from deepometry.core.spreadsheet import table_file, write_frame

_BINS = 80
_SHOWN = 12  # cells of a picture
_TAILS = (0.1, 99.9)  # percentiles that a histogram reaches


def write_results(
    stage: Path,
    options: object,
    gate: Gate,
    dataset: Dataset,
    features: ImportedFeatures,
    out: np.ndarray,
    folders: pd.DataFrame,
    warnings: Sequence[str],
) -> None:
    """Write table, pictures and record of a gate to the folder `stage`; `out` are its cells."""
    with table_file(stage / table_of(STEP)) as file:
        write_frame(file, folders)
    for name, cells in ((INSIDE_SHEET, ~out), (OUTSIDE_SHEET, out)):
        if cells.any():
            write_sheet(stage / name, dataset, np.flatnonzero(cells))
    facts = {
        **gate.plain(),
        "cells": len(out),
        "gated_out": int(out.sum()),
        "folders": folders.to_dict("records"),
        "warnings": list(warnings),
        "features": [_histogram(features, name, gate, out) for name in _shown(features, gate)],
        "files": sorted(path.name for path in stage.iterdir()),
    }
    write_json(stage / record_of(STEP), provenance(STEP, options) | facts)


def _shown(features: ImportedFeatures, gate: Gate) -> list[str]:
    """Name the features whose histograms are shown: those of the limits, then those measured."""
    own = [limit.feature for limit in gate.limits]
    return own + [name for name in features.names if name not in own][: max(0, 24 - len(own))]


def _histogram(
    features: ImportedFeatures, name: str, gate: Gate, out: np.ndarray
) -> dict[str, Any]:
    """Count the cells of every range of a feature, and those inside of the gate."""
    values = features.column(name)
    known = np.isfinite(values)
    own = [limit for limit in gate.limits if limit.feature == name]
    ends = [end for each in own for end in (each.low, each.high) if np.isfinite(end)]
    low, high = np.percentile(values[known], _TAILS) if known.any() else (0.0, 1.0)
    low, high = min([low, *ends]), max([high, *ends])
    span = (float(low), float(high if high > low else low + 1))
    counts, edges = np.histogram(values[known].clip(*span), _BINS, span)
    inside, _ = np.histogram(values[known & ~out].clip(*span), _BINS, span)
    outside = [int(np.count_nonzero(limit.leaves_out(values))) for limit in own]
    return {
        "name": name,
        "limits": [limit.plain() for limit in own],
        "outside": sum(outside),
        "edges": edges.tolist(),
        "cells": counts.tolist(),
        "inside": inside.tolist(),
    }


def write_sheet(path: Path, dataset: Dataset, indices: np.ndarray) -> None:
    """Draw some of the cells, evenly chosen, in every channel, as a .png file."""
    from deepometry.images.gallery import cells_image, png_bytes
    from deepometry.images.gallery_sheet import GalleryCell

    chosen = indices[np.unique(np.linspace(0, len(indices) - 1, _SHOWN).astype(np.int64))]
    cells = []
    for index, pixels in zip(chosen.tolist(), dataset.read(chosen), strict=True):
        part, (source, name) = dataset.cell(index)
        title = f"{name} of {Path(source).name}"
        numbers = dataset.channel_numbers
        cells.append(GalleryCell(title, "/".join(part.levels), numbers, pixels))
    names = SimpleNamespace(channel_names=dataset.channel_names, brightfield=())
    path.write_bytes(png_bytes(cells_image(cells, [names])))
