"""What each part of the recipe gives: short trainings that differ in one thing, on one split.

    python tests/benchmarks/ablation.py jurkat_cell_cycle.npz results.csv columns=0,2
    python tests/benchmarks/ablation.py jurkat_cell_cycle.npz results.csv scaling=image width=48
    python tests/benchmarks/ablation.py FOLDER results.csv columns=0,1 target=Class

The file holds `images` (n, 40, 40, 3) and `label` (Blasi et al. 2016, Nat. Commun. 7:10256); a
folder holds parsed cells, such as those of `deepometry example` and `deepometry parse`. Every run
learns from four fifths of each class and is judged on the fifth, once with the class of the
highest probability and once with probabilities averaged over the eight mirror images and quarter
turns; both are also given with the logit adjustment of Menon et al. (ICLR 2021), which divides by
a power of the class shares. One row a run is appended to the table as it comes, and runs that it
has already are passed over: the script can be stopped and started again.
"""

from __future__ import annotations

import argparse
import csv
import time
from pathlib import Path

import numpy as np

from deepometry.cells.dataset import open_dataset
from deepometry.evaluation.confusion import confusion, scores
from deepometry.network.backend import keras
from deepometry.network.fused_ops import fuse
from deepometry.network.losses import class_loss
from deepometry.network.small_resnet import small_residual
from deepometry.training.augmentation import augment

