"""Whether labels can be predicted without a look at the cells: from files and image borders.

Images of one class that were taken or exported in another way give a perfect score, which says
nothing of cells. A small classifier that sees nothing but file facts and the border of the images
finds that, by cross-validation.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from deepometry.cells.file_facts import FileFacts, facts_of
from deepometry.cells.frame_fit import MUCH
from deepometry.core.text import shortened
from deepometry.training.border import border_features, steps_of
from deepometry.training.cells import LabelledCells

SURE, SURER = 0.8, 0.97
"""Balanced accuracy, at the lower end of its interval, from which labels are called predicted;
the higher one where the frame cuts off so much that large cells reach the border.
"""

_MOST, _FEWEST, _FOLDS, _TREES = 2000, 4, 4, 30
_AT_ONCE = 256
_NAMED = 4
_DEVIATIONS = 1.645  # of the one-sided 95 % interval

SIZE, BORDER = "The size of the images", "The border of the images (where no cell is)"


@dataclass(frozen=True)
class Verdict:
    """How well one fact predicts the labels.

    Attributes
    ----------
    fact : str
        What it is, as a sentence begins.
    accuracy, guessing : float
        Cross-validated balanced accuracy, and that of guessing.
    labels : tuple of str
        The labels that are predicted, each against all others; empty if all are.
    """

    fact: str
    accuracy: float
    guessing: float
    labels: tuple[str, ...]

    def sentence(self, target: str) -> str:
        """Say it in words."""
        guessing = f"(guessing gives {self.guessing:.2f})"
        if not self.labels:
            what = f"predicts {target} with a balanced accuracy"
        else:
            which = shortened(self.labels, _NAMED)
            what = f"predicts which cells are of {target} {which}, with a balanced accuracy"
        return f"{self.fact} alone {what} of {self.accuracy:.2f} {guessing}."


def technique(cells: LabelledCells) -> tuple[list[str], list[str]]:
    """Find labels that technique gives away.

    Returns
    -------
    warnings, notes : list of str
        At most one each. A note is on sizes that differ within the labels, too, as those of cells
        that an instrument cut out do: cells of one class may well be larger.
    """
    chosen, codes, names = _sample(cells)
    if len(names) < 2:
        return [], []
    facts = facts_of(cells.dataset, chosen)
    images = _Images(cells, chosen, facts)
    verdicts = [_judge(fact, values, codes, names, SURE) for fact, values in _values(facts, images)]
    verdicts.append(images.verdict(codes, names))
    natural = _varies(facts.sizes, codes)
    warned: list[str] = []
    noted: list[str] = []
    for verdict in filter(None, verdicts):
        harmless = natural and verdict.fact == SIZE
        (noted if harmless else warned).append(verdict.sentence(cells.target))
    return _with_advice(warned, _ADVICE), _with_advice(noted, _NATURAL)


def _with_advice(sentences: list[str], advice: str) -> list[str]:
    return [" ".join([*sentences, advice])] if sentences else []


_ADVICE = (
    "A model may learn that instead of the cells, and its score does not show it. Take and export "
    "the images of all labels alike, or test on images that were taken in another way."
)
_NATURAL = "That is no fault if the cells themselves differ in size."


def _sample(cells: LabelledCells) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Choose as many cells of every label that has some; return them, their codes and labels."""
    codes, rng = cells.codes, np.random.default_rng(0)
    counts = np.bincount(codes[codes >= 0], minlength=len(cells.labels))
    kept = np.flatnonzero(counts >= _FEWEST)
    each = max(_FEWEST, _MOST // max(1, len(kept)))
    chosen = [np.sort(rng.permutation(np.flatnonzero(codes == k))[:each]) for k in kept]
    numbers = np.repeat(np.arange(len(kept)), [len(some) for some in chosen])
    places = np.concatenate([np.empty(0, np.int64), *chosen])
    return places, numbers, [cells.labels[k] for k in kept]


def _values(facts: FileFacts, images: _Images) -> Iterator[tuple[str, np.ndarray]]:
    """Yield what is known of the files, as numbers."""
    yield "The type of the pixels", _numbered(facts.dtypes)
    yield "The step between pixel values", images.steps[:, None]
    if facts.listed:
        yield "The kind of file", _numbered(facts.suffixes)
        yield "What was changed as the files were read", _numbered(facts.notes)
        yield SIZE, facts.sizes


def _numbered(texts: Sequence[str]) -> np.ndarray:
    return np.unique(texts, return_inverse=True)[1][:, None]


def _varies(sizes: np.ndarray, codes: np.ndarray) -> bool:
    """Return whether most labels have images of several sizes."""
    kinds = [len(np.unique(sizes[codes == code], axis=0)) for code in np.unique(codes)]
    return float(np.median(kinds)) > 2


class _Images:
    """The pixels of the sample, reduced to their border as they are read."""

    def __init__(self, cells: LabelledCells, chosen: np.ndarray, facts: FileFacts) -> None:
        frame = cells.dataset.frame
        known = np.asarray((facts.sizes > 0).all(1))
        sizes = np.where(known[:, None], facts.sizes, frame)
        inside = np.minimum(sizes, frame)
        lost = 1 - inside.prod(1) / sizes.prod(1)
        self._cropped = bool(np.mean(lost >= MUCH) > MUCH)
        borders, steps = [], []
        for first in range(0, len(chosen), _AT_ONCE):
            some = slice(first, first + _AT_ONCE)
            images = cells.dataset.read(chosen[some], cells.columns)
            borders.append(border_features(images, sides=not self._cropped))
            steps += [
                steps_of(_middle(image, *size))
                for image, size in zip(images, inside[some].tolist(), strict=True)
            ]
        self._borders, self.steps = np.concatenate(borders), np.array(steps, np.float64)

    def verdict(self, codes: np.ndarray, names: Sequence[str]) -> Verdict | None:
        """Judge the border."""
        fact = BORDER
        return _judge(fact, self._borders, codes, names, SURER if self._cropped else SURE)


def _middle(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """Return the part of a framed image that is not padding."""
    top, left = ((image.shape[0] - side) // 2 for side in (height, width))
    return image[top : top + height, left : left + width]


def _judge(
    fact: str, values: np.ndarray, codes: np.ndarray, names: Sequence[str], sure: float
) -> Verdict | None:
    """Judge by cross-validation how well values (cells, numbers) predict the labels."""
    if not np.isfinite(values).all() or (values == values[0]).all():
        return None
    confusion = _confusion(values.astype(np.float32), codes)
    accuracy, low = _balanced(confusion)
    classes, guessing = len(names), 1 / len(names)
    if low >= guessing + (sure - 0.5) / 0.5 * (1 - guessing):
        return Verdict(fact, accuracy, guessing, ())
    pairs = [_balanced(_against_the_rest(confusion, code)) for code in range(classes)]
    sure_of = [code for code in range(classes) if pairs[code][1] >= sure]
    if not sure_of or classes == 2:
        return None
    worst = min(pairs[code][0] for code in sure_of)
    return Verdict(fact, worst, 0.5, tuple(names[code] for code in sure_of))


def _confusion(values: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Count true and predicted labels of cells left out: int, shape (labels, labels)."""
    from sklearn.ensemble import ExtraTreesClassifier
    from sklearn.model_selection import StratifiedKFold
    from sklearn.tree import DecisionTreeClassifier

    how = {"min_samples_leaf": 2, "class_weight": "balanced", "random_state": 0}
    few = values.shape[1] <= 2
    model = DecisionTreeClassifier(**how) if few else ExtraTreesClassifier(_TREES, **how)
    folds = min(_FOLDS, int(np.bincount(codes).min()))
    splitter = StratifiedKFold(folds, shuffle=True, random_state=0)
    confusion = np.zeros((codes.max() + 1,) * 2, np.int64)
    for training, left_out in splitter.split(values, codes):
        model.fit(values[training], codes[training])
        np.add.at(confusion, (codes[left_out], model.predict(values[left_out])), 1)
    return confusion


def _against_the_rest(confusion: np.ndarray, code: int) -> np.ndarray:
    """Reduce a confusion matrix to one label and all others."""
    own = np.arange(len(confusion)) == code
    parts = [[confusion[np.ix_(a, b)].sum() for b in (own, ~own)] for a in (own, ~own)]
    return np.array(parts)


def _balanced(confusion: np.ndarray) -> tuple[float, float]:
    """Return the balanced accuracy, and the lower end of its interval."""
    hits, cells = np.diag(confusion).astype(np.float64), confusion.sum(1)
    # Agresti and Coull: one more hit and one more miss, or all right would have no interval
    recall = (hits + 1) / (cells + 2)
    error = np.sqrt((recall * (1 - recall) / (cells + 2)).sum()) / len(cells)
    accuracy = float((hits / cells).mean())
    return accuracy, accuracy - _DEVIATIONS * float(error)
