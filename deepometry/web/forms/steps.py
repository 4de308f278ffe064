"""The forms of the page, made from the list of steps and their options."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import MISSING, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from deepometry.core.options.fields import Setting, by_group, settings
from deepometry.core.step import Button, Form, Step
from deepometry.core.steps import STEPS

# Folders of a project, where they are named otherwise than what they hold
_FOLDERS = {"raw": "images", "start": "earlier model"}


@dataclass(frozen=True)
class FormSpec:
    """What the form of a step shows."""

    step: Step
    form: Form

    @cached_property
    def extra(self) -> dict[str, Setting]:
        """Fields that are no options of the step: its own, and those of its further buttons."""
        own = dict(self.form.extra)
        for other, button in buttons_of(self.step.name):
            options = settings(other.options)
            own |= {name: options[name][0] for name in button.extra}
        return own

    @cached_property
    def fields(self) -> dict[str, tuple[Setting, Any]]:
        """Every field: those in sight, then the others in the order of the options."""
        every: dict[str, tuple[Setting, Any]] = {**settings(self.step.options)}
        every |= {name: (setting, None) for name, setting in self.extra.items()}
        names = [*self.form.shown, *(name for name in every if name not in self.form.shown)]
        return {name: every[name] for name in names}

    @property
    def more(self) -> tuple[str, ...]:
        """Fields of "More options"."""
        return tuple(name for name in self.fields if name not in self.form.shown)

    def groups(self, elsewhere: Collection[str] = ()) -> dict[str, list[str]]:
        """Return the fields of "More options" by the title of their group, in its order.

        `elsewhere` are fields that stand in another place.
        """
        names = [name for name in self.more if name not in elsewhere]
        return by_group({name: self.fields[name][0] for name in names})

    @property
    def required(self) -> tuple[str, ...]:
        """Fields that must be filled in."""
        return tuple(name for name, (_, default) in self.fields.items() if default is MISSING)

    @cached_property
    def kinds(self) -> dict[str, str]:
        """What the picker looks for, for every field that is a path."""
        return {name: setting.kind for name, (setting, _) in self.fields.items() if setting.kind}

    def default(self, name: str) -> str | bool:
        """Return what a field holds before anything was entered."""
        value = self.fields[name][1]
        if name in self.form.defaults:
            return self.form.defaults[name]
        if isinstance(value, bool):
            return value
        return "" if value is None or value is MISSING else str(value)

    def place(self, name: str) -> tuple[str, ...]:
        """Return the usual place of a path, as folders below that of a project."""
        setting = self.fields[name][0]
        if setting.kind == "folder" and self.form.inside:
            return (*self.place("input"), self.form.inside)
        written = self.form.folder or self.step.writes
        kind = written if setting.kind == "folder" else setting.kind
        return tuple(filter(None, (_FOLDERS.get(kind, kind), setting.part)))

    def example(self, name: str) -> str:
        """Return an example of what to enter in a field, for its tooltip; empty for a choice."""
        if name in self.kinds:
            return str(Path.home().joinpath("Experiment X", *self.place(name)))
        return self.fields[name][0].example


def buttons_of(form: str) -> list[tuple[Step, Button]]:
    """Return the steps that further buttons of a form start."""
    places = ((step, step.place) for step in STEPS.values())
    return [(s, place) for s, place in places if isinstance(place, Button) and place.form == form]


def options_of(step: Step, options: Any, texts: Mapping[str, Any] | None = None) -> Any:
    """Make the options of a step that a further button starts.

    What it shares with the form's own step is taken from `options`, the rest from the form's texts.
    """
    shared = [name for name in settings(step.options) if hasattr(options, name)]
    values = {name: getattr(options, name) for name in shared}
    if isinstance(step.place, Button) and texts:
        values |= {name: texts[name] for name in step.place.extra if name in texts}
    return step.options(**values)


FORMS = {
    name: FormSpec(step, step.place) for name, step in STEPS.items() if isinstance(step.place, Form)
}
