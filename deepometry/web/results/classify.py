"""Results of the classification of new samples: those of a prediction, and what was left out."""

from __future__ import annotations

from typing import Any

from deepometry.web.jobs.job import Job
from deepometry.web.results import predict
from deepometry.web.results.output import Output
from deepometry.web.results.parse import PROBLEMS

_PARSED = ("heat-maps",)  # tabs that need parsed cells


def view(job: Job, output: Output) -> dict[str, Any]:
    """Return what the results of a classification show."""
    record = output.record
    return predict.view(job, output) | {
        "problems": int(record.get("problems") or 0),
        "remarks": [str(each) for each in record.get("remarks") or []],
    }


CHARTS = predict.CHARTS
TABS = (*(tab for tab in predict.TABS if tab.name not in _PARSED), PROBLEMS)
