"""Tables of features as `extract` writes them, made by hand."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np

CLASSES, DAYS = ("A", "B", "C"), ("1", "2")
FEATURES = 24


def features_of(cells: int, width: int = FEATURES, seed: int = 0) -> np.ndarray:
    """Three groups of cells that lie apart; the last feature is the same in all."""
    rng = np.random.default_rng(seed)
    middles = rng.normal(0, 4, (len(CLASSES), width))
    features = middles[np.arange(cells) % len(CLASSES)] + rng.normal(0, 1, (cells, width))
    features[:, -1] = 7
    return features.astype(np.float32)


def write_features(folder: Path, values: np.ndarray, layer: str = "pool5", **options) -> Path:
    """Write features, the cells that they are of, and a record; return the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    np.savetxt(folder / f"features_extracted_by_{layer}.txt", values, fmt="%.6g", delimiter="\t")
    with (folder / "metadata.tsv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter="\t", lineterminator="\n")
        writer.writerow(["source", "object", "Class", "Day", "predicted Class"])
        for n in range(len(values)):
            kind = CLASSES[n % 3]
            writer.writerow([f"Class {kind}.cif", n // 3, kind, DAYS[n % 2], CLASSES[(n // 7) % 3]])
    record = {"step": "extract", "cells": len(values), "options": {"layer": layer, **options}}
    (folder / "extract.json").write_text(json.dumps(record), "utf-8")
    return folder


def write_predictions(folder: Path, cells: range, shuffled: bool = True) -> Path:
    """Write predictions of some of these cells, in another order; return the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    order = np.random.default_rng(1).permutation(cells) if shuffled else np.array(cells)
    with (folder / "predicted.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["source", "object", "label", *(f"probability_{c}" for c in CLASSES)])
        for n in order.tolist():
            probabilities = [0.1, 0.1, 0.1]
            probabilities[n % 3] = 0.8
            writer.writerow([f"Class {CLASSES[n % 3]}.cif", n // 3, CLASSES[n % 3], *probabilities])
    return folder
