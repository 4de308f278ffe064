"""How the predicted numbers of every sample are distributed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from deepometry.evaluation.sample_composition import ALL

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

    @property
    def name(self) -> str:
        """Such as `Sample A`."""
        return f"{self.level} {self.value}".strip()


def number_samples(
    predicted: np.ndarray, levels: Mapping[str, tuple[Sequence[str], np.ndarray]]
) -> list[NumberSample]:
    """Sum up the predicted numbers (cells,) of all cells and of every value of every level.

    `levels` has for every folder level its values, and the place of every cell's value among
    them; below 0 where it has none.
    """
    samples = [_sample(ALL, "", predicted)]
    for level, (values, places) in levels.items():
        own = (predicted[places == code] for code in range(len(values)))
        pairs = zip(values, own, strict=True)
        samples += [_sample(level, value, numbers) for value, numbers in pairs if len(numbers)]
    return samples


def _sample(level: str, value: str, numbers: np.ndarray) -> NumberSample:
    mean, deviation = float(numbers.mean()), float(numbers.std())
    half = _Z * deviation / np.sqrt(len(numbers))
    quantiles = np.quantile(numbers, _QUANTILES).tolist()
    ends = (float(mean - half), float(mean + half))
    return NumberSample(level, value, len(numbers), mean, *ends, deviation, *quantiles)


def number_sample_table(samples: Sequence[NumberSample]) -> pd.DataFrame:
    """Return a row for every sample."""
    import pandas as pd

    return pd.DataFrame([asdict(sample) for sample in samples])
