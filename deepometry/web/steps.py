"""The four forms of the protocol's page: their names, fields, order, defaults and examples.

Labels, help and checks come from the options of each step; this module adds only what is of the
page: what stands in sight, what in "More options", and an example of what to enter.
"""

from __future__ import annotations

from dataclasses import MISSING, dataclass, field
from pathlib import Path
from typing import Any

from deepometry.options import (
    EmbedOptions,
    ExtractOptions,
    LearningCurveOptions,
    ParseOptions,
    PredictOptions,
    Setting,
    TrainOptions,
    settings,
)

TARGET_OF_MODEL = Setting(
    "Target classification",
    "What the model tells apart. It is read from the model, and checked: a model of another target "
    "is refused.",
    str,
)
# As the protocol spells them, in its order
MAP_NAMES = {"umap": "UMAP", "tsne": "t-SNE", "phate": "PHATE", "pca": "PCA"}
LAYER_NAMES = {"res4a_relu": "Res4a_ReLU", "res5a_relu": "Res5a_ReLU", "pool5": "pool5"}


@dataclass(frozen=True)
class Step:
    """One form of the page.

    Attributes
    ----------
    verb, number, title, button : str
        As the page shows them.
    purpose : str
        One sentence under the title.
    options : type
        The options class of the step.
    shown : tuple of str
        Fields in sight, in the protocol's order; all others stand in "More options".
    kinds : dict of str to str
        What the picker is to look for, for every field that is a place.
    defaults : dict of str to str
        Where the page begins with another value than the option's default.
    extra : dict of str to Setting
        Fields of the page that are no options of the step.
    below : str
        The verb of the step under whose form this one stands; empty for a column of its own.
    """

    verb: str
    number: str
    title: str
    button: str
    purpose: str
    options: type
    shown: tuple[str, ...]
    kinds: dict[str, str]
    defaults: dict[str, str] = field(default_factory=dict)
    extra: dict[str, Setting] = field(default_factory=dict)
    below: str = ""

    @property
    def fields(self) -> dict[str, tuple[Setting, Any]]:
        """Every field: those in sight, then the others in the order of the options."""
        known: dict[str, tuple[Setting, Any]] = {**settings(self.options)}
        known |= {name: (setting, None) for name, setting in self.extra.items()}
        names = [*self.shown, *(name for name in known if name not in self.shown)]
        return {name: known[name] for name in names}

    @property
    def more(self) -> tuple[str, ...]:
        """Fields of "More options"."""
        return tuple(name for name in self.fields if name not in self.shown)

    @property
    def required(self) -> tuple[str, ...]:
        """Fields that must be filled in."""
        return tuple(name for name, (_, default) in self.fields.items() if default is MISSING)

    def default(self, name: str) -> str | bool:
        """Give what a field holds before anything was entered."""
        value = self.fields[name][1]
        if name in self.defaults:
            return self.defaults[name]
        if isinstance(value, bool):
            return value
        return "" if value is None or value is MISSING else str(value)


STEPS = {
    step.verb: step
    for step in (
        Step(
            "parse",
            "1",
            "Preprocessing",
            "Parse",
            "Turns image files into arrays.",
            ParseOptions,
            ("input", "output", "frame", "channels", "montage", "split"),
            {"input": "raw", "output": "folder"},
            {"split": "80/20"},
        ),
        Step(
            "train",
            "2",
            "Model training",
            "Train",
            "Learns what your folder names say.",
            TrainOptions,
            ("input", "output", "target", "epochs"),
            {"input": "parsed", "output": "folder", "start_from": "start"},
            extra={name: settings(LearningCurveOptions)[name][0] for name in ("shares", "repeats")},
        ),
        Step(
            "predict",
            "3a",
            "Prediction",
            "Predict",
            "Gives every cell a label.",
            PredictOptions,
            ("input", "output", "target", "model", "unannotated"),
            {"input": "parsed", "output": "folder", "model": "model"},
            extra={"target": TARGET_OF_MODEL},
        ),
        Step(
            "extract",
            "3b",
            "Feature extraction",
            "Extract",
            "Writes what the network sees.",
            ExtractOptions,
            ("input", "output", "model", "layer"),
            {"input": "parsed", "output": "folder", "model": "model"},
        ),
        Step(
            "embed",
            "",
            "Map of cells",
            "Draw map",
            "Puts similar cells side by side.",
            EmbedOptions,
            ("input", "output", "method", "dims", "color"),
            {"input": "features", "output": "folder", "predictions": "predictions"},
            below="extract",
        ),
    )
}


def example(verb: str, name: str) -> str:
    """Give an example of what to enter in a field, for its tooltip; empty for a choice."""
    if (verb, name) in _PLACES:
        return str(Path.home().joinpath("Experiment X", *_PLACES[verb, name]))
    return _EXAMPLES.get(name, "")


_PLACES = {
    ("parse", "input"): ("images",),
    ("parse", "output"): ("parsed",),
    ("train", "input"): ("parsed", "Train"),
    ("train", "output"): ("model",),
    ("train", "start_from"): ("earlier model",),
    ("predict", "input"): ("parsed", "Hold-out"),
    ("predict", "output"): ("predictions",),
    ("predict", "model"): ("model",),
    ("extract", "input"): ("parsed", "Hold-out"),
    ("extract", "output"): ("features",),
    ("extract", "model"): ("model",),
    ("embed", "input"): ("features",),
    ("embed", "output"): ("features", "map"),
    ("embed", "predictions"): ("predictions",),
}
_EXAMPLES = {
    "frame": "48",
    "channels": "1,9,12; left blank: all",
    "montage": "15",
    "split": "80/20; left blank: no split",
    "split_by": "Sample; left blank: cell by cell",
    "seed": "0",
    "target": "Class",
    "epochs": "60; left blank: chosen from the number of cells",
    "batch_size": "32; left blank: as the recipe has it",
    "learning_rate": "0.001; left blank: as the recipe has it",
    "weight_decay": "0.05; left blank: as the recipe has it",
    "smoothing": "0.1; left blank: as the recipe has it",
    "shifts": "0.05; left blank: as the recipe has it",
    "views": "8; left blank: as the recipe or the model has it",
    "validation": "0.2; left blank: as the recipe has it",
    "patience": "40; left blank: as the recipe has it",
    "color": "Class, Day; left blank: all that fit",
    "layer": "pool5; left blank: extracted last",
    "neighbors": "30; left blank: 15 for umap, 5 for phate",
    "min_dist": "0.1",
    "perplexity": "30",
    "components": "50",
    "unsure_below": "0.8; left blank: every cell is labelled",
    "weights": "imagenet; left blank: from scratch",
    "folds": "5; left blank: none",
    "group_by": "Sample; left blank: cell by cell",
    "shares": "1/8,1/4,1/2,1",
    "repeats": "3; left blank: 1",
    "plateau": "10; left blank: as the recipe has it",
}
