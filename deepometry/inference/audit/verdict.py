"""What follows from the scores of changed images: does the model need the cell?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from deepometry.core.text import shortened
from deepometry.inference.audit.scores import Estimate, Judged, difference
from deepometry.inference.audit.variants import BACKGROUND, BORDER, OTHER_CLASS, OWN_CLASS, WHOLE

_ACCURACY, _AREA, _SWAP = 0.25, 0.4, 0.1
"""Shares of what whole images give above guessing, from which on, at the lower end of the interval,
a model is said to go by the background: in balanced accuracy and in ROC area of the background
alone, and in balanced accuracy lost on backgrounds of other classes. The last is the sharpest: it
is close to 0 for models that need the cell, as both images are changed alike. Chosen on example
cells of seeds 0 and 1 and a third of the Jurkat and MitoCheck cells; other seeds judge them.
"""

_CLASS = 0.6
"""The same in the ROC area of a single class against all others."""

_RECALL = 0.25
"""Recall that a class loses on the background of others, at the lower end, to be named."""

_INFORMATIVE = 0.5
"""Share of the way from guessing to a balanced accuracy of 1, at the lower end, from which the
background is said to predict the classes whatever the model uses.
"""

_SEPARATES = 0.97
"""Area under the ROC curve of a single class, at the lower end, for the same."""

_FEWEST = 10  # cells of a class that is looked at by itself
_NAMED = 4

_ADVICE = (
    "The score may say little about cells. Take and export the images of all classes alike, or "
    "test on images that were taken in another way."
)


@dataclass(frozen=True)
class Verdict:
    """Sentences, and what they say of the model and of the background."""

    sentences: str
    shortcut: bool
    informative: bool


def verdict_of(
    judged: Mapping[str, Judged], classifier: Judged | None, labels: Sequence[str], target: str
) -> Verdict:
    """Judge a model.

    Parameters
    ----------
    judged : mapping of str to Judged
        Of the variants that change all channels, by name.
    classifier : Judged or None
        Of the small classifier of the background; None where there are too few cells.
    labels : sequence of str
        All classes of the model.
    target : str
        What they are values of.
    """
    whole, guessing = judged[WHOLE], 1 / len(judged[WHOLE].present)
    told = "" if classifier is None else _about_classifier(classifier, labels, target)
    informative = bool(told)
    if whole.balanced_accuracy.low <= guessing + 1e-6:
        found = f"balanced accuracy {whole.balanced_accuracy}, guessing gives {guessing:.2f}"
        nothing = f"On these cells the model is no better than guessing ({found})"
        return Verdict(_joined(f"{nothing}: it has no shortcut to find.", told), False, informative)
    reasons = [*_alone(judged, guessing), *_swapped(judged, guessing)]
    reasons = reasons or _single_classes(judged, labels, target)
    reasons = reasons or _single_swaps(judged, labels, target)
    if reasons:
        advice = f"{_ADVICE} Whole images give {whole.balanced_accuracy}."
        start = "The model goes by the background, not only by the cell:"
        text = f"{start} {'; '.join(reasons)}. {advice}"
    else:
        alone = judged[BACKGROUND].balanced_accuracy
        text = (
            f"The model needs the cell: balanced accuracy {alone} from the background alone; "
            f"guessing gives {guessing:.2f}, whole images {whole.balanced_accuracy}."
        )
    return Verdict(_joined(text, told), bool(reasons), informative)


def _joined(*sentences: str) -> str:
    return " ".join(filter(None, sentences))


def _alone(judged: Mapping[str, Judged], guessing: float) -> list[str]:
    """Look at images without the cell."""
    whole, reasons = judged[WHOLE], []
    gain = whole.balanced_accuracy.value - guessing
    for name, what in ((BACKGROUND, "the background alone"), (BORDER, "the border alone")):
        accuracy, area = judged[name].balanced_accuracy, judged[name].roc_area
        if accuracy.low - guessing >= _ACCURACY * gain:
            reasons.append(f"{what} gives {accuracy}, guessing {guessing:.2f}")
        elif area.low - 0.5 >= _AREA * (whole.roc_area.value - 0.5):
            reasons.append(f"from {what}, the area under the ROC curve is {area}, guessing 0.50")
    return reasons[:1]


def _swapped(judged: Mapping[str, Judged], guessing: float) -> list[str]:
    """Look at cells on the background of others: of their own class, and of another."""
    own, other = judged[OWN_CLASS], judged[OTHER_CLASS]
    lost = difference(own.recalls.mean(1), other.recalls.mean(1))
    if lost.low < _SWAP * (judged[WHOLE].balanced_accuracy.value - guessing):
        return []
    scores = (own.balanced_accuracy.value, other.balanced_accuracy.value)
    return [
        "cells on the background of another class give {1:.2f}, on that of their own class "
        "{0:.2f}".format(*scores)
    ]


def _single_classes(judged: Mapping[str, Judged], labels: Sequence[str], target: str) -> list[str]:
    """Find classes that the background separates from all others."""
    whole, alone = judged[WHOLE], judged[BACKGROUND]
    cells = np.bincount(whole.true, minlength=len(labels))
    found: dict[str, Estimate] = {}
    for place, code in enumerate(whole.present):
        area, most = alone.roc_area_of(place), whole.roc_area_of(place).value - 0.5
        if cells[code] >= _FEWEST and most > 0 and area.low - 0.5 >= _CLASS * most:
            found[labels[code]] = area
    if not found:
        return []
    least = min(found.values(), key=lambda area: area.value)
    return [
        f"the background alone separates {target} {shortened([*found], _NAMED)} from all others, "
        f"with an area under the ROC curve of {least}, guessing 0.50"
    ]


def _single_swaps(judged: Mapping[str, Judged], labels: Sequence[str], target: str) -> list[str]:
    """Find classes whose cells are lost on the background of other classes."""
    own, other = judged[OWN_CLASS], judged[OTHER_CLASS]
    cells = np.bincount(own.true, minlength=len(labels))
    found: dict[str, float] = {}
    for place, code in enumerate(own.present):
        lost = difference(own.recalls[:, place], other.recalls[:, place])
        if cells[code] >= _FEWEST and lost.low >= _RECALL:
            found[labels[code]] = lost.value
    if not found:
        return []
    return [
        f"on the background of another class, cells of {target} {shortened([*found], _NAMED)} are "
        f"classified correctly less often by {min(found.values()):.2f} than on that of their own"
    ]


def _about_classifier(classifier: Judged, labels: Sequence[str], target: str) -> str:
    """Say that the background predicts the classes, or some of them; empty if it does not."""
    accuracy, guessing = classifier.balanced_accuracy, 1 / len(classifier.present)
    how = "whatever this model uses: a small classifier of level, spread and borders finds it."
    if accuracy.low - guessing >= _INFORMATIVE * (1 - guessing):
        return (
            f"The background alone predicts {target} with a balanced accuracy of {accuracy}, "
            f"guessing {guessing:.2f}, {how}"
        )
    areas = [classifier.roc_area_of(place) for place in range(len(classifier.present))]
    cells = np.bincount(classifier.true, minlength=len(labels))
    found = [
        labels[code]
        for code, area in zip(classifier.present, areas, strict=True)
        if cells[code] >= _FEWEST and area.low >= _SEPARATES
    ]
    which = shortened(found, _NAMED)
    separates = f"The background alone separates {target} {which} from all others"
    return f"{separates}, {how}" if found else ""
