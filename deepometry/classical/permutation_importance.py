"""What separates the classes: the importance of every feature, and how the classes differ in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from deepometry.classical.tree_file import Trees
from deepometry.classical.tree_task import TreeTask
from deepometry.core.figure_style import ACCENT, LARGEST, make_figure, name_ticks, save_figure
from deepometry.core.progress import Progress

if TYPE_CHECKING:
    import pandas as pd

MOST_FEATURES = 60  # those that gave most in training: the others have no say worth a measurement
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
        among them; all classes have an equal say. 0 where it was not tried. Of a number, the mean
        squared error of the standardised numbers.
    gain : ndarray of float64, shape (features,)
        Share in what all features together gave in training.
    shifts : ndarray of float64, shape (features, classes)
        Mean of each class, in standard deviations of all training cells from their mean.
    labels : tuple of str
        The classes, or ranges of the number.
    """

    names: list[str]
    families: list[str]
    loss: np.ndarray
    gain: np.ndarray
    shifts: np.ndarray
    labels: tuple[str, ...]

    def table(self) -> pd.DataFrame:
        """Return one table row per feature."""
        import pandas as pd

        columns: dict[str, object] = {"feature": self.names, "kind": self.families}
        columns |= {"importance": self.loss, "share_of_gain": self.gain}
        columns["highest_in"] = [self.labels[code] for code in self.shifts.argmax(1)]
        columns["lowest_in"] = [self.labels[code] for code in self.shifts.argmin(1)]
        each = zip(self.labels, self.shifts.T, strict=True)
        columns |= {f"shift_{label}": shift for label, shift in each}
        return pd.DataFrame(columns)

    def plot(self, path: Path, most: int) -> None:
        """Draw the most important features, and beside them how the classes differ in each."""
        names, values, shifts = self.names[:most], self.loss[:most], self.shifts[:most]
        wide = min(6.5 + 0.45 * len(self.labels), LARGEST)
        figure, ((left, right),) = make_figure((wide, 1.9 + 0.26 * len(names)), columns=2)
        places = np.arange(len(names))
        left.barh(places, values, color=ACCENT)
        left.set_yticks(places, names, parse_math=False, fontsize=8)
        left.set_ylim(len(names) - 0.5, -0.5)  # as the rows of the picture beside it
        left.set_xlabel("Rise of the loss when shuffled", fontsize=8)
        left.spines[["top", "right"]].set_visible(False)
        strongest = float(max(1.0, np.abs(shifts).max(initial=0.0)))
        image = right.imshow(shifts, cmap="RdBu_r", vmin=-strongest, vmax=strongest, aspect="auto")
        name_ticks(right.xaxis, self.labels, slant=45)
        right.set_yticks([])
        scale = "Mean of the class, in standard deviations"
        figure.colorbar(image, ax=right, fraction=0.05, pad=0.03, label=scale)
        save_figure(figure, path)

    def sentence(self, place: int) -> str:
        """Describe in words how the classes differ in a feature."""
        shifts = self.shifts[place]
        high, low = int(shifts.argmax()), int(shifts.argmin())
        if shifts[high] - shifts[low] < _SAME:
            return f"{self.names[place]}: the means are the same, but not the values"
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
    task: TreeTask,
    names: Sequence[str],
    families: Sequence[str],
    labels: tuple[str, ...],
    training: tuple[np.ndarray, np.ndarray],
    validation: tuple[np.ndarray, np.ndarray],
    rng: np.random.Generator,
    progress: Progress,
) -> Importance:
    """Compute the importance of every feature.

    `training` are features (cells, features) and classes, or ranges of the number; `validation`
    are features and indices of cells.
    """

    def cost(features: np.ndarray) -> float:
        return task.loss(trees, features, validation[1])

    loss = _shuffled_losses(trees, validation[0], cost, rng, progress)
    order = np.lexsort((-trees.gains, -loss))
    return Importance(
        [names[n] for n in order],
        [families[n] for n in order],
        loss[order],
        trees.gains[order],
        _shifts(*training, len(labels))[order],
        labels,
    )


def _shuffled_losses(
    trees: Trees,
    features: np.ndarray,
    cost: Callable[[np.ndarray], float],
    rng: np.random.Generator,
    progress: Progress,
) -> np.ndarray:
    rises, plain = np.zeros(len(trees.gains)), cost(features)
    tried = [n for n in np.argsort(-trees.gains)[:MOST_FEATURES] if trees.gains[n] > 0]
    changed = features.copy()
    for done, place in enumerate(tried):
        progress.report(done, len(tried), "Weighing the features", "features")
        for _ in range(_REPEATS):
            changed[:, place] = rng.permutation(features[:, place])
            rises[place] += (cost(changed) - plain) / _REPEATS
        changed[:, place] = features[:, place]
    return rises


def _shifts(features: np.ndarray, codes: np.ndarray, classes: int) -> np.ndarray:
    spread = features.std(0, dtype=np.float64)
    mean = features.mean(0, dtype=np.float64)
    each = [features[codes == code].mean(0, dtype=np.float64) for code in range(classes)]
    shifts: np.ndarray = (np.array(each) - mean) / np.where(spread > 1e-9, spread, np.inf)
    return shifts.T
