"""Which forms are folded: of steps that a project has run, and further ones not filled in yet."""

from __future__ import annotations

from collections.abc import Iterable

from deepometry.web.forms.build import StepForm
from deepometry.web.jobs.job import Job
from deepometry.web.projects import current, prefill
from deepometry.web.text_filters import UNFINISHED


def is_folded(form: StepForm, newest: Job | None, beside: Iterable[Job], jobs: list[Job]) -> bool:
    """Return whether a form is folded when the page is opened.

    Parameters
    ----------
    form : StepForm
    newest : Job or None
        The newest run of its step; the form stays open unless that is done. Without one, a form
        below another is folded.
    beside : iterable of Job
        Jobs of its further buttons; while one goes on, the form that started it stays open.
    jobs : list of Job
        Of the project.
    """
    if form.errors or prefill.run_again(form.spec.step.name, jobs) is not None:
        return False
    if newest is None:
        return bool(form.spec.form.below)
    goes_on = any(job.state in UNFINISHED for job in beside)
    return current.opened() is not None and newest.state == "done" and not goes_on
