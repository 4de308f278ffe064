"""How accuracy rises with the number of cells: an inverse power law and its forecast."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

DRAWS = 1000
_TIMES = 2  # as many cells as the largest training had
INTERVAL = 0.95
_EXPONENTS = np.concatenate([np.linspace(0.05, 1.0, 39), np.linspace(1.05, 2.0, 20)])
_FEWEST_SIZES = 3
_TOO_WIDE = 0.1  # of the accuracy: an interval as wide helps nobody to decide


@dataclass(frozen=True)
class PowerLaw:
    """Accuracy = a - b / n**c, for n cells; a is 1 at most, b and c are positive."""

    a: float
    b: float
    c: float

    def at(self, cells: np.ndarray | float) -> np.ndarray:
        """Compute the accuracy with so many cells."""
        return np.asarray(self.a - self.b * np.asarray(cells, float) ** -self.c)


@dataclass(frozen=True)
class Forecast:
    """The accuracy that the curve predicts with more cells.

    Attributes
    ----------
    law : PowerLaw
    cells : int
        Number of cells that the forecast is for.
    accuracy, low, high : float
        The expected accuracy, and the interval that holds it with a probability of 95 %.
    now : float
        Accuracy of the curve with all cells that were learnt from.
    reliable : bool
        Whether the interval is narrow enough to decide by.
    summary : str
        All that in words.
    """

    law: PowerLaw
    cells: int
    accuracy: float
    low: float
    high: float
    now: float
    reliable: bool
    summary: str


def fit(cells: np.ndarray, accuracies: np.ndarray, errors: np.ndarray) -> np.ndarray:
    """Fit inverse power laws by weighted least squares.

    Parameters
    ----------
    cells, errors : ndarray, shape (points,)
        Numbers of cells, and the standard error of each accuracy.
    accuracies : ndarray, shape (draws, points)
        A curve a row.

    Returns
    -------
    ndarray of float, shape (draws, 3)
        a, b and c of each curve.

    Notes
    -----
    For a given exponent the law is a straight line in n**-c, whose best a and b are known; bounds
    (b not below 0, a not above 1) are kept by fixing the one that is broken. The exponent is the
    best of a grid. Mukherjee et al., J. Comput. Biol. 10, 119 (2003), and Figueroa et al.,
    BMC Med. Inform. Decis. Mak. 12, 8 (2012), use the same law.
    """
    weights = 1 / np.square(errors)
    lines = [_line(cells.astype(float) ** -c, accuracies, weights) for c in _EXPONENTS]
    misfits = np.stack([misfit for _, _, misfit in lines])  # (exponents, draws)
    best = misfits.argmin(0)
    draws = np.arange(len(accuracies))
    a = np.stack([each for each, _, _ in lines])[best, draws]
    b = np.stack([each for _, each, _ in lines])[best, draws]
    return np.stack([a, b, _EXPONENTS[best]], 1)


def _line(
    x: np.ndarray, y: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Fit y = a - b x to every row of y; give a, b and the weighted squares that are left."""
    share = weights / weights.sum()
    mean_x, mean_y = share @ x, y @ share
    across = share @ np.square(x - mean_x)
    b = -((y - mean_y[:, None]) @ (share * (x - mean_x))) / max(across, 1e-300)
    b = np.maximum(b, 0.0)
    a = mean_y + b * mean_x
    over = a > 1
    b = np.where(over, np.maximum((1 - y) @ (share * x), 0.0) / (share @ np.square(x)), b)
    a = np.where(over, 1.0, a)
    left = y - (a[:, None] - b[:, None] * x)
    return a, b, np.square(left) @ weights


