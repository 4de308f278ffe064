"""The recipes: what training does where its options leave the choice to it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from deepometry.core.options.fields import AUTO
from deepometry.core.options.train import EQUIVARIANT, TrainOptions

_MOST_EPOCHS, _FEWEST_EPOCHS = 60, 8
_ENOUGH_IMAGES = 150_000  # seen in all: beyond this, measured gains were within noise
_BUDGET = 3  # times as many epochs, at most, where a time budget allows them


@dataclass(frozen=True)
class Recipe:
    """Values of the options of a training; the names are those of `TrainOptions`."""

    parts: str
    network: str
    scaling: str
    batch_size: int
    learning_rate: float
    schedule: str
    weight_decay: float
    smoothing: float
    balance: str
    shifts: float
    views: int  # 0: chosen from the network
    validation: float
    patience: int
    plateau: int
    epochs: int  # 0: chosen from the number of cells


STANDARD = Recipe(
    parts="both",
    network="small18",
    scaling="channel",
    batch_size=32,
    learning_rate=3e-3,
    schedule="cycle",
    weight_decay=0.05,
    smoothing=0.0,
    balance="adjust",
    shifts=0.05,
    views=0,
    validation=0.1,
    patience=0,
    plateau=10,
    epochs=0,
)
"""Chosen by measurement, see docs/measured/recipe.md."""

PROTOCOL = Recipe(
    parts="network",
    network="resnet50",
    scaling="8bit",
    batch_size=32,
    learning_rate=1e-4,
    schedule="plateau",
    weight_decay=0.0,
    smoothing=0.0,
    balance="none",
    shifts=0.5,
    views=1,
    validation=0.2,
    patience=0,
    plateau=0,
    epochs=512,
)
"""Doan et al., Nature Protocols 16, 3572 (2021): 512 epochs of Adam, from scratch."""


BY_NAME = {"standard": STANDARD, "protocol": PROTOCOL}


def recipe_for(options: TrainOptions, cells: int) -> Recipe:
    """Choose whatever the options leave to the recipe, for a number of labelled cells."""
    recipe = BY_NAME[options.recipe]
    values = {name: getattr(options, name) for name in vars(recipe)}
    chosen = replace(recipe, **{n: v for n, v in values.items() if v not in (None, AUTO)})
    epochs, views = chosen.epochs or epochs_for(cells), chosen.views or views_for(chosen.network)
    return replace(chosen, epochs=epochs, views=views)


def choice_of(name: str, option: str, cells: int | None = None) -> str:
    """Return what a recipe chooses for an option, as text; blank where it leaves that alone.

    Parameters
    ----------
    name : str
        Of the recipe.
    option : str
        Name of the option.
    cells : int or None
        Number of labelled cells, where it is known.
    """
    value = getattr(BY_NAME[name], option, "")
    if option == "views" and not value:
        return f"{views_for(BY_NAME[name].network)}"
    if option != "epochs" or value:
        return f"{value:g}" if isinstance(value, float) else str(value)
    if cells is None:
        return f"{_FEWEST_EPOCHS} to {_MOST_EPOCHS}, more for fewer cells"
    return f"{epochs_for(cells)} for {cells:,} cells"


def written_out(options: TrainOptions, recipe: Recipe) -> TrainOptions:
    """Return the options with the choices of the recipe filled in."""
    return replace(options, **vars(recipe))


def epochs_for(cells: int) -> int:
    """Choose the number of epochs: many passes over few cells, few over many."""
    enough = round(_ENOUGH_IMAGES / max(cells, 1))
    return min(max(enough, _FEWEST_EPOCHS), _MOST_EPOCHS)


def views_for(network: str) -> int:
    """Choose the number of views: one where all of them have the same probabilities."""
    return 1 if network in EQUIVARIANT else 8


def most_epochs(cells: int) -> int:
    """Return the most epochs that a time budget is spent on; more would memorise the cells."""
    return _BUDGET * epochs_for(cells)


def learning_rate_at(done: float, warm: float = 0.2, start: float = 0.04) -> float:
    """Compute the learning rate of the schedule `cycle`, as a share of the largest.

    `done` is the share of all steps, `warm` that in which the rate rises, from `start`. Smith and
    Topin, Super-convergence, 2019, with the cosine of Loshchilov and Hutter, 2017.
    """
    if done < warm:
        return start + (1 - start) * done / warm
    left = max(0.0, (1 - done) / (1 - warm))
    return 0.5 * (1 - math.cos(math.pi * left))
