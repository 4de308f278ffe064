"""How the predicted numbers of every sample are distributed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from deepometry.evaluation.sample_composition import ALL, GATED_OUT, gated_counts

if TYPE_CHECKING:
    import pandas as pd

_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
_Z = 1.959963984540054


@dataclass(frozen=True)
class NumberSample:
    """The predicted numbers of the cells of one value of a folder level.

    Attributes
    ----------
    level, value : str
        Such as `Sample` and `A`; of all cells together `All cells` and an empty value.
    cells : int
    mean, low, high : float
        Mean of the predicted numbers with its 95 % interval, of cells that are independent.
    deviation : float
    q05, q25, median, q75, q95 : float
        Quantiles.
    gated_out : int or None
        Its cells that gates leave out, in none of the other numbers; None where there are no gates.
    """

    level: str
    value: str
    cells: int
    mean: float
    low: float
    high: float
    deviation: float
    q05: float
    q25: float
    median: float
    q75: float
    q95: float
    gated_out: int | None = None

    @property
    def name(self) -> str:
        """Such as `Sample A`."""
        return f"{self.level} {self.value}".strip()


def number_samples(
    predicted: np.ndarray,
    levels: Mapping[str, tuple[Sequence[str], np.ndarray]],
    gated_out: np.ndarray | None = None,
) -> list[NumberSample]:
    """Sum up the predicted numbers (cells,) of all cells and of every value of every level.

    `levels` has for every folder level its values, and the place of every cell's value among
    them; below 0 where it has none. `gated_out` (cells,) are those that gates leave out, if there
    are gates.
    """
    inside = np.ones(len(predicted), bool) if gated_out is None else ~gated_out
    whole = {ALL: ([""], np.zeros(len(predicted), np.int64))}
    samples = []
    for level, (values, places) in {**whole, **levels}.items():
        own = (predicted[inside & (places == code)] for code in range(len(values)))
        rows = zip(values, own, gated_counts(places, len(values), gated_out), strict=True)
        samples += [_sample(level, value, each, n) for value, each, n in rows if len(each)]
    return samples


def _sample(level: str, value: str, numbers: np.ndarray, gated_out: int | None) -> NumberSample:
    mean, deviation = float(numbers.mean()), float(numbers.std())
    half = _Z * deviation / np.sqrt(len(numbers))
    quantiles = np.quantile(numbers, _QUANTILES).tolist()
    ends = (float(mean - half), float(mean + half))
    sample = NumberSample(level, value, len(numbers), mean, *ends, deviation, *quantiles)
    return replace(sample, gated_out=gated_out)


def number_sample_table(samples: Sequence[NumberSample]) -> pd.DataFrame:
    """Return a row for every sample."""
    import pandas as pd

    table = pd.DataFrame([asdict(sample) for sample in samples])
    return table if table[GATED_OUT].notna().any() else table.drop(columns=GATED_OUT)
