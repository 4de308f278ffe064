"""Stacking: what several models say of a cell, weighed by what they were worth on other cells."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from deepometry.evaluation.temperature_scaling import log_softmax

_LEAST = 1e-6  # a probability below this is taken as this
_PRIOR_WEIGHT = 1.0  # how many cells' worth of doubt that the parts count the same
_PRIOR_BIAS, _PRIOR_CLASS = 20.0, 50.0  # of the bias of a class, and of its own weights
_SPLITS = 5


@dataclass(frozen=True)
class Stack:
    """Weights by which the outputs of several models are added up.

    Of classes, the logarithms of the probabilities are added, and the sum becomes probabilities
    again; of a number, the numbers themselves.

    Attributes
    ----------
    weights : ndarray of float64, shape (parts, outputs)
        Of every model, for every class, or for the number.
    bias : ndarray of float64, shape (outputs,)
        What is added besides.
    is_number : bool
        Whether the outputs are a standardised number.
    """

    weights: np.ndarray
    bias: np.ndarray
    is_number: bool

    def together(self, parts: Sequence[np.ndarray]) -> np.ndarray:
        """Add up outputs of all parts, each (n, outputs): float32 of the same shape."""
        inputs = np.stack(parts).astype(np.float64)
        if self.is_number:
            return _sums(inputs, self.weights, self.bias).astype(np.float32)
        logs = log_softmax(_sums(_logs(inputs), self.weights, self.bias))
        return np.exp(logs).astype(np.float32)

    def plain(self) -> dict[str, Any]:
        """Return weights and bias as plain values for JSON."""
        return {"weights": self.weights.tolist(), "bias": self.bias.tolist()}

    @classmethod
    def read(cls, content: Mapping[str, Any], is_number: bool) -> Stack:
        """Make it from what `plain` returned."""
        weights, bias = (np.array(content[name], np.float64) for name in ("weights", "bias"))
        return cls(weights, bias, is_number)


def fit_classes(
    parts: Sequence[np.ndarray], true: np.ndarray, shares: np.ndarray, balance: float
) -> Stack:
    """Fit the weights of several classifiers, on cells that none of them learnt from.

    Parameters
    ----------
    parts : sequence of ndarray, each of shape (cells, classes)
        Probabilities.
    true : ndarray of int64, shape (cells,)
        The classes.
    shares : ndarray of float, shape (classes,)
        Of the classes among the cells that the parts learnt from, each above 0.
    balance : float
        Power of the shares by which the result sees rare classes as less rare than they are, as
        in `deepometry.network.losses.class_loss`; 0 for probabilities as they are.

    Notes
    -----
    Stacked generalisation (Wolpert, Neural Networks 5, 1992) by a multinomial regression on
    logarithms of probabilities: a weight for each part, one for the logarithm of the class shares
    (parts that were taught rare classes as common ones are corrected by it), a bias and further
    weights for each class. All are drawn towards those of the plain mean of the logarithms, and
    those of a class most of all, as a rare one has few cells to fit them on.
    """
    from scipy.optimize import minimize

    problem = _Problem(_logs(np.stack(parts).astype(np.float64)), true, np.log(shares))
    found = minimize(problem.loss, problem.start, jac=True, method="L-BFGS-B")
    weights, bias = problem.weights_of(found.x)
    return Stack(weights, bias - balance * np.log(shares), is_number=False)


class _Problem:
    """The log loss of classes as a function of all weights in one row, and its gradient."""

    def __init__(self, logs: np.ndarray, true: np.ndarray, log_shares: np.ndarray) -> None:
        self.logs, self.log_shares = logs, log_shares
        self.count, _, self.classes = logs.shape
        self.wanted = np.eye(self.classes)[true]
        parts, each = self.count, self.classes
        self.start = np.zeros(parts + 1 + each + parts * each)
        self.start[:parts] = 1 / parts
        self.strength = np.concatenate(
            [
                np.full(parts + 1, _PRIOR_WEIGHT),
                np.full(each, _PRIOR_BIAS),
                np.full(parts * each, _PRIOR_CLASS),
            ]
        )

    def _taken_apart(self, row: np.ndarray) -> tuple[np.ndarray, ...]:
        parts, each = self.count, self.classes
        shared, rest = row[:parts], row[parts + 1 :]
        return shared, row[parts], rest[:each], rest[each:].reshape(parts, each)

    def weights_of(self, row: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return weights (parts, classes) and bias (classes,)."""
        shared, of_shares, bias, own = self._taken_apart(row)
        return shared[:, None] + own, bias + of_shares * self.log_shares

    def loss(self, row: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the loss, and how it changes with each weight."""
        sums = _sums(self.logs, *self.weights_of(row))
        logs = log_softmax(sums)
        away = row - self.start
        loss = -(logs * self.wanted).sum() + 0.5 * (self.strength * away**2).sum()
        errors = np.exp(logs) - self.wanted
        own = (self.logs * errors).sum(1)
        of_shares = (errors @ self.log_shares).sum()
        slopes = np.concatenate([own.sum(1), [of_shares], errors.sum(0), own.ravel()])
        return float(loss), slopes + self.strength * away


def fit_numbers(parts: Sequence[np.ndarray], true: np.ndarray) -> Stack:
    """Fit the weights of several regressions, on cells that none of them learnt from.

    `parts` are standardised numbers, each (cells, 1), `true` (cells,) those to predict.

    Notes
    -----
    Least squares with weights of 0 or more (Breiman, Stacked regressions, Machine Learning 24,
    1996), drawn towards the plain mean.
    """
    from scipy.optimize import nnls

    inputs = np.concatenate(parts, 1).astype(np.float64)
    count, bias = len(parts), float(np.mean(true - inputs.mean(1))) if len(true) else 0.0
    doubt = np.sqrt(_PRIOR_WEIGHT) * np.eye(count)
    left = np.concatenate([inputs, doubt])
    right = np.concatenate([true - bias, np.sqrt(_PRIOR_WEIGHT) * np.full(count, 1 / count)])
    weights, _ = nnls(left, right)
    return Stack(weights[:, None], np.array([bias]), is_number=True)


def cross_fitted(
    parts: Sequence[np.ndarray], fit: Callable[[np.ndarray], Stack], rng: np.random.Generator
) -> np.ndarray:
    """Add up outputs of cells by weights that were fitted on others of them.

    Parameters
    ----------
    parts : sequence of ndarray, each of shape (cells, outputs)
    fit : callable
        Given places of cells (n,), fits the weights on these.
    rng : numpy.random.Generator
        Deals the cells out to five splits.

    Returns
    -------
    ndarray of float32, shape (cells, outputs)
        As the weights of all cells would predict new ones: scores of it are honest.
    """
    cells = len(parts[0])
    order, outputs = rng.permutation(cells), np.empty(parts[0].shape, np.float32)
    for split in range(min(_SPLITS, cells)):
        some = order[split::_SPLITS]
        stack = fit(np.setdiff1d(order, some))
        outputs[some] = stack.together([part[some] for part in parts])
    return outputs


def _sums(inputs: np.ndarray, weights: np.ndarray, bias: np.ndarray) -> np.ndarray:
    sums: np.ndarray = np.einsum("pno,po->no", inputs, weights) + bias
    return sums


def _logs(probabilities: np.ndarray) -> np.ndarray:
    logs: np.ndarray = np.log(np.maximum(probabilities, _LEAST))
    return logs
