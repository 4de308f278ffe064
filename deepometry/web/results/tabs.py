"""The tabs of the results of a run, a question each; declared once a step, beside its view.

The first tab of every step is its view and its template. What else there is to see stands in
`TABS` of the view's module; a tab that has nothing to show for a run is left out.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from deepometry.core.export_formats import EXPORT_FORMATS
from deepometry.core.step import Step, load
from deepometry.web.jobs.job import Job
from deepometry.web.results.output import Output
from deepometry.web.results.output import view as view_nothing

_EXPORTED = ("predictions", "features", "map")


@dataclass(frozen=True)
class Tab:
    """A tab.

    Attributes
    ----------
    name, title : str
        The last part of its address, and what one presses.
    template : str
    view : callable
        Returns the values of the template, from the job and its output.
    there : callable
        Returns whether an output has something to show in it; read from names and records only.
    """

    name: str
    title: str
    template: str
    view: Callable[[Job, Output], dict[str, Any]] = view_nothing
    there: Callable[[Output], bool] = lambda output: True


def written(*names: str) -> Callable[[Output], bool]:
    """Return a check that a run wrote one of some files."""
    return lambda output: any(name in output.files for name in names)


def tabs_of(step: Step, output: Output) -> list[Tab]:
    """List the tabs of a run, in their order."""
    view = load(step.view)
    first = Tab("overview", "Overview", step.template, view)
    further: Sequence[Tab] = getattr(sys.modules[view.__module__], "TABS", ())
    return [first, *(tab for tab in further if tab.there(output)), _last(step)]


def _last(step: Step) -> Tab:
    title = "Export" if step.writes in _EXPORTED and EXPORT_FORMATS else "Files"
    return Tab(title.lower(), title, "results/last.html")
