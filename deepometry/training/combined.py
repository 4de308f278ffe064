"""The combined model: a network, and decision trees on classical features, weighed together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from deepometry.cells.description_checks import BASELINE
from deepometry.cells.model_description import Description
from deepometry.classical.feature_table import most_learnt, spread_evenly
from deepometry.classical.features import feature_names, measured
from deepometry.classical.model_file import BaselineModel, read_trees, tree_members
from deepometry.classical.tree_task import tree_task
from deepometry.core.progress import Progress
from deepometry.evaluation.part_scores import BOTH, PARTS, TITLES, by_part
from deepometry.evaluation.stacking import Stack, cross_fitted
from deepometry.evaluation.temperature_scaling import scaled
from deepometry.network.losses import ADJUSTMENT
from deepometry.training.cells import Cells
from deepometry.training.objective import Objective

_METHOD = "boosting"


@dataclass(frozen=True)
class Combination:
    """What is added to a network: trees on classical features, and the weights of both.

    Attributes
    ----------
    classical : BaselineModel
        Measures cells and runs the trees.
    stack : Stack
        The network's weights first.
    temperatures : tuple of float
        By which each part is calibrated where it predicts alone; 1 for numbers.
    """

    classical: BaselineModel
    stack: Stack
    temperatures: tuple[float, ...]

    def together(self, network: np.ndarray, images: np.ndarray) -> dict[str, np.ndarray]:
        """Return the outputs (n, outputs) of both parts together, and of each alone, calibrated.

        `network` are the outputs of the network for images of counts.
        """
        return self.of_outputs(network, self.classical.predict_on_batch(images))

    def of_outputs(self, *parts: np.ndarray) -> dict[str, np.ndarray]:
        """Return the same, given the outputs of both parts."""
        alone = map(scaled, parts, self.temperatures)
        return {BOTH: self.stack.together(parts), **dict(zip(PARTS, alone, strict=True))}

    def alone(self, part: str, description: Description) -> Description:
        """Return the description of the model for one of its parts, which predicts by itself.

        What was measured of both together is left out.
        """
        temperature = dict(zip(PARTS, self.temperatures, strict=True))[part]
        task = description.task.without_interval()
        return replace(
            description,
            network=BASELINE if part == "classical" else description.network,
            temperature=temperature,
            task=task,
            combination={},
            confusion=(),
        )


@dataclass(frozen=True)
class Combined:
    """A combination, and what it makes of the validation cells.

    Attributes
    ----------
    combination : Combination
    outputs : ndarray of float32, shape (validation cells, outputs)
        Of both together; the weights for each cell are fitted on other validation cells.
    scores : dict of str to dict of str to float
        Of each part alone, and of both together.
    """

    combination: Combination
    outputs: np.ndarray
    scores: Mapping[str, Mapping[str, float]]

    def plain(self) -> dict[str, Any]:
        """Return what the description of the model says of it."""
        stack, temperatures = self.combination.stack, self.combination.temperatures
        scores = {name: dict(each) for name, each in self.scores.items()}
        return {**stack.plain(), "temperatures": list(temperatures), "scores": scores}

    @property
    def sentence(self) -> str:
        """How well both parts do, alone and together, and their weights, in words."""
        network, classical = self.combination.stack.weights.mean(1)
        return (
            f"{by_part(self.scores, 'validation')} Mean weight of the network {network:.2f}, of "
            f"the classical features {classical:.2f}."
        )

    def members(self, description: Description) -> dict[str, bytes]:
        """Return the members of the model file that hold the trees."""
        return tree_members(self.combination.classical.trees, description)


def combine(
    network: np.ndarray,
    cells: Cells,
    objective: Objective,
    description: Description,
    balance: str,
    seed: int,
    progress: Progress,
) -> Combined:
    """Learn the trees on the training cells, and the weights of both parts on the others.

    Parameters
    ----------
    network : ndarray, shape (validation cells, outputs)
        Outputs of a network that learnt from the training cells.
    cells : Cells
    objective : Objective
        What is learnt of them.
    description : Description
        Of the network.
    balance : str
        How rare classes are compensated in the training of the network, of `BALANCES`.
    seed : int
    progress : Progress
    """
    power = ADJUSTMENT if balance == "adjust" else float(balance in ("weights", "sampling"))
    trees = _learn(cells, description, seed, progress)
    features = _measured(cells, cells.validation, progress)
    classical = tree_task(cells).outputs(trees, features)
    parts, indices = [network, classical], cells.validation

    def fit(some: np.ndarray) -> Stack:
        return objective.stack([part[some] for part in parts], indices[some], power)

    stack = fit(np.arange(len(indices)))
    outputs = cross_fitted(parts, fit, np.random.default_rng([seed, 7]))
    named = zip(TITLES, (*parts, outputs), strict=True)
    scores = {name: objective.judge(indices, each) for name, each in named}
    measured = (objective.validate(part).measured for part in parts)
    temperatures = tuple(float(each.get("temperature", 1.0)) for each in measured)
    combination = Combination(BaselineModel(trees, description), stack, temperatures)
    return Combined(combination, outputs, scores)


def _learn(cells: Cells, description: Description, seed: int, progress: Progress) -> Any:
    """Measure as many training cells as trees need, and learn from them."""
    width = len(feature_names(description.depth, description.channels))
    chosen = spread_evenly(cells.codes[cells.training], most_learnt(width))
    indices = cells.training[chosen]
    features = _measured(cells, indices, progress)
    return tree_task(cells).learn(features, indices, _METHOD, seed, progress)


def _measured(cells: Cells, indices: np.ndarray, progress: Progress) -> np.ndarray:
    """Measure cells: float32 (n, features)."""
    return np.concatenate(list(measured(cells.dataset, indices, cells.columns, progress)))


def read_combination(path: Path, description: Description) -> Combination | None:
    """Read what a model file adds to the network; None where it holds a network alone.

    Raises
    ------
    DeepometryError
        It is damaged, or was learnt from other features than this version measures.
    """
    if not description.combination:
        return None
    content = description.combination
    stack = Stack.read(content, description.task.is_number)
    trees = BaselineModel(read_trees(path, description), description)
    return Combination(trees, stack, tuple(content["temperatures"]))


def over_cells(
    combination: Combination | None,
    network: np.ndarray,
    cells: Cells,
    indices: np.ndarray,
    progress: Progress,
) -> dict[str, np.ndarray]:
    """Return the outputs of a model for some cells, given those of its network.

    By part, as `Combination.together` returns them; of a network alone there is only `both`.
    """
    if combination is None:
        return {BOTH: network}
    trees = combination.classical
    blocks = measured(cells.dataset, indices, cells.columns, progress)
    return combination.of_outputs(network, np.concatenate([*map(trees.outputs, blocks)]))
