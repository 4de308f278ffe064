"""Training: a residual network learns a target that the folder names define."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from deepometry.augment import augment
from deepometry.backend import device, prepare
from deepometry.checkpoint import STATE, Checkpoint, Row, load_checkpoint, restore, save_checkpoint
from deepometry.errors import DeepometryError
from deepometry.files import provenance, write_json
from deepometry.loading import Batch, batches, channel_statistics, class_weights, training_order
from deepometry.model import Description, read_description, save_model
from deepometry.network import build_network, compile_network
from deepometry.options import TrainOptions
from deepometry.progress import Cancelled, Progress, Report, as_progress, unbroken
from deepometry.report import confusion, plot_history, scores, write_table
from deepometry.schedule import plan
from deepometry.training_cells import Cells, about, check_output, gather_cells

HISTORY, CURVE, RECORD = "training.csv", "train_val_loss.png", "train.json"
_KEPT = ("model_*.keras", HISTORY, CURVE, RECORD, STATE)
_CHANGEABLE = {"input", "output", "epochs", "patience", "plateau", "resume"}


@dataclass(frozen=True)
class TrainResult:
    """What a training gave.

    Attributes
    ----------
    model : Path
        The model file: the epoch with the lowest validation loss.
    description : Description
        What it says of itself, scores included.
    history : list of dict
        One row an epoch.
    best_epoch : int
        The epoch that was kept, from 1.
    stopped : bool
        Whether the user stopped it.
    """

    model: Path
    description: Description
    history: list[Row]
    best_epoch: int
    stopped: bool

    def __str__(self) -> str:
        found = self.description.scores
        return (
            f"Kept epoch {self.best_epoch} of {len(self.history)}: validation accuracy "
            f"{found['val_accuracy']:.3f}, balanced {found['val_balanced_accuracy']:.3f}.\n"
            f"Model: {self.model}"
        )


def train(options: TrainOptions, progress: Progress | Report | None = None) -> TrainResult:
    """Train a residual network on a target that the folder names define.

    Parameters
    ----------
    options : TrainOptions
        Where the cells are, what to learn, and how.
    progress : Progress or callable, optional
        Told (steps done, steps in all, text), and by `measure` the row of every epoch, those
        before a resumed training too; its `cancel` stops the training, which keeps the best
        model so far.

    Returns
    -------
    TrainResult
        The model file and its scores. `training.csv`, `train_val_loss.png` and `train.json` lie
        beside it.

    Raises
    ------
    DeepometryError
        The cells, the target or the output folder cannot be used.
    Cancelled
        Stopped before the first epoch was whole: there is no model.
    """
    progress = as_progress(progress)
    check_output(options.output)
    cells = gather_cells(options, progress)
    progress.say(f"Training on the {about(cells)}. Device: {device()}.")
    prepare()
    run = _Run(options, cells, progress)
    try:
        run.go()
    except (Cancelled, KeyboardInterrupt):
        if not run.history:
            raise Cancelled("Stopped before the first epoch was whole; no model.") from None
        return run.result(stopped=True)
    return run.result(stopped=False)


# --- the training itself ---------------------------------------------------------------------


class _Run:
    """One training: the network, its history, and what is written after every epoch."""

    def __init__(self, options: TrainOptions, cells: Cells, progress: Progress) -> None:
        self.options, self.cells, self.progress = options, cells, progress
        self.facts = _facts(options, cells)
        earlier = self._earlier() if options.resume else None
        self.history: list[Row] = earlier.history if earlier else []
        progress.report(0, 0, "Building the network")
        self.model = self._network()
        if earlier:
            restore(self.model, earlier, options.output)
        self.weights = class_weights(
            cells.codes[cells.training], len(cells.labels), options.balance
        )
        self.description = _describe(options, cells)
        if earlier:
            self._mend_model()

    def _earlier(self) -> Checkpoint:
        earlier = load_checkpoint(self.options.output)
        for name, value in self.facts.items():
            if earlier.facts.get(name) != value:
                raise DeepometryError(
                    f"{name}: expected {earlier.facts.get(name)!r}, with which the training in "
                    f"{self.options.output} began, found {value!r}; use the same, or train "
                    "without resuming."
                )
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
        return replace(self.description, scores=_scores(row))

    def _network(self) -> Any:
        cells, options = self.cells, self.options
        means, deviations = channel_statistics(cells.dataset, cells.training, cells.columns)
        model = build_network(
            options.network,
            cells.dataset.frame,
            len(cells.labels),
            options.scaling,
            means.tolist(),
            deviations.tolist(),
            options.seed,
        )
        compile_network(model, options.learning_rate)
        return model

    @property
    def _steps(self) -> int:
        return math.ceil(len(self.cells.training) / self.options.batch_size)

    def go(self) -> None:
        """Train until the last epoch, or until nothing improves any more."""
        for row in self.history:
            self.progress.measure(row)
        for epoch in range(len(self.history) + 1, self.options.epochs + 1):
            ahead = self._plan()
            if ahead.stop:
                self.progress.say(f"No improvement since epoch {ahead.best}: stopped.")
                return
            rate = self.options.learning_rate * ahead.rate
            self.model.optimizer.learning_rate.assign(rate)
            start = time.monotonic()
            row = {"epoch": epoch, **self._learn(epoch), **self._validate()}
            row |= {"learning_rate": rate, "seconds": time.monotonic() - start}
            self._keep(row)
            self.progress.measure(row)
            self.progress.say(_line(row, self._plan().best))

    def _plan(self) -> Any:
        losses = [row["val_loss"] for row in self.history]
        return plan(losses, self.options.plateau, self.options.patience)

    def _learn(self, epoch: int) -> Row:
        """Go once through the training cells."""
        rng = np.random.default_rng([self.options.seed, 1, epoch])
        sums, cells = np.zeros(2), 0
        for step, batch in enumerate(self._training_batches(rng), start=1):
            logs = self.model.train_on_batch(
                batch.images, batch.labels, sample_weight=batch.weights, return_dict=True
            )
            sums += len(batch.labels) * np.array([logs["loss"], logs["accuracy"]], float)
            cells += len(batch.labels)
            self._report(epoch, step, *sums / cells)
        return dict(zip(("loss", "accuracy"), (sums / cells).tolist(), strict=True))

    def _training_batches(self, rng: np.random.Generator) -> Iterator[Batch]:
        cells, options = self.cells, self.options
        order = training_order(
            cells.training, cells.codes, options.batch_size, options.balance, rng
        )

        def change(images: np.ndarray) -> np.ndarray:
            return augment(images, rng, options.flips, options.rotation, options.shifts)

        return batches(
            cells.dataset,
            order,
            cells.codes,
            options.batch_size,
            cells.columns,
            self.weights,
            change,
        )

    def _report(self, epoch: int, step: int, loss: float, accuracy: float) -> None:
        text = f"Epoch {epoch} of {self.options.epochs}: loss {loss:.3f}, accuracy {accuracy:.3f}"
        if self.history:
            text += f", validation accuracy {self.history[-1]['val_accuracy']:.3f}"
        done = (epoch - 1) * self._steps + step
        self.progress.report(done, self._steps * self.options.epochs, text)

    def _validate(self) -> Row:
        """Measure loss and accuracies on the validation cells, not augmented."""
        cells, classes = self.cells, len(self.cells.labels)
        loss, matrix = 0.0, np.zeros((classes, classes), np.int64)
        for batch in batches(
            cells.dataset, cells.validation, cells.codes, _EVALUATED_AT_ONCE, cells.columns
        ):
            chances = self.model.predict_on_batch(batch.images)
            right = np.take_along_axis(chances, batch.labels[:, None], 1)
            loss -= float(np.log(np.maximum(right, 1e-7)).sum())
            matrix += confusion(batch.labels, chances.argmax(1), classes)
            self.progress.check()
        found = {"loss": loss / len(cells.validation), **scores(matrix)}
        return {f"val_{name}": value for name, value in found.items()}

    def _keep(self, row: Row) -> None:
        """Write the state, then the model if it is the best so far, and only then count it."""
        _check_finite(row)
        with unbroken():
            if not self.history:
                _set_aside(self.options.output, self.progress)
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
        kept |= {"caveats": list(self.cells.caveats)}
        try:
            write_table(output / HISTORY, pd.DataFrame(self.history))
            plot_history(output / CURVE, self.history, best)
            write_json(output / RECORD, provenance("train", self.options) | kept)
        except DeepometryError as error:
            self.progress.say(f"Training goes on, but {error}")

    def result(self, stopped: bool) -> TrainResult:
        """Say what came out."""
        best = self._plan().best
        description = self._described(self.history[best - 1])
        path = self.options.output / description.file_name
        return TrainResult(path, description, self.history, best, stopped)


_EVALUATED_AT_ONCE = 128


def _line(row: Row, best: int) -> str:
    """Tell an epoch in one line."""
    return (
        f"Epoch {row['epoch']}: loss {row['loss']:.3f}, accuracy {row['accuracy']:.3f}, "
        f"validation loss {row['val_loss']:.3f}, accuracy {row['val_accuracy']:.3f}, balanced "
        f"{row['val_balanced_accuracy']:.3f}{' (best so far)' * (best == row['epoch'])}"
    )


def _scores(row: Row) -> Row:
    return {"epoch": row["epoch"]} | {n: v for n, v in row.items() if n.startswith("val_")}


def _check_finite(row: Row) -> None:
    if not (math.isfinite(row["loss"]) and math.isfinite(row["val_loss"])):
        raise DeepometryError(
            f"Epoch {row['epoch']:.0f}: expected a loss that is a number, found "
            f"{row['loss']:g} in training and {row['val_loss']:g} in validation; use a lower "
            "--learning-rate. The best model so far, if any, is kept."
        )


def _facts(options: TrainOptions, cells: Cells) -> dict[str, Any]:
    """Name all that a resumed training must share with the one it goes on with."""
    told = {n: v for n, v in asdict(options).items() if n not in _CHANGEABLE}
    told |= {"target": cells.target, "channels": options.channels and list(options.channels)}
    shape = {"frame": cells.dataset.frame, "labels": list(cells.labels)}
    return told | shape | {"cells": cells.fingerprint}


def _describe(options: TrainOptions, cells: Cells) -> Description:
    dataset = cells.dataset
    known = dataset.channels
    channels = tuple(known[c] for c in cells.columns) if known else options.channels
    names = {str(n): dataset.channel_names[n] for n in channels or () if n in dataset.channel_names}
    used = np.concatenate([cells.training, cells.validation])
    counts = np.bincount(cells.codes[used], minlength=len(cells.labels))
    return Description(
        labels=cells.labels,
        target=cells.target,
        channels=channels,
        depth=len(cells.columns),
        channel_names=names,
        frame=dataset.frame,
        network=options.network,
        scaling=options.scaling,
        fingerprint=cells.fingerprint,
        cells=dict(zip(cells.labels, counts.tolist(), strict=True)),
        record=provenance("train", options),
    )


def _set_aside(output: Path, progress: Progress) -> None:
    """Move what an earlier training left in the output folder out of the way, whole."""
    found = [path for pattern in _KEPT for path in output.glob(pattern)]
    if not found:
        return
    number = 1
    while (place := output / f"earlier_{number}").exists():
        number += 1
    place.mkdir()
    for path in found:
        path.replace(place / path.name)
    progress.say(f"The earlier training in {output} was moved to {place}.")
