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

import ablation_networks as networks
import numpy as np

from deepometry.cells.dataset import open_dataset
from deepometry.classical.features import measure
from deepometry.evaluation.confusion import confusion, scores
from deepometry.network.backend import keras
from deepometry.network.fused_ops import fuse, fuse_optimizer
from deepometry.network.losses import class_loss
from deepometry.network.precision import set_precision
from deepometry.network.small_resnet import small_residual
from deepometry.training.augmentation import random_turns
from deepometry.training.augmentation_kernels import move_all

BASE = {
    "target": "Class",
    "columns": "0,2",
    "crop": 0,
    "least": 0,
    "kind": "small",
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
    "sizes": 0.0,
    "noise": 0.0,
    "blur": 0.0,
    "drop": 0.0,
    "dropout": 0.0,
    "path": 0.0,
    "squeeze": 0,
    "last": 0,
    "ema": 0.0,
    "average": 0.0,
    "auxiliary": 0.0,
    "fused": 0.0,
    "precision": "float32",
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
        images = content["images"]
        return images if images.ndim == 4 else images[..., None], content["label"]
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
    names, counts = np.unique(labels, return_counts=True)
    enough = np.isin(labels, names[counts >= wanted["least"]])
    images, (_, codes) = images[enough], np.unique(labels[enough], return_inverse=True)
    fold = fold_of(codes)
    train, test = (
        np.flatnonzero(side) for side in (fold != wanted["fold"], fold == wanted["fold"])
    )
    raw = cropped(images[..., [int(c) for c in wanted["columns"].split(",")]], wanted["crop"])
    scaled = scale(raw.astype(np.float32), train, wanted["scaling"])
    measured = features(raw, train) if wanted["auxiliary"] or wanted["fused"] else None
    start, cpu = time.perf_counter(), time.process_time()
    some = None if measured is None else measured[train]
    model = learn(scaled[train], codes[train], some, wanted)
    spent = {"seconds": time.perf_counter() - start, "cpu": time.process_time() - cpu}
    shares = np.bincount(codes[train]) / len(train)
    beside = [measured[test]] if wanted["fused"] else []
    in_float32(model)
    views = [predicted(model, [x, *beside]) for x in eight_ways(scaled[test])]
    one, eight = views[0], np.mean(views, 0)
    if keep:
        keep.mkdir(parents=True, exist_ok=True)
        name = "_".join(f"{n}-{v}" for n, v in wanted.items() if v != BASE[n]) or "base"
        np.savez(keep / f"{name}.npz", one=one, eight=eight, codes=codes[test], shares=shares)
    power = 1 / 3 if wanted["balance"] == "adjust" else 0.0
    return (
        spent
        | judged("one", one, codes[test], shares, power)
        | judged("eight", eight, codes[test], shares, power)
    )


def in_float32(model) -> None:
    """Make all layers compute in float32."""
    for layer in model.layers:
        in_float32(layer) if hasattr(layer, "layers") else setattr(layer, "dtype_policy", "float32")


def predicted(model, inputs: list) -> np.ndarray:
    """Give the probabilities."""
    outputs = model.predict(inputs if len(inputs) > 1 else inputs[0], 128, verbose=0)
    return outputs[0] if isinstance(outputs, list) else outputs


def cropped(images: np.ndarray, side: int) -> np.ndarray:
    """Cut the middle out."""
    first = (images.shape[1] - side) // 2 if side else 0
    return np.ascontiguousarray(images[:, first:, first:][:, : side or None, : side or None])


def features(images: np.ndarray, train: np.ndarray) -> np.ndarray:
    """Give the classical features, standardised on the training cells."""
    found = np.concatenate([measure(images[n : n + 64]) for n in range(0, len(images), 64)])
    found = np.where(np.isfinite(found), found, np.nan)
    middle = np.nanmedian(found[train], 0)
    found = np.where(np.isnan(found), middle, found)
    spread = np.maximum(found[train].std(0), 1e-9)
    return np.clip((found - found[train].mean(0)) / spread, -3, 3).astype(np.float32)


def judged(
    name: str, chances: np.ndarray, codes: np.ndarray, shares: np.ndarray, power: float
) -> dict:
    """Give accuracy and balanced accuracy for every strength of logit adjustment.

    The natural loss is that of probabilities at the shares of the training cells, of which the
    loss in training took out `power`.
    """
    found = {}
    natural = chances * shares**power
    for kind, some in (("loss", chances), ("natural", natural / natural.sum(1, keepdims=True))):
        right = some[np.arange(len(codes)), codes]
        found[f"{name}_{kind}"] = float(-np.log(np.maximum(right, 1e-7)).mean())
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


def learn(images: np.ndarray, codes: np.ndarray, measured: np.ndarray | None, wanted: dict):
    """Train a network."""
    rng = np.random.default_rng([wanted["seed"], 1])
    keras().utils.set_random_seed(wanted["seed"])
    classes = int(codes.max()) + 1
    counts = np.bincount(codes)
    width = 0 if measured is None else measured.shape[1]
    model = network(images.shape[1:], counts / len(codes), width, wanted)
    weights = {"weights": counts**-0.5, "inverse": 1.0 / counts}.get(
        wanted["balance"], np.ones(classes)
    )
    weights = (weights / weights[codes].mean()).astype(np.float32)
    steps = -(-len(codes) // wanted["batch"])
    total, step, late = steps * wanted["epochs"], 0, []
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
            inputs = [batch, measured[chosen]] if wanted["fused"] else batch
            if wanted["auxiliary"]:
                logs = model.train_on_batch(inputs, [hot, measured[chosen]])[0]
            else:
                logs = model.train_on_batch(inputs, hot, sample_weight=weights[codes[chosen]])
            sums += float(logs)
            step += 1
        if epoch % 5 == 4:
            print(f"  epoch {epoch + 1}: loss {sums / steps:.3f}", flush=True)
        if wanted["average"] and epoch >= wanted["epochs"] * wanted["average"]:
            late.append(model.get_weights())
    if wanted["ema"]:
        model.optimizer.finalize_variable_values(model.trainable_variables)
    if late:
        settle(model, late, lambda: changed(images[rng.permutation(len(codes))[:128]], wanted, rng))
    return model


def settle(model, late: list, draw) -> None:
    """Average weights, and measure the statistics of normalisations anew (Izmailov et al. 2018)."""
    model.set_weights([np.mean(some, 0) for some in zip(*late, strict=True)])
    for _ in range(40):
        model(draw(), training=True)


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
    if wanted["schedule"] == "swa":  # falls to a fifth, where averaging begins, and stays there
        done = min(1.0, (done - wanted["warm"]) / (wanted["average"] - wanted["warm"]))
        return wanted["rate"] * (0.2 + 0.4 * (1 + np.cos(np.pi * done)))
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
    images = moved(images, wanted, rng)
    shape = (len(images), 1, 1, images.shape[-1])
    if wanted["blur"]:
        images = blurred(images, rng.uniform(0, wanted["blur"], shape).astype(np.float32))
    if wanted["gain"]:
        images = images * np.exp(rng.normal(0, wanted["gain"], shape)).astype(np.float32)
        images = images + rng.normal(0, wanted["gain"] / 2, shape).astype(np.float32)
    if wanted["noise"]:
        strength = rng.uniform(0, wanted["noise"], shape).astype(np.float32)
        images = images + strength * rng.standard_normal(images.shape, np.float32)
    if wanted["drop"] and shape[-1] > 1:
        lost = rng.random(len(images)) < wanted["drop"]
        images[np.flatnonzero(lost), :, :, rng.integers(0, shape[-1], lost.sum())] = 0
    if wanted["erase"]:
        side = round(wanted["erase"] * images.shape[1])
        for image in images:
            top, left = rng.integers(0, images.shape[1] - side, 2)
            image[top : top + side, left : left + side] = 0
    return images


def moved(images: np.ndarray, wanted: dict, rng: np.random.Generator) -> np.ndarray:
    """Mirror, turn, shift and stretch images, in one step of interpolation."""
    count, frame = images.shape[:2]
    turns = random_turns(count, rng, wanted["turns"] != "none", wanted["turns"] == "any")
    turns *= np.exp(rng.uniform(-wanted["sizes"], wanted["sizes"], (count, 1, 1)))
    reach, centre = round(wanted["shifts"] * frame), np.full(2, (frame - 1) / 2)
    offsets = rng.integers(-reach, reach, (count, 2), endpoint=True)
    constant = centre - np.einsum("nij,j->ni", turns, centre) + offsets
    maps, found = np.concatenate([turns, constant[..., None]], -1), np.empty_like(images)
    move_all(np.ascontiguousarray(images), maps, found, True)
    return found


def blurred(images: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Mix images with their means over 3 x 3 pixels (1 2 1)."""
    smooth = images
    for axis in (1, 2):
        smooth = 0.5 * smooth + 0.25 * (np.roll(smooth, 1, axis) + np.roll(smooth, -1, axis))
    return images + share * (smooth - images)


def network(shape: tuple, shares: np.ndarray, measured: int, wanted: dict):
    """Build and compile the network."""
    classes = len(shares)
    if wanted["blocks"].startswith("resnet"):
        from deepometry.network.build import build_network

        model = build_network(
            wanted["blocks"], shape[0], classes, "none", [0.0] * shape[2], [1.0] * shape[2], 0
        )
    elif wanted["kind"] != "small":
        model = networks.build(wanted["kind"], shape, classes, wanted)
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
    images = keras().Input(shape)
    inside = set_precision(keras().Model(images, model(images)), wanted["precision"])
    return compiled(fuse(inside), measured, optimizer, loss, wanted)


def compiled(model, measured: int, optimizer, loss, wanted: dict):
    """Add what learns the classical features or learns from them, and compile."""
    layers, body = keras().layers, model.layers[-1]
    if wanted["fused"] or wanted["auxiliary"]:
        images = keras().Input(model.input_shape[1:])
        pooled = body.get_layer("fc1000").input
        pooled = keras().Model(body.inputs, pooled, name="body")(images)
        inputs, seen = [images], pooled
        if wanted["fused"]:
            inputs.append(keras().Input((measured,)))
            seen = layers.Concatenate()([pooled, layers.Dropout(wanted["fused"])(inputs[1])])
        outputs = [layers.Dense(len_of(body), activation="softmax")(seen)]
        outputs += [layers.Dense(measured)(pooled)] if wanted["auxiliary"] else []
        model = keras().Model(inputs, outputs)
        loss = [loss, "mse"][: len(outputs)] if wanted["auxiliary"] else loss
    share = [1.0, wanted["auxiliary"]] if wanted["auxiliary"] else None
    model.compile(optimizer, loss, loss_weights=share, jit_compile=False)
    fuse_optimizer(model.optimizer)
    return model


def len_of(body) -> int:
    return body.output_shape[-1]


if __name__ == "__main__":
    main()