BASE = {
    "target": "Class",
    "columns": "0,2",
    "scaling": "background",
    "blocks": "2222",
    "width": 32,
    "stride": 2,
    "batch": 64,
    "epochs": 15,
    "rate": 3e-3,
    "decay": 0.05,
    "warm": 0.2,
    "schedule": "cosine",
    "smoothing": 0.1,
    "balance": "none",
    "turns": "any",
    "shifts": 0.05,
    "erase": 0.0,
    "mixup": 0.0,
    "gain": 0.0,
    "dropout": 0.0,
    "ema": 0.0,
    "seed": 0,
    "fold": 0,
}
TAUS = (0.0, 0.5, 1.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cells", type=Path, help="file or folder")
    parser.add_argument("table", type=Path)
    parser.add_argument("changes", nargs="*", help="such as width=48 or scaling=image")
    parser.add_argument("--keep", type=Path, help="folder for the probabilities of every run")
    options = parser.parse_args()
    changes = dict(change.split("=") for change in options.changes)
    wanted = {name: type(value)(changes.pop(name, value)) for name, value in BASE.items()}
    if changes:
        parser.error(f"unknown: {', '.join(changes)}")
    if known(options.table, wanted):
        return
    images, labels = read(options.cells, wanted["target"])
    found = run(images, labels, wanted, options.keep)
    add(options.table, wanted | found)
    told = ", ".join(f"{n}={v}" for n, v in wanted.items() if v != BASE[n]) or "base"
    print(told, {name: round(value, 4) for name, value in found.items()}, flush=True)


def read(cells: Path, target: str) -> tuple[np.ndarray, np.ndarray]:
    """Read images and their labels."""
    if cells.is_file():
        content = np.load(cells)
        return content["images"], content["label"]
    dataset = open_dataset(cells)
    sizes = [len(part.stored) for part in dataset.parts]
    return dataset.read(np.arange(len(dataset))), np.repeat(dataset.labels(target), sizes)


def known(table: Path, wanted: dict) -> bool:
    """Tell whether a table has a run of the same settings."""
    if not table.exists():
        return False
    with table.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return any(all(row[n] == str(v) for n, v in wanted.items()) for row in rows)


def add(table: Path, row: dict) -> None:
    """Append a row."""
    new = not table.exists()
    with table.open("a", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(row))
        if new:
            writer.writeheader()
        writer.writerow(row)


def fold_of(labels: np.ndarray, folds: int = 5) -> np.ndarray:
    """Give every cell its fold, class by class."""
    random, fold = np.random.default_rng(0), np.empty(len(labels), int)
    for code in np.unique(labels):
        own = random.permutation(np.flatnonzero(labels == code))
        fold[own] = np.arange(len(own)) % folds
    return fold


def run(images: np.ndarray, labels: np.ndarray, wanted: dict, keep: Path | None) -> dict:
    """Train once; give the scores on the fold left out."""
    _, codes = np.unique(labels, return_inverse=True)
    fold = fold_of(codes)
    train, test = (
        np.flatnonzero(side) for side in (fold != wanted["fold"], fold == wanted["fold"])
    )
    columns = [int(c) for c in wanted["columns"].split(",")]
    scaled = scale(images[..., columns].astype(np.float32), train, wanted["scaling"])
    start, cpu = time.perf_counter(), time.process_time()
    model = learn(scaled[train], codes[train], wanted)
    spent = {"seconds": time.perf_counter() - start, "cpu": time.process_time() - cpu}
    shares = np.bincount(codes[train]) / len(train)
    one = model.predict(scaled[test], 128, verbose=0)
    eight = np.mean([model.predict(x, 128, verbose=0) for x in eight_ways(scaled[test])], 0)
    if keep:
        keep.mkdir(parents=True, exist_ok=True)
        name = "_".join(f"{n}-{v}" for n, v in wanted.items() if v != BASE[n]) or "base"
        np.savez(keep / f"{name}.npz", one=one, eight=eight, codes=codes[test], shares=shares)
    return (
        spent
        | judged("one", one, codes[test], shares)
        | judged("eight", eight, codes[test], shares)
    )


def judged(name: str, chances: np.ndarray, codes: np.ndarray, shares: np.ndarray) -> dict:
    """Give accuracy and balanced accuracy for every strength of logit adjustment."""
    right = chances[np.arange(len(codes)), codes]
    found = {f"{name}_loss": float(-np.log(np.maximum(right, 1e-7)).mean())}
    for tau in TAUS:
        matrix = confusion(codes, (chances / shares**tau).argmax(1), len(shares))
        told = scores(matrix)
        found[f"{name}_acc_{tau}"] = told["accuracy"]
        found[f"{name}_bal_{tau}"] = told["balanced_accuracy"]
    return found


def eight_ways(images: np.ndarray):
    """Give the mirror images and quarter turns."""
    for quarter in range(4):
        turned = np.rot90(images, quarter, (1, 2))
        yield np.ascontiguousarray(turned)
        yield np.ascontiguousarray(turned[:, ::-1])


def scale(images: np.ndarray, train: np.ndarray, scaling: str) -> np.ndarray:
    """Scale intensities in one of the ways that are compared."""
    if scaling == "none":
        return images
    if scaling == "image":
        low, high = (f(images, (1, 2), keepdims=True) for f in (np.min, np.max))
        return (images - low) / np.maximum(high - low, 1e-6)
    if scaling == "percentile":
        low, high = np.percentile(images[train], (1, 99), (0, 1, 2))
        return np.clip(2 * (images - low) / (high - low) - 1, -1.5, 3).astype(np.float32)
    if scaling.startswith("background"):
        border = np.ones(images.shape[1:3], bool)
        border[2:-2, 2:-2] = False
        images = images - np.median(images[:, border], 1)[:, None, None]
    if scaling == "background_log":
        noise = np.median(np.abs(images[train][:, border]), (0, 1)) + 1e-6
        images = np.arcsinh(images / (3 * noise))
    if scaling == "background_image":
        return images / np.maximum(images.std((1, 2), keepdims=True), 1e-6)
    return (images - images[train].mean((0, 1, 2))) / images[train].std((0, 1, 2))


def learn(images: np.ndarray, codes: np.ndarray, wanted: dict):
    """Train a network."""
    rng = np.random.default_rng([wanted["seed"], 1])
    keras().utils.set_random_seed(wanted["seed"])
    classes = int(codes.max()) + 1
    counts = np.bincount(codes)
    model = network(images.shape[1:], counts / len(codes), wanted)
    weights = {"weights": counts**-0.5, "inverse": 1.0 / counts}.get(
        wanted["balance"], np.ones(classes)
    )
    weights = (weights / weights[codes].mean()).astype(np.float32)
    steps = -(-len(codes) // wanted["batch"])
    total, step = steps * wanted["epochs"], 0
    for epoch in range(wanted["epochs"]):
        order, sums = drawn(codes, wanted, rng), 0.0
        order = np.resize(order, steps * wanted["batch"])
        for chosen in order.reshape(steps, -1):
            model.optimizer.learning_rate.assign(rate(step / total, wanted))
            batch = changed(images[chosen], wanted, rng)
            hot = np.eye(classes, dtype=np.float32)[codes[chosen]]
            if wanted["mixup"]:
                share = rng.beta(wanted["mixup"], wanted["mixup"])
                batch = share * batch + (1 - share) * batch[::-1]
                hot = share * hot + (1 - share) * hot[::-1]
            sums += float(model.train_on_batch(batch, hot, sample_weight=weights[codes[chosen]]))
            step += 1
        if epoch % 5 == 4:
            print(f"  epoch {epoch + 1}: loss {sums / steps:.3f}", flush=True)
    if wanted["ema"]:
        model.optimizer.finalize_variable_values(model.trainable_variables)
    return model


def drawn(codes: np.ndarray, wanted: dict, rng: np.random.Generator) -> np.ndarray:
    """Draw the order of an epoch."""
    if wanted["balance"] not in ("sampling", "root"):
        return rng.permutation(len(codes))
    power = 1.0 if wanted["balance"] == "sampling" else 0.5
    chances = (1.0 / np.bincount(codes) ** power)[codes]
    return rng.choice(len(codes), len(codes), p=chances / chances.sum())


def rate(done: float, wanted: dict) -> float:
    """Give the learning rate after a share of all steps."""
    if done < wanted["warm"]:
        return wanted["rate"] * (0.04 + 0.96 * done / wanted["warm"])
    left = (1 - done) / (1 - wanted["warm"])
    if wanted["schedule"] == "constant":
        return wanted["rate"]
    if wanted["schedule"] == "linear":
        return wanted["rate"] * left
    return wanted["rate"] * 0.5 * (1 - np.cos(np.pi * left))


def changed(images: np.ndarray, wanted: dict, rng: np.random.Generator) -> np.ndarray:
    """Augment a batch."""
    if wanted["turns"] == "quarter":
        images = np.stack([np.rot90(x, rng.integers(4)) for x in images])
    images = augment(
        images, rng, wanted["turns"] != "none", wanted["turns"] == "any", wanted["shifts"]
    )
    if wanted["gain"]:
        shape = (len(images), 1, 1, images.shape[-1])
        images = images * np.exp(rng.normal(0, wanted["gain"], shape)).astype(np.float32)
    if wanted["erase"]:
        side = round(wanted["erase"] * images.shape[1])
        for image in images:
            top, left = rng.integers(0, images.shape[1] - side, 2)
            image[top : top + side, left : left + side] = 0
    return images


def network(shape: tuple, shares: np.ndarray, wanted: dict):
    """Build and compile the network."""
    classes = len(shares)
    if wanted["blocks"].startswith("resnet"):
        from deepometry.network.build import build_network

        model = build_network(
            wanted["blocks"], shape[0], classes, "none", [0.0] * shape[2], [1.0] * shape[2], 0
        )
    else:
        blocks = [int(b) for b in wanted["blocks"]]
        model = small_residual(
            "small", shape, classes, blocks, wanted["width"], wanted["stride"], wanted["dropout"]
        )
    optimizer = keras().optimizers.AdamW(
        wanted["rate"],
        weight_decay=wanted["decay"],
        use_ema=bool(wanted["ema"]),
        ema_momentum=wanted["ema"] or 0.99,
    )
    optimizer.exclude_from_weight_decay(var_names=["gamma", "beta", "bias"])
    loss = class_loss(shares if wanted["balance"] == "adjust" else None, wanted["smoothing"])
    model.compile(optimizer, loss, jit_compile=False)
    return fuse(model)


if __name__ == "__main__":
    main()
