"""Accuracy against time: the protocol's recipe, the default, and the classical baseline.

    python tests/benchmarks/recipes.py jurkat_cell_cycle.npz --work /tmp/recipes --minutes 14

The file holds `images` (n, 40, 40, 3), `label` and `channels` (Blasi et al. 2016, Nat. Commun.
7:10256); the DNA stain is left out. All three learn from the same cells and are judged on the same
fifth (of each class) after every epoch, in a process of its own, one after the other. Time is that
of the processor, divided by the cores that it has, so that other work of the machine does not
count. A training that the budget ends is stopped there, as a user would. Writes one row an epoch
to `recipes.csv` in the work folder, and draws the picture that --picture names.
"""

import argparse
import multiprocessing
import os
import time
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from deepometry.cells.parse import parse
from deepometry.core.options.parse import ParseOptions
from deepometry.core.options.train import BaselineOptions, TrainOptions
from deepometry.core.progress import Cancelled, Progress
from deepometry.evaluation.confusion import scores
from deepometry.training.baseline import baseline
from tests.benchmarks.jurkat_protocol import write_tiffs

CHANNELS, SHARE = "3,6", 0.2
CORES = os.cpu_count() or 1
LOOKS = {
    "protocol": ("#d55e00", "recipe of the protocol (ResNet50)"),
    "standard": ("#0072b2", "standard recipe"),
    "baseline": ("#009e73", "classical baseline"),
}
SHOWN = {"accuracy": "Accuracy", "balanced": "Balanced accuracy"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("npz", type=Path)
    parser.add_argument("--work", type=Path, required=True, help="a folder for everything")
    parser.add_argument("--minutes", type=float, default=14.0, help="budget of each")
    parser.add_argument("--picture", type=Path, help="file to draw")
    options = parser.parse_args()
    parsed, table = options.work / "parsed", options.work / "recipes.csv"
    if not parsed.exists():
        write_tiffs(options.npz, options.work / "images")
        parse(ParseOptions(input=options.work / "images", output=parsed, montage=0))
    for name in LOOKS:
        if name not in known(table):
            run = multiprocessing.get_context("spawn").Process(
                target=measured, args=(name, parsed, options.work / name, table, options.minutes)
            )
            run.start()
            run.join()
    rows = pd.read_csv(table)
    for name in LOOKS:
        last = rows[rows.recipe == name].iloc[-1]
        told = f"accuracy {last.accuracy:.3f}, balanced {last.balanced:.3f}"
        print(f"{name}: {told} after {last.minutes:.1f} minutes, epoch {last.epoch:.0f}")
    if options.picture:
        draw(rows, options.picture)


def known(table: Path) -> set[str]:
    """Give the runs that a table has."""
    return set(pd.read_csv(table).recipe) if table.exists() else set()


def measured(name: str, parsed: Path, output: Path, table: Path, minutes: float) -> None:
    """Run one of the three; append its rows to the table when it is whole."""
    rows: list[dict] = []

    def spent() -> float:
        return time.process_time() / 60 / CORES

    def on_measure(row: dict) -> None:
        found = (row["val_accuracy"], row["val_balanced_accuracy"])
        rows.append(dict(zip(SHOWN, found, strict=True)) | {"minutes": spent()})
        if spent() > minutes:
            progress.cancel()

    progress = Progress(on_say=print, on_measure=on_measure)
    where = {"input": parsed, "output": output, "target": "Class", "channels": CHANNELS}
    if name == "baseline":
        found = scores(baseline(BaselineOptions(**where, validation=SHARE), progress).confusion)
        ends = (found["accuracy"], found["balanced_accuracy"])
        rows.append(dict(zip(SHOWN, ends, strict=True)) | {"minutes": spent()})
    else:
        learn(TrainOptions(**where, validation=SHARE, recipe=name), progress, rows, spent)
    frame = pd.DataFrame(rows).assign(epoch=range(1, len(rows) + 1), recipe=name)
    frame.to_csv(table, mode="a", header=not table.exists(), index=False)


def learn(options: TrainOptions, progress: Progress, rows: list[dict], spent) -> None:
    """Train; a whole training ends with its score over all views, as it would predict."""
    from deepometry.training.train import train

    try:
        result = train(options, progress)
    except Cancelled:
        return
    if not result.stopped:
        found = result.description.scores
        ends = (found["val_accuracy"], found["val_balanced_accuracy"])
        rows.append(dict(zip(SHOWN, ends, strict=True)) | {"minutes": spent()})


def draw(rows: pd.DataFrame, picture: Path) -> None:
    """Draw both scores against the minutes."""
    figure = Figure(figsize=(9, 3.6), dpi=130, facecolor="white", layout="constrained")
    for axes, (column, title) in zip(figure.subplots(1, 2), SHOWN.items(), strict=True):
        for name, (colour, told) in LOOKS.items():
            curve = rows[rows.recipe == name]
            look = {"color": colour, "label": told}
            if len(curve) == 1:
                axes.plot(curve.minutes, curve[column], "D", ms=6, **look)
                axes.axhline(curve[column].iloc[0], color=colour, lw=1, ls=":")
            else:
                axes.plot(curve.minutes, curve[column], lw=1.6, **look)
                axes.plot(curve.minutes.iloc[-1], curve[column].iloc[-1], "o", color=colour)
        axes.set(xlabel=f"Minutes on {CORES} cores", ylabel=title, ylim=(0, 1), xlim=(0, None))
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.3)
    figure.axes[0].legend(loc="lower right", fontsize=8)
    figure.savefig(picture)


if __name__ == "__main__":
    main()
