"""What a model learns to predict: one of several classes, one of ordered classes, or a number.

Whatever differs between them asks a `Task`; what needs more than arrays is chosen by it in one
place of each room: `training.objective`, `inference.predicting` and `evaluation.score_names`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

import numpy as np

from deepometry.core.errors import OptionsError
from deepometry.core.folder_names import CLASSES, NUMBER
from deepometry.core.task_names import ORDERED

INTERVAL = 0.9
"""Share of the intervals of predicted numbers that should hold the true one."""


@dataclass(frozen=True)
class Task:
    """What a model learns to predict.

    Attributes
    ----------
    kind : str
        `classes`, `ordered` or `number`.
    values : tuple of float
        The number of each ordered class, rising; empty for other kinds.
    unit : str
        Unit of the numbers, where labels such as `10 uM` name one.
    mean, deviation : float
        Of the numbers that the model learnt from; the network predicts
        (number - mean) / deviation.
    lowest, highest : float
        Range of these numbers.
    half_width : float or None
        Half the width of the interval around a predicted number; None where too few cells were
        there to compute it, or for other kinds.
    residuals : int
        Number of cells that the interval was computed from.
    """

    kind: str = CLASSES
    values: tuple[float, ...] = ()
    unit: str = ""
    mean: float = 0.0
    deviation: float = 1.0
    lowest: float = 0.0
    highest: float = 0.0
    half_width: float | None = None
    residuals: int = 0

    @classmethod
    def read(cls, content: Mapping[str, Any]) -> Task:
        """Make it from what `plain` returned; entries of later versions are passed over."""
        known = {each.name for each in fields(cls)}
        task = cls(**{name: value for name, value in content.items() if name in known})
        return replace(task, values=tuple(task.values))

    @property
    def is_number(self) -> bool:
        """Whether a number is predicted, not a class."""
        return self.kind == NUMBER

    @property
    def is_ordered(self) -> bool:
        """Whether the classes have an order."""
        return self.kind == ORDERED

    @property
    def measure(self) -> str:
        """The score that the curves of a training show beside the loss, of `MEASURES`."""
        return "mae" if self.is_number else "accuracy"

    def plain(self) -> dict[str, Any]:
        """Return it as plain values for JSON."""
        return asdict(self)

    def brief(self) -> dict[str, str]:
        """Return what pages and lists need to know of it, for records."""
        return {"kind": self.kind, "unit": self.unit}

    # --- numbers -------------------------------------------------------------------------------

    def fitted(self, numbers: np.ndarray) -> Task:
        """Return the task with mean, deviation and range of numbers (cells,) to learn from."""
        if not self.is_number:
            return self
        deviation = float(numbers.std())
        return replace(
            self,
            mean=float(numbers.mean()),
            deviation=deviation if deviation > 0 else 1.0,
            lowest=float(numbers.min()),
            highest=float(numbers.max()),
        )

    def standardised(self, numbers: np.ndarray) -> np.ndarray:
        """Return what the network is to predict for numbers: float32 of the same shape."""
        return ((numbers - self.mean) / self.deviation).astype(np.float32)

    def numbers_of(self, outputs: np.ndarray) -> np.ndarray:
        """Return the numbers, float64 (n,), that outputs (n, 1) of the network stand for."""
        return self.mean + self.deviation * outputs[:, 0].astype(np.float64)

    def with_interval(self, residuals: np.ndarray) -> Task:
        """Return the task with the interval for residuals (cells,) of cells not learnt from.

        Notes
        -----
        Split conformal prediction (Lei et al., J. Am. Stat. Assoc. 113, 2018): the interval of a
        new cell holds its number with a probability of at least 90 %, if the cell is drawn as
        those of the residuals were.
        """
        return replace(self, half_width=half_width(residuals), residuals=len(residuals))

    def without_interval(self) -> Task:
        """Return the task without an interval, as where predictions are made in another way."""
        return replace(self, half_width=None, residuals=0)

    def predictions_of(self, outputs: np.ndarray) -> np.ndarray:
        """Return number, lower and upper end of its interval, (n, 3); NaN without an interval."""
        numbers = self.numbers_of(outputs)
        half = np.nan if self.half_width is None else self.half_width
        return np.stack([numbers, numbers - half, numbers + half], 1)

    # --- ordered classes -----------------------------------------------------------------------

    def expected(self, probabilities: np.ndarray) -> np.ndarray:
        """Return the mean of the classes' numbers, weighed by probabilities (n, classes): (n,)."""
        expected: np.ndarray = probabilities.astype(np.float64) @ np.array(self.values)
        return expected


def check_classes(task: Task, what: str) -> None:
    """Refuse a number where only classes can be handled; `what` begins the sentence.

    Raises
    ------
    OptionsError
        The task is to predict a number.
    """
    if task.is_number:
        text = f"Learn as: {what} works with classes, found a number; learn classes or ordered."
        raise OptionsError({"learn_as": text})


def half_width(residuals: np.ndarray, share: float = INTERVAL) -> float | None:
    """Compute half the width of an interval from residuals; None where there are too few.

    The smallest residual that at least `share` of n + 1 cells do not exceed: the ones seen, and a
    new one.
    """
    rank = int(np.ceil((len(residuals) + 1) * share))
    if rank > len(residuals):
        return None
    return float(np.partition(np.abs(residuals), rank - 1)[rank - 1])
