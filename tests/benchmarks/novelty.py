"""Whether cells of a class that a training never had are found to be novel, class by class.

    python tests/benchmarks/novelty.py jurkat_cell_cycle.npz --work /tmp/novelty --fold 1
    python tests/benchmarks/novelty.py mitocheck_nuclei.npz --work /tmp/novelty --hide Hole,Large

The file holds `images` (n, side, side[, channels]) and `label` (n,). Every class is dealt out to
five folds. For each class in turn a network learns from the other classes in four folds, and
predicts the cells of the fifth fold and all cells of the hidden class. Printed are the area under
the ROC curve (AUROC) of the novelty of the hidden cells against that of the ordinary ones, the
share of ordinary cells above a novelty of 0.99, where 1 % is promised, and that of hidden cells;
then the same over all classes. Results are kept in a table in the working folder, so that the
script can be stopped and started again. Options that it does not know are passed on to
`deepometry train`.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import tifffile
from ablation import fold_of

from deepometry.evaluation.intervals import wilson
from deepometry.evaluation.novelty import NOVEL_ABOVE

FOLDS = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("npz", type=Path)
    parser.add_argument("--work", type=Path, required=True, help="a folder for everything")
    parser.add_argument("--columns", default="", help="channels of the images, such as 0,2")
    parser.add_argument("--fold", type=int, default=1, help="that is held out")
    parser.add_argument("--hide", default="", help="classes to hide, such as G1,S; all by default")
    options, more = parser.parse_known_args()
    content = np.load(options.npz)
    images, labels = content["images"], content["label"].astype(str)
    images = images[..., None] if images.ndim == 3 else images
    columns = [int(c) for c in options.columns.split(",") if c] or [*range(images.shape[-1])]
    work = options.work / f"{options.npz.stem}_{'_'.join(map(str, columns))}"
    parsed = work / "parsed"
    if not parsed.exists():
        write_folds(images[..., columns], labels, work / "images")
        run("parse", work / "images", parsed, "--montage", "0")
    table = work / f"fold_{options.fold}.csv"
    for hidden in options.hide.split(",") if options.hide else np.unique(labels):
        known = pd.read_csv(table).to_dict("records") if table.exists() else []
        if hidden not in {each["hidden"] for each in known}:
            row = hide(parsed, work / "run", options.fold, hidden, more)
            pd.DataFrame([*known, row]).to_csv(table, index=False)
            print(row, flush=True)
    summarise(pd.read_csv(table))


def write_folds(images: np.ndarray, labels: np.ndarray, folder: Path) -> None:
    """Write one TIFF a cell and channel, in a folder a fold and class."""
    _, codes = np.unique(labels, return_inverse=True)
    rows = zip(images, labels, fold_of(codes, FOLDS), strict=True)
    for cell, (image, label, fold) in enumerate(rows):
        place = folder / f"Fold {fold}" / f"Class {label}"
        place.mkdir(parents=True, exist_ok=True)
        for number, plane in enumerate(np.moveaxis(image, -1, 0), start=1):
            tifffile.imwrite(place / f"cell_{cell:06}_Ch{number}.tif", plane, metadata=None)


def hide(parsed: Path, place: Path, fold: int, hidden: str, more: list[str]) -> dict[str, object]:
    """Train without a class and a fold, predict both, and measure how novel they are."""
    shutil.rmtree(place, ignore_errors=True)
    left_out = shutil.ignore_patterns(f"Fold {fold}", f"Class {hidden}")
    shutil.copytree(parsed, place / "train", ignore=left_out)
    for folder in parsed.glob("Fold */Class *"):
        if folder.parent.name == f"Fold {fold}" or folder.name == f"Class {hidden}":
            shutil.copytree(folder, place / "test" / folder.relative_to(parsed))
    shutil.copy(parsed / "parse.json", place / "test/parse.json")
    run("train", place / "train", place / "model", "--target", "Class", *more)
    how = ("--model", place / "model", "--unannotated", "--despite-scale")
    run("predict", place / "test", place / "predictions", *how)
    cells = pd.read_csv(place / "predictions/predicted.csv")
    own = cells["object"].astype(str) + cells["source"]
    is_hidden = own.str.contains(f"Class {hidden}/", regex=False)
    return measured(hidden, cells["novelty"][~is_hidden], cells["novelty"][is_hidden])


def measured(hidden: str, ordinary: pd.Series, others: pd.Series) -> dict[str, object]:
    """Return how well the hidden cells are told from ordinary ones."""
    ranks = pd.concat([ordinary, others]).rank()
    area = (ranks[len(ordinary) :].mean() - (len(others) + 1) / 2) / len(ordinary)
    return {
        "hidden": hidden,
        "cells": len(others),
        "auroc": round(float(area), 3),
        "ordinary": len(ordinary),
        "falsely_novel": int((ordinary > NOVEL_ABOVE).sum()),
        "novel": int((others > NOVEL_ABOVE).sum()),
    }


def summarise(rows: pd.DataFrame) -> None:
    """Print the results of all classes together."""
    false, of = rows["falsely_novel"].sum(), rows["ordinary"].sum()
    low, high = wilson(np.array([false]), np.array([of]))
    print(rows.to_string(index=False))
    print(
        f"{len(rows)} classes: AUROC median {rows['auroc'].median():.3f} "
        f"({rows['auroc'].min():.3f} to {rows['auroc'].max():.3f}); falsely novel "
        f"{100 * false / of:.2f} % ({100 * low[0]:.2f} to {100 * high[0]:.2f} %) of {of:,} "
        f"ordinary cells, 1 % promised; found {100 * (rows['novel'] / rows['cells']).median():.1f} "
        "% of the hidden cells, the median over classes"
    )


def run(*words: object) -> None:
    """Run one command of the program."""
    line = [sys.executable, "-m", "deepometry", *map(str, words)]
    subprocess.run(line, check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
