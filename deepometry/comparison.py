"""Network and baseline side by side, on the very same validation cells."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from deepometry.baseline_model import is_baseline
from deepometry.errors import DeepometryError
from deepometry.model import find_model, load_model, read_description
from deepometry.options import BaselineOptions
from deepometry.progress import Progress
from deepometry.report import confusion, scores
from deepometry.training_cells import Cells
from deepometry.views import predict_views

if TYPE_CHECKING:
    import pandas as pd

_AT_ONCE = 128
_SURE = 0.05


@dataclass(frozen=True)
class Comparison:
    """How a network and the baseline do on the same cells.

    Attributes
    ----------
    model : str
        Name of the file of the network.
    labels : tuple of str
        The classes.
    network, baseline : ndarray of int64, shape (classes, classes)
        Confusion matrices; rows are the true classes.
    only_network, only_baseline : int
        Cells that one alone names rightly.
    """

    model: str
    labels: tuple[str, ...]
    network: np.ndarray
    baseline: np.ndarray
    only_network: int
    only_baseline: int

    @property
    def chance(self) -> float:
        """Probability of a difference as large, if both were equally good (McNemar, exact)."""
        from scipy.stats import binomtest

        number = self.only_network + self.only_baseline
        return float(binomtest(self.only_network, number).pvalue) if number else 1.0

    @property
    def verdict(self) -> str:
        """What it says, in one sentence."""
        ours, theirs = self.only_baseline, self.only_network
        told = f"{theirs:,} cells are right by the network only, {ours:,} by the baseline only"
        if self.chance > _SURE:
            return f"{told}: chance alone may do that; neither is shown to be better."
        better = "network" if theirs > ours else "baseline"
        return f"{told}: the {better} is better."

    def table(self) -> pd.DataFrame:
        """Give accuracy, balanced accuracy and the recall of every class, for a table."""
        import pandas as pd

        rows = [
            [name, int(self.network.sum()), scores(self.network)[key], scores(self.baseline)[key]]
            for name, key in _TOTALS.items()
        ]
        support = self.network.sum(1)
        right = [np.diag(each) / np.maximum(support, 1) for each in (self.network, self.baseline)]
        rows += [
            [f"recall of {label}", *row]
            for label, *row in zip(self.labels, support.tolist(), *right, strict=True)
        ]
        return pd.DataFrame(rows, columns=["score", "cells", "network", "baseline"])

    def plain(self) -> dict[str, object]:
        """Give it for a record."""
        told = {"model": self.model, "verdict": self.verdict, "chance": self.chance}
        sides = {"network": scores(self.network), "baseline": scores(self.baseline)}
        return told | sides | {"cells": int(self.network.sum())}


_TOTALS = {"accuracy": "accuracy", "balanced accuracy": "balanced_accuracy"}


def compare(
    options: BaselineOptions, cells: Cells, chosen: np.ndarray, progress: Progress
) -> Comparison | None:
    """Run the network over the validation cells of the baseline.

    Parameters
    ----------
    options : BaselineOptions
        They name the network, or the folder where it may be.
    cells : Cells
        Of the baseline.
    chosen : ndarray of int, shape (validation cells,)
        The class that the baseline gives each.
    progress : Progress
        Told about it, and why there is nothing to compare.

    Returns
    -------
    Comparison or None
        None where there is no network, or one that was trained on other cells.

    Raises
    ------
    DeepometryError
        A network was named that cannot be compared with.
    """
    try:
        path = find_model(options.model or options.output)
        _check(path, options, cells)
    except DeepometryError as error:
        if options.model is not None:
            raise
        if any(options.output.glob("model_*.keras")):
            progress.say(f"Not compared with a network: {error}")
        return None
    theirs = _run(path, cells, progress)
    true, classes = cells.codes[cells.validation], len(cells.labels)
    return Comparison(
        path.name,
        cells.labels,
        confusion(true, theirs, classes),
        confusion(true, chosen, classes),
        int(((theirs == true) & (chosen != true)).sum()),
        int(((theirs != true) & (chosen == true)).sum()),
    )


def _check(path: Path, options: BaselineOptions, cells: Cells) -> None:
    """Check that a network was trained without the validation cells of the baseline."""
    description = read_description(path)
    trained = dict(description.record.get("options", {}))
    both = {
        "cells": (cells.fingerprint, description.fingerprint),
        "labels": (cells.labels, description.labels),
        "seed": (options.seed, trained.get("seed")),
        "validation": (options.validation, trained.get("validation")),
        "group_by": (options.group_by, trained.get("group_by")),
    }
    wrong = [name for name, (ours, theirs) in both.items() if ours != theirs]
    if wrong or is_baseline(path):
        raise DeepometryError(
            f"{path}: expected a network trained on the same cells with the same seed and share of "
            f"validation cells, found another one ({', '.join(wrong) or 'a baseline'}); compare "
            "it with predict on cells that neither has seen."
        )


def _run(path: Path, cells: Cells, progress: Progress) -> np.ndarray:
    """Give the class that the network gives each validation cell, as it was validated."""
    progress.report(0, 0, "Loading the network")
    model, description, path = load_model(path)
    columns, found = description.columns(cells.dataset, path), []
    for first in range(0, len(cells.validation), _AT_ONCE):
        some = cells.validation[first : first + _AT_ONCE]
        (chances,) = predict_views(model, cells.dataset.read(some, columns), description.views)
        found.append(chances.argmax(1))
        progress.report(first + len(some), len(cells.validation), "Comparing with the network")
    return np.concatenate(found)
