"""What a comparison of runs says: scores, tests, agreement, and which cells they are of."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from deepometry.core.options.fields import settings
from deepometry.core.steps import STEPS
from deepometry.core.text import counted
from deepometry.evaluation.evaluate import FEW_GROUPS
from deepometry.evaluation.metrics import Score, whole_scores
from deepometry.evaluation.paired import Paired, shown
from deepometry.evaluation.significance import SURE
from deepometry.projects.compared_run import ComparedRun

Differing = tuple[str, str, list[Any]]
"""Step, name and the value in each run of an option that is not the same in all."""


@dataclass(frozen=True)
class Pair:
    """Two runs of a comparison, by their places, the first less than the second.

    Attributes
    ----------
    paired : Paired
    p_adjusted : float
        For the number of pairs, by Holm.
    agreement : ndarray of int64, shape (classes, classes)
        Shared cells, also those without a true label, by the class that the first predicts (rows)
        and the second.
    """

    first: int
    second: int
    paired: Paired
    p_adjusted: float
    agreement: np.ndarray = field(repr=False, compare=False)

    @property
    def differ(self) -> int:
        """Shared cells that the two predict differently."""
        return int(self.agreement.sum() - self.agreement.trace())

    @property
    def agree(self) -> dict[str, float]:
        """Share of the shared cells that both predict as the same class, and Cohen's kappa."""
        scores = whole_scores(self.agreement)
        return {"share": float(scores["accuracy"]), "kappa": float(scores["kappa"])}


