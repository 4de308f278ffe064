"""The whole protocol on the Jurkat cells, by the five commands, as a user would run it.

    python tests/benchmarks/jurkat_protocol.py jurkat_cell_cycle.npz --work /tmp/jurkat

The file holds `images` (n, 40, 40, 3), `label` and `channels` (Blasi et al. 2016, Nat. Commun.
7:10256). The cells are written as one .ome.tif a cell and channel, parsed, learnt from without
their DNA stain, predicted on the hold-out and turned into features. Prints accuracy, balanced
accuracy, and seconds a training step (median over the epochs, validation included). Options that
the script does not know are passed on to `deepometry train`.
"""

import argparse
import json
import math
import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import tifffile


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("npz", type=Path)
    parser.add_argument("--work", type=Path, required=True, help="a new folder for everything")
    parser.add_argument("--channels", default="3,6", help="channels to learn from")
    options, more = parser.parse_known_args()
    work = options.work
    write_tiffs(options.npz, work / "images")
    command("parse", work / "images", work / "parsed", "--split", "80/20")
    command("targets", work / "parsed")
    learn = ["--target", "Class", "--channels", options.channels, *more]
    command("train", work / "parsed/Train", work / "model", *learn)
    model = ["--model", work / "model"]
    command("predict", work / "parsed/Hold-out", work / "predictions", *model)
    command("extract", work / "parsed/Hold-out", work / "features", *model, "--layer", "pool5")
    report(work)


def write_tiffs(npz: Path, folder: Path) -> None:
    """Write one 16-bit TIFF a cell and channel, in a folder a class."""
    content = np.load(npz)
    numbers = [int(re.search(r"\d+", str(name)).group()) for name in content["channels"]]
    for cell, (image, label) in enumerate(zip(content["images"], content["label"], strict=True)):
        place = folder / f"Class {label}"
        place.mkdir(parents=True, exist_ok=True)
        for plane, number in zip(np.moveaxis(image, -1, 0), numbers, strict=True):
            tifffile.imwrite(place / f"cell_{cell:06}_Ch{number}.ome.tif", plane, metadata=None)


def command(*words: object) -> None:
    """Run one command of the program, show it, and say how long it took."""
    line = [str(word) for word in words]
    print("$ deepometry", *line, flush=True)
    start = time.perf_counter()
    ended = subprocess.run(
        [sys.executable, "-m", "deepometry", *line],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        stderr=subprocess.DEVNULL,
    )
    print(ended.stdout.strip())
    print(f"  {time.perf_counter() - start:.1f} s", flush=True)


def report(work: Path) -> None:
    scores = json.loads((work / "predictions/predict.json").read_text("utf-8"))["scores"]
    counts = pd.read_csv(work / "predictions/confusion_matrix.csv", index_col=0).sum(axis=1)
    record = json.loads((work / "model/train.json").read_text("utf-8"))
    cells = json.loads((work / "parsed/parse.json").read_text("utf-8"))["sides"]["Train"]
    chosen = record["options"]
    steps = math.ceil(cells * (1 - chosen["validation"]) / chosen["batch_size"])
    seconds = pd.read_csv(work / "model/training.csv")["seconds"].median()
    print(f"accuracy {scores['accuracy']:.3f} on the hold-out")
    print(f"balanced accuracy {scores['balanced_accuracy']:.3f}")
    print(f"largest class {counts.max() / counts.sum():.3f} of the cells")
    print(f"seconds a step {seconds / steps:.3f}")


if __name__ == "__main__":
    main()
