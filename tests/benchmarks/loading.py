"""Measure how fast random batches come from a memory-mapped stack.

    python tests/benchmarks/loading.py                200,000 cells of 48 x 48 x 2, uint16

Prints cells a second over one epoch of shuffled batches without augmentation (median of 3, warm
disk cache) and the anonymous memory that this takes beyond the file mapping.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
from watching import anonymous_memory

from deepometry.cells.batches import batches
from deepometry.cells.dataset import Dataset, open_dataset
from deepometry.cells.sampling import training_order


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cells", type=int, default=200_000)
    parser.add_argument("--batch-size", type=int, default=32)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        write_stack(Path(place) / "cells.npy", options.cells)
        dataset = open_dataset(Path(place))
        before = anonymous_memory()
        rates = [one_epoch(dataset, options.batch_size, seed) for seed in range(4)][1:]
        used = anonymous_memory() - before
    print(f"{statistics.median(rates):,.0f} cells a second (runs: {rates})")
    print(f"{used / 2**20:.0f} MiB of anonymous memory")


def write_stack(path: Path, cells: int) -> None:
    shape = (cells, 48, 48, 2)
    stack = np.lib.format.open_memmap(path, "w+", np.uint16, shape)
    random = np.random.default_rng(0)
    for first in range(0, cells, 1000):
        stack[first : first + 1000] = random.integers(0, 4096, (1000, 48, 48, 2), np.uint16)
    stack.flush()


def one_epoch(dataset: Dataset, size: int, seed: int) -> float:
    codes = np.zeros(len(dataset), np.int64)
    start = time.perf_counter()
    random = np.random.default_rng(seed)
    order = training_order(np.arange(len(dataset)), codes, size, "none", random)
    seen = sum(len(batch.images) for batch in batches(dataset, order, codes, size))
    return round(seen / (time.perf_counter() - start))


if __name__ == "__main__":
    main()
