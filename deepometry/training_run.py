"""The training itself: the network, its history, and what is written after every epoch."""

from __future__ import annotations

import math
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from deepometry.chance import chance_of, no_better_than_guessing
from deepometry.checkpoint import (
    Checkpoint,
    Row,
    load_checkpoint,
    restore,
    save_checkpoint,
    variables_of,
)
from deepometry.errors import DeepometryError
from deepometry.files import provenance, write_json
from deepometry.forecast import about_time, memory_needed, seconds_a_step
from deepometry.learner import Learner
from deepometry.model import Description, load_model, read_description, save_model
from deepometry.options import TrainOptions
from deepometry.out_of_fold import log_loss, outcomes
from deepometry.phases import Phase, head_epochs, phase_at, phases_of
from deepometry.progress import Progress, unbroken
from deepometry.recipe import Recipe, learning_rate_at, recipe_for, written_out
from deepometry.report import confusion, plot_history, scores, write_table
from deepometry.schedule import Plan, plan
from deepometry.training_cells import Cells, describe
from deepometry.training_facts import (
    CURVE,
    HISTORY,
    RECORD,
    Role,
    check_facts,
    check_finite,
    facts_of,
    set_aside,
)
from deepometry.transfer import begin
from deepometry.validated import judge
from deepometry.words import counted


