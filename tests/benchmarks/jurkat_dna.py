"""Predict the DNA stain of the Jurkat cells from brightfield and darkfield, fold by fold.

    python tests/benchmarks/jurkat_dna.py jurkat_cell_cycle.npz --work /tmp/dna
    python tests/benchmarks/jurkat_dna.py jurkat_cell_cycle.npz --work /tmp/dna --cells 600 \
        --epochs 6 --network small10                     a small budget, to try it

The file holds `images` (n, 40, 40, 3), `label` and `channels` (Blasi et al. 2016, Nat. Commun.
7:10256); channel 4 is propidium iodide, which stains DNA. `deepometry stain` measures it, `train
--folds` learns that number from the other two channels with all its defaults, and `baseline`
learns it from classical features in the same folds. Prints R2, Pearson and Spearman correlations
and mean absolute errors of both, with 95 % intervals, the spread over the folds, and which has the
smaller errors. Options that it does not know are passed on to `deepometry train`.
"""

import argparse
import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
from five_folds import FOLDS, run
from tifffile import imwrite

STAIN = 4
TARGET = "DNA"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("npz", type=Path)
    parser.add_argument("--work", type=Path, required=True, help="a folder for everything")
    parser.add_argument("--cells", type=int, default=0, help="so many at random; all by default")
    parser.add_argument("--seed", type=int, default=0)
    options, more = parser.parse_known_args()
    parsed, model = options.work / "parsed", options.work / f"model_{options.seed}"
    if not parsed.exists():
        write_images(options.npz, options.work / "images", options.cells)
        run("parse", options.work / "images", parsed, "--montage", "0")
        run("stain", parsed, STAIN, "--name", TARGET)
    asked = ("--target", TARGET, "--folds", FOLDS, "--seed", options.seed)
    if not (model / "cross_validation.json").exists():
        shutil.rmtree(model, ignore_errors=True)
        minutes = run("train", parsed, model, *asked, *more)[0] / 60
        print(f"network: {minutes:.1f} minutes", flush=True)
    run("baseline", parsed, model, *asked, "--overwrite")
    tell(model)


def write_images(npz: Path, folder: Path, wanted: int) -> None:
    """Write one 16-bit TIFF a cell and channel, without any classes."""
    content = np.load(npz)
    numbers = [int("".join(filter(str.isdigit, str(n).split()[0]))) for n in content["channels"]]
    images = content["images"]
    cells = np.random.default_rng(0).permutation(len(images))[: wanted or None]
    folder.mkdir(parents=True)
    for cell in np.sort(cells):
        for plane, number in zip(np.moveaxis(images[cell], -1, 0), numbers, strict=True):
            imwrite(folder / f"cell_{cell:06}_Ch{number}.ome.tif", plane, metadata=None)


def tell(model: Path) -> None:
    """Print the scores of network and classical features, and which is better."""
    for name, prefix in (("network", ""), ("classical features", "baseline_")):
        scores = pd.read_csv(model / f"{prefix}scores.csv").set_index("name")
        folds = pd.read_csv(model / f"{prefix}folds.csv")
        r2 = folds[folds["fold"] != "pooled"]["r2"]
        each = (
            f"{score} {row['value']:.3f} ({row['low']:.3f} to {row['high']:.3f})"
            for score in ("r2", "pearson", "spearman", "mae", "coverage")
            for row in [scores.loc[score]]
        )
        cells = int(scores.loc["r2", "cells"])
        print(f"{name}, {cells:,} cells: {', '.join(each)}; R2 of the folds {r2.min():.3f} to "
              f"{r2.max():.3f}")  # fmt: skip
    record = json.loads((model / "baseline.json").read_text("utf-8"))
    print(record["comparison"]["verdict"])


if __name__ == "__main__":
    main()
