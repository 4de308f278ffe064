"""Heat maps of cells: which parts of the image speak for a class."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from deepometry.cells.dataset import Dataset
from deepometry.cells.model_description import Description, find_model, is_baseline
from deepometry.core.earlier_results import earlier_results
from deepometry.core.errors import DeepometryError, OptionsError
from deepometry.core.files import check_not_among_cells, staged
from deepometry.core.notebook import NotebookView, ShowsInNotebook
from deepometry.core.options.gradcam import GradcamOptions
from deepometry.core.progress import Progress, Report, as_progress
from deepometry.core.result_files import GRADCAM_RECORD, GRADCAM_SHEET, GRADCAM_TABLE
from deepometry.core.run_records import provenance, write_json
from deepometry.core.text import counted, shortened
from deepometry.evaluation.confusion import write_table
from deepometry.evaluation.temperature_scaling import scaled
from deepometry.inference.gradcam_sheet import LARGER, Shown, heat_sheet
from deepometry.inference.likeness import compared
from deepometry.inference.model_gates import with_gates
from deepometry.inference.run import Inference, open_inference
from deepometry.inference.saliency import HeatMaps

_MOST = 200


@dataclass(frozen=True)
class GradcamResult(ShowsInNotebook):
    """The results of drawing heat maps.

    Attributes
    ----------
    cells : int
    sheet : Path
        `gradcam.png`: a row a cell, its channels, and its heat over the first one.
    table : Path
        `gradcam.csv`: which cells they are, the prediction of each, and the class drawn.
    output : Path
    """

    cells: int
    sheet: Path
    table: Path
    output: Path

    def __str__(self) -> str:
        return f"Heat maps of {counted(self.cells, 'cell')}: {self.sheet}"

    def notebook_view(self) -> NotebookView:
        """Show the heat maps."""
        rows = {"Cells": self.cells, "Table": self.table}
        return NotebookView("Heat maps by Grad-CAM", rows, picture=self.sheet)


def gradcam(options: GradcamOptions, progress: Progress | Report | None = None) -> GradcamResult:
    """Draw which parts of some cells speak for a class, by Grad-CAM.

    Parameters
    ----------
    options : GradcamOptions
        Where cells and model are, which cells, which class.
    progress : Progress or callable, optional
        Called with (cells done, total cells, text).

    Raises
    ------
    DeepometryError
        Cells, model or output folder cannot be used; there is no such cell or class; the model
        is a baseline, which has no layers.
    """
    progress = as_progress(progress)
    if is_baseline(find_model(options.model)):
        raise DeepometryError(
            f"{options.model}: expected a network, found a baseline, which has no heat "
            "maps; its baseline_importance.csv lists the features that matter."
        )
    check_not_among_cells(options.output, options.input)
    earlier = earlier_results(options)
    inference = open_inference(options.input, options.model, progress)
    _check_label(options, inference)
    inference = compared(inference, inference.dataset, options, progress)
    inference = with_gates(inference, inference.dataset, options.input, progress)
    chosen = _chosen(inference.dataset, options.cells)
    with staged(options.output, earlier, progress.say) as stage:
        cells = _drawn(inference, chosen, options, progress)
        names = inference.description.channel_labels
        heat_sheet(cells, names, options.layer, stage / GRADCAM_SHEET)
        _write_table(cells, stage / GRADCAM_TABLE)
        _record(options, inference, cells, stage)
    output = options.output
    return GradcamResult(len(cells), output / GRADCAM_SHEET, output / GRADCAM_TABLE, output)


def _check_label(options: GradcamOptions, inference: Inference) -> None:
    labels = inference.description.labels
    if options.label is not None and inference.description.task.is_number:
        raise OptionsError(
            {"label": "Label: expected none, because the model predicts a number and its heat maps "
             f"show what makes it larger, found {options.label!r}."}
        )  # fmt: skip
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
    """Find the cells that are meant."""
    if re.fullmatch(r"\d{1,9}", cells):
        count = int(cells)
        if not 1 <= count <= _MOST:
            raise _wrong(f"a number of cells from 1 to {_MOST}, found {count}")
        places = np.unique(np.linspace(0, len(dataset) - 1, count).astype(int))
        names = zip(places.tolist(), dataset.identities_of(places), strict=True)
        return [_Cell(place, *name) for place, name in names]
    return _named(dataset, [each.strip() for each in cells.split(";") if each.strip()])


def _named(dataset: Dataset, names: Sequence[str]) -> list[_Cell]:
    """Find cells by file and object; they keep their order."""
    if not 1 <= len(names) <= _MOST:
        raise _wrong(f"from 1 to {_MOST} cells, found {len(names)}")
    cells: dict[str, _Cell] = {}
    wanted = set(names)
    for place, (_, source, name) in enumerate(dataset.identities()):
        key = f"{source}:{name}"
        if key in wanted and key not in cells:
            cells[key] = _Cell(place, source, name)
    missing = [name for name in names if name not in cells]
    if missing:
        raise _wrong(
            "cells as file:object, such as they stand in the columns source and object of "
            f"predicted.csv, found {missing[0]!r}, which is not in {dataset.root}"
        )
    return [cells[name] for name in dict.fromkeys(names)]


def _wrong(expected: str) -> OptionsError:
    return OptionsError({"cells": f"Cells: expected {expected}."})


# --- their maps ----------------------------------------------------------------------------------


def _drawn(
    inference: Inference, chosen: Sequence[_Cell], options: GradcamOptions, progress: Progress
) -> list[Shown]:
    maps, shown = HeatMaps(inference.model, options.layer), []
    for number, cell in enumerate(chosen, start=1):
        image = inference.read(inference.dataset, np.array([cell.place]))[0]
        raw = inference.predict(image[None])
        code, values = _predicted(inference.description, raw, options.label)
        heat = maps.of(image, code, inference.views)
        shown.append(Shown(cell.source, cell.name, *values[0], *values[1], image, heat))
        progress.report(number, len(chosen), "Drawing heat maps", "cells")
    return shown


def _predicted(
    description: Description, raw: np.ndarray, label: str | None
) -> tuple[int, list[tuple[str, float]]]:
    """Return which output the heat is drawn for, and what is predicted and drawn in words.

    `raw` (1, outputs) are the outputs for a cell. Probabilities stand beside the words; NaN for a
    number.
    """
    labels, task = description.labels, description.task
    if task.is_number:
        number = f"{task.numbers_of(raw)[0]:.4g} {task.unit}".strip()
        return 0, [(number, math.nan), (LARGER, math.nan)]
    probabilities = scaled(raw, description.temperature)[0]
    predicted = int(raw[0].argmax())
    code = predicted if label is None else labels.index(label)
    return code, [(labels[each], float(probabilities[each])) for each in (predicted, code)]


def _write_table(cells: Sequence[Shown], path: Path) -> None:
    import pandas as pd

    names = {"label": "drawn_for", "probability_of_label": "probability_of_it"}
    columns = ["source", "object", "predicted", "probability", *names]
    rows = [[getattr(cell, name) for name in columns] for cell in cells]
    write_table(path, pd.DataFrame(rows, columns=columns).rename(columns=names))


def _record(
    options: GradcamOptions, inference: Inference, cells: Sequence[Shown], stage: Path
) -> None:
    facts = {
        "model": str(inference.path),
        "cells": len(cells),
        **inference.record(),
        "files": sorted(path.name for path in stage.iterdir()),
    }
    write_json(stage / GRADCAM_RECORD, provenance("gradcam", options) | facts)
