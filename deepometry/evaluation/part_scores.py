"""What each part of a combined model is worth by itself, and which part decides where they differ.

Counted block by block: memory does not grow with the cells.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from deepometry.core.text import counted, percent
from deepometry.evaluation.calibration import probability_of
from deepometry.evaluation.confusion import confusion, scores
from deepometry.evaluation.score_names import IN_UNITS, NAMES, lowered, main_pair

PARTS = {"network": "Network alone", "classical": "Classical features alone"}
"""The parts by name, and in words; the order is that of the outputs of a combined model."""

BOTH = "both"
TITLES = {**PARTS, BOTH: "Both together"}
_LEAST = 1e-12  # a probability below this is taken as this


@dataclass(frozen=True)
class PartScores:
    """Scores of the parts of a model, and of both together.

    Attributes
    ----------
    scores : dict of str to dict of str to float
        By part, `both` last: `accuracy`, `balanced_accuracy` and `log_loss`, or `mae` and `r2` of
        numbers; empty where no cell has a true label.
    differ : int
        Cells for which the parts name different classes; 0 for numbers.
    followed : dict of str to int
        Among these, those whose label is that of the `network`, of the `classical` part, or of
        `neither`.
    right : dict of str to int
        How many of these labels are right; empty where no cell has a true label.
    """

    scores: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    differ: int = 0
    followed: Mapping[str, int] = field(default_factory=dict)
    right: Mapping[str, int] = field(default_factory=dict)

    @property
    def sentences(self) -> list[str]:
        """The scores of the parts, and which part decided, in words."""
        first = [by_part(self.scores)] if self.scores else []
        return [*first, *[self.sentence] * bool(self.sentence)]

    @property
    def sentence(self) -> str:
        """Which part decided, in words; empty where they never differ."""
        if not self.differ:
            return ""
        each = [self._followed(name, text) for name, text in _WHOSE.items() if self.followed[name]]
        return (
            f"The parts name different classes for {counted(self.differ, 'cell')}; the label is "
            f"{', '.join(each)}."
        )

    def _followed(self, name: str, text: str) -> str:
        count = self.followed[name]
        right = f" (right for {percent(self.right[name] / count)})" if self.right else ""
        return f"{text} for {count:,}{right}"

    def plain(self) -> dict[str, Any]:
        """Return it as plain values for a record."""
        return asdict(self) | {"told": self.sentences}


def by_part(scores: Mapping[str, Mapping[str, float]], cells: str = "") -> str:
    """Tell the main score of each part and of both together; `cells` are such as `validation`."""
    main = main_pair(scores[BOTH])[0]
    digits = ".4g" if main in IN_UNITS else ".3f"
    each = ", ".join(f"{text.lower()} {scores[n][main]:{digits}}" for n, text in TITLES.items())
    name = f"{cells} {lowered(NAMES[main])}".strip()
    return f"{name[0].upper()}{name[1:]}: {each}."


_WHOSE = {
    "network": "that of the network",
    "classical": "that of the classical features",
    "neither": "another one",
}


class ClassTally:
    """Counts how the parts do, `classes` in number, some cells at a time."""

    def __init__(self, classes: int) -> None:
        self._classes = classes
        self._matrices = {name: np.zeros((classes, classes), np.int64) for name in TITLES}
        self._losses = dict.fromkeys(TITLES, 0.0)
        self._followed, self._right = dict.fromkeys(_WHOSE, 0), dict.fromkeys(_WHOSE, 0)

    def add(self, parts: Mapping[str, np.ndarray], true: np.ndarray) -> None:
        """Add cells: probabilities (n, classes) of every part, and of `both`.

        `true` (n,) are the classes, -1 where they are not known.
        """
        known = true >= 0
        for name, probabilities in parts.items():
            right = probability_of(probabilities[known], true[known]).astype(np.float64)
            self._losses[name] -= float(np.log(np.maximum(right, _LEAST)).sum())
            chosen = probabilities[known].argmax(1)
            self._matrices[name] += confusion(true[known], chosen, self._classes)
        network, classical, both = (parts[name].argmax(1) for name in TITLES)
        differ = network != classical
        whose = {"network": both == network, "classical": both == classical}
        whose["neither"] = ~(whose["network"] | whose["classical"])
        for name, each in whose.items():
            self._followed[name] += int((each & differ).sum())
            self._right[name] += int((each & differ & (both == true)).sum())

    def plain(self) -> dict[str, Any]:
        """Return all counts as plain values, which `add_counts` of another tally takes."""
        matrices = {name: matrix.tolist() for name, matrix in self._matrices.items()}
        counts = {"followed": dict(self._followed), "right": dict(self._right)}
        return {"matrices": matrices, "losses": dict(self._losses), **counts}

    def add_counts(self, counts: Mapping[str, Any]) -> None:
        """Add what another tally counted."""
        for name in TITLES:
            self._matrices[name] += np.array(counts["matrices"][name], np.int64)
            self._losses[name] += counts["losses"][name]
        for name in _WHOSE:
            self._followed[name] += counts["followed"][name]
            self._right[name] += counts["right"][name]

    def result(self) -> PartScores:
        """Return what was counted."""
        cells = int(self._matrices[BOTH].sum())
        found = {
            name: {**scores(self._matrices[name]), "log_loss": self._losses[name] / cells}
            for name in TITLES
            if cells
        }
        right = self._right if cells else {}
        return PartScores(found, sum(self._followed.values()), self._followed, right)


class NumberTally:
    """Adds up the errors of the parts of a model that predicts numbers."""

    def __init__(self) -> None:
        self._errors = {name: np.zeros(2) for name in TITLES}  # absolute and squared
        self._numbers = np.zeros(3)  # how many, their sum, the sum of their squares

    def add(self, parts: Mapping[str, np.ndarray], true: np.ndarray) -> None:
        """Add cells: numbers (n,) of every part, and of `both`; `true` (n,) has NaN for none."""
        known = np.isfinite(true)
        values = true[known]
        self._numbers += [len(values), values.sum(), np.square(values).sum()]
        for name, predicted in parts.items():
            errors = np.abs(predicted[known] - values)
            self._errors[name] += [errors.sum(), np.square(errors).sum()]

    def plain(self) -> dict[str, Any]:
        """Return all sums as plain values, which `add_counts` of another tally takes."""
        errors = {name: sums.tolist() for name, sums in self._errors.items()}
        return {"errors": errors, "numbers": self._numbers.tolist()}

    def add_counts(self, counts: Mapping[str, Any]) -> None:
        """Add what another tally added up."""
        self._numbers += counts["numbers"]
        for name, sums in self._errors.items():
            sums += counts["errors"][name]

    def result(self) -> PartScores:
        """Return what was added up."""
        cells, total, squares = self._numbers.tolist()
        if not cells:
            return PartScores()
        spread = squares - total**2 / cells
        return PartScores(
            {
                name: {"mae": absolute / cells, "r2": 1 - squared / spread if spread > 0 else 0.0}
                for name, (absolute, squared) in self._errors.items()
            }
        )
