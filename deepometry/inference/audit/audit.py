"""The shortcut audit: does a model go by the cell, or by what is around it?"""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np

from deepometry.core.progress import Progress
from deepometry.inference.audit.background_check import (
    FEWEST,
    background_features,
    left_out_probabilities,
)
from deepometry.inference.audit.result import Audit, Row, no_audit
from deepometry.inference.audit.run import Images, Masks, Predict, in_blocks, masks_of, shown
from deepometry.inference.audit.scores import Judged, bootstrap_weights
from deepometry.inference.audit.variants import Variant, variants_of
from deepometry.inference.audit.verdict import verdict_of

MOST, _LEAST, _PASSES = 500, 200, 4000
CLASSIFIER = "background_classifier"
_ABOUT_CLASSIFIER = "A small classifier of the background, whatever the model uses"
_SEED = 0


def audit(
    images: Images,
    true: np.ndarray,
    labels: Sequence[str],
    channels: Sequence[str],
    predict: Predict,
    target: str = "class",
    shares: np.ndarray | None = None,
    progress: Progress | None = None,
) -> Audit:
    """Find what a model goes by: the cell, its background, the border, each channel, fine detail.

    Parameters
    ----------
    images : ndarray, shape (n, frame, frame, channels), or what reads them
        Counts, as the model takes them, of cells that it has not learnt from.
    true : ndarray of int, shape (n,)
        Their classes.
    labels, channels : sequence of str
        Names of all classes of the model, and of the channels.
    predict : callable
        From images to probabilities (n, classes); a baseline's or a network's.
    target : str
        What the classes are values of.
    shares : ndarray of float, shape (classes,), optional
        Shares of the classes among all cells, which accuracy is for; by default those here.
    progress : Progress, optional

    Returns
    -------
    Audit
        Without rows where there is nothing to audit: a single class, or images without background.

    Notes
    -----
    Replaced parts get noise of the cell's own background, with its slope, spread and smoothness.
    Guessing is the balanced accuracy of the same predictions, shuffled between the cells; areas
    under ROC curves do not depend on where the model draws the line, which a changed image moves.
    A cell is also put on the background of a cell of another class, and of its own class: what
    differs between the two can only come from the background.
    """
    start, progress, rng = time.monotonic(), progress or Progress(), np.random.default_rng(_SEED)
    if len(np.unique(true)) < 2:
        return no_audit("it compares classes, and these cells are of a single one.")
    variants = variants_of(channels)
    masks = masks_of(images, len(true), progress)
    if 2 * np.count_nonzero(masks.found) < len(true):
        return no_audit("in most images nothing stands out in the middle, where the cell should.")
    places = np.flatnonzero(masks.enough)
    if 2 * len(places) < len(true) or len(np.unique(true[places])) < 2:
        return no_audit("the cells fill the images, which have hardly any background.")
    true = true[places]
    probabilities = shown(images, masks, places, true, variants, predict, rng, progress)
    if shares is None:
        shares = np.bincount(true, minlength=len(labels)) / len(true)
    weights = bootstrap_weights(true, rng)
    judged = [Judged(each, true, weights, shares) for each in probabilities]
    rows = [_row(*pair) for pair in zip(variants, judged, strict=True)]
    classifier = _classifier(images, places, masks, true, shares)
    if classifier is not None:
        rows.append(Row.of(CLASSIFIER, "", _ABOUT_CLASSIFIER, classifier))
    whole = {v.name: each for v, each in zip(variants, judged, strict=True) if not v.channel}
    verdict = verdict_of(whole, classifier, labels, target)
    told = (verdict.sentences, verdict.shortcut, verdict.informative)
    return Audit(tuple(rows), *told, len(true), time.monotonic() - start)


def _row(variant: Variant, judged: Judged) -> Row:
    return Row.of(variant.name, variant.channel, variant.about, judged)


def _classifier(
    images: Images, places: np.ndarray, masks: Masks, true: np.ndarray, shares: np.ndarray
) -> Judged | None:
    """Score the small classifier of the background; None where hardly any class has the cells."""
    enough = np.bincount(true)[true] >= FEWEST
    if len(np.unique(true[enough])) < 2:
        return None
    places, true = places[enough], true[enough]
    features = np.concatenate(
        [background_features(images[some], masks[some]) for some in in_blocks(images, places)]
    )
    probabilities = left_out_probabilities(features, true, len(shares))
    weights = bootstrap_weights(true, np.random.default_rng(_SEED))
    return Judged(probabilities, true, weights, shares)


def evenly(true: np.ndarray, among: np.ndarray, channels: int) -> np.ndarray:
    """Choose cells for an audit, as many of every class as there are, up to a number.

    Parameters
    ----------
    true : ndarray of int, shape (cells,)
        Classes of all cells.
    among : ndarray of bool, shape (cells,)
        Those that may be chosen.
    channels : int
        The more there are, the more ways of changing images, and the fewer cells.

    Returns
    -------
    ndarray of int
        Places of at most 500 cells, in their order, always the same ones.
    """
    passes = _PASSES // len(variants_of([""] * channels))
    codes = np.unique(true[among])
    most = max(1, int(np.clip(passes, _LEAST, MOST)) // max(1, len(codes)))
    rng = np.random.default_rng(_SEED)
    each = [rng.permutation(np.flatnonzero(among & (true == code)))[:most] for code in codes]
    return np.sort(np.concatenate([np.empty(0, np.int64), *each]))
