"""What starting from an earlier model gains: the same few epochs, from scratch and not.

    PYTHONPATH=. python tests/benchmarks/transfer.py jurkat_cell_cycle.npz --work /tmp/transfer

The file holds `images` (n, 40, 40, 3), `label` and `channels` (Blasi et al. 2016, Nat. Commun.
7:10256). An earlier model learns to tell G1, S and half of the G2 cells, by brightfield and DNA.
What it learnt is then used for other classes (the other half of G2, Prophase, and Metaphase with
what comes later), with the darkfield as a third channel: 40 cells of each class, and 200 cells of
each, or as many as there are, for the test. Every row is the median and the range over the seeds.
"""

import argparse
import contextlib
import json
import time
from pathlib import Path

import numpy as np

from deepometry.core.options.predict import PredictOptions
from deepometry.core.options.train import TrainOptions
from deepometry.core.progress import Progress
from deepometry.inference.predict import predict
from deepometry.training.train import train

EARLIER = ("G1", "S")
LATER = {"G2": "G2", "Prophase": "Prophase"}
LATER |= dict.fromkeys(("Metaphase", "Anaphase", "Telophase"), "Later")
FEW, TESTED = 40, 200
EARLIER_EPOCHS = 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("npz", type=Path)
    parser.add_argument("--work", type=Path, required=True, help="a new folder for everything")
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    work = options.work
    write_cells(options.npz, work)
    earlier = learn(work / "earlier", work / "model", EARLIER_EPOCHS, 0, channels="3,4")
    started = {"start_from": earlier}
    compared = {
        "from scratch": {},
        "from the earlier model, two phases": started,
        "all layers from the start": started | {"freeze": "none"},
        "only the last layer": started | {"freeze": "all-but-head"},
    }
    for name, more in compared.items():
        found = [measure(work, options.epochs, seed, more) for seed in range(options.seeds)]
        print(f"{name}: {told(np.array(found))}", flush=True)


def write_cells(npz: Path, work: Path) -> None:
    """Write the cells of the earlier and the later task, as parsed cells."""
    content = np.load(npz)
    images, labels = content["images"], content["label"].astype(str)
    half = np.flatnonzero(labels == "G2")[::2]
    write(work / "earlier", "G2", images[half])
    images, labels = np.delete(images, half, 0), np.delete(labels, half)
    rng = np.random.default_rng(0)
    for label in EARLIER:
        write(work / "earlier", label, images[labels == label])
    groups = np.array([LATER.get(label, "") for label in labels])
    for label in sorted({*LATER.values()}):
        own = rng.permutation(images[groups == label])
        few = min(FEW, len(own) // 2)
        write(work / "few", label, own[:few])
        write(work / "tested", label, own[few : few + TESTED])


def write(root: Path, label: str, images: np.ndarray) -> None:
    place = root / f"Class {label}"
    place.mkdir(parents=True, exist_ok=True)
    np.save(place / "cells.npy", images)
    rows = [
        "source,object,height,width,note",
        *(f"{label}.cif,{n},40,40," for n in range(len(images))),
    ]
    (place / "cells.csv").write_text("\n".join(rows) + "\n", "utf-8")
    names = {"3": "Brightfield", "4": "PI", "6": "Darkfield"}
    told = {"step": "parse", "channels": [3, 4, 6], "channel_names": names}
    (root / "parse.json").write_text(json.dumps(told), "utf-8")


def learn(cells: Path, output: Path, epochs: int, seed: int, **more: object) -> Path:
    given = {"input": cells, "output": output, "target": "Class", "epochs": epochs, "seed": seed}
    with contextlib.redirect_stdout(None):
        return train(TrainOptions(**given, **more), Progress()).model


def measure(work: Path, epochs: int, seed: int, more: dict[str, object]) -> tuple[float, ...]:
    """Give accuracy, balanced accuracy and seconds."""
    start = time.perf_counter()
    model = learn(work / "few", work / "out", epochs, seed, **more)
    seconds = time.perf_counter() - start
    given = {"input": work / "tested", "output": work / "predicted", "model": model}
    scores = predict(PredictOptions(**given), Progress()).scores
    return scores["accuracy"], scores["balanced_accuracy"], seconds


def told(found: np.ndarray) -> str:
    low, middle, high = found.min(0), np.median(found, 0), found.max(0)
    names = ("accuracy", "balanced accuracy")
    each = [f"{n} {middle[i]:.3f} ({low[i]:.3f} to {high[i]:.3f})" for i, n in enumerate(names)]
    return ", ".join(each) + f", {middle[2]:.0f} s"


if __name__ == "__main__":
    main()