def forecast(cells: np.ndarray, hits: np.ndarray, rng: np.random.Generator) -> Forecast:
    """Predict the accuracy with twice as many cells.

    Parameters
    ----------
    cells : ndarray of int, shape (runs,)
        Cells that each training learnt from.
    hits : ndarray of bool, shape (runs, judged cells)
        Which of the left-out cells each training classified correctly.
    rng : numpy.random.Generator

    Notes
    -----
    The interval is that of a bootstrap: the left-out cells are resampled, the same for all
    trainings, and every training is moved by as much as the trainings scatter about the curve
    beyond that.
    """
    judged = hits.shape[1]
    accuracies = hits.mean(1)
    errors = binomial_errors(accuracies, judged)
    law = fit(cells, accuracies[None], errors)[0]
    most = float(cells.max())
    target, draws = round(_TIMES * most), _drawn(hits, rng)
    draws += rng.standard_normal(draws.shape) * _scatter(cells, accuracies, law, errors)
    laws = fit(cells, draws, errors)
    there = laws[:, 0] - laws[:, 1] * target ** -laws[:, 2]
    low, high = np.quantile(there, [(1 - INTERVAL) / 2, (1 + INTERVAL) / 2]).tolist()
    fitted = PowerLaw(*law.tolist())
    now, then = float(fitted.at(most)), float(fitted.at(target))
    rises = _rises(cells, draws)
    reliable, summary = _in_words(target, now, then, low, high, len(np.unique(cells)), rises)
    return Forecast(fitted, target, then, low, high, now, reliable, summary)


def binomial_errors(accuracies: np.ndarray, judged: int) -> np.ndarray:
    """Compute standard errors of accuracies, never 0 (Agresti and Coull's two added cells)."""
    smoothed = (accuracies * judged + 2) / (judged + 4)
    return np.sqrt(smoothed * (1 - smoothed) / (judged + 4))


def _drawn(hits: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Judge by cells drawn with replacement, again and again; shape (DRAWS, runs)."""
    judged, accuracies = hits.shape[1], np.empty((DRAWS, len(hits)))
    for draw in range(DRAWS):
        times = np.bincount(rng.integers(0, judged, judged), minlength=judged)
        accuracies[draw] = hits @ times / judged
    return accuracies


def _scatter(
    cells: np.ndarray, accuracies: np.ndarray, law: np.ndarray, errors: np.ndarray
) -> float:
    """Estimate by how much trainings scatter beyond the error of the cells that judge them."""
    left = accuracies - (law[0] - law[1] * cells.astype(float) ** -law[2])
    freedom = max(1, len(cells) - min(3, len(np.unique(cells))))
    return float(np.sqrt(max(0.0, np.square(left).sum() / freedom - np.square(errors).mean())))


def _rises(cells: np.ndarray, draws: np.ndarray) -> bool:
    """Return whether the most cells give a higher accuracy than the fewest, in most draws."""
    more = draws[:, cells == cells.max()].mean(1) - draws[:, cells == cells.min()].mean(1)
    return float((more > 0).mean()) > INTERVAL


def _in_words(
    target: int, now: float, then: float, low: float, high: float, sizes: int, rises: bool
) -> tuple[bool, str]:
    """Return whether the forecast is reliable, and a sentence about it."""
    span = f"between {low:.3f} and {high:.3f}"
    if sizes < _FEWEST_SIZES:
        return False, (
            f"The accuracy with more cells cannot be predicted: expected at least {_FEWEST_SIZES} "
            f"numbers of cells, found {sizes}; add shares."
        )
    if high - low > _TOO_WIDE:
        return False, (
            f"The accuracy with more cells cannot be predicted: with {target:,}, twice as many, it "
            f"may be anywhere {span}. Use more repeats, or hold out more cells."
        )
    if not rises:
        return True, (
            f"Accuracy does not rise with the number of cells here: more cells of the same kind "
            f"are not expected to help ({span} with {target:,} cells, {now:.3f} now). Look at the "
            "labels, the channels or the recipe instead."
        )
    return True, (
        f"With {target:,} cells, twice as many as in the largest training, an accuracy of "
        f"{then:.3f} is expected, {span} with 95 % probability; there the curve is at {now:.3f}."
    )
