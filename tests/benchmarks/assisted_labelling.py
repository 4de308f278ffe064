"""Assisted labelling: accuracy against the number of labels, and seconds to train anew.

    python tests/benchmarks/assisted_labelling.py jurkat_cell_cycle.npz
    python tests/benchmarks/assisted_labelling.py jurkat_cell_cycle.npz --channels 0,2
    python tests/benchmarks/assisted_labelling.py mitocheck_nuclei.npz
    python tests/benchmarks/assisted_labelling.py --speed 100000

The file holds `images` (n, height, width[, channels]) and `label`. Of every seed, a fifth of the
cells is left out to judge. An annotator who knows all labels then labels the others, ten at a time,
in random order or in the one of the page ("most uncertain", which begins as "most different", and
of which one cell in five, at first one in two, is chosen at random). After each batch the fast
classifier learns from all labels so far, and classifies the cells that were left out. Prints mean
accuracy and balanced accuracy over the seeds, how many labels of the page's order give the accuracy
of so many random ones, how good the running estimate is (its error, and how often its interval
holds the accuracy on the cells left out), and after how many labels it says that more hardly help.
With `--final`, gradient boosting learns from the same labels, as `deepometry baseline` does.

`--inner` judges by a quarter of the cells that are not left out instead: by that, of the Jurkat
cells alone, the defaults were chosen.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from mislabelled import measured
from sklearn.model_selection import StratifiedKFold

from deepometry.classical.boosting import learn
from deepometry.core.options.suggest import SUGGESTION_ORDERS, UNCERTAIN
from deepometry.core.progress import Progress
from deepometry.training.assisted.assistant import Assistant, Labels

RANDOM = "random"
SHOWN = (30, 50, 100, 150, 200, 300, 400, 600, 800, 1000)
BATCH = 10


@dataclass(frozen=True)
class Measured:
    """Features of cells, as the program keeps them."""

    values: np.ndarray
    keys: np.ndarray
    names: tuple[str, ...]

    def read(self, rows: np.ndarray) -> np.ndarray:
        """Return the features of some cells."""
        return self.values[rows]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("npz", type=Path, nargs="?")
    parser.add_argument("--channels", default="", help="columns of the images, such as 0,2")
    parser.add_argument("--orders", nargs="+", default=[RANDOM, UNCERTAIN])
    parser.add_argument("--labels", type=int, default=600)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--inner", action="store_true")
    parser.add_argument("--final", action="store_true")
    parser.add_argument("--speed", type=int, help="time the training among so many cells")
    options = parser.parse_args()
    if options.speed:
        speed(options.speed)
    else:
        simulate(options)


# --- accuracy ------------------------------------------------------------------------------------


def simulate(options: argparse.Namespace) -> None:
    """Label in every order, and compare."""
    features, codes = measured(options.npz, options.channels)
    curves = {}
    for order in options.orders:
        runs = [run(features, codes, order, seed, options) for seed in range(options.seeds)]
        curves[order] = np.mean([each["curve"] for each in runs], axis=0)
        report(order, curves[order], runs)
    if RANDOM in curves:
        for order in set(curves) - {RANDOM}:
            compare(curves[RANDOM], curves[order], order)


def run(
    features: np.ndarray, codes: np.ndarray, order: str, seed: int, options: argparse.Namespace
) -> dict[str, np.ndarray]:
    """Label cells in an order, and judge after each batch."""
    pool, judging = divide(codes, seed, options.inner)
    keys = np.random.default_rng(seed).integers(1 << 63, size=len(pool)).astype(np.uint64)
    names = tuple(map(str, range(features.shape[1])))
    assistant = Assistant(Measured(features[pool], keys, names))
    classes = tuple(map(str, range(codes.max() + 1)))
    rows, curve, estimates, final = np.zeros(0, np.int64), [], [], []
    while len(rows) < options.labels:
        wanted = assistant.at_random if order == RANDOM else assistant.order(order, BATCH)
        new = wanted[~np.isin(wanted, rows)][:BATCH]
        rows = np.concatenate([rows, new])
        assistant.learn(Labels(rows, codes[pool][rows], classes))
        found = assistant.classify(features[judging])
        if found is None:
            continue  # all labels are of one class
        curve.append([len(rows), *accuracies(codes[judging], found)])
        if len(rows) in SHOWN:
            told = assistant.progression()
            each = told.accuracy
            estimates.append([len(rows), each.accuracy, each.low, each.high, curve[-1][1]])
            estimates[-1] += [
                each.cells,
                told.enough,
                told.changes[-1].share if told.changes else 1,
            ]
            if options.final:
                final.append(boosted(features, codes, pool[rows], judging))
    return {"curve": np.array(curve), "estimates": np.array(estimates), "final": np.array(final)}


def divide(codes: np.ndarray, seed: int, inner: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return the cells to label from, and those to judge by."""
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    pool, judging = list(folds.split(codes, codes))[seed % 5]
    if not inner:
        return pool, judging
    pool = np.random.default_rng(seed).permutation(pool)
    return pool[len(pool) // 4 :], pool[: len(pool) // 4]


def accuracies(true: np.ndarray, found: np.ndarray) -> list[float]:
    """Return accuracy and balanced accuracy."""
    recalls = [(found[true == code] == code).mean() for code in np.unique(true)]
    return [float((found == true).mean()), float(np.mean(recalls))]


def boosted(
    features: np.ndarray, codes: np.ndarray, rows: np.ndarray, judging: np.ndarray
) -> list[float]:
    """Judge gradient boosting that learnt from the labelled cells."""
    known, places = np.unique(codes[rows], return_inverse=True)
    trees = learn(features[rows], places, len(known), "boosting", 0, Progress())
    found = known[trees.probabilities(features[judging]).argmax(1)]
    return [len(rows), *accuracies(codes[judging], found)]


def report(order: str, curve: np.ndarray, runs: list[dict[str, np.ndarray]]) -> None:
    """Print the mean of all seeds."""
    shown = curve[np.isin(curve[:, 0], SHOWN)]
    each = (f"{n:.0f}: {100 * a:.1f}/{100 * b:.1f}" for n, a, b in shown)
    print(f"{order}, accuracy/balanced accuracy in %: {', '.join(each)}", flush=True)
    estimates = np.concatenate([each["estimates"] for each in runs])
    told = estimates[estimates[:, 5] >= 20]
    if len(told):
        inside = (told[:, 2] <= told[:, 4]) & (told[:, 4] <= told[:, 3])
        error = told[:, 1] - told[:, 4]
        print(
            f"  running estimate: less the true accuracy {100 * error.mean():+.1f} points on "
            f"average, standard deviation {100 * error.std():.1f}; the interval holds it in "
            f"{inside.sum()} of {len(told)}"
        )
    for seed, each in enumerate(runs):
        changes = ", ".join(f"{row[0]:.0f} {100 * row[7]:.1f}" for row in each["estimates"])
        enough = [row for row in each["estimates"] if row[6]]
        when = f"{enough[0][0]:.0f} labels" if enough else "never"
        print(f"  seed {seed}: enough after {when}; predictions changed, in %: {changes}")
    if len(runs[0]["final"]):
        final = np.mean([each["final"] for each in runs], axis=0)
        each = (f"{n:.0f}: {100 * a:.1f}/{100 * b:.1f}" for n, a, b in final)
        print(f"  gradient boosting on the same labels: {', '.join(each)}", flush=True)


def compare(random: np.ndarray, other: np.ndarray, order: str) -> None:
    """Print how many labels of an order give what so many random ones give."""
    for place, name in ((1, "accuracy"), (2, "balanced accuracy")):
        told = []
        for n, *scores in random[np.isin(random[:, 0], SHOWN)]:
            there = other[other[:, place] >= scores[place - 1], 0]
            if len(there):
                told.append(f"{n:.0f} as {there[0]:.0f} ({there[0] / n:.2f})")
        print(f"{name}: random labels as those in the order {order}: {', '.join(told)}")


# --- speed ---------------------------------------------------------------------------------------


def speed(cells: int, features: int = 500, classes: int = 7) -> None:
    """Time what happens after new labels, among many cells."""
    rng = np.random.default_rng(0)
    codes = rng.integers(0, classes, cells)
    values = rng.normal(0, 1, (cells, features)).astype(np.float32)
    values[:, :40] += rng.normal(0, 1, (classes, 40))[codes]
    keys = rng.integers(1 << 63, size=cells).astype(np.uint64)
    start = time.perf_counter()
    assistant = Assistant(Measured(values, keys, tuple(map(str, range(features)))))
    print(
        f"{cells:,} cells, {features} features: read in {time.perf_counter() - start:.1f} s, once"
    )
    for labels in (50, 200, 1000, 3000):
        rows = rng.choice(cells, labels, replace=False)
        given = Labels(rows, codes[rows], tuple(map(str, range(classes))))
        took = [timed(assistant, given) for _ in range(3)]
        learnt, *ordered = np.median(took, axis=0)
        each = ", ".join(f"{n} {s:.2f} s" for n, s in zip(SUGGESTION_ORDERS, ordered, strict=True))
        print(f"  {labels:5} labels: trained and predicted in {learnt:.2f} s; orders: {each}")


def timed(assistant: Assistant, labels: Labels) -> list[float]:
    """Return the seconds of training and of every order."""
    seconds = []
    for what in (
        lambda: assistant.learn(labels),
        *(ordering(assistant, n) for n in SUGGESTION_ORDERS),
    ):
        start = time.perf_counter()
        what()
        seconds.append(time.perf_counter() - start)
    return seconds


def ordering(assistant: Assistant, name: str):
    """Return what orders all cells."""
    return lambda: assistant.order(name, 48, 1)


if __name__ == "__main__":
    main()
