"""The shortcut audit: how often planted shortcuts are caught, and ordinary cells accused.

    python -m tests.benchmarks.audit                 # example cells, five seeds
    python -m tests.benchmarks.audit jurkat.npz      # besides, five folds of real cells

In example cells, a shortcut is planted of several strengths: a background that is brighter by so
many counts from class to class, a line at the border of one class, a channel without cells whose
level is that of the class. Models learn from two thirds of the cells, and are audited on the rest:
the trees of `baseline`; a small perceptron on principal components of the pixels, in seconds; and
with --network the network of `train`, of few epochs. Trees see neither levels nor empty channels;
then only the check of the background itself can tell. Prints, for each, in how many sets the model
is accused, the background is called informative, and medians of the scores.

An .npz file has `images` (n, side, side[, channels]), `label` (n,), and perhaps `channels`. Limits
were chosen on example cells of seeds 0 and 1, and on a third of the Jurkat and of the MitoCheck
cells: only the other seeds judge them.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import numpy as np

from deepometry.classical.boosting import learn
from deepometry.classical.features import measure_on_cores
from deepometry.core.options.predict import PredictOptions
from deepometry.core.options.train import TrainOptions
from deepometry.core.progress import Progress
from deepometry.images.frame import frame_cell
from deepometry.images.padding_noise import Noise
from deepometry.images.synthetic.dataset import example_cells
from deepometry.inference.audit.audit import CLASSIFIER, audit, evenly
from deepometry.inference.audit.result import Audit
from deepometry.inference.predict import predict
from deepometry.training.train import train
from tests.parsed import write_record, write_stack

FRAME, PARTS, FOLDS = 40, 3, 5
PLANTED = {
    "nothing": (0,),
    "brighter background": (2, 5, 10, 20, 60),
    "line at the border of one class": (30, 60, 120),
    "level of an empty channel": (1, 5),
}
SHOWN = ("whole", "background", "own_class_background", "other_class_background", CLASSIFIER)
Model = Callable[[np.ndarray], np.ndarray]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("npz", type=Path, nargs="*", help="real cells, that nothing is planted in")
    parser.add_argument("--cells", type=int, default=900, help="example cells of each set")
    parser.add_argument("--seeds", default="2,3,4,5,6", help="of the sets of example cells")
    parser.add_argument("--models", default="perceptron,trees")
    parser.add_argument("--network", type=int, default=0, help="epochs of the network, 0: none")
    parser.add_argument("--channels", default="", help="channels of the real cells, such as 3,6")
    options = parser.parse_args()
    seeds = [int(seed) for seed in options.seeds.split(",")]
    models = [*options.models.split(","), *["network"] * bool(options.network)]
    for name in filter(None, models):
        for what, strengths in PLANTED.items():
            for strength in strengths:
                sets = (planted(what, strength, seed, options.cells) for seed in seeds)
                found = [audited(name, *each, options.network) for each in sets]
                show(f"{name}, {what}" + f" ({strength})" * bool(strength), found)
        for npz in options.npz:
            sets = real(npz, options.channels)
            found = [audited(name, *each, options.network) for each in sets]
            show(f"{name}, {npz.stem} {options.channels}, nothing planted", found)


def planted(
    what: str, strength: int, seed: int, cells: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw example cells with a shortcut; return images, classes, and which are left out."""
    images, true = drawn(seed, cells)
    images = images.astype(np.int64)
    if what == "brighter background":
        images[..., 0] += strength * true[:, None, None]
    if what == "line at the border of one class":
        images[true == 0, 0] += strength
    if what == "level of an empty channel":
        levels = np.random.default_rng(seed).normal(50 + strength * true, 0.1)
        images[..., 1] = np.rint(levels)[:, None, None]
    return images.clip(0, 65535).astype(np.uint16), true, dealt(true, PARTS) == 0


