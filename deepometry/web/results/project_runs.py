"""What a run of a project is called."""

from __future__ import annotations

from pathlib import Path

from deepometry.core.errors import DeepometryError
from deepometry.core.run_records import read_json
from deepometry.core.steps import STEPS
from deepometry.projects.run_facts import record_path
from deepometry.web.jobs.job import Job


def name_of(folder: Path, verb: str) -> dict[str, str]:
    """Return the name and the note that a run of a project has; empty outside of projects."""
    try:
        path = record_path(folder, STEPS[verb])
        record = read_json(path) if path.is_file() else {}
    except DeepometryError:  # the list of runs says so
        record = {}
    return {name: str(record.get(name) or "") for name in ("name", "note")}


def run_name(job: Job) -> str:
    """Return what tells a job from others of its step: the name of its run, or of its output."""
    if job.output is None or job.verb not in STEPS:
        return ""
    return name_of(job.output, job.verb)["name"] or job.output.name
