"""Runs that a form can start besides its own, with what it shows: a second button, no form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from deepometry.options import BaselineOptions, GradcamOptions, settings


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
    """

    verb: str
    form: str
    title: str
    button: str
    tip: str
    options: type

    def from_form(self, options: Any) -> Any:
        """Make the options of the run from those of the form."""
        shared = [name for name in settings(self.options) if hasattr(options, name)]
        return self.options(**{name: getattr(options, name) for name in shared})


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
