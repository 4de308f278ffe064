"""How the steps flow: what one step wrote is what another one reads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from deepometry.cells.labels.label_folder import has_labels
from deepometry.core.folder_names import find_targets
from deepometry.core.options.example import DEMO_TARGET, DemoOptions
from deepometry.core.options.fields import settings
from deepometry.core.result_files import FOLD_RECORD, LAST_EPOCH
from deepometry.core.steps import STEPS
from deepometry.core.text import joined
from deepometry.web.forms.last_values import Values
from deepometry.web.forms.steps import FORMS, FormSpec
from deepometry.web.jobs.question import ONCE
from deepometry.web.text_filters import TITLES, UNFINISHED, moment

if TYPE_CHECKING:
    from deepometry.web.jobs.queue import Job

Offers = dict[str, dict[str, str]]
"""For each verb, by the name of a field, what to enter there."""

IMAGES = "images"
# So that a first try takes minutes on a laptop without a GPU
_EXAMPLE_OPTIONS = {
    "target": DEMO_TARGET,
    "epochs": str(settings(DemoOptions)["epochs"][1]),
    "split": "80/20",
    "montage": "15",
}
_FOR_ONCE = {"split", "split_by"}  # other cells may be without labels, and are all to be predicted


def has_results(job: Job) -> bool:
    """Return whether a job wrote what can be shown: it is done, or stopped and kept what it had."""
    if job.verb in STEPS and not STEPS[job.verb].view:
        return False
    return job.state == "done" or (job.state == "cancelled" and job.result is not None)


def offered(job: Job) -> Offers:
    """Return what a job's output is to the other forms; nothing unless it has results."""
    if not has_results(job) or job.output is None or job.verb not in STEPS:
        return {}
    kind = STEPS[job.verb].writes
    if kind == "raw":
        return _example(job.output)
    offers = {verb: _offered_to(form, kind, job, job.output) for verb, form in FORMS.items()}
    return {verb: values for verb, values in offers.items() if values}


def _offered_to(form: FormSpec, kind: str, job: Job, output: Path) -> dict[str, str]:
    """Fill the fields of a form that read what a job wrote, and those that go with them."""
    names = [n for n, k in form.kinds.items() if k == kind and n not in form.step.asks]
    values = {name: _part(form, name, job, output) for name in names}
    if not values:
        return {}
    if form.form.inside and "input" in values:
        values["output"] = str(output / form.form.inside)
    same = (name for name in form.extra if name in job.options)
    return values | {name: str(job.options[name] or "") for name in same}


def _part(form: FormSpec, name: str, job: Job, output: Path) -> str:
    """Choose the part of the output that a field reads, where labelled cells were split."""
    split = job.options.get("split") is not None and _labelled(job)
    return str(output / form.fields[name][0].part if split else output)


def _labelled(job: Job) -> bool:
    """Return whether the cells of a parse have labels; true where that is not known."""
    stacks = (job.result or {}).get("stacks") or []
    if has_labels(Path(str(job.output))):
        return True
    folders = Counter(PurePosixPath(name).parts[1:-1] for name in stacks)
    return not stacks or bool(find_targets(folders))


def _example(images: Path) -> Offers:
    """Fill all forms for the example cells."""
    return {verb: _example_values(form, images) for verb, form in FORMS.items()}


def _example_values(form: FormSpec, images: Path) -> dict[str, str]:
    kinds = {n: k for n, k in form.kinds.items() if k != "start" and n not in form.step.asks}
    paths = {name: images.parent.joinpath(*form.place(name)) for name in kinds}
    paths |= {name: images for name, kind in kinds.items() if kind == "raw"}
    also = {name: text for name, text in _EXAMPLE_OPTIONS.items() if name in form.form.shown}
    return {name: str(path) for name, path in paths.items()} | also


def newest_offers(jobs: Iterable[Job], offered: Callable[[Job], Offers] = offered) -> Offers:
    """Return for every field what the newest job, the first, that offers something offers."""
    newest: Offers = {verb: {} for verb in FORMS}
    for job in jobs:
        for verb, values in offered(job).items():
            newest[verb] = {**_still_offered(verb, values, newest[verb]), **newest[verb]}
    return newest


def _still_offered(verb: str, values: dict[str, str], newer: dict[str, str]) -> dict[str, str]:
    """Leave out options of the example where a newer job's cells are offered in its place."""
    places = FORMS[verb].kinds
    ours = newer.get("input", values.get("input")) == values.get("input")
    return {name: text for name, text in values.items() if name in places or ours}


def starting_values(verb: str, remembered: Values, offers: Mapping[str, str]) -> Values:
    """Choose what a form holds when the page is opened.

    What was entered last stays, but for a split; blank fields take what earlier steps offer.
    """
    remembered = {name: text for name, text in remembered.items() if name not in _FOR_ONCE}
    blank = {name: text for name, text in offers.items() if not remembered.get(name)}
    if remembered:  # options that were left as they were are a choice too
        blank = {name: text for name, text in blank.items() if FORMS[verb].default(name) == ""}
    return {**remembered, **blank}


def form_of(job: Job) -> str:
    """Return the verb of the form that a job is started from; empty if there is none."""
    return STEPS[job.verb].form if job.verb in STEPS else ""


def entered(job: Job) -> Values:
    """Return a job's options as they are entered in its form, less what was asked once."""
    names = [name for name in FORMS[form_of(job)].fields if name not in ONCE]
    return {name: _text(name, job.options[name]) for name in names if name in job.options}


def _text(name: str, value: object) -> str | bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, list | tuple):
        return joined(value)
    if name == "split" and isinstance(value, float):
        return f"{100 * (1 - value):g}/{100 * value:g}"
    return "" if value is None else str(value)


def waits_for(job: Job, jobs: Iterable[Job]) -> str:
    """Describe in a sentence which of all jobs, newest first, a queued one waits for."""
    before = [each for each in jobs if each.id < job.id and each.state in UNFINISHED]
    if not before:
        return "About to start."
    first = next((each for each in before if each.state == "running"), before[-1])
    named = f"{TITLES[first.verb]}, of {moment(first.started or first.created)}"
    if len(before) == 1:
        return f"It starts when the job before it has ended: {named}."
    return f"It starts when the {len(before)} jobs before it have ended, {named}, first."


def resumable(job: Job) -> bool:
    """Return whether a training that ended early left an epoch to go on from."""
    early = job.verb == "train" and job.state in ("cancelled", "failed", "lost")
    places = (LAST_EPOCH, f"fold_1/{LAST_EPOCH}", f"fold_1/{FOLD_RECORD}")  # or whole folds
    return early and job.output is not None and any((job.output / p).is_file() for p in places)


def resumed(job: Job) -> Values:
    """Return the options that make a training go on from its last epoch."""
    return {**entered(job), "resume": True}
