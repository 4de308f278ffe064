"""The whole protocol on example cells, as a first look and a check of the installation."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from deepometry.cells.parse import ParseResult
from deepometry.core.errors import DeepometryError
from deepometry.core.folder_names import HOLD_OUT, TRAIN
from deepometry.core.notebook import NotebookView, ShowsInNotebook
from deepometry.core.options.example import DEMO_TARGET, DemoOptions, ExampleOptions
from deepometry.core.options.fields import Options
from deepometry.core.options.parse import ParseOptions
from deepometry.core.options.predict import ExtractOptions, PredictOptions
from deepometry.core.options.train import TrainOptions
from deepometry.core.progress import Cancelled, Progress, Report, as_progress
from deepometry.core.steps import step_of
from deepometry.inference.extract import ExtractResult
from deepometry.inference.predict import PredictResult
from deepometry.training.train import TrainResult

Result = TypeVar("Result")


@dataclass(frozen=True)
class Run:
    """One step of the demo: its options, its result, and when (seconds since 1970)."""

    options: Options
    result: Any
    started: float
    finished: float


@dataclass(frozen=True)
class DemoResult(ShowsInNotebook):
    """The results of the steps, in their order.

    Attributes
    ----------
    runs : tuple of Run
        Example, parse, train, predict and extract.
    output : Path
        Folder of everything.
    """

    runs: tuple[Run, ...]
    output: Path

    @property
    def parsed(self) -> ParseResult:
        """Of all example cells."""
        return self._of(ParseResult)

    @property
    def trained(self) -> TrainResult:
        """On the cells not held out."""
        return self._of(TrainResult)

    @property
    def predicted(self) -> PredictResult:
        """Of the held-out cells, which training never saw."""
        return self._of(PredictResult)

    @property
    def extracted(self) -> ExtractResult:
        """Of all cells."""
        return self._of(ExtractResult)

    def _of(self, kind: type[Result]) -> Result:
        return next(run.result for run in self.runs if isinstance(run.result, kind))

    def __str__(self) -> str:
        scores, classes = self.predicted.scores, len(self.predicted.labels)
        return (
            f"\nThe network classifies {self.predicted.cells:,} held-out cells into {classes} "
            f"shapes with accuracy {scores['accuracy']:.3f} (balanced "
            f"{scores['balanced_accuracy']:.3f}; guessing: {1 / classes:.3f}).\n\n"
            f"Example images   {self.output / 'images'}\n"
            f"Parsed arrays    {self.parsed.output}\n"
            f"Model            {self.trained.model}\n"
            f"Predictions      {self.predicted.output}\n"
            f"Features         {self.extracted.table.parent}"
        )

    def notebook_view(self) -> NotebookView:
        """Show how the cells that were held out were predicted."""
        return self.predicted.notebook_view()


def demo(options: DemoOptions, progress: Progress | Report | None = None) -> DemoResult:
    """Draw example cells into .cif files, then parse, train, predict and extract.

    Parameters
    ----------
    options : DemoOptions
        Output folder, number of cells, number of epochs.
    progress : Progress or callable, optional
        Receives the progress of every step.

    Returns
    -------
    DemoResult
        With the accuracy on the held-out cells.

    Raises
    ------
    DeepometryError
        The output folder is not empty or cannot be written.
    Cancelled
        Stopped on the way; the steps that were whole remain.
    """
    progress, place = as_progress(progress), options.output
    if place.is_dir() and any(place.iterdir()):
        raise DeepometryError(
            f"Output location {place}: expected a new or empty folder for the demo, found one "
            "with files in it; delete it or choose another."
        )
    runs: list[Run] = []
    for number, (title, chosen) in enumerate(_steps(options), start=1):
        progress.say(f"{number}. {title}")
        started = time.time()
        result = step_of(chosen).run(chosen, progress)
        if getattr(result, "stopped", False):
            raise Cancelled(f"Stopped by you. The model so far: {result.model}")
        runs.append(Run(chosen, result, started, time.time()))
    return DemoResult(tuple(runs), place)


def _steps(options: DemoOptions) -> Iterator[tuple[str, Options]]:
    """Yield what each step does, and its options."""
    place, seed = options.output, options.seed
    images, parsed, model = place / "images", place / "parsed", place / "model"
    drawn = f"Example .cif files: {options.cells:,} red blood cells of seven shapes"
    yield drawn, ExampleOptions(output=images, cells=options.cells, seed=seed)
    split = "Parse, 80 % for training and 20 % held out"
    yield split, ParseOptions(input=images, output=parsed, split=0.2, seed=seed)
    training = TrainOptions(
        input=parsed / TRAIN, output=model, target=DEMO_TARGET, epochs=options.epochs, seed=seed
    )
    yield f"Train on the target {DEMO_TARGET}", training
    held_out, output = parsed / HOLD_OUT, place / "predictions"
    yield "Predict the held-out cells", PredictOptions(input=held_out, output=output, model=model)
    features = ExtractOptions(input=parsed, output=place / "features", model=model)
    yield "Extract features of all cells", features
