"""The one number of a run that says most, from its record.

The number of cells, unless the module of the step's view has a `headline`.
"""

from __future__ import annotations

import sys
from typing import Any

from deepometry.core.errors import DeepometryError
from deepometry.core.step import load
from deepometry.core.steps import STEPS
from deepometry.core.text import counted
from deepometry.web.jobs.job import Job
from deepometry.web.results.output import Output


def headline_of(job: Job, output: Output) -> str:
    """Return the main number of a run in words, such as "accuracy 92.1 %"."""
    view = load(STEPS[output.verb].view)
    find = getattr(sys.modules[view.__module__], "headline", cells)
    try:
        return str(find(output))
    except (KeyError, TypeError, ValueError, DeepometryError):  # of another version
        return ""


def cells(output: Output) -> str:
    """Return the number of cells in words; empty where the record has none."""
    return counted(int(output.record["cells"]), "cell") if "cells" in output.record else ""


def percent(name: str, share: Any) -> str:
    """Return a share with its name in words."""
    return f"{name} {100 * float(share):.1f}\N{NO-BREAK SPACE}%"
