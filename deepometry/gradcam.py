"""Heat maps of cells: which parts of the image speak for a class."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from deepometry.baseline_model import is_baseline
from deepometry.dataset import Dataset
from deepometry.errors import DeepometryError, OptionsError
from deepometry.evaluation.temperature import scaled
from deepometry.evaluation.write import channel_names
from deepometry.files import earlier_files, provenance, staged, write_json
from deepometry.heat import HeatMaps
from deepometry.heat_sheet import Shown, heat_sheet
from deepometry.inference import Inference, open_inference
from deepometry.model import find_model
from deepometry.options import GradcamOptions
from deepometry.progress import Progress, Report, as_progress
from deepometry.report import write_table
from deepometry.views import predict_views
from deepometry.words import counted, shortened

RECORD, SHEET, TABLE = "gradcam.json", "gradcam.png", "gradcam.csv"
_MOST = 200


@dataclass(frozen=True)
class GradcamResult:
    """What heat maps were drawn.

    Attributes
    ----------
    cells : int
    sheet : Path
        `gradcam.png`: a row a cell, its channels, and its heat over the first one.
    table : Path
        `gradcam.csv`: which cells they are, what the model says of each, and the class drawn.
    output : Path
    """

    cells: int
    sheet: Path
    table: Path
    output: Path

    def __str__(self) -> str:
        return f"Heat maps of {counted(self.cells, 'cell')}: {self.sheet}"


def gradcam(options: GradcamOptions, progress: Progress | Report | None = None) -> GradcamResult:
    """Draw which parts of some cells speak for a class, by Grad-CAM.

    Parameters
    ----------
    options : GradcamOptions
        Where cells and model are, which cells, which class.
    progress : Progress or callable, optional
        Told (cells done, cells in all, text).

    Raises
    ------
    DeepometryError
        Cells, model or output folder cannot be used; there is no such cell or class; the model
        is a baseline, which has no layers.
    """
    progress = as_progress(progress)
    if is_baseline(find_model(options.model)):
        raise DeepometryError(
            f"{options.model}: expected a network, found a baseline, which looks at features and "
            "not at places; its baseline_importance.csv tells which."
        )
    inference = open_inference(options.input, options.model, progress)
    _check_label(options, inference)
    chosen = _chosen(inference.dataset, options.cells)
    with staged(options.output, earlier_files(options.output / RECORD, "gradcam")) as stage:
        found = _drawn(inference, chosen, options, progress)
        names = channel_names(inference.description)
        heat_sheet(found, names, options.layer, stage / SHEET)
        _write_table(found, stage / TABLE)
        _record(options, inference, found, stage)
    output = options.output
    return GradcamResult(len(found), output / SHEET, output / TABLE, output)


def _check_label(options: GradcamOptions, inference: Inference) -> None:
    labels = inference.description.labels
    if options.label is not None and options.label not in labels:
        raise OptionsError(
            {
                "label": f"Label: expected a class of the model ({shortened(labels)}), found "
                f"{options.label!r}."
            }
        )


# --- which cells -------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Cell:
    place: int
    source: str
    name: str


def _chosen(dataset: Dataset, cells: str) -> list[_Cell]:
    """Find the cells that are meant.

    Raises
    ------
    OptionsError
        There is no such cell, or more are wanted than fit on a sheet.
    """
    if re.fullmatch(r"\d{1,9}", cells):
        count = int(cells)
        if not 1 <= count <= _MOST:
            raise _wrong(f"a number of cells from 1 to {_MOST}, found {count}")
        wanted = np.unique(np.linspace(0, len(dataset) - 1, count).astype(int))
        places = set(wanted.tolist())
        return [
            _Cell(place, source, name)
            for place, (_, source, name) in enumerate(dataset.identities())
            if place in places
        ]
    return _named(dataset, [each.strip() for each in cells.split(";") if each.strip()])


def _named(dataset: Dataset, names: Sequence[str]) -> list[_Cell]:
    """Find cells by file and object; they keep their order."""
    if not 1 <= len(names) <= _MOST:
        raise _wrong(f"from 1 to {_MOST} cells, found {len(names)}")
    found: dict[str, _Cell] = {}
    wanted = set(names)
    for place, (_, source, name) in enumerate(dataset.identities()):
        key = f"{source}:{name}"
        if key in wanted and key not in found:
            found[key] = _Cell(place, source, name)
    missing = [name for name in names if name not in found]
    if missing:
        raise _wrong(
            "cells as file:object, such as they stand in the columns source and object of "
            f"predicted.csv, found {missing[0]!r}, which is not in {dataset.root}"
        )
    return [found[name] for name in dict.fromkeys(names)]


def _wrong(told: str) -> OptionsError:
    return OptionsError({"cells": f"Cells: expected {told}."})


# --- their maps ----------------------------------------------------------------------------------


def _drawn(
    inference: Inference, chosen: Sequence[_Cell], options: GradcamOptions, progress: Progress
) -> list[Shown]:
    description, labels = inference.description, inference.description.labels
    maps, found = HeatMaps(inference.model, options.layer), []
    for number, cell in enumerate(chosen, start=1):
        image = inference.dataset.read(np.array([cell.place]), inference.columns)[0]
        raw = predict_views(inference.model, image[None], inference.views)[0]
        chances = scaled(raw, description.temperature)[0]
        named = int(raw[0].argmax())
        code = named if options.label is None else labels.index(options.label)
        heat = maps.of(image, code, inference.views)
        told = (labels[named], float(chances[named]), labels[code], float(chances[code]))
        found.append(Shown(cell.source, cell.name, *told, image, heat))
        progress.report(number, len(chosen), "Drawing heat maps")
    return found


def _write_table(found: Sequence[Shown], path: Path) -> None:
    import pandas as pd

    columns = ["source", "object", "predicted", "probability", "drawn_for", "probability_of_it"]
    rows = [
        (s.source, s.object, s.predicted, s.probability, s.label, s.probability_of_label)
        for s in found
    ]
    write_table(path, pd.DataFrame(rows, columns=columns))


def _record(
    options: GradcamOptions, inference: Inference, found: Sequence[Shown], stage: Path
) -> None:
    facts = {
        "model": str(inference.path),
        "cells": len(found),
        "files": sorted(path.name for path in stage.iterdir()),
    }
    write_json(stage / RECORD, provenance("gradcam", options) | facts)
