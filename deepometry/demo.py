"""The whole protocol on example cells, as a first look and a check of the installation."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deepometry.errors import DeepometryError
from deepometry.example import example
from deepometry.extract import ExtractResult, extract
from deepometry.names import HOLD_OUT, TRAIN
from deepometry.options import (
    DEMO_TARGET,
    DemoOptions,
    ExampleOptions,
    ExtractOptions,
    ParseOptions,
    PredictOptions,
    TrainOptions,
)
from deepometry.parse import ParseResult, parse
from deepometry.predict import PredictResult, predict
from deepometry.progress import Cancelled, Progress, Report, as_progress
from deepometry.train import TrainResult, train


@dataclass(frozen=True)
class Run:
    """One step of the demo: what it was asked, what it gave, and when (seconds since 1970)."""

    options: Any
    result: Any
    started: float
    finished: float


@dataclass(frozen=True)
class DemoResult:
    """What the steps gave, in their order.

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
        """Of the cells held out, which training never saw."""
        return self._of(PredictResult)

    @property
    def extracted(self) -> ExtractResult:
        """Of all cells."""
        return self._of(ExtractResult)

    def _of(self, kind: type[Any]) -> Any:
        return next(run.result for run in self.runs if isinstance(run.result, kind))

    def __str__(self) -> str:
        found = self.predicted.scores
        return (
            f"\nOn {self.predicted.cells:,} cells held out, the network names the right one of "
            f"{len(self.predicted.labels)} shapes with accuracy {found['accuracy']:.3f} "
            f"(balanced {found['balanced_accuracy']:.3f}; guessing gives "
            f"{1 / len(self.predicted.labels):.3f}).\n\n"
            f"Example images   {self.output / 'images'}\n"
            f"Parsed arrays    {self.parsed.output}\n"
            f"Model            {self.trained.model}\n"
            f"Predictions      {self.predicted.output}\n"
            f"Features         {self.extracted.table.parent}"
        )


def demo(options: DemoOptions, progress: Progress | Report | None = None) -> DemoResult:
    """Draw example cells into .cif files, then parse, train, predict and extract.

    Parameters
    ----------
    options : DemoOptions
        Where to, how many cells, how many epochs.
    progress : Progress or callable, optional
        Told about every step.

    Returns
    -------
    DemoResult
        With the accuracy on the cells held out.

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
    for number, (what, step, chosen) in enumerate(_steps(options), start=1):
        progress.say(f"{number}. {what}")
        started = time.time()
        result = step(chosen, progress)
        if getattr(result, "stopped", False):
            raise Cancelled(f"Stopped, as you asked. The model so far: {result.model}")
        runs.append(Run(chosen, result, started, time.time()))
    return DemoResult(tuple(runs), place)


def _steps(options: DemoOptions) -> list[tuple[str, Callable[[Any, Progress], Any], Any]]:
    """List what is done, by which step, with what options."""
    place, seed = options.output, options.seed
    images, parsed, model = place / "images", place / "parsed", place / "model"
    return [
        (
            f"Example .cif files: {options.cells:,} red blood cells of seven shapes",
            example,
            ExampleOptions(output=images, cells=options.cells, seed=seed),
        ),
        (
            "Parse, 80 % to train on and 20 % held out",
            parse,
            ParseOptions(input=images, output=parsed, split=0.2, seed=seed),
        ),
        (
            f"Train on the target {DEMO_TARGET}",
            train,
            TrainOptions(
                input=parsed / TRAIN,
                output=model,
                target=DEMO_TARGET,
                epochs=options.epochs,
                seed=seed,
            ),
        ),
        (
            "Predict the cells held out",
            predict,
            PredictOptions(input=parsed / HOLD_OUT, output=place / "predictions", model=model),
        ),
        (
            "Extract features of all cells",
            extract,
            ExtractOptions(input=parsed, output=place / "features", model=model),
        ),
    ]
