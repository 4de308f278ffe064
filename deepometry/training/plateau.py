"""When training slows down and stops: computed from the history after every epoch.

Because nothing but the history decides, a resumed training goes on as if it had never stopped.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from deepometry.training.checkpoint import Row
from deepometry.training.recipes import Recipe

SMALLEST_RATE = 1e-3  # of the rate at the start
_SLOWER = 0.5


@dataclass(frozen=True)
class Plan:
    """What to do after an epoch.

    Attributes
    ----------
    best : int
        Epoch with the lowest validation loss, from 1; 0 before the first.
    rate : float
        Learning rate of the next epoch, as a share of the rate at the start.
    stop : bool
        Whether the validation loss has not improved for `patience` epochs.
    """

    best: int
    rate: float
    stop: bool


def plan(losses: Sequence[float], plateau: int, patience: int) -> Plan:
    """Decide from the validation losses of all epochs so far.

    `plateau` is the number of epochs without improvement after which the rate is halved, `patience`
    that after which to stop; 0 for never.
    """
    lowest, best, rate, slowed = math.inf, 0, 1.0, 0
    for epoch, loss in enumerate(losses, start=1):
        if loss < lowest:
            lowest, best = loss, epoch
        if plateau and epoch - max(best, slowed) >= plateau:
            rate, slowed = max(rate * _SLOWER, SMALLEST_RATE), epoch
    return Plan(best, rate, bool(patience and len(losses) - best >= patience))


def plan_for(history: Sequence[Row], recipe: Recipe) -> Plan:
    """Decide from the history of a training; of a whole cycle the last epoch is kept."""
    losses = [row["val_loss"] for row in history]
    if recipe.schedule == "plateau":
        return plan(losses, recipe.plateau, recipe.patience)
    decided = plan(losses, 0, recipe.patience)
    return replace(decided, best=len(losses)) if len(losses) == recipe.epochs else decided
