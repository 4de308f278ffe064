"""The results of a baseline, for people and for its record."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from deepometry.cells.model_description import Description
from deepometry.classical.permutation_importance import Importance
from deepometry.core.notebook import NotebookView, ShowsInNotebook
from deepometry.core.result_files import IMPORTANCE_PLOT
from deepometry.evaluation.score_names import named_pair, told
from deepometry.training.compare_models import AnyComparison
from deepometry.training.cross_validation_result import CrossValidation

_NAMED = 3  # features that the summary names


@dataclass(frozen=True)
class BaselineResult(ShowsInNotebook):
    """The results of a baseline.

    Attributes
    ----------
    model : Path
        The file, which `predict` takes as well.
    description : Description
        Its description, scores included.
    confusion : ndarray of int64, shape (classes, classes), or None
        On the validation cells, or with folds on all cells, each left out once; rows are the true
        classes. None for numbers.
    scores : dict of str to float
        On the same cells.
    importance : Importance
        Every feature, the most important first.
    comparison : Comparison or NumberComparison or None
        Beside the network, where there is one; of all cells, where both have the same folds.
    cross_validation : CrossValidation or None
        Scores of the cells that were left out, where there are folds.
    """

    model: Path
    description: Description
    confusion: np.ndarray | None
    scores: dict[str, float]
    importance: Importance
    comparison: AnyComparison | None
    output: Path
    cross_validation: CrossValidation | None = None

    def __str__(self) -> str:
        kind = "cross-validated" if self.cross_validation else "validation"
        lines = [f"Baseline of {len(self.importance.names)} features: {kind} {told(self.scores)}."]
        if self.cross_validation:
            lines.append(str(self.cross_validation))
        if self.comparison:
            theirs = told(self.comparison.network_scores)
            who = self.comparison.who.capitalize()
            lines.append(f"{who} on the same cells: {theirs}; {self.comparison.verdict}")
        number = self.description.task.is_number
        lines.append(
            "What the number depends on most:" if number else "What separates the classes most:"
        )
        lines += [f"  {self.importance.sentence(place)}" for place in range(_NAMED)]
        return "\n".join([*lines, f"Model: {self.model}", f"Results: {self.output}"])

    def notebook_view(self) -> NotebookView:
        """Show the scores, with the features that separate the classes most."""
        kind = "Cross-validated" if self.cross_validation else "Validation"
        rows: dict[str, object] = named_pair(self.scores, "", kind)
        rows |= {"Features": len(self.importance.names), "Model": self.model}
        notes = [self.comparison.verdict] if self.comparison else []
        title = f"Classical baseline of {self.description.target}"
        return NotebookView(title, rows, notes, self.output / IMPORTANCE_PLOT)
