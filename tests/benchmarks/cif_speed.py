"""Measure how fast .cif files become arrays, and what a million cells cost.

    python tests/benchmarks/cif_speed.py                          5,000 to 100,000 cells
    python tests/benchmarks/cif_speed.py --cells 5000 1000000     needs 8 GB of disk (2 channels)
    python tests/benchmarks/cif_speed.py --compile                the first call and the next ones

Cells are about 100 x 60 pixels with the noise of a camera, 2 channels are kept of 2 and of 12. Each
figure is the median of runs in processes of their own, in turns, from a warm disk cache: `walk`
finds the cells of a file, `read` turns all of them into arrays in memory, `parse` is the whole
step (read, frame, pad, write), with montages and without. Memory is what the process had most of
that is not a file in memory: beyond it, the system needs none.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import psutil

POOL = 500
FRAME = 64
KEPT = {2: (1, 2), 12: (1, 9)}


def made_up(channels: int, random: np.random.Generator) -> np.ndarray:
    """Draw a cell: camera noise, and a blob that is bright in every third channel."""
    height, width = random.integers(92, 109), random.integers(54, 67)
    y, x = np.mgrid[:height, :width]
    far = ((y - height / 2) ** 2 + (x - width / 2) ** 2) / 144
    image = random.normal(np.linspace(30, 45, channels), 0.9, (height, width, channels))
    bright = np.where(np.arange(channels) % 3 == 0, 600, 60)
    return np.rint(image + np.exp(-far)[..., None] * bright).astype(np.uint16)


def write(path: Path, cells: int, channels: int) -> None:
    """Write cells from a pool, over and over."""
    from deepometry.images.cif.writer import CifWriter

    random = np.random.default_rng(channels)
    background = np.stack([np.linspace(30, 45, channels), np.full(channels, 0.9)], axis=1)
    with CifWriter(path, range(1, channels + 1), brightfield=(1,)) as writer:
        images = [made_up(channels, random) for _ in range(min(POOL, cells))]
        pool = [writer.encode(i, i > 60, background=background, centre=(30, 50)) for i in images]
        for number in range(cells):
            writer.add_encoded(pool[number % len(pool)])


class Memory:
    """Watches the memory of this process that no file stands for, in MiB."""

    def __init__(self) -> None:
        self._process, self._going = psutil.Process(), True
        self.before = self.most = self._now()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def _now(self) -> float:
        if sys.platform == "linux":
            status = Path("/proc/self/status").read_text()
            return int(status.split("RssAnon:")[1].split()[0]) / 1024
        return self._process.memory_full_info().uss / 2**20

    def _watch(self) -> None:
        while self._going:
            self.most = max(self.most, self._now())
            time.sleep(0.02)

    def stop(self) -> float:
        """Give the most that there was."""
        self._going = False
        self._thread.join()
        return max(self.most, self._now())


def once(task: str, path: Path, kept: tuple[int, ...]) -> dict[str, float]:
    """Do one thing, after a little of the same that compiles and warms up."""
    from deepometry.cells.parse import parse
    from deepometry.core.options.parse import ParseOptions
    from deepometry.images.cif.batches import read_batches
    from deepometry.images.cif.reader import CifReader

    small = path.with_suffix(".small.cif")
    if task == "walk":
        with CifReader(small):
            pass
        memory, start = Memory(), time.perf_counter()
        with CifReader(path) as reader:
            seconds = time.perf_counter() - start
            cells = len(reader)
    elif task == "read":
        with CifReader(small) as reader:
            list(read_batches(reader, kept))
        with CifReader(path) as reader:
            memory, start, cells = Memory(), time.perf_counter(), 0
            for batch in read_batches(reader, kept):
                cells += len(batch) - len(batch.odd)
            seconds = time.perf_counter() - start
    else:
        how = {"frame": FRAME, "channels": kept, "montage": 15 if task == "montages" else 0}
        with tempfile.TemporaryDirectory(dir=path.parent) as place:
            parse(ParseOptions(input=small, output=Path(place) / "small", **how))
            memory, start = Memory(), time.perf_counter()
            cells = parse(ParseOptions(input=path, output=Path(place) / "all", **how)).cells
            seconds = time.perf_counter() - start
    return {"cells": cells, "seconds": seconds, "memory": memory.stop(), "before": memory.before}


def run(task: str, path: Path, channels: int) -> dict[str, float]:
    """Do one thing in a process of its own."""
    command = [sys.executable, __file__, "--once", task, str(path), str(channels)]
    told = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return json.loads(told.splitlines()[-1])


def measure(paths: dict[int, Path], channels: int, repeats: int) -> None:
    """Print a table: a row a number of cells."""
    print(f"\n2 channels of {channels}")
    tasks = ("walk", "read", "parse", "montages")
    for path in paths.values():
        with path.open("rb") as file:  # into the disk cache
            while file.read(1 << 24):
                pass
    found: dict[tuple[int, str], list[dict[str, float]]] = {}
    for _ in range(repeats):
        for cells, path in paths.items():
            for task in tasks:
                found.setdefault((cells, task), []).append(run(task, path, channels))
    for (cells, task), runs in found.items():
        seconds = statistics.median(one["seconds"] for one in runs)
        memory = max(one["memory"] for one in runs)
        before = max(one["before"] for one in runs)
        assert all(one["cells"] == cells for one in runs), "cells were lost"
        print(
            f"{cells:>9,} cells  {task:<9} {seconds:8.3f} s  {cells / seconds:>9,.0f} cells/s  "
            f"{seconds / cells * 1e6:6.2f} us a cell  {memory:5.0f} MiB, {before:.0f} before"
        )


def measure_compiling(folder: Path) -> None:
    """Time the command from nothing: with an empty cache of compiled code, and with a full one."""
    path = folder / "few.cif"
    write(path, 200, 2)
    places = os.environ | {"NUMBA_CACHE_DIR": str(folder / "cache")}
    for name in ("first process", "second process", "third process"):
        start = time.perf_counter()
        command = [sys.executable, "-m", "deepometry", "parse", str(path), str(folder / name)]
        subprocess.run(command, check=True, stdout=subprocess.PIPE, env=places)
        print(f"deepometry parse of 200 cells, {name}: {time.perf_counter() - start:.2f} s")


def main() -> None:
    """Read the arguments, write the files, measure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cells", type=int, nargs="+", default=[5_000, 20_000, 100_000])
    parser.add_argument("--channels", type=int, nargs="+", default=[2, 12], choices=list(KEPT))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument(
        "--folder", type=Path, help="where the files go; a temporary one by default"
    )
    parser.add_argument("--compile", action="store_true", help="measure compiling instead")
    parser.add_argument("--once", nargs=3, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.once:
        task, path, channels = chosen.once
        print(json.dumps(once(task, Path(path), KEPT[int(channels)])))
        return
    folder = Path(tempfile.mkdtemp(dir=chosen.folder))
    try:
        if chosen.compile:
            measure_compiling(folder)
            return
        for channels in chosen.channels:
            paths = {cells: folder / f"{cells}_{channels}.cif" for cells in chosen.cells}
            for cells, path in paths.items():
                write(path, cells, channels)
                write(path.with_suffix(".small.cif"), 300, channels)
            measure(paths, channels, chosen.repeats)
            for path in folder.glob("*.cif"):
                path.unlink()
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
