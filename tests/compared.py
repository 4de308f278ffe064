"""Predictions and trainings made by hand, to be compared."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from deepometry.core.options.train import TrainOptions
from deepometry.core.run_records import provenance, write_json
from deepometry.core.spreadsheet import SafeWriter, table_file
from deepometry.core.steps import STEPS

LABELS = ("A", "B", "C")


def _write_table(path: Path, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    with table_file(path) as file:
        writer = SafeWriter(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def write_prediction(
    folder: Path,
    true: Sequence[int] | None,
    chosen: Sequence[int],
    *,
    labels: Sequence[str] = LABELS,
    names: Sequence[str] | None = None,
    identities: Sequence[tuple[str, str]] | None = None,
    seen: Sequence[str] | None = None,
    unsure_below: float | None = None,
    sure: Sequence[float] | None = None,
    recorded: dict[str, Any] | None = None,
    step: str = "predict",
    **options: Any,
) -> Path:
    """Write `predicted.csv` and `predict.json`; `true` are codes of `LABELS`, -1 for no label.

    With `step` "classify" it is a classification of new files.
    """
    folder.mkdir(parents=True)
    confidence = np.full(len(chosen), 0.8) if sure is None else np.asarray(sure)
    header = ["source", "object", *(["true_label"] if true is not None else [])]
    header += ["predicted"] if unsure_below is not None else []
    header += ["label", *(f"probability_{label}" for label in labels)]
    header += ["seen"] if seen is not None else []
    with table_file(folder / "predicted.csv") as file:
        writer = SafeWriter(file, lineterminator="\n")
        writer.writerow(header)
        for place, code in enumerate(chosen):
            row = ["Day 1/a.cif", str(place) if names is None else names[place]]
            row = row if identities is None else [*identities[place]]
            if true is not None:
                row.append(LABELS[true[place]] if true[place] >= 0 else "")
            if unsure_below is not None:
                row.append(labels[code])
            unsure = unsure_below is not None and confidence[place] < unsure_below
            row.append("unsure" if unsure else labels[code])
            rest = (1 - confidence[place]) / (len(labels) - 1)
            shares = np.full(len(labels), rest)
            shares[code] = confidence[place]
            row += [f"{share:.6g}" for share in shares]
            writer.writerow([*row, *([seen[place]] if seen is not None else [])])
    asked = STEPS[step].options(
        **{"input": folder.parent / "cells", "model": folder.parent / "m.keras", **options},
        output=folder, unsure_below=unsure_below,
    )  # fmt: skip
    files = ["predicted.csv", *(["confusion_matrix.csv"] if true is not None else [])]
    facts: dict[str, Any] = {"files": files}
    facts |= {"target": "Class", "cells": len(chosen), "counts": dict.fromkeys(labels, 0)}
    facts |= {"model": str(folder.parent / "m.keras"), **(recorded or {})}
    write_json(folder / STEPS[step].record, provenance(step, asked) | facts)
    return folder


def write_training(
    folder: Path,
    epochs: int = 5,
    validation: tuple[Sequence[int], Sequence[int]] | None = None,
    names: Sequence[str] | None = None,
    **options: Any,
) -> Path:
    """Write `training.csv` and `train.json`, without a model.

    `validation` are true and predicted classes of its validation cells, of such names.
    """
    folder.mkdir(parents=True)
    rows = ["epoch,loss,accuracy,val_loss,val_accuracy"]
    rows += [f"{n},{1 / n},{1 - 0.5 / n},{1.2 / n},{1 - 0.6 / n}" for n in range(1, epochs + 1)]
    (folder / "training.csv").write_text("\n".join(rows) + "\n", "utf-8")
    asked = TrainOptions(input=folder.parent / "cells", output=folder, target="Class", **options)
    scores = {"epoch": epochs, "val_accuracy": 0.88, "val_balanced_accuracy": 0.86, "val_loss": 0.3}
    facts: dict[str, Any] = {"model": "model_3-Class_categories.keras", "scores": scores}
    if validation is not None:
        facts["validation"] = _write_validation(folder, *validation, names)
    write_json(folder / "train.json", provenance("train", asked) | facts)
    return folder


def _write_validation(
    folder: Path, true: Sequence[int], chosen: Sequence[int], names: Sequence[str] | None
) -> dict[str, Any]:
    """Write the table of validation cells as `train` does; return what its record says of it."""
    header = ["source", "object", "true_label", "label", *(f"probability_{n}" for n in LABELS)]
    each = zip(true, chosen, names or map(str, range(len(true))), strict=True)
    rows = [
        ["Day 1/a.cif", name, LABELS[t], LABELS[p], *("0.8" if n == p else "0.1" for n in range(3))]
        for t, p, name in each
    ]
    _write_table(folder / "validation_cells.csv", header, rows)
    confusion = np.zeros((3, 3), int)
    np.add.at(confusion, (np.asarray(true), np.asarray(chosen)), 1)
    counts = dict(zip(LABELS, confusion.sum(0).tolist(), strict=True))
    return {"cells": len(true), "counts": counts, "confusion": confusion.tolist()}


def two_classifiers(cells: int = 400, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return true codes and those of two classifiers, the second of them better."""
    rng = np.random.default_rng(seed)
    true, hard = rng.integers(0, 3, cells), rng.random(cells)
    first = np.where(hard < 0.7, true, (true + 1) % 3)
    second = np.where(hard < 0.8, true, (true + 2) % 3)
    return true, first, second
