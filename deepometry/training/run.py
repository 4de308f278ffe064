"""The loop of a training: epochs of learning and validation, until the last or no improvement."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from deepometry.cells.model_description import Description
from deepometry.core.options.train import TrainOptions
from deepometry.core.progress import Progress, Within, unbroken
from deepometry.core.run_records import provenance
from deepometry.core.task_names import MEASURES
from deepometry.core.text import counted
from deepometry.evaluation.novelty import NETWORK
from deepometry.evaluation.score_names import told
from deepometry.network.model_file import load_model
from deepometry.training.cells import Cells
from deepometry.training.checkpoint import Checkpoint, Row, load_checkpoint, restore
from deepometry.training.combined import combine, over_cells, read_combination
from deepometry.training.fine_tuning import Phase, head_epochs, phase_at, phases_of
from deepometry.training.gather import describe
from deepometry.training.novelty import network_features, novelty_of
from deepometry.training.objective import objective_of
from deepometry.training.plateau import Plan, plan_for
from deepometry.training.recipes import learning_rate_at, recipe_for, written_out
from deepometry.training.run_record import Role, check_facts, check_finite, facts_of
from deepometry.training.trainer import Learner, steps_an_epoch
from deepometry.training.training_files import TrainingFiles
from deepometry.training.transfer import begin
from deepometry.training.validate import predict_cells


class Run:
    """One training.

    Attributes
    ----------
    objective : Objective
        What it learns.
    recipe : Recipe
        All that the options leave open.
    history : list of dict
        One row an epoch.
    files : TrainingFiles
        Model, checkpoint, tables and record.
    """

    def __init__(
        self, options: TrainOptions, cells: Cells, progress: Progress, role: Role | None = None
    ) -> None:
        self._options, self._start = begin(options)
        self.cells, self._progress, self._role = cells, progress, role or Role()
        self.objective, self._measure = objective_of(cells), cells.task.measure
        self.recipe = recipe_for(self._options, cells.labelled)
        self.options_used = written_out(self._options, self.recipe)
        facts = facts_of(self.options_used, cells)
        earlier = self._earlier(facts) if options.resume else None
        self.history: list[Row] = earlier.history if earlier else []
        # a resumed training keeps its phases, whatever its number of epochs is now
        epochs = self.recipe.epochs
        facts["head_epochs"] = earlier.facts["head_epochs"] if earlier else head_epochs(epochs)
        facts["epochs"] = epochs
        self._phases = phases_of(self._options.freeze, epochs, facts["head_epochs"])
        self.files = TrainingFiles(
            self.options_used, facts, cells, self._described(), self._role, progress
        )
        progress.report(0, 0, "Building the network")
        self._learner = Learner(self._options, self.recipe, cells)
        self._prepare(earlier)

    def _earlier(self, facts: dict[str, Any]) -> Checkpoint:
        earlier = load_checkpoint(self._options.output)
        check_facts(earlier.facts, facts, self._options.output)
        return earlier

    def _described(self) -> Description:
        recipe = self.recipe
        return describe(
            self.cells,
            self._options.channels,
            network=recipe.network,
            scaling=recipe.scaling,
            views=recipe.views,
            scores=dict(self._role.scores),
            record=provenance("train", self.options_used),
            **self._role.described,
        )

    def _prepare(self, earlier: Checkpoint | None) -> None:
        """Fill the network with the weights that it starts from."""
        learner = self._learner
        with learner.devices.scope():
            if self._start:
                self._progress.say(learner.take_over(self._start, self.files.description))
            self._enter(phase_at(self._phases, max(1, len(self.history))))
            if earlier:
                restore(learner.model, earlier, self._options.output)
        if message := learner.devices.sentence(self.recipe.batch_size):
            self._progress.say(message)
        if earlier:
            self.files.mend(learner.model, self.history, self._plan().best)

    def _enter(self, phase: Phase) -> None:
        self._phase = phase
        self._learner.enter(phase)

    # --- epochs ------------------------------------------------------------------------------

    def go(self) -> None:
        """Train until the last epoch, or until nothing improves any more."""
        for row in self.history:
            self._progress.measure(row)
        first = len(self.history) + 1
        for epoch in range(first, self.recipe.epochs + 1):
            plan = self._plan()
            if plan.stop:
                self._progress.say(f"No improvement since epoch {plan.best}: stopped.")
                return
            row = self._epoch(epoch, announced=epoch > first)
            check_finite(row)
            history = [*self.history, row]
            best = plan_for(history, self.recipe).best
            with unbroken():  # an epoch that is written counts, whatever interrupts
                self.files.keep(self._learner.model, history, best)
                self.history = history
            self._progress.measure(row)
            self._progress.say(_epoch_line(row, best, self._measure))

    def _epoch(self, epoch: int, announced: bool) -> Row:
        start, worked = time.monotonic(), time.process_time()
        with self._learner.devices.scope():
            self._begin(epoch, announced)
            learnt = self._learn(epoch)
        row = {"epoch": epoch, **learnt, **self._validate()}
        row |= {"seconds": time.monotonic() - start}
        return row | {"cpu_seconds": time.process_time() - worked}

    def _begin(self, epoch: int, announced: bool) -> None:
        """Enter the phase of an epoch, and announce it with its cost where that was not done."""
        phase = phase_at(self._phases, epoch)
        if phase == self._phase and announced:
            return
        if phase != self._phase:
            self._enter(phase)
        if self._start or len(self._phases) > 1:
            self._progress.say(str(phase))
        self._progress.report(0, 0, "Timing a few steps")
        epochs = phase.last - epoch + 1
        self._progress.say(self._learner.expected_cost(epochs, self._role.steps_after))

    def _learn(self, epoch: int) -> Row:
        """Go once through the training cells."""
        rng = np.random.default_rng([self._options.seed, 1, epoch])
        sums, cells, rate = np.zeros(2), 0, self.recipe.learning_rate
        steps = steps_an_epoch(self.cells, self.recipe)
        for step, batch in enumerate(self._learner.batches(rng)):
            rate = self._rate(epoch, step, steps)
            self._learner.model.optimizer.learning_rate.assign(rate)
            sums += len(batch.labels) * np.array(self._learner.step(batch))
            cells += len(batch.labels)
            text = self._step_line(epoch, sums / cells)
            done = (epoch - 1) * steps + step + 1
            self._progress.report(done, steps * self.recipe.epochs, text, "steps")
        loss, measured = (sums / cells).tolist()
        return {"loss": loss, self._measure: measured, "learning_rate": rate}

    def _step_line(self, epoch: int, means: np.ndarray) -> str:
        """Return loss and measure, the means so far of an epoch under way, in words."""
        loss, measured = means.tolist()
        name = MEASURES[self._measure]
        text = f"Epoch {epoch} of {self.recipe.epochs}: loss {loss:.3f}, {name} {measured:.3f}"
        if self.history:
            text += f", validation {name} {self.history[-1][f'val_{self._measure}']:.3f}"
        return text

    def _rate(self, epoch: int, step: int, steps: int) -> float:
        """Return the learning rate of a step, from 0, of so many in an epoch."""
        highest, phase = self.recipe.learning_rate, self._phase
        if self.recipe.schedule == "plateau":
            return highest * self._plan().rate
        return highest * learning_rate_at(
            ((epoch - phase.first) * steps + step) / (steps * phase.epochs)
        )

    def _validate(self) -> Row:
        """Score the validation cells, one view of each."""
        cells, indices = self.cells, self.cells.validation
        raw = predict_cells(self._learner.model, cells, indices, 1, self._progress)
        scores = self.objective.judge(indices, raw)
        return {f"val_{name}": value for name, value in scores.items()}

    def _plan(self) -> Plan:
        return plan_for(self.history, self.recipe)

    # --- the best model ----------------------------------------------------------------------

    def outputs(self, indices: np.ndarray) -> dict[str, np.ndarray]:
        """Compute the outputs of the finished model for some cells, by part, as `over_cells`."""
        cells, progress, path = self.cells, self._progress, self.files.model_path
        raw = predict_cells(self._best_network(), cells, indices, self.recipe.views, progress)
        combination = read_combination(path, self.files.saved)
        return over_cells(combination, raw, cells, indices, Within(progress))

    def _best_network(self) -> Any:
        """Return the network of the epoch that was kept."""
        if self._plan().best == len(self.history):
            return self._learner.model
        return load_model(self.files.model_path)[0]

    def finish(self) -> None:
        """Complete the model that was kept, score it as it will predict, and write that."""
        if self.files.finished:
            return
        views, best = self.recipe.views, self._plan().best
        self._progress.report(0, 0, f"Validating over {counted(views, 'view')}")
        model = self._best_network()
        raw = predict_cells(model, self.cells, self.cells.validation, views, self._progress)
        raw, measured, members = self._combined(raw)
        validated, name = self.objective.validate(raw, self._role.errors), f"val_{self._measure}"
        validated = replace(validated, measured={**validated.measured, **measured})
        row = {"epoch": best, **validated.row, "val_views": views}
        row[f"{name}_one_view"] = self.history[best - 1][name]
        members |= self._novelty(model, views)  # what else predicting needs
        self.files.finish(model, row, validated, self.history, members)
        self._progress.say(str(validated))
        if about := self.files.saved.about_views:
            self._progress.say(about)

    def _novelty(self, model: Any, views: int) -> dict[str, bytes]:
        """Return what the model file needs to measure how novel cells are."""

        def measure(indices: np.ndarray) -> np.ndarray:
            return network_features(model, self.cells, indices, views, progress)

        progress = Within(self._progress)
        return novelty_of(self.cells, {NETWORK: measure}, self._options.seed, progress)

    def _combined(self, raw: np.ndarray) -> tuple[np.ndarray, dict[str, Any], dict[str, bytes]]:
        """Add the classical part to the network, where the model has both.

        Returns the outputs for the validation cells, and what is added to description and file.
        """
        if self.recipe.parts != "both":
            return raw, {}, {}
        description, seed = self.files.saved, self._options.seed
        what = (raw, self.cells, self.objective, description, self.recipe.balance, seed)
        combined = combine(*what, Within(self._progress))
        self._progress.say(combined.sentence)
        return combined.outputs, {"combination": combined.plain()}, combined.members(description)

    @property
    def best(self) -> tuple[Path, Description, int]:
        """The model file, its description, and its epoch."""
        return self.files.model_path, self.files.saved, self._plan().best


def _epoch_line(row: Row, best: int, measure: str) -> str:
    """Return an epoch in one line; `best` is the best epoch so far."""
    return (
        f"Epoch {row['epoch']}: loss {row['loss']:.3f}, {MEASURES[measure]} {row[measure]:.3f}, "
        f"validation loss {row['val_loss']:.3f}, {told(row, 'val_')}"
        f"{' (kept)' * (best == row['epoch'])}"
    )
