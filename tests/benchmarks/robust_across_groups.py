"""Which ways to make a classifier robust to groups, such as plates, help across groups.

    python tests/benchmarks/robust_across_groups.py mitocheck_nuclei.npz --group plate

The file holds `images` (n, height, width[, channels]), `label`, and an array that names the group
of every cell. Classical features and boosted trees, in five folds of whole groups, and in five
random folds of the same cells, where a way costs what it costs. The ways:

- balanced: training cells drawn so that every group counts the same;
- randomised: three more copies of every training cell, each channel with a random gain and offset,
  as large as groups differ in contrast and background (robust spread of the medians of groups);
- normalised images: background and contrast of every group, of new ones too, set to the usual ones;
- normalised features: each feature less the median of its group, over its spread there.

The last two need many unlabelled cells of a new group, and its usual composition. Prints the
accuracy on the first fold of groups, which is for choosing, and on the others, which judge, with
the difference to doing nothing and its 95 % interval (bootstrap of whole groups).
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from deepometry.cells.appearance import measure
from deepometry.classical.boosting import learn
from deepometry.classical.features import measure_on_cores
from deepometry.core.progress import Progress
from deepometry.evaluation.intervals import percentiles

FOLDS, FEWEST, COPIES = 5, 10, 3
Features = np.ndarray
Folds = list[tuple[np.ndarray, np.ndarray]]


class Cells:
    """Images, classes, groups and features of all cells, and how groups look."""

    def __init__(self, path: Path, group: str) -> None:
        content = np.load(path)
        images = content["images"]
        images = images if images.ndim == 4 else images[..., None]
        names, codes, counts = np.unique(content["label"], return_inverse=True, return_counts=True)
        spread = [len(np.unique(content[group][codes == code])) for code in range(len(names))]
        keep = ((counts >= FEWEST) & (np.array(spread) >= FOLDS))[codes]
        self.images = images[keep].astype(np.float32)
        self.codes = np.unique(codes[keep], return_inverse=True)[1]
        self.groups = np.unique(content[group][keep], return_inverse=True)[1]
        self.features = measure_on_cores(self.images)
        looks = measure(self.images)
        self.level, self.spread = (self._by_group(looks[n]) for n in ("background", "spread"))

    def _by_group(self, values: np.ndarray) -> np.ndarray:
        return np.stack([np.median(values[self.groups == g], 0) for g in np.unique(self.groups)])

    def changed(self, cells: np.ndarray, gain: np.ndarray, level: np.ndarray) -> Features:
        """Measure cells with another contrast and background, both (n, channels)."""
        before = self.level[self.groups[cells]][:, None, None]
        images = (self.images[cells] - before) * gain[:, None, None] + level[:, None, None]
        return measure_on_cores(np.clip(images, 0, None))

    def randomised(self, cells: np.ndarray, rng: np.random.Generator) -> Features:
        gain = np.exp(rng.normal(0, robust(self.spread), (len(cells), self.level.shape[1])))
        level = self.level[self.groups[cells]] + rng.normal(0, robust(self.level), gain.shape)
        return self.changed(cells, gain, level)

    def normalised_images(self) -> Features:
        every = np.arange(len(self.codes))
        gain = np.exp(np.median(self.spread, 0) - self.spread)[self.groups]
        level = np.broadcast_to(np.median(self.level, 0), gain.shape)
        return self.changed(every, gain, level)

    def normalised_features(self) -> Features:
        features = self.features.copy()
        whole = np.maximum(robust(features), 1e-6)
        for group in np.unique(self.groups):
            own = features[self.groups == group]
            spread = np.maximum(robust(own), 0.2 * whole)
            features[self.groups == group] = (own - np.nanmedian(own, 0)) / spread
        return features


def robust(values: np.ndarray) -> np.ndarray:
    """Return half the width of the middle 68 %."""
    low, high = np.nanquantile(values, (0.16, 0.84), axis=0)
    return np.asarray(high - low) / 2


Way = Callable[[np.ndarray, np.random.Generator], tuple[Features, np.ndarray]]


def ways(cells: Cells) -> dict[str, tuple[Features, Way]]:
    """Return for every way the features that are predicted from, and how it learns."""

    def plain(features: Features) -> Way:
        return lambda training, rng: (features[training], cells.codes[training])

    def balanced(training: np.ndarray, rng: np.random.Generator) -> tuple[Features, np.ndarray]:
        odds = 1 / np.bincount(cells.groups[training])[cells.groups[training]]
        drawn = rng.choice(training, 2 * len(training), p=odds / odds.sum())
        drawn = np.concatenate([drawn, first_of_each(cells.codes, training)])
        return cells.features[drawn], cells.codes[drawn]

    def randomised(training: np.ndarray, rng: np.random.Generator) -> tuple[Features, np.ndarray]:
        copies = [cells.randomised(training, rng) for _ in range(COPIES)]
        features = np.concatenate([cells.features[training], *copies])
        return features, np.tile(cells.codes[training], COPIES + 1)

    images, features = cells.normalised_images(), cells.normalised_features()
    return {
        "nothing": (cells.features, plain(cells.features)),
        "balanced": (cells.features, balanced),
        "randomised": (cells.features, randomised),
        "normalised images": (images, plain(images)),
        "normalised features": (features, plain(features)),
    }


def first_of_each(codes: np.ndarray, training: np.ndarray) -> np.ndarray:
    """Return a cell of every class, so that none is missing from a draw."""
    return training[np.unique(codes[training], return_index=True)[1]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("npz", type=Path)
    parser.add_argument("--group", default="plate")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    cells = Cells(options.npz, options.group)
    print(f"{len(cells.codes)} cells, {cells.codes.max() + 1} classes, {len(cells.level)} groups")
    how = {"n_splits": FOLDS, "shuffle": True, "random_state": options.seed}
    across = list(StratifiedGroupKFold(**how).split(cells.features, cells.codes, cells.groups))
    within = list(StratifiedKFold(**how).split(cells.features, cells.codes))
    every = ways(cells)
    for title, folds in (("other groups", across), ("same groups", within)):
        usual = None
        for name, (features, way) in every.items():
            right = predicted(cells, features, way, folds, options.seed)
            usual = right if usual is None else usual
            print(f"{title}: {name:20} {told(right, usual, cells, folds)}", flush=True)


def predicted(
    cells: Cells,
    features: Features,
    way: Way,
    folds: Folds,
    seed: int,
) -> np.ndarray:
    """Return for every cell whether it is classified correctly by what did not learn from it."""
    right = np.zeros(len(cells.codes))
    for number, (training, left_out) in enumerate(folds):
        rng = np.random.default_rng([seed, number])
        own, codes = way(training, rng)
        classes = int(cells.codes.max()) + 1
        trees = learn(own, codes, classes, "boosting", seed, Progress())
        chosen = trees.probabilities(features[left_out]).argmax(1)
        right[left_out] = chosen == cells.codes[left_out]
    return right


def told(
    right: np.ndarray,
    usual: np.ndarray,
    cells: Cells,
    folds: Folds,
) -> str:
    first, others = folds[0][1], np.concatenate([left_out for _, left_out in folds[1:]])
    groups = np.unique(cells.groups[others], return_inverse=True)[1]
    gain = right[others] - usual[others]
    sums = np.stack([np.bincount(groups), np.bincount(groups, weights=gain)], 1)
    rng, count = np.random.default_rng(0), len(sums)
    drawn = rng.multinomial(count, np.full(count, 1 / count), size=2000) @ sums
    low, high = percentiles(drawn[:, 1] / drawn[:, 0])
    return (
        f"first fold {right[first].mean():.3f}; others {right[others].mean():.3f}, "
        f"{100 * gain.mean():+.1f} points ({100 * low:+.1f} to {100 * high:+.1f})"
    )


if __name__ == "__main__":
    main()
