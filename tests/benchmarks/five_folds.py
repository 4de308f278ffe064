"""Five-fold cross-validation of the default training, fold by fold, with the scores of its parts.

    python tests/benchmarks/five_folds.py jurkat_cell_cycle.npz --work /tmp/folds --channels 3,6
    python tests/benchmarks/five_folds.py mitocheck_nuclei.npz --work /tmp/folds --groups plate

The file holds `images` (n, height, width) or (n, height, width, channels), `label`, and perhaps
`channels`, names with a number each (Jurkat cells: Blasi et al. 2016, Nat. Commun. 7:10256;
MitoCheck nuclei: github.com/WayScience/phenotypic_profiling), and `plate`. Classes of fewer than 10
cells are left out. Every class is dealt out to five folders, or whole groups are; they are parsed
once; then `deepometry train` learns from four of them with all its defaults, and `deepometry
predict` names the cells of the fifth. Prints for every fold and for all cells together accuracy,
balanced accuracy and log loss of the network, of the classical features and of both, the expected
calibration error of both, and the processor minutes. Folds that are done are passed over: the
script can be stopped and started again. Options that it does not know are passed on to `deepometry
train`.

`deepometry train --folds 5` does the same in one command, with folds of its own, and trains a
sixth, final model.
"""

import argparse
import csv
import json
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

from deepometry.evaluation.calibration import calibration_error
from deepometry.evaluation.confusion import confusion, scores
from deepometry.training.folds import assign_group_folds

FOLDS = 5
FEWEST = 10  # cells of a class
PARTS = ("network", "classical")
MINUTES = "minutes.csv"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("npz", type=Path)
    parser.add_argument("--work", type=Path, required=True, help="a folder for everything")
    parser.add_argument("--channels", help="channels to learn from")
    parser.add_argument("--groups", help="array of the file whose values stay together")
    parser.add_argument("--folds", help="only these, such as 1,2,3,4")
    options, more = parser.parse_known_args()
    parsed = options.work / "parsed"
    if not parsed.exists():
        write_folds(options.npz, options.groups, options.work / "images")
        run("parse", options.work / "images", parsed, "--montage", "0")
    more += ["--channels", options.channels] if options.channels else []
    found = []
    for fold in map(int, options.folds.split(",")) if options.folds else range(FOLDS):
        name = "_".join([*more, "fold", str(fold)]).replace(",", "_").replace("--", "")
        place = options.work / name
        if not (place / "predictions/confusion_matrix.csv").exists():
            learn(parsed, fold, place, more)
        found.append(read(place / "predictions"))
        print(f"fold {fold}: {told(found[-1])}; {minutes_of(place)}", flush=True)
    print(f"all {sum(map(len, found)):,} cells: {told(pd.concat(found))}")


def write_folds(npz: Path, groups: str | None, folder: Path) -> None:
    """Write one 16-bit TIFF a cell and channel, in a folder a fold and class."""
    content = dict(np.load(npz))
    names, counts = np.unique(content["label"], return_counts=True)
    kept = np.isin(content["label"], names[counts >= FEWEST])
    images, label = content["images"][kept], content["label"][kept]
    images = images if images.ndim == 4 else images[..., None]
    names = content.get("channels", np.arange(1, images.shape[-1] + 1))
    numbers = [int(re.search(r"\d+", str(name)).group()) for name in names]
    labels, codes = np.unique(label, return_inverse=True)
    folds = fold_of(codes, FOLDS)
    if groups:
        _, own = np.unique(content[groups][kept], return_inverse=True)
        rng = np.random.default_rng(0)
        folds = assign_group_folds(codes, own, list(labels), groups, FOLDS, rng)
    for cell, (image, name, fold) in enumerate(zip(images, label, folds, strict=True)):
        place = folder / f"Fold {fold}" / f"Class {name}"
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
    where = (place / "test", place / "predictions", "--model", place / "model")
    run("predict", *where)
    for part in PARTS if parts_of(place / "predictions") else ():
        run("predict", *where[:1], place / part, *where[2:], "--parts", part)


def parts_of(predictions: Path) -> bool:
    """Return whether a prediction is of a combined model."""
    return "parts" in json.loads((predictions / "predict.json").read_text("utf-8"))


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


def read(predictions: Path) -> pd.DataFrame:
    """Read the true label of every cell, and by part the probabilities of all classes."""
    tables = {"both": pd.read_csv(predictions / "predicted.csv")}
    for part in PARTS if parts_of(predictions) else ():
        tables[part] = pd.read_csv(predictions.with_name(part) / "predicted.csv")
    columns = {
        (part, name.removeprefix("probability_")): table[name]
        for part, table in tables.items()
        for name in table
        if name.startswith("probability_")
    }
    columns["true", "label"] = tables["both"]["true_label"]
    return pd.DataFrame(columns)


def minutes_of(place: Path) -> str:
    """Tell how long a training took."""
    spent = pd.read_csv(place / MINUTES).iloc[0]
    return f"{spent.clock:.1f} minutes, {spent.processor:.1f} of the processor"


def told(cells: pd.DataFrame) -> str:
    """Tell the scores of all parts."""
    each = []
    for part in [name for name in (*PARTS, "both") if name in cells.columns.get_level_values(0)]:
        table = cells[part]
        labels, probabilities = list(table), table.to_numpy()
        true = cells["true", "label"].map(labels.index).to_numpy()
        matrix = confusion(true, probabilities.argmax(1), len(labels))
        found = scores(matrix)
        loss = -np.log(np.maximum(probabilities[np.arange(len(true)), true], 1e-12)).mean()
        each.append(
            f"{part} accuracy {found['accuracy']:.4f}, balanced {found['balanced_accuracy']:.4f}, "
            f"log loss {loss:.4f}, calibration error {calibration_error(probabilities, true):.3f}"
        )
    return "; ".join(each)


if __name__ == "__main__":
    main()
