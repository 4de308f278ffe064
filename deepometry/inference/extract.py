"""Feature extraction: what a layer of the network makes of every cell."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from deepometry.cells.model_description import is_baseline
from deepometry.cells.stack_reader import IDENTITY
from deepometry.core.earlier_results import asked_to_replace, earlier_results
from deepometry.core.errors import DeepometryError
from deepometry.core.files import check_not_among_cells, file_digest, staged
from deepometry.core.folder_names import level_columns, level_value
from deepometry.core.notebook import NotebookView, ShowsInNotebook
from deepometry.core.options.predict import ExtractOptions
from deepometry.core.progress import Progress, Report, as_progress
from deepometry.core.result_files import (
    EXTRACT_RECORD,
    LAYER_PREFIX,
    METADATA_TABLE,
    SPRITE,
    layer_table,
)
from deepometry.core.run_records import earlier_files, own_record, provenance, write_json
from deepometry.core.spreadsheet import SafeWriter
from deepometry.core.step_options import plain
from deepometry.core.task_names import PREDICTED_VALUE
from deepometry.core.text import counted, table_number
from deepometry.inference.likeness import compared
from deepometry.inference.model_gates import with_gates
from deepometry.inference.projector_files import Sprite, write_config
from deepometry.inference.recognition import GATED_OUT
from deepometry.inference.run import Inference, Outcome, open_inference
from deepometry.network.build import with_layer

_CELLS = ("input", "model", "rescale")  # options of which the rows of all layers depend


@dataclass(frozen=True)
class ExtractResult(ShowsInNotebook):
    """The results of an extraction.

    Attributes
    ----------
    cells, features : int
        Rows and columns of the feature table.
    table : Path
        `features_extracted_by_<layer>.txt`: tab-separated numbers, one row a cell.
    metadata : Path
        `metadata.tsv`: which cell each row is about, in the same order.
    warnings : tuple of str
        Reasons why the features may mean nothing.
    """

    cells: int
    features: int
    table: Path
    metadata: Path
    warnings: tuple[str, ...] = ()

    def __str__(self) -> str:
        return (
            f"Extracted {self.features:,} features of {counted(self.cells, 'cell')}.\n"
            f"Features: {self.table}\nMetadata: {self.metadata}"
        )

    def notebook_view(self) -> NotebookView:
        """Show what was extracted, with thumbnails of the cells."""
        rows = {"Cells": self.cells, "Features": self.features, "Table": self.table}
        title = f"Extracted {self.features:,} features of {counted(self.cells, 'cell')}"
        return NotebookView(title, rows, self.warnings, self.table.with_name(SPRITE))


def extract(options: ExtractOptions, progress: Progress | Report | None = None) -> ExtractResult:
    """Write the activations of a layer for every cell.

    Parameters
    ----------
    options : ExtractOptions
        Where the cells and the model are, and the layer.
    progress : Progress or callable, optional
        Called with (cells done, total cells, text).

    Returns
    -------
    ExtractResult
        The table and its metadata; `projector_config.pbtxt` and `sprite.png` beside them let
        TensorBoard's projector show the cells.

    Raises
    ------
    DeepometryError
        Cells, model or output folder cannot be used, or the cells have another frame or lack a
        channel.

    Notes
    -----
    Convolutional layers are averaged over the image, as in the protocol.
    """
    progress = as_progress(progress)
    check_not_among_cells(options.output, options.input)
    earlier = earlier_results(options, lambda record: _adds_layer(options, record))
    inference = open_inference(
        options.input, options.model, progress, options.views, options.precision
    )
    _check_layers(inference)
    inference = compared(inference, inference.dataset, options, progress)
    inference = with_gates(inference, inference.dataset, options.input, progress)
    if out := inference.dataset.gated_out.sentence:
        progress.say(f"{out}: extracted, and marked {GATED_OUT} in {METADATA_TABLE}.")
    name = layer_table(options.layer)
    stale: set[str] = set()
    with staged(options.output, stale, progress.say) as stage:
        features, side = _write(inference, options, stage, name, progress)
        origin = _origin(inference, stage / METADATA_TABLE)
        other = _other_layers(options.output, origin, name)
        stale.update(set(earlier) - set(other))
        _check_lost(options, stale)
        write_config(stage, [name, *other], side)
        files = sorted({path.name for path in stage.iterdir()} | set(other))
        facts = {"cells": len(inference.dataset), "features": features, "files": files}
        facts |= inference.record() | inference.dataset.gated_out.facts()
        write_json(stage / EXTRACT_RECORD, provenance("extract", options) | origin | facts)
    tables = (options.output / name, options.output / METADATA_TABLE)
    return ExtractResult(len(inference.dataset), features, *tables, inference.warnings)


def _adds_layer(options: ExtractOptions, record: dict[str, Any]) -> bool:
    """Return whether the features of an earlier extraction are kept: of another layer, it seems."""
    earlier = record.get("options", {})
    same = all(earlier.get(name) == plain(getattr(options, name)) for name in _CELLS)
    return same and layer_table(options.layer) not in record.get("files", ())


def _check_lost(options: ExtractOptions, stale: set[str]) -> None:
    """Ask before the features of other layers are deleted, since they are of other cells."""
    lost = [n for n in stale if n.startswith(LAYER_PREFIX) and n != layer_table(options.layer)]
    if lost and not options.overwrite:
        what = f"{options.output} holds features of other cells or of another model"
        record = own_record(options.output / EXTRACT_RECORD, "extract")
        raise asked_to_replace(what, record, options.output, lost)


def _check_layers(inference: Inference) -> None:
    """Refuse a baseline."""
    if is_baseline(inference.path):
        raise DeepometryError(
            f"Model location {inference.path}: expected a network, found a classical baseline, "
            "which has no layers; its features stand in baseline_features.csv beside it."
        )


def _origin(inference: Inference, metadata: Path) -> dict[str, Any]:
    """Name the model and the cells, so that tables of several layers fit one metadata.tsv."""
    return {
        "model": str(inference.path),
        "model_written": inference.description.record.get("written"),
        "precision": inference.precision,
        "factor": inference.factor,
        "metadata": file_digest(metadata),
    }


def _other_layers(output: Path, origin: dict[str, Any], name: str) -> list[str]:
    """Find the tables of other layers of the same model and the same cells: they are kept."""
    tables = [
        n for n in earlier_files(output / EXTRACT_RECORD, "extract") if n.startswith(LAYER_PREFIX)
    ]
    if not tables:
        return []
    earlier = own_record(output / EXTRACT_RECORD, "extract")
    same = all(earlier.get(key) == value for key, value in origin.items())
    return [n for n in tables if same and n != name and (output / n).is_file()]


def _write(
    inference: Inference, options: ExtractOptions, stage: Path, name: str, progress: Progress
) -> tuple[int, int]:
    """Write features, metadata and sprite; return the numbers of features and of sprite pixels."""
    model = with_layer(inference.model, options.layer)
    dataset = inference.dataset
    sprite = Sprite(len(dataset), dataset.frame)
    with (
        (stage / name).open("w", encoding="ascii", newline="\n") as features,
        (stage / METADATA_TABLE).open("w", encoding="utf-8", newline="") as metadata,
    ):
        rows = _Metadata(metadata, inference)
        for outcome in inference.over(
            dataset, model, options.batch_size, progress, f"Extracting {options.layer}"
        ):
            np.savetxt(features, outcome.outputs[0], fmt="%.6g", delimiter="\t")
            rows.write(outcome)
            sprite.add(outcome.images)
    sprite.save(stage)
    return int(outcome.outputs[0].shape[1]), sprite.side


class _Metadata:
    """The table that says which cell a row is about: identity, folders, labels, prediction."""

    def __init__(self, file: Any, inference: Inference) -> None:
        self._labels, self._task = inference.description.labels, inference.description.task
        self._columns = level_columns(inference.dataset.folders)
        self._given = inference.dataset.label_columns
        self._done = 0
        self._sides = bool(inference.dataset.sides - {None})
        self._writer = SafeWriter(file, tabs=True, lineterminator="\n")
        out = inference.dataset.gated_out
        self._gated = np.where(out.cells, "yes", "no") if out.gates else None
        side = ["split"] * self._sides + [GATED_OUT] * bool(out.gates)
        task, target = self._task, f"predicted {inference.description.target}"
        target = PREDICTED_VALUE if task.is_number else target
        self._writer.writerow([*IDENTITY, *self._columns, *self._given, *side, target])

    def write(self, outcome: Outcome) -> None:
        """Write the rows of some cells."""
        chosen = self._predicted(outcome.outputs[1])
        here = slice(self._done, self._done + len(chosen))
        given = zip(*(labels.texts(here) for labels in self._given.values()), strict=True)
        gated = iter(() if self._gated is None else self._gated[here, None].tolist())
        self._done += len(chosen)
        for (part, source, name), predicted in zip(outcome.cells, chosen, strict=True):
            levels = [level_value(part.levels, d, c) for c, d in self._columns.items()]
            side = [part.side or ""] if self._sides else []
            row = [source, name, *levels, *next(given, ()), *side, *next(gated, ()), predicted]
            self._writer.writerow([" ".join(field.split()) for field in row])

    def _predicted(self, outputs: np.ndarray) -> list[str]:
        """Return what the network predicts for some cells, as text."""
        if self._task.is_number:
            return [table_number(number) for number in self._task.numbers_of(outputs).tolist()]
        return [self._labels[code] for code in outputs.argmax(1)]
