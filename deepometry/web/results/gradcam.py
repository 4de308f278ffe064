"""Results of heat maps."""

from __future__ import annotations

from typing import Any

from deepometry.web.jobs.job import Job
from deepometry.web.results.evaluation import plots_of
from deepometry.web.results.output import Output


def view(job: Job, output: Output) -> dict[str, Any]:
    """Return what the results of heat maps show."""
    return {"plots": plots_of(output)}
