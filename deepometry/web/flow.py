"""How the steps flow: what one step wrote is what another one reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from deepometry.names import HOLD_OUT, LAST_EPOCH, TRAIN
from deepometry.options import DEMO_TARGET, DemoOptions, settings
from deepometry.web.companions import COMPANIONS
from deepometry.web.memory import Values
from deepometry.web.steps import STEPS
from deepometry.web.words import TITLES, UNFINISHED, moment
from deepometry.words import joined

if TYPE_CHECKING:
    from deepometry.web.jobs import Job

Offers = dict[str, dict[str, str]]
"""For each verb, by the name of a field, what to enter there."""

IMAGES, MAP = "images", "map"
# So that a first try takes minutes on a laptop without a GPU
_EXAMPLE_OPTIONS = {"target": DEMO_TARGET, "epochs": str(settings(DemoOptions)["epochs"][1])}


def has_results(job: Job) -> bool:
    """Tell whether a job wrote something: it is done, or a training that kept a model."""
    stopped = job.verb == "train" and job.state == "cancelled" and job.result is not None
    return job.state == "done" or stopped


def offered(job: Job) -> Offers:
    """Give what a job's output is to the other forms; nothing unless it has results."""
    if not has_results(job) or job.output is None:
        return {}
    output = job.output
    if job.verb == "parse":
        split = job.options.get("split") is not None
        train, rest = (output / TRAIN, output / HOLD_OUT) if split else (output, output)
        kept = {"input": str(rest)}
        return {"train": {"input": str(train)}, "predict": kept, "extract": kept}
    if job.verb == "train":
        model = {"model": str(output)}
        target = {"target": str(job.options.get("target") or "")}
        return {"predict": model | target, "extract": model}
    if job.verb == "predict":
        return {"embed": {"predictions": str(output)}}
    if job.verb == "extract":
        return {"embed": {"input": str(output), "output": str(output / MAP)}}
    return _example(output) if job.verb == "demo-data" else {}


def _example(images: Path) -> Offers:
    """Fill all forms for the example cells."""
    place = images.parent
    parsed, model = place / "parsed", {"model": str(place / "model")}
    rest = {"input": str(parsed / HOLD_OUT)} | model
    return {
        "parse": {"input": str(images), "output": str(parsed)},
        "train": {"input": str(parsed / TRAIN), "output": str(place / "model"), **_EXAMPLE_OPTIONS},
        "predict": {**rest, "output": str(place / "predictions"), "target": DEMO_TARGET},
        "extract": {**rest, "output": str(place / "features")},
        "embed": {
            "input": str(place / "features"),
            "output": str(place / "features" / MAP),
            "predictions": str(place / "predictions"),
        },
    }


def newest_offers(jobs: Iterable[Job]) -> Offers:
    """Give for every field what the newest job that offers something offers.

    Parameters
    ----------
    jobs : iterable of Job
        Newest first.
    """
    found: Offers = {verb: {} for verb in STEPS}
    for job in jobs:
        for verb, values in offered(job).items():
            found[verb] = {**_kept(verb, values, found[verb]), **found[verb]}
    return found


def _kept(verb: str, values: dict[str, str], newer: dict[str, str]) -> dict[str, str]:
    """Leave out options of the example where a newer job's cells are offered in its place."""
    places = STEPS[verb].kinds
    ours = newer.get("input", values.get("input")) == values.get("input")
    return {name: text for name, text in values.items() if name in places or ours}


def starting_values(verb: str, remembered: Values, offers: Mapping[str, str]) -> Values:
    """Choose what a form holds when the page is opened.

    What was entered last stays; blank fields take what earlier steps offer.
    """
    blank = {name: text for name, text in offers.items() if not remembered.get(name)}
    if remembered:  # options that were left as they were are a choice too
        blank = {name: text for name, text in blank.items() if STEPS[verb].default(name) == ""}
    return {**remembered, **blank}


def form_of(job: Job) -> str:
    """Give the verb of the form that a job is started from; empty if there is none."""
    companion = COMPANIONS.get(job.verb)
    verb = companion.form if companion else job.verb
    return verb if verb in STEPS else ""


def entered(job: Job) -> Values:
    """Give a job's options as they are entered in its form."""
    step = STEPS[form_of(job)]
    return {name: _text(name, job.options[name]) for name in step.fields if name in job.options}


def _text(name: str, value: object) -> str | bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, list | tuple):
        return joined(value)
    if name == "split" and isinstance(value, float):
        return f"{100 * (1 - value):g}/{100 * value:g}"
    return "" if value is None else str(value)


def waits_for(job: Job, jobs: Iterable[Job]) -> str:
    """Say in a sentence which jobs a waiting one waits for.

    Parameters
    ----------
    job : Job
        Queued.
    jobs : iterable of Job
        All of them, newest first.
    """
    before = [each for each in jobs if each.id < job.id and each.state in UNFINISHED]
    if not before:
        return "About to start."
    first = next((each for each in before if each.state == "running"), before[-1])
    named = f"{TITLES[first.verb]}, of {moment(first.started or first.created)}"
    if len(before) == 1:
        return f"It starts when the job before it has ended: {named}."
    return f"It starts when the {len(before)} jobs before it have ended, {named}, first."


def resumable(job: Job) -> bool:
    """Tell whether a training that ended early left an epoch to go on from."""
    early = job.verb == "train" and job.state in ("cancelled", "failed", "lost")
    places = (LAST_EPOCH, f"fold_1/{LAST_EPOCH}", "fold_1/fold.json")  # or whole folds
    return early and job.output is not None and any((job.output / p).is_file() for p in places)


def resumed(job: Job) -> Values:
    """Give the options that make a training go on from its last epoch."""
    return {**entered(job), "resume": True}