@dataclass(frozen=True)
class Comparison:
    """What a comparison of runs says.

    Attributes
    ----------
    runs : list of ComparedRun
    labels : list of str
        The classes of the matrices.
    shared : int
        Cells that all runs with a table have.
    scored : int
        Those of them that scores and tests are of.
    left_out : dict of str to int
        Why the others are left out.
    scores : list of list of Score
        Of every run: on the scored cells, or where there are none, its own.
    matrices : list of ndarray or None
        Confusion matrix of every run, int64 of shape (classes, classes).
    pairs : list of Pair
    options : list
        Those that differ.
    differing : int
        Shared cells that not all runs predict as the same class.
    group_by : str
        Folder level whose cells stay together; empty where cells stand for themselves.
    groups : int
    of_training : bool
        Whether models have seen the scored cells; then nothing is tested.
    notes : list of str
    """

    runs: list[ComparedRun]
    labels: list[str]
    shared: int
    scored: int
    left_out: dict[str, int]
    scores: list[list[Score]]
    matrices: list[np.ndarray | None]
    pairs: list[Pair]
    options: list[Differing]
    differing: int
    group_by: str = ""
    groups: int = 0
    of_training: bool = False
    notes: list[str] = field(default_factory=list)

    @property
    def scores_by_name(self) -> list[dict[str, Score]]:
        """Scores of all classes together, by name."""
        return [{s.name: s for s in scores if not s.label} for scores in self.scores]

    @property
    def about(self) -> str:
        """Which cells the scores are of, in a sentence; empty where there are none."""
        if not any(self.scores):
            return ""
        if not self.scored:
            return "The scores are those that each run recorded of its own cells."
        rest = [f"{number:,} {reason}" for reason, number in self.left_out.items() if number]
        without = f"; left out: {', '.join(rest)}" if rest else ""
        kind = "Training scores" if self.of_training else "Scores"
        return (
            f"{kind} of {counted(self.scored, 'cell')}, of the {self.shared:,} that these runs "
            f"share{without}."
        )

    @property
    def how(self) -> str:
        """What intervals and tests are, in a sentence."""
        if not self.pairs or not self.scored or self.of_training:
            return ""
        if not self.group_by:
            how = "McNemar's test (exact) and 95 % intervals by paired bootstrap, each cell taken "
            how += "as independent."
        else:
            how = f"The {self.groups:,} values of {self.group_by} are exchanged, and drawn, each "
            how += "with all its cells."
            how += f" {self.groups} are few." * (self.groups < FEW_GROUPS)
        many = len(self.pairs)
        return how + f" p-values are adjusted for {many} pairs (Holm)." * (many > 1)

    def sentence(self, pair: Pair) -> str:
        """Say how two runs differ."""
        first, second = self.runs[pair.first].name, self.runs[pair.second].name
        gain = pair.paired.differences[0]
        interval = f" ({gain.low:+.3f} to {gain.high:+.3f})" if gain.low == gain.low else ""
        text = pair.paired.sentence(first, second, pair.p_adjusted)
        more = f"Accuracy of {second} less that of {first}: {gain.value:+.3f}{interval}."
        return " ".join(filter(None, (text, more, pair.paired.caution)))

    def agreement(self, pair: Pair) -> str:
        """Say how far two runs agree."""
        first, second, cells = self.runs[pair.first].name, self.runs[pair.second].name, self.shared
        agree = pair.agree
        kappa = f"; Cohen's kappa {agree['kappa']:.3f}" if agree["kappa"] == agree["kappa"] else ""
        return (
            f"{first} and {second} predict {cells - pair.differ:,} of {counted(cells, 'cell')} as "
            f"the same class ({100 * agree['share']:.1f} %){kappa}."
        )

    @property
    def sentences(self) -> list[str]:
        """What the tests say or, without any, how far runs agree; and how many cells differ."""
        tested = self.scored and not self.of_training
        tests = [self.sentence(pair) if tested else self.agreement(pair) for pair in self.pairs]
        first = f"{counted(self.differing, 'cell')} of the {self.shared:,} shared ones "
        first += f"{'is' if self.differing == 1 else 'are'} predicted differently."
        return [*tests, *filter(None, [self.how]), *[first] * bool(self.shared)]

    def plain(self) -> dict[str, Any]:
        """Return it as plain values, for JSON and for the page."""
        return {
            "runs": [_plain_run(run) for run in self.runs],
            "labels": self.labels,
            "about": self.about,
            "how": self.how,
            "cells": {"shared": self.shared, "scored": self.scored, "left_out": self.left_out},
            "group_by": self.group_by,
            "groups": self.groups,
            "training_scores": self.of_training,
            "scores": [[_finite(asdict(score)) for score in scores] for scores in self.scores],
            "matrices": [None if m is None else m.tolist() for m in self.matrices],
            "pairs": [self._plain_pair(pair) for pair in self.pairs],
            "options": [
                {"step": step, "name": name, "label": label_of(step, name), "values": values}
                for step, name, values in self.options
            ],
            "differing": self.differing,
            "notes": self.notes,
        }

    def _plain_pair(self, pair: Pair) -> dict[str, Any]:
        values = _finite(asdict(pair.paired))
        values["differences"] = [_finite(asdict(each)) for each in pair.paired.differences]
        tested = bool(self.scored) and not self.of_training
        return values | {
            "first": pair.first,
            "second": pair.second,
            "test": pair.paired.test,
            "tested": tested,
            "p_adjusted": pair.p_adjusted,
            "p_text": shown(pair.p_adjusted),
            "significant": tested and pair.p_adjusted <= SURE,
            "differ": pair.differ,
            "agreement": {**_finite(pair.agree), "cells": pair.agreement.tolist()},
            "agreement_text": self.agreement(pair),
            "sentence": self.sentence(pair) if tested else "",
        }


def _plain_run(run: ComparedRun) -> dict[str, Any]:
    return {
        "name": run.name,
        "folder": str(run.folder.absolute()),
        "kind": run.kind,
        "target": run.target,
        "with_cells": run.table is not None,
        "curve": run.curve,
    }


def _finite(values: Mapping[str, Any]) -> dict[str, Any]:
    return {n: None if isinstance(v, float) and math.isnan(v) else v for n, v in values.items()}


def label_of(step: str, name: str) -> str:
    """Return what an option is called."""
    known = settings(STEPS[step].options) if step in STEPS else {}
    return known[name][0].label if name in known else name
