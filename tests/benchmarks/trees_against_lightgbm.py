"""The trees of the baseline against LightGBM's, on the same features and folds.

    python tests/benchmarks/trees_against_lightgbm.py jurkat_cell_cycle.npz mitocheck_nuclei.npz

Needs `pip install lightgbm`. Each file holds `images` and `label`, and maybe `plate`: then whole
plates are left out, else folds are stratified. A third column without the DNA stain is left out
as in `baseline_jurkat.py`. Both learn 100 rounds of trees with 15 leaves from a tenth of the
features at each split; LightGBM also with its own defaults. Prints, for five folds together,
accuracy, balanced accuracy and log loss; CPU seconds of learning a fold and of 1,000 predictions
(medians); the size of a file of the model; and how far its probabilities are from the original.
"""

import argparse
import io
import statistics
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import lightgbm
import numpy as np
from sklearn.metrics import log_loss
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from deepometry.cells.sampling import class_weights
from deepometry.classical.boosting import ROUNDS, learn
from deepometry.classical.features import measure
from deepometry.classical.tree_file import Trees
from deepometry.core.progress import Progress
from deepometry.evaluation.confusion import confusion, scores

SAME = {
    "num_leaves": 15,
    "learning_rate": 0.1,
    "min_data_in_leaf": 5,
    "lambda_l2": 1.0,
    "feature_fraction_bynode": 0.1,
    "max_bin": 63,
}
SETTINGS = {"same settings": SAME, "its defaults": {}}


class Model(Protocol):
    def probabilities(self, features: np.ndarray) -> np.ndarray: ...
    def written_and_read(self) -> tuple["Model", int]: ...


class Ours:
    name = "deepometry"

    def __init__(self, trees: Trees) -> None:
        self._trees = trees

    def probabilities(self, features: np.ndarray) -> np.ndarray:
        return self._trees.probabilities(features)

    def written_and_read(self) -> tuple["Ours", int]:
        buffer = io.BytesIO()
        np.savez_compressed(buffer, **self._trees.arrays())
        with np.load(io.BytesIO(buffer.getvalue()), allow_pickle=False) as arrays:
            return Ours(Trees(**arrays)), len(buffer.getvalue())


class Theirs:
    def __init__(self, booster: lightgbm.Booster) -> None:
        self._booster = booster

    def probabilities(self, features: np.ndarray) -> np.ndarray:
        return np.asarray(self._booster.predict(features, num_threads=1))

    def written_and_read(self) -> tuple["Theirs", int]:
        text, buffer = self._booster.model_to_string(), io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("trees.txt", text)
        return Theirs(lightgbm.Booster(model_str=text)), len(buffer.getvalue())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("npz", type=Path, nargs="+")
    parser.add_argument("--seeds", type=int, default=1)
    options = parser.parse_args()
    for path in options.npz:
        features, codes, groups = read(path)
        print(f"{path.name}: {features.shape[1]} features of {len(features)} cells", flush=True)
        compare(features, codes, groups, options.seeds)


def read(path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    content = np.load(path)
    images = content["images"]
    images = images[..., None] if images.ndim == 3 else images[..., [0, 2]]
    _, codes = np.unique(content["label"], return_inverse=True)
    groups = np.unique(content["plate"], return_inverse=True)[1] if "plate" in content else None
    return measure(images), codes, groups


def folds(
    codes: np.ndarray, groups: np.ndarray | None, seed: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    kind = StratifiedKFold if groups is None else StratifiedGroupKFold
    yield from kind(5, shuffle=True, random_state=seed).split(codes, codes, groups)


def compare(features: np.ndarray, codes: np.ndarray, groups: np.ndarray | None, seeds: int) -> None:
    for name in ("deepometry", *(f"LightGBM, {each}" for each in SETTINGS)):
        rows = [judged(name, features, codes, groups, seed) for seed in range(seeds)]
        print(
            f"  {name}: {', '.join(f'{k} {np.mean(v):.4g}' for k, v in merged(rows))}", flush=True
        )


def merged(rows: list[dict[str, float]]) -> Iterator[tuple[str, list[float]]]:
    yield from ((key, [row[key] for row in rows]) for key in rows[0])


def judged(
    name: str, features: np.ndarray, codes: np.ndarray, groups: np.ndarray | None, seed: int
) -> dict[str, float]:
    classes = int(codes.max()) + 1
    probabilities = np.zeros((len(codes), classes))
    learnt, predicted, sizes, differences = [], [], [], []
    for training, test in folds(codes, groups, seed):
        start = time.process_time()
        model = fit(name, features[training], codes[training], classes, seed)
        learnt.append(time.process_time() - start)
        probabilities[test] = model.probabilities(features[test])
        predicted.append(seconds(model, features[:1000]))
        again, size = model.written_and_read()
        sizes.append(size / 2**10)
        differences.append(np.abs(again.probabilities(features[test]) - probabilities[test]).max())
    matrix = confusion(codes, probabilities.argmax(1), classes)
    return {
        **{key: scores(matrix)[key] for key in ("accuracy", "balanced_accuracy")},
        "log loss": log_loss(codes, probabilities, labels=range(classes)),
        "CPU s to learn a fold": statistics.median(learnt),
        "CPU s of 1,000 predictions": statistics.median(predicted),
        "KiB in a file": statistics.median(sizes),
        "largest difference after reading": max(differences),
    }


def fit(name: str, features: np.ndarray, codes: np.ndarray, classes: int, seed: int) -> Model:
    present, own = np.unique(codes, return_inverse=True)
    model: Model
    if name == "deepometry":
        model = Ours(learn(features, own, len(present), "boosting", seed, Progress()))
    else:
        model = Theirs(boosted(features, own, len(present), SETTINGS[name.split(", ")[1]], seed))
    return model if len(present) == classes else Widened(model, present, classes)


def boosted(
    features: np.ndarray, codes: np.ndarray, classes: int, settings: dict[str, float], seed: int
) -> lightgbm.Booster:
    fixed = {"objective": "multiclass", "num_class": classes, "seed": seed, "num_threads": 1}
    fixed |= {"verbose": -1, "deterministic": True, "force_row_wise": True}
    weights = class_weights(codes, classes, "weights")[codes]
    data = lightgbm.Dataset(features, codes, weight=weights)
    return lightgbm.train({**fixed, **settings}, data, num_boost_round=ROUNDS)


class Widened:
    """A model of a fold whose training cells lack a class: that class gets probability 0."""

    def __init__(self, model: Model, present: np.ndarray, classes: int) -> None:
        self._model, self._present, self._classes = model, present, classes

    def probabilities(self, features: np.ndarray) -> np.ndarray:
        wide = np.zeros((len(features), self._classes))
        wide[:, self._present] = self._model.probabilities(features)
        return wide

    def written_and_read(self) -> tuple["Widened", int]:
        model, size = self._model.written_and_read()
        return Widened(model, self._present, self._classes), size


def seconds(model: Model, features: np.ndarray) -> float:
    start = time.process_time()
    model.probabilities(features)
    return time.process_time() - start


if __name__ == "__main__":
    main()
