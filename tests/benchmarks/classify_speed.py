"""Measure what `classify` saves over `parse` and `predict` on the same .cif files.

    python tests/benchmarks/classify_speed.py                       20,000 cells, in turns
    python tests/benchmarks/classify_speed.py --cells 20000 200000  memory against their number
    python tests/benchmarks/classify_speed.py --model model         with a model of one's own

Cells are about 40 x 36 pixels with the noise of a camera, in 2 channels. Prints seconds, processor
seconds, peak anonymous memory and bytes on disk of each way, and whether the tables are the same;
at the end the medians, their ratio, and how busy the machine was. The two ways begin in turns.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np
from watching import run_watched

POOL = 500
FRAME = 48


@dataclass(frozen=True)
class Taken:
    """What a way took, in seconds."""

    wall: float
    processor: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cells", type=int, nargs="+", default=[20_000])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--model", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        model = options.model or _trained(place)
        for cells in options.cells:
            shutil.rmtree(place / "new", ignore_errors=True)
            write(place / "new" / "Sample 1" / "cells.cif", cells, seed=2)
            load = os.getloadavg()[0]
            turns = [compare(place, model, cells, turn) for turn in range(options.repeats)]
            summarise(cells, turns, (load, os.getloadavg()[0]))


def summarise(cells: int, turns: list[tuple[Taken, Taken]], load: tuple[float, float]) -> None:
    """Print the medians of all turns, and the median of the ratios within a turn."""
    for name in ("wall", "processor"):
        pairs = [(getattr(one, name), getattr(two, name)) for one, two in turns]
        one, two = (median(each) for each in zip(*pairs, strict=True))
        ratio = median(classified / parsed for parsed, classified in pairs)
        print(
            f"{cells:,} cells, {len(turns)} turns, {name}: parse + predict {one:.1f} s, classify "
            f"{two:.1f} s, ratio {ratio:.2f}"
        )
    print(f"load of the machine {load[0]:.1f} to {load[1]:.1f}, {os.cpu_count()} cores", flush=True)


def compare(place: Path, model: Path, cells: int, turn: int) -> tuple[Taken, Taken]:
    """Classify the cells in both ways; return what each took."""
    files, one, two = place / "new", place / "one", place / "two"
    for folder in (one, two):
        shutil.rmtree(folder, ignore_errors=True)
    parsed = ("parse", files, one / "parsed", "--frame", FRAME)
    more = ("--unannotated", "--views", 1)
    predicted = ("predict", one / "parsed", one / "out", "--model", model, *more)
    classified = ("classify", files, model, two / "out", "--views", 1)
    ways = [("parse + predict", [parsed, predicted], one), ("classify", [classified], two)]
    took = {title: report(title, cells, *way) for title, *way in ways[:: -1 if turn % 2 else 1]}
    tables = [(folder / "out" / "predicted.csv").read_bytes() for folder in (one, two)]
    print(f"the same table: {tables[0] == tables[1]}", flush=True)
    return took["parse + predict"], took["classify"]


def report(title: str, cells: int, commands: list[tuple[object, ...]], folder: Path) -> Taken:
    """Run commands, and print what they took."""
    before, seconds, peaks = processor_seconds(), 0.0, []
    for words in commands:
        each, peak = run_watched(*words)
        seconds += each
        peaks.append(peak)
    used, size = processor_seconds() - before, sum(p.stat().st_size for p in folder.rglob("*.*"))
    print(
        f"{title:16} {cells:8,} cells {seconds:7.1f} s, {used:7.1f} s of processor time, "
        f"{max(peaks) / 2**20:6.0f} MiB, {size / 1e6:9,.1f} MB on disk",
        flush=True,
    )
    return Taken(seconds, used)


def processor_seconds() -> float:
    """Return the processor time of all commands so far."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def write(path: Path, cells: int, seed: int, bright: float = 600) -> None:
    """Write cells from a pool, over and over."""
    from deepometry.images.cif.writer import CifWriter

    random = np.random.default_rng(seed)
    images = [made_up(random, bright) for _ in range(min(POOL, cells))]
    background = np.array([[100.0, 4.0]] * 2)
    path.parent.mkdir(parents=True, exist_ok=True)
    with CifWriter(path, (1, 9)) as writer:
        pool = [writer.encode(image, image > 120, background=background) for image in images]
        for number in range(cells):
            writer.add_encoded(pool[number % len(pool)])


def made_up(random: np.random.Generator, bright: float) -> np.ndarray:
    """Draw a cell: camera noise, and a blob."""
    height, width = random.integers(34, 47), random.integers(30, 43)
    y, x = np.mgrid[:height, :width]
    far = ((y - height / 2) ** 2 + (x - width / 2) ** 2) / 60
    image = random.normal(100, 4, (height, width, 2)) + np.exp(-far)[..., None] * (bright, 90)
    return np.rint(image).astype(np.uint16)


def _trained(place: Path) -> Path:
    """Train a small network on two classes."""
    for label, bright in (("dim", 500), ("bright", 700)):
        write(
            place / "train" / f"Class {label}" / "cells.cif", 200, seed=int(bright), bright=bright
        )
    run_watched("parse", place / "train", place / "known", "--frame", FRAME)
    learn = ("--target", "Class", "--epochs", 2, "--network", "small18")
    run_watched("train", place / "known", place / "model", *learn)
    return place / "model"


if __name__ == "__main__":
    main()
