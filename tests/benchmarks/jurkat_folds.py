"""Five-fold cross-validation of the default training on the Jurkat cells, fold by fold.

    python tests/benchmarks/jurkat_folds.py jurkat_cell_cycle.npz --work /tmp/folds
    python tests/benchmarks/jurkat_folds.py jurkat_cell_cycle.npz --work /tmp/folds --channels 3,4,6

The file holds `images` (n, 40, 40, 3), `label` and `channels` (Blasi et al. 2016, Nat. Commun.
7:10256). Every class is dealt out to five folders, which are parsed once; then `deepometry train`
learns from four of them with all its defaults, and `deepometry predict` names the cells of the
fifth. Prints accuracy, balanced accuracy and the processor minutes of every fold, and the scores of
the pooled confusion matrix. Folds that are done are passed over: the script can be stopped and
started again. Options that it does not know are passed on to `deepometry train`.

`deepometry train --folds 5` does the same in one command, with folds of its own, and trains a
sixth, final model.
"""

import argparse
import csv
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import tifffile
from ablation import fold_of

from deepometry.evaluation.confusion import scores

FOLDS = 5
MINUTES = "minutes.csv"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("npz", type=Path)
    parser.add_argument("--work", type=Path, required=True, help="a folder for everything")
    parser.add_argument("--channels", default="3,6", help="channels to learn from")
    options, more = parser.parse_known_args()
    parsed = options.work / "parsed"
    if not parsed.exists():
        write_folds(options.npz, options.work / "images")
        run("parse", options.work / "images", parsed, "--montage", "0")
    matrices = []
    for fold in range(FOLDS):
        place = options.work / f"channels_{options.channels.replace(',', '_')}" / f"fold_{fold}"
        if not (place / "predictions/confusion_matrix.csv").exists():
            learn(parsed, fold, place, ["--channels", options.channels, *more])
        matrices.append(matrix_of(place))
        print(f"fold {fold}: {told(matrices[-1])}, {minutes_of(place)}", flush=True)
    print(f"pooled: {told(sum(matrices))}, {sum(m.sum() for m in matrices):,} cells")


def write_folds(npz: Path, folder: Path) -> None:
    """Write one 16-bit TIFF a cell and channel, in a folder a fold and class."""
    content = np.load(npz)
    numbers = [int(re.search(r"\d+", str(name)).group()) for name in content["channels"]]
    _, codes = np.unique(content["label"], return_inverse=True)
    rows = zip(content["images"], content["label"], fold_of(codes, FOLDS), strict=True)
    for cell, (image, label, fold) in enumerate(rows):
        place = folder / f"Fold {fold}" / f"Class {label}"
        place.mkdir(parents=True, exist_ok=True)
        for plane, number in zip(np.moveaxis(image, -1, 0), numbers, strict=True):
            tifffile.imwrite(place / f"cell_{cell:06}_Ch{number}.ome.tif", plane, metadata=None)


def learn(parsed: Path, fold: int, place: Path, more: list[str]) -> None:
    """Train on all folds but one, and predict that one."""
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(parsed, place / "train", ignore=shutil.ignore_patterns(f"Fold {fold}"))
    shutil.copytree(parsed / f"Fold {fold}", place / f"test/Fold {fold}")
    shutil.copy(parsed / "parse.json", place / "test/parse.json")
    spent = run("train", place / "train", place / "model", "--target", "Class", *more)
    with (place / MINUTES).open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("clock", "processor"), [f"{s / 60:.2f}" for s in spent]])
    run("predict", place / "test", place / "predictions", "--model", place / "model")


def run(*words: object) -> tuple[float, float]:
    """Run one command of the program; give the seconds of the clock and of the processor."""
    start = time.monotonic()
    line = [sys.executable, "-m", "deepometry", *map(str, words)]
    child = subprocess.Popen(line, stdout=subprocess.DEVNULL)
    watched, spent = psutil.Process(child.pid), 0.0
    while child.poll() is None:
        try:
            spent = sum(watched.cpu_times()[:2])
        except psutil.Error:  # ended at this very moment
            break
        time.sleep(0.5)
    if child.wait():
        raise SystemExit(f"{words[0]} ended with {child.returncode}")
    return time.monotonic() - start, spent


def matrix_of(place: Path) -> np.ndarray:
    """Read the counts of a confusion matrix."""
    return pd.read_csv(place / "predictions/confusion_matrix.csv", index_col=0).to_numpy()


def minutes_of(place: Path) -> str:
    """Tell how long a training took."""
    spent = pd.read_csv(place / MINUTES).iloc[0]
    return f"{spent.clock:.1f} minutes, {spent.processor:.1f} of the processor"


def told(matrix: np.ndarray) -> str:
    """Tell the scores of a confusion matrix."""
    found = scores(matrix)
    return f"accuracy {found['accuracy']:.4f}, balanced {found['balanced_accuracy']:.4f}"


if __name__ == "__main__":
    main()
