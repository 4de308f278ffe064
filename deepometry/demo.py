"""The whole protocol on example cells, as a first look and a check of the installation."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from deepometry.errors import DeepometryError
from deepometry.example import write_example
from deepometry.extract import ExtractResult, extract
from deepometry.options import (
    DemoOptions,
    ExtractOptions,
    ParseOptions,
    PredictOptions,
    TrainOptions,
)
from deepometry.parse import ParseResult, parse
from deepometry.predict import PredictResult, predict
from deepometry.progress import Cancelled, Progress, Report, as_progress
from deepometry.targets import targets
from deepometry.train import TrainResult, train

TARGET = "Class"


@dataclass(frozen=True)
class DemoResult:
    """What the steps gave, in their order.

    Attributes
    ----------
    parsed : ParseResult
    trained : TrainResult
    predicted : PredictResult
        On the cells held out, which training never saw.
    extracted : ExtractResult
    output : Path
        Folder of everything.
    """

    parsed: ParseResult
    trained: TrainResult
    predicted: PredictResult
    extracted: ExtractResult
    output: Path

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
    progress.say(f"1. Example .cif files: {options.cells:,} red blood cells of seven shapes")
    write_example(place / "images", options.cells, options.seed, progress)
    parsed = _parse(options, progress)
    trained = _train(options, progress)
    progress.say("4. Predict the cells held out")
    predicted = predict(
        PredictOptions(
            input=place / "parsed" / "Hold-out",
            output=place / "predictions",
            model=trained.model.parent,
        ),
        progress,
    )
    progress.say("5. Extract features of all cells")
    chosen = ExtractOptions(
        input=place / "parsed", output=place / "features", model=trained.model.parent
    )
    return DemoResult(parsed, trained, predicted, extract(chosen, progress), place)


def _parse(options: DemoOptions, progress: Progress) -> ParseResult:
    progress.say("2. Parse, 80 % to train on and 20 % held out")
    place = options.output
    return parse(
        ParseOptions(input=place / "images", output=place / "parsed", split=0.2, seed=options.seed),
        progress,
    )


def _train(options: DemoOptions, progress: Progress) -> TrainResult:
    """Train for a few epochs: a first look is to take minutes."""
    place = options.output
    offered = targets(place / "parsed" / "Train", progress)
    progress.say(f"3. Train on {TARGET}, out of the targets {', '.join(map(str, offered))}")
    result = train(
        TrainOptions(
            input=place / "parsed" / "Train",
            output=place / "model",
            target=TARGET,
            epochs=options.epochs,
            seed=options.seed,
        ),
        progress,
    )
    if result.stopped:
        raise Cancelled(f"Stopped, as you asked. The model so far: {result.model}")
    return result
