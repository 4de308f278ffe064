"""What the recipes choose for the options that a form leaves to them."""

from __future__ import annotations

from pathlib import Path

from deepometry.core.errors import DeepometryError
from deepometry.core.options.train import RECIPES
from deepometry.core.result_files import PARSE_RECORD
from deepometry.core.run_records import read_json
from deepometry.training.recipes import choice_of
from deepometry.web.forms.build import StepForm


def recipe_choices(form: StepForm, name: str) -> dict[str, str]:
    """Return for every recipe what it chooses for an option, as text, whatever the cells.

    Empty for an option that no recipe decides, and for a form that has none.
    """
    return _choices(form, name, None)


def counted_choices(form: StepForm, name: str) -> dict[str, str]:
    """Return the same for the cells in the form's input; empty where their number has no part."""
    cells = _cells(str(form["input"].data or "")) if name == "epochs" else None
    return {} if cells is None else _choices(form, name, cells)


def _choices(form: StepForm, name: str, cells: int | None) -> dict[str, str]:
    if "recipe" not in form.spec.fields:
        return {}
    choices = {recipe: choice_of(recipe, name, cells) for recipe in RECIPES}
    return {recipe: text for recipe, text in choices.items() if text}


def _cells(entered: str) -> int | None:
    """Return how many parsed cells a folder holds, or None where no record has it."""
    folder = Path(entered)
    try:
        if (folder / PARSE_RECORD).is_file():
            return int(read_json(folder / PARSE_RECORD)["cells"])
        return int(read_json(folder.parent / PARSE_RECORD)["sides"][folder.name])
    except (DeepometryError, OSError, KeyError, TypeError, ValueError):
        return None  # the step itself says what is wrong with the folder
