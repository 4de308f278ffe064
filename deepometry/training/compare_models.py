"""Network and baseline side by side, on the very same validation cells."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from deepometry.cells.model_description import find_model, is_baseline, read_description
from deepometry.core.errors import DeepometryError
from deepometry.core.options.train import BaselineOptions
from deepometry.core.progress import Progress
from deepometry.core.result_files import MODEL_PATTERN
from deepometry.evaluation.confusion import confusion, scores
from deepometry.evaluation.number_metrics import judge_numbers
from deepometry.evaluation.paired import Paired, paired_cells
from deepometry.evaluation.paired_numbers import PairedNumbers, paired_numbers
from deepometry.evaluation.score_names import NAMES
from deepometry.network.model_file import load_model
from deepometry.training.cells import Cells
from deepometry.training.combined import read_combination
from deepometry.training.objective import objective_of
from deepometry.training.validate import predict_cells

if TYPE_CHECKING:
    import pandas as pd

NETWORK, COMBINED = "the network", "the combined model"
"""What a model is called in sentences, beside the baseline."""


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
    paired : Paired
        Both on the same cells, the network first; groups stay together.
    who : str
        What the network is called in sentences.
    """

    model: str
    labels: tuple[str, ...]
    network: np.ndarray
    baseline: np.ndarray
    paired: Paired
    who: str = NETWORK

    @classmethod
    def of(
        cls,
        model: str,
        cells: Cells,
        indices: np.ndarray,
        network: np.ndarray,
        baseline: np.ndarray,
    ) -> Comparison:
        """Compare the classes that network and baseline predict for some cells, `indices` (n,)."""
        true, classes = cells.codes[indices], len(cells.labels)
        theirs, ours = (confusion(true, each, classes) for each in (network, baseline))
        paired = paired_cells(true, network, baseline, classes, _groups_of(cells, indices))
        return cls(model, cells.labels, theirs, ours, paired)

    @property
    def verdict(self) -> str:
        """The comparison in one sentence."""
        return self.paired.sentence(self.who, "the baseline")

    @property
    def network_scores(self) -> dict[str, float]:
        """Accuracy and balanced accuracy of the network."""
        return scores(self.network)

    def table(self) -> pd.DataFrame:
        """Return accuracy, balanced accuracy and the recall of every class, for a table."""
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
        """Return it as plain values for a record."""
        verdict = {"model": self.model, "verdict": self.verdict, "p_value": self.paired.p_value}
        sides = {"network": scores(self.network), "baseline": scores(self.baseline)}
        return verdict | sides | {"cells": int(self.network.sum())}


_TOTALS = {"accuracy": "accuracy", "balanced accuracy": "balanced_accuracy"}


@dataclass(frozen=True)
class NumberComparison:
    """How a network and the baseline predict the numbers of the same cells.

    Attributes
    ----------
    model : str
        Name of the file of the network.
    cells : int
    network_scores, baseline_scores : dict of str to float
        As `judge_numbers` returns them.
    paired : PairedNumbers
        Both on the same cells, the network first; groups stay together.
    who : str
        What the network is called in sentences.
    """

    model: str
    cells: int
    network_scores: dict[str, float]
    baseline_scores: dict[str, float]
    paired: PairedNumbers
    who: str = NETWORK

    @classmethod
    def of(
        cls,
        model: str,
        cells: Cells,
        indices: np.ndarray,
        network: np.ndarray,
        baseline: np.ndarray,
    ) -> NumberComparison:
        """Compare the numbers that both predict for some cells, `indices` (n,)."""
        true, deviation = cells.numbers(indices), cells.fitted_task.deviation
        theirs, ours = (judge_numbers(true, each, deviation) for each in (network, baseline))
        paired = paired_numbers(true, network, baseline, _groups_of(cells, indices))
        return cls(model, len(indices), theirs.scores, ours.scores, paired)

    @property
    def verdict(self) -> str:
        """The comparison in one sentence."""
        return self.paired.sentence(self.who, "the baseline")

    def table(self) -> pd.DataFrame:
        """Return all scores, for a table."""
        import pandas as pd

        names = [name for name in NAMES if name in self.network_scores]
        sides = (self.network_scores, self.baseline_scores)
        rows = [[NAMES[name], self.cells, *(side[name] for side in sides)] for name in names]
        return pd.DataFrame(rows, columns=["score", "cells", "network", "baseline"])

    def plain(self) -> dict[str, object]:
        """Return it as plain values for a record."""
        verdict = {"model": self.model, "verdict": self.verdict, "p_value": self.paired.p_value}
        sides = {"network": self.network_scores, "baseline": self.baseline_scores}
        return verdict | sides | {"cells": self.cells}


AnyComparison = Comparison | NumberComparison


def comparison_of(
    model: str,
    cells: Cells,
    indices: np.ndarray,
    network: np.ndarray,
    baseline: np.ndarray,
    who: str = NETWORK,
) -> AnyComparison:
    """Compare what network and baseline predict for some cells, `indices` (n,).

    Both are probabilities, (n, classes), or numbers in the first column. `who` is what the network
    is called in sentences.
    """
    if cells.task.is_number:
        numbers = (network[:, 0], baseline[:, 0])
        return replace(NumberComparison.of(model, cells, indices, *numbers), who=who)
    chosen = (network.argmax(1), baseline.argmax(1))
    return replace(Comparison.of(model, cells, indices, *chosen), who=who)


def _groups_of(cells: Cells, indices: np.ndarray) -> np.ndarray | None:
    """Return the group of some cells, numbered from 0."""
    if cells.groups is None:
        return None
    return np.unique(cells.groups[indices], return_inverse=True)[1]


def compare(
    options: BaselineOptions, cells: Cells, predictions: np.ndarray, progress: Progress
) -> AnyComparison | None:
    """Run the network over the validation cells, and compare with what the baseline predicts.

    Returns None where there is no network, or one that was trained on other cells; raises
    DeepometryError where the options name a network that cannot be compared.
    """
    try:
        path = find_model(options.model or options.output)
        _check(path, options, cells)
    except DeepometryError as error:
        if options.model is not None:
            raise
        if any(options.output.glob(MODEL_PATTERN)):
            progress.say(f"Not compared with a network: {error}")
        return None
    theirs = _run(path, cells, progress)
    return comparison_of(path.name, cells, cells.validation, theirs, predictions)


def _check(path: Path, options: BaselineOptions, cells: Cells) -> None:
    """Check that a network was trained without the validation cells of the baseline."""
    description = read_description(path)
    trained = dict(description.record.get("options", {}))
    both = {
        "cells": (cells.fingerprint, description.fingerprint),
        "learn_as": (cells.task.is_number, description.task.is_number),
        "labels": (() if cells.task.is_number else cells.labels, description.labels),
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
    """Return what the network predicts for each validation cell."""
    progress.report(0, 0, "Loading the network")
    model, description, path = load_model(path)
    cells = replace(cells, columns=description.columns(cells.dataset, path))
    progress.report(0, 0, "Comparing with the network")
    raw = predict_cells(model, cells, cells.validation, description.views, progress)
    if combination := read_combination(path, description):
        description = combination.alone("network", description)
    return objective_of(cells).finished(raw, description)
