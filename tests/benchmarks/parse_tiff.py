"""Measure how fast parse turns .tif files, one a cell and channel, into stacks.

    python tests/benchmarks/parse_tiff.py                      1,000 and 50,000 made-up cells
    python tests/benchmarks/parse_tiff.py --npz cells.npz      real ones: arrays images, channels

Prints files a second, from a warm disk cache, processor time, and the peak memory of the process
that parses.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import tifffile

CLASSES = ("G1", "S", "G2", "Prophase", "Metaphase")
REPEATS = 3


def made_up(cells: int) -> Iterator[np.ndarray]:
    """Give noise of 40 x 40 pixels in 3 channels."""
    random = np.random.default_rng(0)
    pool = random.normal(300, 30, (256, 40, 40, 3)).astype(np.uint16)
    for number in range(cells):
        yield pool[number % len(pool)]


def from_npz(path: Path, cells: int) -> Iterator[np.ndarray]:
    """Give real cells, over again if there are too few."""
    with np.load(path) as content:
        images = content["images"]
    for number in range(cells):
        yield images[number % len(images)]


def write(folder: Path, images: Iterator[np.ndarray]) -> int:
    """Write one .tif a cell and channel, as IDEAS does; give the number of files."""
    files = 0
    for number, image in enumerate(images):
        place = folder / f"Class {CLASSES[number % len(CLASSES)]}"
        place.mkdir(parents=True, exist_ok=True)
        for channel, plane in zip((3, 4, 6), np.moveaxis(image, 2, 0), strict=True):
            name = place / f"cell_{number:06}_Ch{channel}.ome.tif"
            tifffile.imwrite(name, np.ascontiguousarray(plane), metadata=None)
            files += 1
    return files


def peak_memory() -> float:
    """Give the most memory this process has had, in MB."""
    if sys.platform == "win32":
        import psutil

        return psutil.Process().memory_info().peak_wset / 1e6
    if sys.platform == "linux":  # getrusage there counts the process that started this one
        status = Path("/proc/self/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) / 1e3
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def parse_once(folder: Path, output: Path) -> None:
    """Parse, in a process of its own, and print seconds and memory as JSON."""
    from deepometry.cells.parse import parse
    from deepometry.core.options.parse import ParseOptions

    before, start, busy = peak_memory(), time.perf_counter(), time.process_time()
    result = parse(ParseOptions(input=folder, output=output))
    told = {
        "seconds": time.perf_counter() - start,
        "busy": time.process_time() - busy,
        "cells": result.cells,
        "before": before,
        "peak": peak_memory(),
    }
    print(json.dumps(told))


def measure(folder: Path, files: int) -> None:
    """Parse a few times, print the median."""
    runs = []
    for _ in range(REPEATS + 1):  # the first run only warms the cache
        with tempfile.TemporaryDirectory() as output:
            command = [sys.executable, __file__, "--once", str(folder), output]
            told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            runs.append(json.loads(told))
    seconds = statistics.median(run["seconds"] for run in runs[1:])
    busy = statistics.median(run["busy"] for run in runs[1:])
    print(
        f"{runs[0]['cells']:>7,} cells, {files:>7,} files: {files / seconds:>7,.0f} files/s "
        f"({seconds:.2f} s, of which {busy:.2f} s of one processor), "
        f"peak memory {max(run['peak'] for run in runs):.0f} MB, of which "
        f"{runs[-1]['before']:.0f} MB before the parse"
    )


def main() -> None:
    """Read the arguments, make the cells, measure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--npz", type=Path, help="real cells: images (n, 40, 40, 3)")
    parser.add_argument("--cells", type=int, nargs="+", default=[1_000, 50_000])
    parser.add_argument("--once", type=Path, nargs=2, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.once:
        parse_once(*chosen.once)
        return
    for cells in chosen.cells:
        with tempfile.TemporaryDirectory() as folder:
            images = from_npz(chosen.npz, cells) if chosen.npz else made_up(cells)
            measure(Path(folder), write(Path(folder), images))


if __name__ == "__main__":
    main()
