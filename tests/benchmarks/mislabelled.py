"""How many planted label errors stand at the top of the list of likely mislabelled cells.

    python tests/benchmarks/mislabelled.py jurkat_cell_cycle.npz
    python tests/benchmarks/mislabelled.py jurkat_cell_cycle.npz --channels 0,2
    python tests/benchmarks/mislabelled.py mitocheck_nuclei.npz --errors confusable

The file holds `images` (n, height, width[, channels]) and `label`. Of every seed, 5 % of the cells
get a wrong label: any other class, all equally likely, or with `--errors confusable` the other
class that classical features predict with the highest probability, which is what a tired annotator
does. Then the baseline predicts every cell by trees that did not learn from it, in five folds of
the wrong labels, and the cells are ranked in the three ways of cleanlab. Prints the share of the
planted errors among the first 10 % of all cells, and among as many as were planted.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from sklearn.model_selection import StratifiedKFold

from deepometry.classical.boosting import learn
from deepometry.classical.features import measure_on_cores
from deepometry.core.progress import Progress
from deepometry.evaluation.label_errors import find_label_errors

RANKINGS = ("self_confidence", "normalized_margin", "confidence_weighted_entropy")
FOLDS = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("npz", type=Path)
    parser.add_argument("--channels", default="", help="columns of the images, such as 0,2")
    parser.add_argument("--errors", choices=("any", "confusable"), default="any")
    parser.add_argument("--share", type=float, default=0.05)
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args()
    features, codes = measured(options.npz, options.channels)
    results = []
    for seed in range(options.seeds):
        wrong, labels = plant(features, codes, options, seed)
        results.append(found(features, labels, wrong, seed))
        print(f"seed {seed}: {told(results[-1])}", flush=True)
    print(f"mean of {options.seeds} seeds: {told(np.mean(results, axis=0))}")


def measured(path: Path, channels: str) -> tuple[np.ndarray, np.ndarray]:
    """Measure the classical features of all cells; return them and the classes."""
    content = np.load(path)
    images = content["images"]
    images = images if images.ndim == 4 else images[..., None]
    if channels:
        images = images[..., [int(c) for c in channels.split(",")]]
    return measure_on_cores(images), np.unique(content["label"], return_inverse=True)[1]


def plant(
    features: np.ndarray, codes: np.ndarray, options: argparse.Namespace, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the cells that get a wrong label, and the labels of all cells."""
    rng, classes = np.random.default_rng(seed), int(codes.max()) + 1
    wrong = rng.choice(len(codes), round(options.share * len(codes)), replace=False)
    labels = codes.copy()
    if options.errors == "any":
        labels[wrong] = (codes[wrong] + rng.integers(1, classes, len(wrong))) % classes
    else:
        probabilities = out_of_fold(features, codes, seed)[wrong]
        probabilities[np.arange(len(wrong)), codes[wrong]] = -1
        labels[wrong] = probabilities.argmax(1)
    return wrong, labels


def out_of_fold(features: np.ndarray, codes: np.ndarray, seed: int) -> np.ndarray:
    """Predict every cell by trees that did not learn from it: (cells, classes)."""
    classes = int(codes.max()) + 1
    probabilities = np.zeros((len(codes), classes), np.float32)
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    for training, left_out in folds.split(features, codes):
        trees = learn(features[training], codes[training], classes, "boosting", seed, Progress())
        probabilities[left_out] = trees.probabilities(features[left_out])
    return probabilities


def found(
    features: np.ndarray, labels: np.ndarray, wrong: np.ndarray, seed: int
) -> list[list[float]]:
    """Return, for every ranking, the shares of the planted errors that stand first."""
    probabilities = out_of_fold(features, labels, seed)
    shares = []
    for ranking in RANKINGS:
        errors = find_label_errors(labels, probabilities, ranking)
        lengths = (len(labels) // 10, len(wrong))
        shares.append([float(np.isin(wrong, errors.cells[:n]).mean()) for n in lengths])
    return shares


def told(shares: np.ndarray | list[list[float]]) -> str:
    """Say the shares of every ranking."""
    rows = zip(RANKINGS, np.asarray(shares).tolist(), strict=True)
    each = (
        f"{name} {100 * a:.1f} % (as many as planted: {100 * b:.1f} %)" for name, (a, b) in rows
    )
    return ", ".join(each)


if __name__ == "__main__":
    main()
