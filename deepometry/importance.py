"""What separates the classes: the importance of every feature, and how the classes differ in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from deepometry.progress import Progress
from deepometry.trees import Trees

if TYPE_CHECKING:
    import pandas as pd

_MOST_CELLS = 1000  # cells among which values are shuffled
_MOST_FEATURES = 60  # those that gave most in training: the others have no say worth a measurement
_REPEATS = 5
_SAME = 0.1  # standard deviations


@dataclass(frozen=True)
class Importance:
    """Every feature, the most important first.

    Attributes
    ----------
    names : list of str
    families : list of str
        Kind of each feature.
    loss : ndarray of float64, shape (features,)
        By how much the loss on validation cells rises when the values of the feature are shuffled
        among them; all classes have an equal say. 0 where it was not tried.
    gain : ndarray of float64, shape (features,)
        Share in what all features together gave in training.
    shifts : ndarray of float64, shape (features, classes)
        Mean of each class, in standard deviations of all training cells from their mean.
    labels : tuple of str
        The classes.
    """

    names: list[str]
    families: list[str]
    loss: np.ndarray
    gain: np.ndarray
    shifts: np.ndarray
    labels: tuple[str, ...]

    def table(self) -> pd.DataFrame:
        """Give a row a feature, for a table."""
        import pandas as pd

        columns: dict[str, object] = {"feature": self.names, "kind": self.families}
        columns |= {"importance": self.loss, "share_of_gain": self.gain}
        columns["highest_in"] = [self.labels[code] for code in self.shifts.argmax(1)]
        columns["lowest_in"] = [self.labels[code] for code in self.shifts.argmin(1)]
        each = zip(self.labels, self.shifts.T, strict=True)
        columns |= {f"shift_{label}": shift for label, shift in each}
        return pd.DataFrame(columns)

    def sentence(self, place: int) -> str:
        """Say in words how the classes differ in a feature."""
        shifts = self.shifts[place]
        high, low = int(shifts.argmax()), int(shifts.argmin())
        if shifts[high] - shifts[low] < _SAME:
            return f"{self.names[place]}: all classes have the same mean, but not the same values"
        return (
            f"{self.names[place]}: highest in {self.labels[high]} ({shifts[high]:+.1f} sd), lowest "
            f"in {self.labels[low]} ({shifts[low]:+.1f} sd)"
        )

    def kinds(self) -> dict[str, float]:
        """Sum the shares of gain of each kind of feature, the largest first."""
        sums = dict.fromkeys(self.families, 0.0)
        for family, gain in zip(self.families, self.gain.tolist(), strict=True):
            sums[family] += gain
        return dict(sorted(sums.items(), key=lambda item: -item[1]))


def weigh(
    trees: Trees,
    names: Sequence[str],
    families: Sequence[str],
    labels: tuple[str, ...],
    training: tuple[np.ndarray, np.ndarray],
    validation: tuple[np.ndarray, np.ndarray],
    rng: np.random.Generator,
    progress: Progress,
) -> Importance:
    """Find out which features matter.

    Parameters
    ----------
    trees : Trees
        What was learnt.
    names, families : sequence of str
        Of the features.
    labels : tuple of str
        Classes.
    training, validation : (ndarray of float32, ndarray of int)
        Features (cells, features) and classes.
    rng : numpy.random.Generator
        Where the chance comes from.
    progress : Progress
        Told about the features.

    Returns
    -------
    Importance
    """
    chosen = _evenly(len(validation[1]), _MOST_CELLS)
    loss = _shuffled_losses(trees, validation[0][chosen], validation[1][chosen], rng, progress)
    order = np.lexsort((-trees.gains, -loss))
    return Importance(
        [names[n] for n in order],
        [families[n] for n in order],
        loss[order],
        trees.gains[order],
        _shifts(*training, len(labels))[order],
        labels,
    )


def _evenly(number: int, most: int) -> np.ndarray:
    return np.linspace(0, number - 1, min(number, most)).round().astype(np.int64)


def _shuffled_losses(
    trees: Trees,
    features: np.ndarray,
    codes: np.ndarray,
    rng: np.random.Generator,
    progress: Progress,
) -> np.ndarray:
    found, plain = np.zeros(len(trees.gains)), _loss(trees, features, codes)
    tried = [n for n in np.argsort(-trees.gains)[:_MOST_FEATURES] if trees.gains[n] > 0]
    changed = features.copy()
    for done, place in enumerate(tried):
        progress.report(done, len(tried), "Weighing the features")
        for _ in range(_REPEATS):
            changed[:, place] = rng.permutation(features[:, place])
            found[place] += (_loss(trees, changed, codes) - plain) / _REPEATS
        changed[:, place] = features[:, place]
    return found


def _loss(trees: Trees, features: np.ndarray, codes: np.ndarray) -> float:
    """Give the mean over the classes of the mean cross-entropy of their cells."""
    right = trees.probabilities(features)[np.arange(len(codes)), codes]
    costs = -np.log(np.maximum(right, 1e-7))
    return float(np.mean([costs[codes == code].mean() for code in np.unique(codes)]))


def _shifts(features: np.ndarray, codes: np.ndarray, classes: int) -> np.ndarray:
    spread = features.std(0, dtype=np.float64)
    mean = features.mean(0, dtype=np.float64)
    each = [features[codes == code].mean(0, dtype=np.float64) for code in range(classes)]
    return ((np.array(each) - mean) / np.where(spread > 1e-9, spread, np.inf)).T