class Run:
    """One training: the network, its history, and what is written after every epoch."""

    def __init__(
        self, options: TrainOptions, cells: Cells, progress: Progress, role: Role | None = None
    ) -> None:
        options, self.start = begin(options)
        self.options, self.cells, self.progress = options, cells, progress
        self.role = role or Role()
        self.recipe = recipe_for(options, cells.labelled)
        self.told = written_out(options, self.recipe)
        self.facts = facts_of(self.told, cells)
        earlier = self._earlier() if options.resume else None
        self.history: list[Row] = earlier.history if earlier else []
        self.judged: dict[str, Any] = {}
        self.phases = self._divided(earlier)
        self.description = describe(
            cells,
            options.channels,
            network=self.recipe.network,
            scaling=self.recipe.scaling,
            views=self.recipe.views,
            scores=dict(self.role.scores),
            record=provenance("train", self.told),
        )
        progress.report(0, 0, "Building the network")
        self.learner = Learner(options, self.recipe, cells)
        self.model, self.devices = self.learner.model, self.learner.devices
        with self.devices.scope():
            if self.start:
                progress.say(self.learner.take_over(self.start, self.description))
            self._enter(phase_at(self.phases, max(1, len(self.history))))
            if earlier:
                restore(self.model, earlier, options.output)
        if told := self.devices.told(self.recipe.batch_size):
            progress.say(told)
        if earlier:
            self._mend_model()

    def _divided(self, earlier: Checkpoint | None) -> tuple[Phase, ...]:
        """Divide the epochs, when going on as they were divided at first."""
        epochs, known = self.recipe.epochs, earlier.facts if earlier else {}
        self.facts["head_epochs"] = known.get("head_epochs", head_epochs(epochs))
        return phases_of(self.options.freeze, epochs, self.facts["head_epochs"])

    def _earlier(self) -> Checkpoint:
        earlier = load_checkpoint(self.options.output)
        check_facts(earlier.facts, self.facts, self.options.output)
        return earlier

    def _mend_model(self) -> None:
        """Write the model of the last epoch where the program ended before it could."""
        best, last = self._plan().best, len(self.history)
        path = self.options.output / self.description.file_name
        kept = read_description(path).scores.get("epoch") if path.is_file() else None
        if best == last and kept != last:
            self._save_model(self.history[-1])
        elif kept != best:
            raise DeepometryError(
                f"{path}: expected the model of epoch {best}, the best so far, found "
                f"{'none' if kept is None else f'that of epoch {kept}'}; train without resuming."
            )

    def _save_model(self, row: Row) -> None:
        save_model(self.model, self._described(row), self.options.output)

    def _described(self, row: Row) -> Description:
        return replace(self.description, scores={**self.description.scores, **_scores(row)})

    def _enter(self, phase: Phase) -> None:
        self.phase = phase
        self.learner.enter(phase)

    @property
    def _steps(self) -> int:
        return steps_an_epoch(self.cells, self.recipe)

    def go(self) -> None:
        """Train until the last epoch, or until nothing improves any more."""
        for row in self.history:
            self.progress.measure(row)
        first = len(self.history) + 1
        for epoch in range(first, self.recipe.epochs + 1):
            ahead = self._plan()
            if ahead.stop:
                self.progress.say(f"No improvement since epoch {ahead.best}: stopped.")
                return
            start, worked = time.monotonic(), time.process_time()
            with self.devices.scope():
                self._begin(epoch, told=epoch > first)
                learnt = self._learn(epoch)
            row = {"epoch": epoch, **learnt, **self._validate(self.model, views=1)}
            row |= {"seconds": time.monotonic() - start}
            row |= {"cpu_seconds": time.process_time() - worked}
            self._keep(row)
            self.progress.measure(row)
            self.progress.say(_line(row, self._plan().best))

    def _begin(self, epoch: int, told: bool) -> None:
        """Enter the phase of an epoch, and foretell it where that was not done."""
        phase = phase_at(self.phases, epoch)
        if phase == self.phase and told:
            return
        if phase != self.phase:
            self._enter(phase)
        if self.start or len(self.phases) > 1:
            self.progress.say(str(phase))
        self._foretell(phase.last - epoch + 1)

    def _foretell(self, epochs: int) -> None:
        """Say what is to come, from a few steps that are taken back."""
        self.progress.report(0, 0, "Timing a few steps")
        rng = np.random.default_rng([self.options.seed, 2])
        given = self.learner.batches(rng)
        batch = next(given)
        given.close()
        seconds = seconds_a_step(variables_of(self.model), lambda: self.learner.step(batch))
        share = len(self.cells.validation) / len(self.cells.training)
        needed = memory_needed(self.model, self.recipe.batch_size) / 2**20
        told = about_time(epochs, self._steps, seconds, share, self.role.steps_after)
        self.progress.say(f"Expected: {told}, {needed:,.0f} MiB of memory.")

    def _plan(self) -> Plan:
        """Decide what comes next; of a whole cycle the last epoch is kept, as it was meant."""
        losses, recipe = [row["val_loss"] for row in self.history], self.recipe
        if recipe.schedule == "plateau":
            return plan(losses, recipe.plateau, recipe.patience)
        ahead = plan(losses, 0, recipe.patience)
        return replace(ahead, best=len(losses)) if len(losses) == recipe.epochs else ahead

    def _rate(self, epoch: int, step: int) -> float:
        """Give the learning rate of a step, from 0."""
        highest = self.recipe.learning_rate
        if self.recipe.schedule == "plateau":
            return highest * self._plan().rate
        phase = self.phase
        done = ((epoch - phase.first) * self._steps + step) / (self._steps * phase.epochs)
        return highest * learning_rate_at(done)

    def _learn(self, epoch: int) -> Row:
        """Go once through the training cells."""
        rng = np.random.default_rng([self.options.seed, 1, epoch])
        sums, cells = np.zeros(2), 0
        rate = self.recipe.learning_rate
        for step, batch in enumerate(self.learner.batches(rng)):
            rate = self._rate(epoch, step)
            self.model.optimizer.learning_rate.assign(rate)
            sums += len(batch.labels) * np.array(self.learner.step(batch))
            cells += len(batch.labels)
            self._report(epoch, step + 1, *sums / cells)
        loss, accuracy = (sums / cells).tolist()
        return {"loss": loss, "accuracy": accuracy, "learning_rate": rate}

    def _report(self, epoch: int, step: int, loss: float, accuracy: float) -> None:
        text = f"Epoch {epoch} of {self.recipe.epochs}: loss {loss:.3f}, accuracy {accuracy:.3f}"
        if self.history:
            text += f", validation accuracy {self.history[-1]['val_accuracy']:.3f}"
        done = (epoch - 1) * self._steps + step
        self.progress.report(done, self._steps * self.recipe.epochs, text)

    def _validate(self, model: Any, views: int) -> Row:
        """Measure loss and accuracies on the validation cells, not augmented."""
        cells, classes = self.cells, len(self.cells.labels)
        loss, matrix = 0.0, np.zeros((classes, classes), np.int64)
        for batch, chances in outcomes(model, cells, cells.validation, views, self.progress):
            loss += log_loss(chances, batch.labels)
            matrix += confusion(batch.labels, chances.argmax(1), classes)
        found = {"loss": loss / len(cells.validation), **scores(matrix)}
        found |= {"chance": chance_of(matrix)}
        return {f"val_{name}": value for name, value in found.items()}

    def _keep(self, row: Row) -> None:
        """Write the state, then the model if it is the best so far, and only then count it."""
        check_finite(row)
        with unbroken():
            if not self.history and not self.role.keeps:
                set_aside(self.role.replaces or self.options.output, self.progress)
            history = [*self.history, row]
            save_checkpoint(self.options.output, self.model, self.facts, history)
            self.history = history
            best = self._plan().best
            if best == row["epoch"]:
                self._save_model(row)
            self._show(best)

    def _show(self, best: int) -> None:
        """Write table, curve and record; one that is open in a spreadsheet may wait."""
        import pandas as pd

        output = self.options.output
        kept = {"best_epoch": best, "model": self.description.file_name}
        kept |= {"caveats": self.caveats, **self.role.record, **self.judged}
        try:
            write_table(output / HISTORY, pd.DataFrame(self.history))
            plot_history(output / CURVE, self.history, best)
            write_json(output / RECORD, provenance("train", self.told) | kept)
        except DeepometryError as error:
            self.progress.say(f"Training goes on, but {error}")

    def finish(self) -> None:
        """Judge the model that was kept as it will predict, over all views, and write that."""
        best, recipe = self._plan().best, self.recipe
        path = self.options.output / self.description.file_name
        if "val_calibration_error" in read_description(path).scores:
            return
        self.progress.report(0, 0, f"Validating over {counted(recipe.views, 'view')}")
        model = self.model if best == len(self.history) else load_model(path)[0]
        found = judge(model, self.cells, recipe.views, self.progress)
        row = {"epoch": best, **found.row, "val_views": recipe.views}
        described = replace(
            self._described(row), temperature=found.temperature, confusion=found.confusion
        )
        self.judged = {"scores": _scores(row), "temperature": found.temperature}
        with unbroken():
            save_model(model, described, path.parent)
            self._show(best)
        self.progress.say(str(found))

    @property
    def caveats(self) -> list[str]:
        """What makes the scores of the model that was kept say less than they seem to."""
        path = self.options.output / self.description.file_name
        told = no_better_than_guessing(read_description(path).scores, self.cells)
        return [*self.cells.caveats, *told]

    @property
    def kept(self) -> tuple[Path, Description, int]:
        """Where the model is, what it says of itself, and its epoch."""
        path = self.options.output / self.description.file_name
        return path, read_description(path), self._plan().best


def steps_an_epoch(cells: Cells, recipe: Recipe) -> int:
    """Count the steps of one epoch."""
    return math.ceil(len(cells.training) / recipe.batch_size)


def _line(row: Row, best: int) -> str:
    """Tell an epoch in one line."""
    return (
        f"Epoch {row['epoch']}: loss {row['loss']:.3f}, accuracy {row['accuracy']:.3f}, "
        f"validation loss {row['val_loss']:.3f}, accuracy {row['val_accuracy']:.3f}, balanced "
        f"{row['val_balanced_accuracy']:.3f}{' (kept)' * (best == row['epoch'])}"
    )


def _scores(row: Row) -> Row:
    return {"epoch": row["epoch"]} | {n: v for n, v in row.items() if n.startswith("val_")}
