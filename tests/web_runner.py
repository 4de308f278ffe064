"""A job's process with one more verb, whose step does what a test wants: slow, deaf, dying ..."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from deepometry.core.errors import Choice, DeepometryError, OptionsError, Question
from deepometry.core.files import staged
from deepometry.core.options.fields import Options, option, read_path, read_text, whole
from deepometry.core.progress import Progress
from deepometry.core.step import Step
from deepometry.core.steps import STEPS
from deepometry.web.jobs import worker


@dataclass(frozen=True, kw_only=True)
class TryOptions(Options):
    """What the step is to do, how often, and how long each time, in hundredths of a second."""

    output: Path = option("Output location", "A folder.", read_path)
    act: str = option("Act", "What to do.", read_text, "count")
    times: int = option("Times", "How often.", whole(0), 3)
    pause: int = option("Pause", "How long each time.", whole(0), 0)


@dataclass(frozen=True)
class TryResult:
    """One of every kind of value that results have."""

    output: Path
    matrix: np.ndarray
    scores: dict[str, float]
    names: tuple[str, ...]
    nothing: float


def attempt(options: TryOptions, progress: Progress) -> TryResult:
    """Do what the options say, inside a stage as every step."""
    if options.act == "full":
        raise OSError(28, "No space left on device", "x.npy")
    with staged(options.output) as stage:
        (stage / "half.txt").write_text("half")
        _ACTS[options.act](options, progress)
        (stage / "half.txt").rename(stage / "whole.txt")
    numbers = np.arange(4).reshape(2, 2)
    scores = {"accuracy": np.float64(0.5), "lost": float("nan")}
    return TryResult(options.output, numbers, scores, ("a", "ü"), float("inf"))


def _count(options: TryOptions, progress: Progress) -> None:
    for number in range(options.times):
        progress.report(number, options.times, f"Step {number}")
        time.sleep(options.pause / 100)
    progress.say("Counted.")


def _measure(options: TryOptions, progress: Progress) -> None:
    for epoch in range(1, options.times + 1):
        progress.report(epoch, options.times, f"Epoch {epoch}")
        progress.measure({"epoch": epoch, "loss": np.float32(1) / epoch, "val_loss": np.nan})
        progress.say(f"Epoch {epoch} is over.")
        time.sleep(options.pause / 100)


def _sleep(options: TryOptions, progress: Progress) -> None:
    progress.report(0, 0, "Sleeping")
    time.sleep(600)


def _die(options: TryOptions, progress: Progress) -> None:
    progress.report(1, 2, "Dying")
    progress.say("Last words")
    os._exit(7)


def _raise(error: Exception):
    def act(options: TryOptions, progress: Progress) -> None:
        raise error

    return act


def _ask(options: TryOptions, progress: Progress) -> None:
    if options.times == 3:
        few = Choice("1", "Once", "1 of 3", b"\x89PNG")
        raise Question("times", "Times: expected fewer; set --times.", [few, Choice("2", "Twice")])


_ACTS = {
    "ask": _ask,
    "count": _count,
    "measure": _measure,
    "sleep": _sleep,
    "die": _die,
    "mistake": _raise(DeepometryError("The input is not what it should be: mend it.")),
    "fields": _raise(OptionsError({"times": "Times: expected fewer."})),
    "bug": _raise(ZeroDivisionError("by <zero>")),
    "memory": _raise(MemoryError()),
}

TRY = Step(
    name="try",
    title="Try",
    summary="Try something.",
    example="try out",
    options=TryOptions,
    function="tests.web_runner:attempt",
)


def main() -> None:
    """Run a job of this step, or of any other."""
    STEPS[TRY.name] = TRY
    worker.main()


if __name__ == "__main__":
    main()
