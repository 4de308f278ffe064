"""The classical baseline on the Jurkat cells, by five-fold cross-validation.

    python tests/benchmarks/baseline_jurkat.py jurkat_cell_cycle.npz

The file holds `images` (n, 40, 40, 3), `label` and `channels` (Blasi et al. 2016, Nat. Commun.
7:10256). Prints pooled accuracy and balanced accuracy over the five folds, without the DNA stain
(brightfield and darkfield) and with all channels, and the seconds of one core that measuring all
cells and learning one fold took, which do not depend on what else the machine is doing.
"""

import argparse
import time
from pathlib import Path

import numpy as np
from sklearn.model_selection import StratifiedKFold

from deepometry.classical.boosting import learn
from deepometry.classical.features import measure
from deepometry.core.options.train import METHODS
from deepometry.core.progress import Progress
from deepometry.evaluation.confusion import confusion, scores

SETS = {"brightfield and darkfield": [0, 2], "all channels": [0, 1, 2]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("npz", type=Path)
    parser.add_argument("--method", choices=METHODS, default=METHODS[0])
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    content = np.load(options.npz)
    labels, codes = np.unique(content["label"], return_inverse=True)
    measure(content["images"][:1, :, :, :2])  # compiled now, not while the clock runs
    for name, columns in SETS.items():
        start = time.process_time()
        features = measure(content["images"][..., columns])
        measured = time.process_time() - start
        matrix, learnt = cross_validated(features, codes, options.method, options.seed)
        found = scores(matrix)
        print(f"{options.method}, {name}: {features.shape[1]} features of {len(features)} cells")
        print(f"  accuracy {found['accuracy']:.3f}, balanced {found['balanced_accuracy']:.3f}")
        pace = len(features) / measured
        print(f"  measured in {measured:.1f} s of one core, {pace:.0f} cells a second")
        print(f"  a fold learnt in {np.median(learnt):.1f} s of one core (median)", flush=True)
        recalls = np.diag(matrix) / matrix.sum(1)
        print("  " + ", ".join(f"{k} {v:.2f}" for k, v in zip(labels, recalls, strict=True)))


def cross_validated(
    features: np.ndarray, codes: np.ndarray, method: str, seed: int
) -> tuple[np.ndarray, list[float]]:
    """Give the pooled confusion matrix, and the seconds that each fold took to learn."""
    classes = int(codes.max()) + 1
    matrix, seconds = np.zeros((classes, classes), np.int64), []
    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    for training, test in folds.split(features, codes):
        start = time.process_time()
        trees = learn(features[training], codes[training], classes, method, seed, Progress())
        seconds.append(time.process_time() - start)
        matrix += confusion(codes[test], trees.probabilities(features[test]).argmax(1), classes)
    return matrix, seconds


if __name__ == "__main__":
    main()
