"""Time and memory of the baseline.

    python tests/benchmarks/baseline_speed.py                 2,000 against 10,000 cells

Makes stacks of noisy discs of two sizes (frame 48, two channels) and prints the time and the peak
anonymous memory of the whole command, tables included.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
from watching import run_watched

FRAME, CHANNELS = 48, 2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cells", type=int, nargs="+", default=[2_000, 10_000])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        for cells in (100, *options.cells):  # the first run compiles
            write_cells(place / str(cells), cells)
            given = (place / str(cells), place / f"out_{cells}", "--target", "Class")
            seconds, peak = run_watched("baseline", *given)
            print(f"{cells:8,} cells  {peak / 2**20:6.0f} MiB  {seconds:6.1f} s", flush=True)


def write_cells(root: Path, cells: int) -> None:
    """Write two classes of discs with the tables that name each cell."""
    random = np.random.default_rng(0)
    y, x = np.mgrid[:FRAME, :FRAME] - (FRAME - 1) / 2
    for label, radius in (("A", 13), ("B", 15)):
        folder = root / f"Class {label}"
        folder.mkdir(parents=True)
        half = cells // 2
        shape = (half, FRAME, FRAME, CHANNELS)
        pixels = np.lib.format.open_memmap(folder / "cells.npy", "w+", np.uint16, shape)
        for cell in range(half):
            size = radius + random.normal(0, 1)
            light = random.normal(100, 5, shape[1:]) + 200 * (np.hypot(x, y) < size)[..., None]
            pixels[cell] = light.round()
        rows = "".join(f"Class {label}/sample.cif,{n}\n" for n in range(half))
        (folder / "cells.csv").write_text("source,object\n" + rows, "utf-8")


if __name__ == "__main__":
    main()
