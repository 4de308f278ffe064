"""Flask-WTF forms, made from the options of the steps; the options are the one validator."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import MISSING
from functools import cache
from pathlib import Path
from typing import Any

from flask_wtf import FlaskForm
from wtforms import BooleanField, Field, RadioField, SelectField, StringField

from deepometry.core.errors import DeepometryError, OptionsError, explain_os_error
from deepometry.core.files import lies_in
from deepometry.core.options.fields import Setting, flag_of
from deepometry.web.browse.background import Task
from deepometry.web.browse.check_path import Finding, check_path
from deepometry.web.forms.last_values import Values
from deepometry.web.forms.steps import FORMS, FormSpec


class StepForm(FlaskForm):
    """The form of one step; `for_step` makes one for each."""

    spec: FormSpec

    def options(self) -> Any | None:
        """Build the options of the step; None where fields are wrong, which then carry errors."""
        entered = {n: t for n, t in self.texts().items() if n not in self.spec.extra}
        wrong: dict[str, str] = {}
        options = None
        try:
            options = self.spec.step.options(**entered)
        except OptionsError as error:
            wrong.update(error.fields)
        wrong.update(self._wrong_extra())
        wrong.update(_Places(self, wrong).wrong())
        for name, text in wrong.items():
            label = self.spec.fields[name][0].label  # stands beside it already
            message = text.removeprefix(f"{label}: ")
            self[name].errors = [message[:1].upper() + message[1:]]
        return None if wrong else options

    def _wrong_extra(self) -> dict[str, str]:
        """Check what was entered in the fields that are no options of the step."""
        wrong, texts = {}, self.texts()
        for name, setting in self.spec.extra.items():
            try:
                if text := str(texts[name]).strip():
                    setting.read(text)
            except ValueError as error:
                wrong[name] = str(error)
        return wrong

    def texts(self) -> Values:
        """Return what was entered, by field, without the CSRF token."""
        return {name: _text(self[name].data) for name in self.spec.fields}

    def opens_more(self, elsewhere: Collection[str] = ()) -> bool:
        """Return whether "More options" holds something that must be seen.

        `elsewhere` are fields that stand in another place.
        """
        return any(
            self[name].errors or _text(self[name].data) != self.spec.default(name)
            for name in self.spec.more
            if name not in elsewhere
        )


def _text(data: Any) -> str | bool:
    return data if isinstance(data, bool) else (data or "")


def empty_form(verb: str, values: Mapping[str, str | bool]) -> StepForm:
    """Make the form of a step as the page first shows it, with values or else defaults."""
    spec = FORMS[verb]
    defaults = {name: spec.default(name) for name in spec.fields}
    # the id prefix keeps the four forms of one page apart; names stay those of the options
    own = {name: value for name, value in values.items() if name in defaults}
    return _make(verb, None, {**defaults, **own})


def filled_form(verb: str) -> StepForm:
    """Make the form of a step from the request."""
    return _make(verb, ..., {})


def _make(verb: str, formdata: Any, data: dict[str, str | bool]) -> StepForm:
    kind = for_step(verb)
    form = kind(data=data) if formdata is ... else kind(formdata=formdata, data=data)
    for field in form:
        field.id = f"{verb}-{field.name}"
        field.label.field_id = field.id
    return form


@cache
def for_step(verb: str) -> type[StepForm]:
    """Make the class of the form of a step."""
    spec = FORMS[verb]
    fields = {name: _field(spec, name, *about) for name, about in spec.fields.items()}
    return type(f"{verb.title()}Form", (StepForm,), {"spec": spec, **fields})


def _field(spec: FormSpec, name: str, setting: Setting, default: Any) -> Field:
    about: dict[str, Any] = {
        "kind": spec.kinds.get(name, ""),
        "required": default is MISSING,
        "example": spec.example(name),
        "choices": _choices(setting),
        "flag": flag_of(name),
    }
    common: dict[str, Any] = {"label": setting.label, "description": setting.help}
    common["render_kw"] = about
    if isinstance(default, bool):
        return BooleanField(**common)
    if setting.choices:
        kind = RadioField if name == "layer" else SelectField
        return kind(**common, choices=[value for value, _ in about["choices"]])
    return StringField(**common)


def _choices(setting: Setting) -> list[tuple[str, str]]:
    """Return values and labels, in the order of the page."""
    return list(setting.names.items()) or [(each, each) for each in setting.choices or ()]


# --- what only the page can say ----------------------------------------------------------------


class _Places:
    """Looks at the places of a form before a job is started that would say so later."""

    def __init__(self, form: StepForm, wrong: Mapping[str, str]) -> None:
        self._form, self._kinds = form, form.spec.kinds
        names = [n for n in self._kinds if n not in wrong and str(_text(form[n].data)).strip()]
        self._paths = {name: form.spec.fields[name][0].read(form[name].data) for name in names}

    def wrong(self) -> dict[str, str]:
        """Return for every path that cannot be used what is wrong with it."""
        messages = {}
        for name, path in self._paths.items():
            check = _CHECKS[self._kinds[name]] if path.is_absolute() else _Places._not_whole
            try:
                messages.update(check(self, name, path))
            except OSError as error:
                messages[name] = str(explain_os_error(error, path))
        return messages

    def _not_whole(self, name: str, path: Path) -> dict[str, str]:
        """Refuse a path that begins nowhere: it would depend on how the server was started."""
        return {
            name: f"expected a whole path, such as {self._form.spec.example(name)}, found {path}; "
            "use Browse, or paste the path."
        }

    def _input(self, name: str, path: Path) -> dict[str, str]:
        if not path.exists():
            return {name: f"{path} does not exist; check the path, or use Browse."}
        kind = self._kinds[name]
        if kind == "raw":
            return {}
        if kind == "parsed" and not path.is_dir():
            return {name: f"{path} is a file; give the folder that holds it."}
        finding = _finding(path, kind)
        return {name: finding.text} if finding.state in ("bad", "warn") else {}

    def _output(self, name: str, path: Path) -> dict[str, str]:
        if path.exists() and not path.is_dir():
            return {name: f"{path} is a file; give a folder, which may be a new one."}
        raw = next((p for n, p in self._paths.items() if self._kinds[n] == "raw"), None)
        if raw is not None and lies_in(path, raw):
            return {name: f"{path} lies in the input {raw}; choose a folder outside it."}
        finding = _finding(path, "folder")
        return {name: finding.text} if finding.state == "bad" else {}

    def _model(self, name: str, path: Path) -> dict[str, str]:
        # not at the top: it loads NumPy, which would delay the first page
        from deepometry.cells.model_description import find_model, read_description

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
        finding = _finding(path, "start")
        return {name: finding.text} if finding.state in ("bad", "missing") else {}


def _finding(path: Path, kind: str) -> Finding:
    return check_path(path, kind, Task(lambda task: None))


_Check = Callable[[_Places, str, Path], dict[str, str]]
_CHECKS: dict[str, _Check] = {
    "raw": _Places._input,
    "parsed": _Places._input,
    "labels": _Places._input,
    "gate": _Places._input,
    "features": _Places._input,
    "predictions": _Places._input,
    "model": _Places._model,
    "start": _Places._start_from,
    "folder": _Places._output,
}
