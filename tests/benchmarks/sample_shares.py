"""How often the 95 % intervals of the class shares of a sample hold its true shares.

    python tests/benchmarks/sample_shares.py
    python tests/benchmarks/sample_shares.py --predicted model/predicted.csv
    python tests/benchmarks/sample_shares.py --predicted model/predicted.csv --group-by Plate

Without a table, classifiers of 2, 6 and 12 classes are simulated, with validation cells and a
sample of shares of its own. With the `predicted.csv` of a cross-validation, whose cells no model
had learnt from, the cells are divided at random: the confusion matrix is counted on one half, and
samples are put together from the other, without taking a cell twice, in shares drawn from a
Dirichlet distribution around those of the table. With `--group-by`, the table is that of a
cross-validation by whole groups: each group is a sample, its true shares are those of its labels,
and all else is known from the other groups. Prints the share of intervals that hold the true
share, with its standard error over samples: of the counts alone (Wilson), of the shares corrected
for the confusion of the validation cells, and with how it varies between samples.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from deepometry.core.folder_names import label_of
from deepometry.evaluation.intervals import wilson
from deepometry.evaluation.share_intervals import between_samples, corrected_shares

SIMULATED = ((150, 50), (150, 1000), (600, 200), (3000, 50), (3000, 5000))
"""Validation cells, and cells of a sample."""


@dataclass
class Trial:
    """A sample: the confusion of the validation cells, its predicted cells, its true shares."""

    confusion: np.ndarray
    counts: np.ndarray
    shares: np.ndarray


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--predicted", type=Path)
    parser.add_argument("--group-by", default="")
    parser.add_argument("--samples", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    if options.predicted is None:
        for classes, right in ((2, 0.95), (2, 0.75), (6, 0.95), (6, 0.75), (12, 0.8)):
            for validation, cells in SIMULATED:
                how = (classes, right, validation, cells)
                title = f"{classes} classes, {100 * right:.0f} % right, {validation} and {cells}"
                tell(title, options.samples, lambda h=how: simulated(rng, *h), rng)
        return
    table = Table(options.predicted, options.group_by)
    if options.group_by:
        by_group(table, options.group_by, rng)
        return
    for cells in (50, 200):
        tell(f"samples of {cells}", options.samples, lambda n=cells: table.trial(rng, n), rng)


def tell(title: str, samples: int, make: Callable[[], Trial], rng: np.random.Generator) -> None:
    """Print how often the intervals of some samples hold."""
    each = [judged(make(), rng) for _ in range(samples)]
    print(f"{title}: {summed(each)}", flush=True)


def judged(trial: Trial, rng: np.random.Generator) -> np.ndarray:
    """Return which intervals hold, of the counts alone and corrected, (2, classes there)."""
    total, true = trial.counts.sum(), trial.shares
    low, high = wilson(trial.counts, np.full(len(trial.counts), total))
    _, least, most = corrected_shares(trial.counts, trial.confusion, rng, 200)
    there = (trial.counts > 0) | (true > 0)
    return np.array([(low <= true) & (true <= high), (least <= true) & (true <= most)])[:, there]


def summed(each: list[np.ndarray]) -> str:
    hits = 100 * np.array([rows.mean(1) for rows in each])
    errors = hits.std(0) / np.sqrt(len(hits))
    pairs = zip(("counts alone", "corrected"), hits.mean(0), errors, strict=True)
    return "; ".join(f"{name} {hit:.1f} % (+/- {error:.1f})" for name, hit, error in pairs)


def simulated(
    rng: np.random.Generator, classes: int, right: float, validation: int, cells: int
) -> Trial:
    """Draw a classifier, its validation cells, and a sample of other shares."""
    spread = rng.dirichlet(np.ones(classes - 1), classes) * (1 - right)
    rates = np.eye(classes) * right
    rates[~np.eye(classes, dtype=bool)] = spread.ravel()
    shares = rng.dirichlet(np.ones(classes))
    true = rng.multinomial(validation, rng.dirichlet(np.full(classes, 5.0)))
    confusion = np.stack([rng.multinomial(n, row) for n, row in zip(true, rates, strict=True)])
    return Trial(confusion, rng.multinomial(cells, shares @ rates), shares)


class Table:
    """Cells with their true and predicted classes, by models that did not learn from them."""

    def __init__(self, path: Path, by: str) -> None:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
        labels = sorted({row["true_label"] for row in rows} | {row["label"] for row in rows})
        code = {label: place for place, label in enumerate(labels)}
        self.true = np.array([code[row["true_label"]] for row in rows])
        self.label = np.array([code[row["label"]] for row in rows])
        self.classes = len(labels)
        names = [label_of(tuple(row["source"].split("/")[:-1]), by) or "" for row in rows]
        self.groups = np.unique(names, return_inverse=True)[1]

    def matrix(self, cells: np.ndarray) -> np.ndarray:
        matrix = np.zeros((self.classes, self.classes), np.int64)
        np.add.at(matrix, (self.true[cells], self.label[cells]), 1)
        return matrix

    def trial(self, rng: np.random.Generator, cells: int) -> Trial:
        """Divide the cells, and put a sample together from one half."""
        order = rng.permutation(len(self.true))
        known, others = order[::2], order[1::2]
        there = np.bincount(self.true[others], minlength=self.classes)
        while True:
            shares = rng.dirichlet(10 * there / there.sum() + 1e-6)
            drawn = rng.multinomial(cells, shares)
            if (drawn <= there).all():
                break
        chosen = [others[self.true[others] == code][:n] for code, n in enumerate(drawn)]
        counts = self.matrix(np.concatenate(chosen)).sum(0)
        return Trial(self.matrix(known), counts, shares)


def by_group(table: Table, by: str, rng: np.random.Generator) -> None:
    """Print how often the intervals of whole groups hold, each known from the others."""
    places = [np.flatnonzero(table.groups == group) for group in np.unique(table.groups)]
    matrices = np.stack([table.matrix(cells) for cells in places])
    each = []
    for place, own in enumerate(matrices):
        if own.sum() >= 10:
            others = np.delete(matrices, place, axis=0).sum(0)
            each.append(judged(Trial(others, own.sum(0), own.sum(1) / own.sum()), rng))
    print(f"{len(each)} values of {by}: {summed(each)}; with variation between samples:")
    print(between_samples(matrices, by, rng))


if __name__ == "__main__":
    main()
