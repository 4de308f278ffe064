"""Time and memory of maps of many cells.

    python tests/benchmarks/embed_speed.py                       100,000 cells, all methods
    python tests/benchmarks/embed_speed.py --methods pca umap --cells 100000 --features 2048

Writes features of cells in twenty groups as text, as `extract` does, and prints, for every method,
seconds, seconds of processors (where others keep these busy, the better measure) and peak anonymous
memory of the whole command.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow
from pyarrow import csv
from watching import run_watched

GROUPS, BLOCK = 20, 2000
_STYLE = csv.WriteOptions(include_header=False, delimiter="\t", quoting_style="none")
METHODS = ("pca", "umap", "tsne", "phate")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cells", type=int, default=100_000)
    parser.add_argument("--features", type=int, default=2048)
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=METHODS)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        place, start = Path(name), time.perf_counter()
        write(place / "features", options.cells, options.features)
        size = (place / "features" / "features_extracted_by_pool5.txt").stat().st_size
        print(
            f"{options.cells:,} cells of {options.features:,} features, {size / 1e9:.2f} GB of "
            f"text, written in {time.perf_counter() - start:.0f} s",
            flush=True,
        )
        for method in options.methods:
            words = ("embed", place / "features", place / method, "--method", method)
            before = sum(os.times()[2:4])
            seconds, peak = run_watched(*words)
            worked = sum(os.times()[2:4]) - before
            told = json.loads((place / method / "embed.json").read_text("utf-8"))
            held = 100 * sum(told["explained"])
            print(
                f"{method:6} {seconds:7.1f} s ({worked:.0f} s of processors) "
                f"{peak / 2**20:7.0f} MiB; {told['components']} components hold {held:.0f} % of "
                "the variance",
                flush=True,
            )


def write(folder: Path, cells: int, features: int) -> None:
    """Write features of groups that overlap, never below zero, as a network's."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    middles, axes = rng.normal(0, 1, (GROUPS, 64)), rng.normal(0, 0.3, (64, features))
    with (
        (folder / "features_extracted_by_pool5.txt").open("wb") as table,
        (folder / "metadata.tsv").open("w", encoding="utf-8") as metadata,
    ):
        metadata.write("source\tobject\tClass\n")
        for first in range(0, cells, BLOCK):
            codes = rng.integers(GROUPS, size=min(BLOCK, cells - first))
            hidden = middles[codes] + rng.normal(0, 0.4, (len(codes), 64))
            found = np.maximum(hidden @ axes + rng.normal(0, 0.5, (len(codes), features)), 0)
            columns = [f"f{n}" for n in range(features)]
            csv.write_csv(pyarrow.Table.from_arrays([*found.round(4).T], columns), table, _STYLE)
            metadata.writelines(
                f"sample.cif\t{first + n}\t{code}\n" for n, code in enumerate(codes)
            )
    record = {"step": "extract", "cells": cells, "options": {"layer": "pool5"}}
    (folder / "extract.json").write_text(json.dumps(record), "utf-8")


if __name__ == "__main__":
    main()