@cache
def drawn(seed: int, cells: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw example cells; return images and classes."""
    found, noise = list(example_cells(cells, seed)), Noise(0, (1, 12))
    images = np.stack([frame_cell(cell.pixels, FRAME, cell.name, noise) for cell in found])
    return images, np.unique([cell.folders[2] for cell in found], return_inverse=True)[1]


def real(npz: Path, channels: str) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Yield real cells, a fifth of each class left out in turn."""
    content = np.load(npz)
    images = content["images"]
    images = images[..., None] if images.ndim == 3 else images
    if channels:
        names = [str(name) for name in content["channels"]]
        wanted = [f"Ch{number}" for number in channels.split(",")]
        images = images[..., [next(n for n, x in enumerate(names) if w in x) for w in wanted]]
    true = np.unique(content["label"], return_inverse=True)[1]
    for fold in range(FOLDS):
        yield images, true, dealt(true, FOLDS) == fold


def dealt(true: np.ndarray, parts: int) -> np.ndarray:
    """Deal the cells of every class out to parts."""
    rng, part = np.random.default_rng(0), np.empty(len(true), np.int64)
    for code in np.unique(true):
        mixed = rng.permutation(np.flatnonzero(true == code))
        part[mixed] = np.arange(len(mixed)) % parts
    return part


def audited(
    name: str, images: np.ndarray, true: np.ndarray, left_out: np.ndarray, epochs: int
) -> Audit:
    """Train a model on some cells, and audit it on the others."""
    labels = [f"class {code}" for code in range(true.max() + 1)]
    if name == "network":
        return of_network(images, true, left_out, labels, epochs)
    model = MODELS[name](images[~left_out], true[~left_out])
    chosen = evenly(true, left_out, images.shape[3])
    channels = [f"Ch{place + 1}" for place in range(images.shape[3])]
    return audit(images[chosen], true[chosen], labels, channels, model)


def of_trees(images: np.ndarray, true: np.ndarray) -> Model:
    """Train the trees of `baseline`."""
    trees = learn(measure_on_cores(images), true, true.max() + 1, "boosting", 0, Progress())
    return lambda images: trees.probabilities(measure_on_cores(images))


def of_perceptron(images: np.ndarray, true: np.ndarray) -> Model:
    """Train a perceptron on pixels, scaled by the mean and spread of each channel."""
    from sklearn.decomposition import PCA
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline

    mean, spread = images.mean((0, 1, 2)), images.std((0, 1, 2)) + 1e-6

    def flat(images: np.ndarray) -> np.ndarray:
        return ((images - mean) / spread).astype(np.float32).reshape(len(images), -1)

    turned = np.concatenate([np.rot90(images, turns, (1, 2)) for turns in range(4)])
    model = make_pipeline(
        PCA(60, random_state=0),
        MLPClassifier((64,), alpha=0.01, early_stopping=True, random_state=0),
    ).fit(flat(turned), np.tile(true, 4))
    return lambda images: model.predict_proba(flat(images))


MODELS = {"trees": of_trees, "perceptron": of_perceptron}


def of_network(
    images: np.ndarray, true: np.ndarray, left_out: np.ndarray, labels: list[str], epochs: int
) -> Audit:
    """Train and predict as a user does."""
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        for name, some in (("train", ~left_out), ("test", left_out)):
            write_record(work / name, channels=range(1, images.shape[3] + 1))
            for code, label in enumerate(labels):
                own = images[some & (true == code)]
                write_stack(work / name / f"Class {label}", own, f"{name}_{code}.cif")
        where = {"input": work / "train", "output": work / "model"}
        train(TrainOptions(**where, target="Class", epochs=epochs))
        where = {"input": work / "test", "output": work / "out", "model": work / "model"}
        start = time.process_time()
        found = predict(PredictOptions(**where, audit=False, batch_size=128))
        middle = time.process_time()
        audited = predict(PredictOptions(**where, batch_size=128, overwrite=True)).audit
        spent = time.process_time() - middle
        print(
            f"  predict of {found.cells} cells: {middle - start:.1f} s of the processor, with an "
            f"audit of {audited.cells} cells {spent:.1f} s",
            flush=True,
        )
        return audited


def show(what: str, found: list[Audit]) -> None:
    """Print in how many sets a shortcut was found, and the medians of scores."""
    accused = sum(each.shortcut for each in found)
    informative = sum(each.informative for each in found)
    scores = [
        f"{name} {np.median([each[name].balanced_accuracy.value for each in found]):.2f}"
        for name in SHOWN
    ]
    print(
        f"{what}: model accused in {accused} of {len(found)}, background informative in "
        f"{informative}; balanced accuracy, medians: {', '.join(scores)}",
        flush=True,
    )


if __name__ == "__main__":
    main()
