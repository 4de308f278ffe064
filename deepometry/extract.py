"""Feature extraction: what a layer of the network makes of every cell."""

from __future__ import annotations

import csv
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from deepometry.baseline_model import is_baseline
from deepometry.errors import DeepometryError
from deepometry.files import earlier_files, own_record, provenance, staged, write_json
from deepometry.inference import Inference, Outcome, open_inference
from deepometry.names import level_columns, level_value
from deepometry.network import with_layer
from deepometry.options import ExtractOptions
from deepometry.progress import Progress, Report, as_progress
from deepometry.projector import METADATA, Sprite, write_config
from deepometry.stored import IDENTITY

RECORD = "extract.json"
_TABLE = "features_extracted_by_"


@dataclass(frozen=True)
class ExtractResult:
    """What an extraction gave.

    Attributes
    ----------
    cells, features : int
        Rows and columns of the feature table.
    table : Path
        `features_extracted_by_<layer>.txt`: tab-separated numbers, one row a cell.
    metadata : Path
        `metadata.tsv`: which cell each row is about, in the same order.
    """

    cells: int
    features: int
    table: Path
    metadata: Path

    def __str__(self) -> str:
        return (
            f"Extracted {self.features:,} features of {self.cells:,} cells.\n"
            f"Features: {self.table}\nMetadata: {self.metadata}"
        )


def extract(options: ExtractOptions, progress: Progress | Report | None = None) -> ExtractResult:
    """Write the activations of a layer for every cell.

    Parameters
    ----------
    options : ExtractOptions
        Where the cells and the model are, and the layer.
    progress : Progress or callable, optional
        Told (cells done, cells in all, text).

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
    inference = open_inference(options.input, options.model, progress, options.views)
    _check_layers(inference)
    name = f"{_TABLE}{options.layer}.txt"
    stale: set[str] = set()
    with staged(options.output, stale) as stage:
        features, side = _write(inference, options, stage, name, progress)
        origin = _origin(inference, stage / METADATA)
        other = _other_layers(options.output, origin, name)
        stale.update(set(earlier_files(options.output / RECORD, "extract")) - set(other))
        write_config(stage, [name, *other], side)
        files = sorted({path.name for path in stage.iterdir()} | set(other))
        facts = {"cells": len(inference.dataset), "features": features, "files": files}
        write_json(stage / RECORD, provenance("extract", options) | origin | facts)
    output = options.output
    return ExtractResult(len(inference.dataset), features, output / name, output / METADATA)


def _check_layers(inference: Inference) -> None:
    """Refuse a baseline.

    Raises
    ------
    DeepometryError
        It has no layers.
    """
    if is_baseline(inference.path):
        raise DeepometryError(
            f"Model location {inference.path}: expected a network, found a classical baseline, "
            "which has no layers; its features stand in baseline_features.csv beside it."
        )


def _origin(inference: Inference, metadata: Path) -> dict[str, Any]:
    """Name the model and the cells, so that tables of several layers fit one metadata.tsv."""
    digest = hashlib.blake2b(digest_size=16)
    with metadata.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    trained = inference.description.record.get("written")
    rows = digest.hexdigest()
    return {"model": str(inference.path), "model_written": trained, "metadata": rows}


def _other_layers(output: Path, origin: dict[str, Any], name: str) -> list[str]:
    """Find the tables of other layers of the same model and the same cells: they are kept."""
    tables = [n for n in earlier_files(output / RECORD, "extract") if n.startswith(_TABLE)]
    if not tables:
        return []
    earlier = own_record(output / RECORD, "extract")
    same = all(earlier.get(key) == value for key, value in origin.items())
    return [n for n in tables if same and n != name and (output / n).is_file()]


def _write(
    inference: Inference, options: ExtractOptions, stage: Path, name: str, progress: Progress
) -> tuple[int, int]:
    """Write features, metadata and sprite; give the numbers of features and of sprite pixels."""
    model = with_layer(inference.model, options.layer)
    dataset = inference.dataset
    sprite = Sprite(len(dataset), dataset.frame)
    with (
        (stage / name).open("w", encoding="ascii", newline="\n") as features,
        (stage / METADATA).open("w", encoding="utf-8", newline="") as metadata,
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
    """The table that says which cell a row is about: identity, folders, prediction."""

    def __init__(self, file: Any, inference: Inference) -> None:
        self._labels = inference.description.labels
        self._columns = level_columns(inference.dataset.folders)
        self._sides = bool(inference.dataset.sides - {None})
        self._writer = csv.writer(
            file, delimiter="\t", lineterminator="\n", quoting=csv.QUOTE_NONE, quotechar=None
        )
        side = ["split"] if self._sides else []
        target = f"predicted {inference.description.target}"
        self._writer.writerow([*IDENTITY, *self._columns, *side, target])

    def write(self, outcome: Outcome) -> None:
        """Write the rows of some cells."""
        chosen = outcome.outputs[1].argmax(1)
        for (part, source, name), code in zip(outcome.cells, chosen, strict=True):
            levels = [level_value(part.levels, d, c) for c, d in self._columns.items()]
            side = [part.side or ""] if self._sides else []
            row = [source, name, *levels, *side, self._labels[code]]
            self._writer.writerow([" ".join(field.split()) for field in row])
