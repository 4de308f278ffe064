"""How the predicted numbers of every sample are distributed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from deepometry.evaluation.intervals import wilson
from deepometry.evaluation.sample_composition import ALL, GATED_OUT, NOVEL, gated_counts

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
    novel : int or None
        Its novel cells; None where that is not measured.
    novel_fraction, novel_low, novel_high : float or None
        Their share, with its 95 % Wilson interval.
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
    novel: int | None = None
    novel_fraction: float | None = None
    novel_low: float | None = None
    novel_high: float | None = None

    @property
    def name(self) -> str:
        """Such as `Sample A`."""
        return f"{self.level} {self.value}".strip()


def number_samples(
    predicted: np.ndarray,
    levels: Mapping[str, tuple[Sequence[str], np.ndarray]],
    gated_out: np.ndarray | None = None,
    novel: np.ndarray | None = None,
) -> list[NumberSample]:
    """Sum up the predicted numbers (cells,) of all cells and of every value of every level.

    `levels` has for every folder level its values, and the place of every cell's value among
    them; below 0 where it has none. `gated_out` (cells,) are those that gates leave out, if there
    are gates, and `novel` (cells,) those that are novel, if that is measured.
    """
    inside = np.ones(len(predicted), bool) if gated_out is None else ~gated_out
    whole = {ALL: ([""], np.zeros(len(predicted), np.int64))}
    samples = []
    for level, (values, places) in {**whole, **levels}.items():
        own = [inside & (places == code) for code in range(len(values))]
        rows = zip(values, own, gated_counts(places, len(values), gated_out), strict=True)
        samples += [
            _with_novel(_sample(level, value, predicted[each], n), each, novel)
            for value, each, n in rows
            if each.any()
        ]
    return samples


def _with_novel(sample: NumberSample, own: np.ndarray, novel: np.ndarray | None) -> NumberSample:
    """Add how many of its own cells are novel."""
    if novel is None:
        return sample
    count = int((novel & own).sum())
    low, high = wilson(np.array([count]), np.array([sample.cells]))
    share = count / sample.cells
    ends = float(low[0]), float(high[0])
    sample = replace(sample, novel=count, novel_fraction=share)
    return replace(sample, novel_low=ends[0], novel_high=ends[1])


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
    return table.drop(columns=[c for c in (GATED_OUT, *NOVEL) if table[c].isna().all()])
