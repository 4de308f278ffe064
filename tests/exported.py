"""Folders of results for tests of what is done with them, written as the steps write them."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from deepometry.core.files import file_digest
from tests.parsed import blobs, write_record, write_stack

LABELS = ('Smooth, "disc"', "Größe/µ|§", "C")
"""Classes with what upsets file formats: commas, quotes, slashes, bars, letters beyond ASCII."""


@dataclass(frozen=True)
class Truth:
    """What is in the tables.

    Attributes
    ----------
    cells : list of (source, object)
    codes : ndarray of int, shape (cells,)
        Predicted class, in `labels`.
    probabilities : ndarray of float, shape (cells, classes)
    features : ndarray of float32, shape (cells, features)
    places : ndarray of float32, shape (cells, 2)
        Coordinates.
    labels : tuple of str
    """

    cells: list[tuple[str, str]]
    codes: np.ndarray
    probabilities: np.ndarray
    features: np.ndarray
    places: np.ndarray
    labels: tuple[str, ...]


def make_truth(cells: int = 30, labels: tuple[str, ...] = LABELS, width: int = 12) -> Truth:
    """Make results of cells of two source files, whose objects are numbered with gaps."""
    rng = np.random.default_rng(3)
    identities = [("Day 1/a,b.cif", str(3 * n)) for n in range(cells // 2)]
    identities += [("Day 2/übung.cif", str(n + 7)) for n in range(cells - cells // 2)]
    drawn = rng.dirichlet(np.ones(len(labels)), cells)
    probabilities = np.round(drawn, 6).reshape(cells, len(labels))
    codes = probabilities.argmax(1) if cells else np.empty(0, int)
    features = np.round(rng.normal(size=(cells, width)), 4).astype(np.float32)
    places = np.round(rng.normal(size=(cells, 2)), 4).astype(np.float32)
    return Truth(identities, codes, probabilities, features, places, labels)


def write_predicted(folder: Path, truth: Truth, rows=None, annotated: bool = True) -> None:
    """Write predicted.csv and its record."""
    folder.mkdir(parents=True, exist_ok=True)
    true_label = ["true_label"] * annotated
    with (folder / "predicted.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        names = [f"probability_{label}" for label in truth.labels]
        writer.writerow(["source", "object", *true_label, "label", *names])
        for row in range(len(truth.cells)) if rows is None else rows:
            label = truth.labels[truth.codes[row]]
            true = [truth.labels[0]] * annotated
            numbers = (f"{value:.6g}" for value in truth.probabilities[row])
            writer.writerow([*truth.cells[row], *true, label, *numbers])
    _record(folder, "predict", input=str(folder.parent / "parsed"))


def write_features(folder: Path, truth: Truth, layer: str = "pool5") -> None:
    """Write features, metadata.tsv and the record."""
    folder.mkdir(parents=True, exist_ok=True)
    table = folder / f"features_extracted_by_{layer}.txt"
    np.savetxt(table, truth.features, fmt="%.6g", delimiter="\t")
    with (folder / "metadata.tsv").open("w", encoding="utf-8", newline="") as file:
        file.write("source\tobject\tDay\tpredicted Class\n")
        for (source, name), code in zip(truth.cells, truth.codes, strict=True):
            day = source.split("/")[0].split()[-1]
            file.write(f"{source}\t{name}\t{day}\t{truth.labels[code]}\n")
    digest = file_digest(folder / "metadata.tsv")
    where = str(folder.parent / "parsed")
    _record(folder, "extract", {"metadata": digest}, input=where, layer=layer)


def write_coordinates(folder: Path, truth: Truth, features: Path, rows=None) -> None:
    """Write coordinates.csv and the record that names the features."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "coordinates.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["source", "object", "Day", "umap_1", "umap_2"])
        for row in range(len(truth.cells)) if rows is None else rows:
            source, name = truth.cells[row]
            day = source.split("/")[0].split()[-1]
            writer.writerow([source, name, day, *truth.places[row].tolist()])
    _record(folder, "embed", input=str(features))


def write_parsed(root: Path, truth: Truth) -> np.ndarray:
    """Write parsed cells of the same identities; return their pixels."""
    write_record(root, names={"3": "Brightfield"})
    pixels = blobs(len(truth.cells), 1)
    sources = [source for source, _ in truth.cells]
    for source in dict.fromkeys(sources):
        rows = [row for row, each in enumerate(sources) if each == source]
        folder = root / source.split("/")[0]
        table = write_stack(folder, pixels[rows], source).with_suffix(".csv")
        lines = ["source,object,height,width,note"]
        lines += [f'"{source}",{truth.cells[row][1]},40,41,' for row in rows]
        table.write_text("\n".join(lines) + "\n", "utf-8")
    return pixels


def _record(folder: Path, step: str, more: dict | None = None, **options) -> None:
    content = {"step": step, "options": options, "files": []} | (more or {})
    (folder / f"{step}.json").write_text(json.dumps(content), "utf-8")


def write_results(root: Path, truth: Truth) -> Path:
    """Write a map of features beside which predictions lie, all in one order; return its folder."""
    write_parsed(root / "parsed", truth)
    write_features(root / "features", truth)
    write_predicted(root / "features", truth)
    write_coordinates(root / "map", truth, root / "features")
    return root / "map"
