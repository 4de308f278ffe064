"""Show that the memory of train, predict and extract does not grow with the number of cells.

    python tests/benchmarks/memory.py                 1,000 against 50,000 cells
    python tests/benchmarks/memory.py --frame 48 --cells 2000 200000 --verbs train

Makes stacks of noise (of 16 pixels by default, so that it takes minutes), trains one epoch, and
prints time and peak anonymous memory of each command. For parse, see parse_tiff.py.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
from watching import run_watched

CHANNELS = 2
VERBS = ("train", "predict", "extract")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cells", type=int, nargs="+", default=[1_000, 50_000])
    parser.add_argument("--frame", type=int, default=16)
    parser.add_argument("--verbs", nargs="+", choices=VERBS, default=VERBS)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        write_cells(place / "few", 64, options.frame)
        learn = ("--target", "Class", "--epochs", "1")
        run_watched("train", place / "few", place / "model", *learn)
        for cells in options.cells:
            write_cells(place / "cells", cells, options.frame)
            for verb in options.verbs:
                more = learn if verb == "train" else ("--model", place / "model")
                output = place / f"{verb}_{cells}"
                seconds, peak = run_watched(verb, place / "cells", output, *more)
                told = f"{peak / 2**20:6.0f} MiB  {seconds:6.1f} s"
                print(f"{verb:8} {cells:7,} cells  {told}", flush=True)


def write_cells(root: Path, cells: int, frame: int) -> None:
    """Write two classes of noise with the tables that name each cell."""
    random = np.random.default_rng(0)
    for label in "AB":
        folder = root / f"Class {label}"
        folder.mkdir(parents=True, exist_ok=True)
        half = cells // 2
        pixels = random.integers(0, 4096, (half, frame, frame, CHANNELS), np.uint16)
        np.save(folder / "cells.npy", pixels)
        rows = "".join(f"Class {label}/sample.cif,{n}\n" for n in range(half))
        (folder / "cells.csv").write_text("source,object\n" + rows, "utf-8")


if __name__ == "__main__":
    main()
