"""Flask-WTF forms, made from the options of the steps; the options are the one validator."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING
from functools import cache
from pathlib import Path
from typing import Any

from flask_wtf import FlaskForm
from wtforms import BooleanField, Field, RadioField, SelectField, StringField

from deepometry.errors import DeepometryError, OptionsError, explain_os_error
from deepometry.files import lies_in
from deepometry.options import MAPS, Setting
from deepometry.web.browse_check import check_path
from deepometry.web.browse_tasks import Task
from deepometry.web.memory import Values
from deepometry.web.steps import LAYER_NAMES, MAP_NAMES, STEPS, Step, example


class StepForm(FlaskForm):
    """The form of one step; `for_step` makes one for each."""

    step: Step

    def options(self) -> Any | None:
        """Build the options of the step from what was entered.

        Returns
        -------
        options, or None
            None where something is wrong; then the fields carry their errors, all at once.
        """
        given = {n: t for n, t in self.texts().items() if n not in self.step.extra}
        wrong: dict[str, str] = {}
        options = None
        try:
            options = self.step.options(**given)
        except OptionsError as error:
            wrong.update(error.fields)
        wrong.update(self._wrong_extra())
        places = _Places(self, wrong)
        wrong.update(places.wrong())
        for name, text in wrong.items():
            told = text.removeprefix(f"{self.step.fields[name][0].label}: ")  # it stands beside it
            self[name].errors = [told[:1].upper() + told[1:]]
        return None if wrong else options

    def _wrong_extra(self) -> dict[str, str]:
        """Check what was entered in the fields that are no options of the step."""
        wrong, texts = {}, self.texts()
        for name, setting in self.step.extra.items():
            try:
                if text := str(texts[name]).strip():
                    setting.read(text)
            except ValueError as error:
                wrong[name] = str(error)
        return wrong

    def texts(self) -> Values:
        """Give what was entered, by field, without the CSRF token."""
        return {name: _text(self[name].data) for name in self.step.fields}

    def opens_more(self) -> bool:
        """Tell whether "More options" holds something that must be seen."""
        return any(
            self[name].errors or _text(self[name].data) != self.step.default(name)
            for name in self.step.more
        )


def _text(data: Any) -> str | bool:
    return data if isinstance(data, bool) else (data or "")


def empty_form(verb: str, values: Mapping[str, str | bool]) -> StepForm:
    """Make the form of a step as the page first shows it.

    Parameters
    ----------
    verb : str
        The step.
    values : mapping
        What fields hold; the others hold their defaults.
    """
    step = STEPS[verb]
    defaults = {name: step.default(name) for name in step.fields}
    # the id prefix keeps the four forms of one page apart; names stay those of the options
    known = {name: value for name, value in values.items() if name in defaults}
    return _make(verb, None, {**defaults, **known})


def filled_form(verb: str) -> StepForm:
    """Make the form of a step from the request."""
    return _make(verb, ..., {})


def _make(verb: str, given: Any, data: dict[str, str | bool]) -> StepForm:
    kind = for_step(verb)
    form = kind(data=data) if given is ... else kind(formdata=given, data=data)
    for field in form:
        field.id = f"{verb}-{field.name}"
        field.label.field_id = field.id
    return form


@cache
def for_step(verb: str) -> type[StepForm]:
    """Make the class of the form of a step."""
    step = STEPS[verb]
    fields = {name: _field(step, name, *told) for name, told in step.fields.items()}
    return type(f"{verb.title()}Form", (StepForm,), {"step": step, **fields})


def _field(step: Step, name: str, setting: Setting, default: Any) -> Field:
    about: dict[str, Any] = {
        "kind": step.kinds.get(name, ""),
        "required": default is MISSING,
        "example": example(step.verb, name),
        "choices": _choices(name, setting),
    }
    common: dict[str, Any] = {"label": setting.label, "description": setting.help}
    if isinstance(default, bool):
        made: Field = BooleanField(**common, render_kw=about)
    elif setting.choices:
        kind = RadioField if name == "layer" else SelectField
        made = kind(**common, choices=[value for value, _ in about["choices"]], render_kw=about)
    else:
        made = StringField(**common, render_kw=about)
    return made


def _choices(name: str, setting: Setting) -> list[tuple[str, str]]:
    """Give values and labels, in the order of the page."""
    if name == "layer":
        return list(LAYER_NAMES.items())
    if setting.choices == MAPS:
        return list(MAP_NAMES.items())
    return [(choice, choice) for choice in setting.choices or ()]


# --- what only the page can say ----------------------------------------------------------------


class _Places:
    """Looks at the places of a form before a job is started that would say so later."""

    def __init__(self, form: StepForm, wrong: Mapping[str, str]) -> None:
        self._form, self._verb = form, form.step.verb
        names = [n for n in form.step.kinds if n not in wrong and str(_text(form[n].data)).strip()]
        self._paths = {name: form.step.fields[name][0].read(form[name].data) for name in names}

    def wrong(self) -> dict[str, str]:
        """Give for every place that cannot be used what is wrong with it."""
        found = {}
        for name, path in self._paths.items():
            check = _CHECKS[name] if path.is_absolute() else _Places._not_whole
            try:
                found.update(check(self, name, path))
            except OSError as error:
                found[name] = str(explain_os_error(error, path))
        return found

    def _not_whole(self, name: str, path: Path) -> dict[str, str]:
        """Refuse a path that begins nowhere: it would depend on how the server was started."""
        return {
            name: f"expected a whole path, such as {example(self._verb, name)}, found {path}; use "
            "Browse, or paste the path."
        }

    def _input(self, name: str, path: Path) -> dict[str, str]:
        if not path.exists():
            return {name: f"{path} does not exist; check the path, or use Browse."}
        if self._verb == "parse":
            return {}
        kind = self._form.step.kinds[name]
        if kind == "parsed" and not path.is_dir():
            return {name: f"{path} is a file; give the folder that holds it."}
        found = check_path(path, kind, Task(lambda task: None))
        return {name: found.text} if found.state in ("bad", "warn") else {}

    def _output(self, name: str, path: Path) -> dict[str, str]:
        if path.exists() and not path.is_dir():
            return {name: f"{path} is a file; give a folder, which may be a new one."}
        raw = self._paths.get("input") if self._verb == "parse" else None
        if raw is not None and lies_in(path, raw):
            return {name: f"{path} lies in the input {raw}; choose a folder outside it."}
        found = check_path(path, "folder", Task(lambda task: None))
        return {name: found.text} if found.state == "bad" else {}

    def _model(self, name: str, path: Path) -> dict[str, str]:
        # not at the top: it loads NumPy, which would delay the first page
        from deepometry.model import find_model, read_description

        try:
            file = find_model(path)
            target = read_description(file).target
        except DeepometryError as error:
            return {name: str(error).removeprefix("Model location ")}
        asked = str(self._form.texts().get("target", "")).strip()
        if not asked or asked.casefold() == target.casefold():
            return {}
        return {
            "target": f"expected {target}, which {file.name} was trained on, found {asked!r}; "
            "choose another model, or leave this blank."
        }

    def _start_from(self, name: str, path: Path) -> dict[str, str]:
        found = check_path(path, "start", Task(lambda task: None))
        return {name: found.text} if found.state in ("bad", "missing") else {}


_Check = Callable[[_Places, str, Path], dict[str, str]]
_CHECKS: dict[str, _Check] = {
    "input": _Places._input,
    "output": _Places._output,
    "model": _Places._model,
    "predictions": _Places._input,
    "start_from": _Places._start_from,
}
