"""Runs that a form can start besides its own, with what it shows: a second button, no form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from deepometry.options import BaselineOptions, GradcamOptions, LearningCurveOptions, settings


@dataclass(frozen=True)
class Companion:
    """A second button of a form.

    Attributes
    ----------
    verb : str
        As in `Job.verb`.
    form : str
        The verb of the form.
    title, button, tip : str
        As the page shows them.
    options : type
        The class of its options; those that the form has too are taken from there.
    extra : tuple of str
        Those that the form's own step does not have, but the form shows for it.
    """

    verb: str
    form: str
    title: str
    button: str
    tip: str
    options: type
    extra: tuple[str, ...] = ()

    def from_form(self, options: Any, texts: Mapping[str, Any] | None = None) -> Any:
        """Make the options of the run from those of the form, and what it shows besides."""
        shared = [name for name in settings(self.options) if hasattr(options, name)]
        given = {name: getattr(options, name) for name in shared}
        given |= {name: texts[name] for name in self.extra if texts and name in texts}
        return self.options(**given)


COMPANIONS = {
    each.verb: each
    for each in (
        Companion(
            "baseline",
            "train",
            "Classical baseline",
            "Compare with classical features",
            "Measures the same cells by classical features (size, shape, intensity, texture ...), "
            "learns from these in minutes, and says which of them separate the classes. Where the "
            "Output location holds a network trained on these cells, both are compared.",
            BaselineOptions,
        ),
        Companion(
            "learning-curve",
            "train",
            "Learning curve",
            "Learning curve",
            "Trains on an eighth, a quarter, a half and all of the cells, each time judged by the "
            "same cells left out, and foretells the accuracy with twice as many: is it worth "
            "measuring more? Its shares and repeats stand in More options. Keeps no model.",
            LearningCurveOptions,
            ("shares", "repeats"),
        ),
        Companion(
            "gradcam",
            "predict",
            "Heat maps",
            "Show where the network looks",
            "Draws for 12 cells, evenly from all folders, which parts of the image speak for the "
            "class that the model gives them (Grad-CAM). The results of a prediction offer the "
            "same for cells and classes of your choice.",
            GradcamOptions,
        ),
    )
}


def companions_of(form: str) -> list[Companion]:
    """Give the further buttons of a form."""
    return [each for each in COMPANIONS.values() if each.form == form]
