"""What follows from cells that do not look like those a model learnt from: warnings, a question."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from deepometry.cells.appearance import Appearance
from deepometry.cells.model_description import Description
from deepometry.cells.unlike import Unlike, differences, fits, multiplied, plain_factor
from deepometry.core.errors import Choice, Question

_NAMED = 3  # channels and folders that a sentence names
_SCALE = ("spread", "level")
_EVENED_OUT = {"image": _SCALE, "8bit": _SCALE, "background": ("level",)}  # by scaling of the model
_NONSENSE = "their predictions and features may mean nothing"


@dataclass(frozen=True)
class Sample:
    """Measures of some cells; `folders` has those of each folder that has enough of them."""

    dtype: str
    measures: Mapping[str, np.ndarray]
    folders: Mapping[str, Mapping[str, np.ndarray]]

    def multiplied(self, factor: float) -> Sample:
        """Return those of the same cells with every pixel multiplied by a factor."""
        folders = {name: multiplied(each, factor) for name, each in self.folders.items()}
        return replace(self, measures=multiplied(self.measures, factor), folders=folders)


def offered_factor(known: Appearance, sample: Sample) -> float | None:
    """Return a factor that explains all differences of scale, in every folder."""
    if not _of(_SCALE, differences(known, sample.measures)):
        return None
    factor = plain_factor(known, sample.measures)
    if factor is None or not all(fits(known, own, factor) for own in sample.folders.values()):
        return None
    return factor


def _of(kinds: Sequence[str], found: Sequence[Unlike]) -> list[Unlike]:
    return [each for each in found if each.kind in kinds]


def _certain(found: Sequence[Unlike]) -> bool:
    return any(each.certain for each in found)


class Verdict:
    """The differences between cells and those that a model learnt from, in words.

    Attributes
    ----------
    warnings : list of str
        A sentence for each kind of difference.
    summary : str
        In short, for records.
    """

    def __init__(self, description: Description, known: Appearance, sample: Sample) -> None:
        self._description, self._known, self._sample = description, known, sample
        self._found = differences(known, sample.measures)
        self._factor = offered_factor(known, sample)
        self._inverted = self._inverted_sentence()
        self._scale = "" if self._inverted else self._scale_sentence()
        self._folders, self._folder_is_wrong = self._folder_sentence()
        each = (self._scale, self._inverted, self._evened_out(), self._sharpness(), self._folders)
        self.warnings = [sentence for sentence in each if sentence]
        like = "unlike" if self.warnings else "like"
        self.summary = f"{like} {known.cells:,} training cells"

    def refuse(self, scale_is_chosen: bool, factor: float) -> None:
        """Raise a question where the cells are of another scale or inverted, beyond doubt.

        `factor` is what pixels are multiplied by already, and `scale_is_chosen` whether the user
        wants the scale to stay as it is.
        """
        if self._inverted and _certain(_of(("reversed", "level"), self._found)):
            raise _despite(self._inverted)
        if self._folder_is_wrong:
            raise _despite(self._folders)
        if self._scale and not scale_is_chosen and _certain(self._left(self._found)):
            raise self._question(factor)

    def _question(self, factor: float) -> Question:
        if self._factor is None:
            return _despite(self._scale)
        text = f"{self._factor * factor:.6g}"
        return Question(
            "rescale",
            f"Rescale: {self._scale} Enter a factor (--rescale {text}, or auto), or use the cells "
            "as they are (--despite-scale).",
            (
                Choice(text, f"Multiply every pixel by {text}", "to the scale of the model"),
                Choice("1", "Use the cells as they are", _NONSENSE),
            ),
        )

    def _left(self, found: Sequence[Unlike]) -> list[Unlike]:
        """Return the differences of scale that the model's own intensity scaling leaves."""
        away = _EVENED_OUT.get(self._description.scaling, ())
        return [each for each in _of(_SCALE, found) if each.kind not in away]

    # --- in words

    def _scale_sentence(self) -> str:
        """Tell that the scale differs, with numbers."""
        # Where the background is subtracted, a factor changes the spread as well; that may lie
        # within what single cells have, while the background shows that there is a factor.
        by_level = self._description.scaling == "background" and self._factor is not None
        if not (self._left(self._found) or by_level):
            return ""
        here, there = self._sample.dtype, self._known.dtype
        kinds = "" if here == there else f" The pixels are {here} here, {there} in training."
        factor = f" A factor of {self._factor:.6g} explains it." if self._factor else ""
        return (
            "These cells are on another intensity scale than those that the model learnt from: "
            f"{self._numbers(_of(_SCALE, self._found))}.{kinds}{factor}"
        )

    def _inverted_sentence(self) -> str:
        found = _of(("reversed",), self._found)
        if not found:
            return ""
        return (
            "These cells look inverted, bright where those that the model learnt from are dark: "
            f"{self._numbers(found)}. Parse images that are not inverted."
        )

    def _evened_out(self) -> str:
        """Mention a difference that the model's own scaling evens out.

        A factor does no harm then; what no factor explains may be more than a difference of scale.
        """
        found = _of(_SCALE, self._found)
        if self._scale or self._inverted or not found:
            return ""
        if self._factor is not None and not _certain(found):
            return ""
        return (
            "The intensities differ from those that the model learnt from: "
            f"{self._numbers(found)}. The model's intensity scaling, "
            f"{self._description.scaling}, evens out their level, but not what else may differ, "
            "such as inverted or clipped images."
        )

    def _sharpness(self) -> str:
        found = _of(("sharpness",), self._found)
        if not found:
            return ""
        told = [f"{self._name(each.channel)} {_detail(each)}" for each in found]
        return (
            "These cells are in another focus than those that the model learnt from, or were "
            f"smoothed, sharpened or compressed: {_listed(told, 'channels')}. Predictions may be "
            "wrong."
        )

    def _folder_sentence(self) -> tuple[str, bool]:
        """Tell which folders are unlike where the whole is not, and whether beyond doubt."""
        if self._scale or self._inverted:
            return "", False
        whole = {each.kind for each in self._found}
        wrong = []
        for name, measures in self._sample.folders.items():
            found = [f for f in differences(self._known, measures) if f.kind not in whole]
            what, doubtless = self._of_folder([f for f in found if f.certain], measures)
            if what:
                wrong.append((f"{name} is {what}", doubtless))
        if not wrong:
            return "", False
        sentence = (
            "Cells of some folders do not look like those that the model learnt from: "
            f"{_listed([what for what, _ in wrong], 'folders')}. Use these folders on their own."
        )
        return sentence, any(doubtless for _, doubtless in wrong)

    def _of_folder(
        self, found: Sequence[Unlike], measures: Mapping[str, np.ndarray]
    ) -> tuple[str, bool]:
        """Describe a folder; a scale that no factor explains may be that of unusual cells."""
        if _of(("reversed",), found):
            return "inverted", True
        if self._left(found):
            factor = plain_factor(self._known, measures)
            by = f", by a factor of {factor:.6g}" if factor else ""
            return f"on another intensity scale{by}", factor is not None
        return "in another focus" if _of(("sharpness",), found) else "", False

    def _numbers(self, found: Sequence[Unlike]) -> str:
        channels = sorted({each.channel for each in found})
        return _listed([f"{self._name(n)} {self._levels(n)}" for n in channels], "channels")

    def _levels(self, channel: int) -> str:
        known, here = self._known.channels[channel], self._sample.measures
        mean = float(np.median(here["mean"][:, channel]))
        spread = math.exp(float(np.median(here["spread"][:, channel])))
        return (
            f"median level {_counts(mean)}, the model learnt from {_counts(known['mean'].median)} "
            f"(standard deviation {_counts(spread)}, and "
            f"{_counts(math.exp(known['spread'].median))})"
        )

    def _name(self, channel: int) -> str:
        return self._description.channel_labels[channel]


def _despite(sentence: str) -> Question:
    return Question(
        "despite_scale",
        f"Despite scale: {sentence} Use them as they are only where you know the reason "
        "(--despite-scale).",
        (Choice("true", "Use the cells as they are", _NONSENSE),),
    )


def _listed(each: Sequence[str], noun: str) -> str:
    more = f"; and {len(each) - _NAMED} more {noun}" if len(each) > _NAMED else ""
    return "; ".join(each[:_NAMED]) + more


def _detail(found: Unlike) -> str:
    ratio = math.exp(found.here - found.there)
    if ratio < 1:
        return f"is blurred, with {_counts(1 / ratio)} times less fine detail"
    return f"is sharper or noisier, with {_counts(ratio)} times the fine detail"


def _counts(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.2g}"
