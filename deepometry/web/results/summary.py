"""Results of a summary of parsed cells."""

from __future__ import annotations

from typing import Any

from deepometry.core.result_files import DIFFERENCES_PLOT
from deepometry.web.jobs.job import Job
from deepometry.web.results.charts import MOST_SERIES, Chart, Charts, Series
from deepometry.web.results.output import Output

_MEDIAN, _LOW, _HIGH = " median", " 5 %", " 95 %"  # behind the name of a channel


def view(job: Job, output: Output) -> dict[str, Any]:
    """Return what the results of a summary show."""
    rows = output.record.get("rows") or [{}]
    return {
        "columns": list(rows[0]),
        "rows": [list(row.values()) for row in rows],
        "differences": output.record.get("differences") or [],
        "map": DIFFERENCES_PLOT if DIFFERENCES_PLOT in output.files else "",
    }


def _intensities(output: Output) -> Chart:
    """Return the median intensity of every group, a bar a channel, from the 5 % to the 95 %."""
    rows = (output.record.get("rows") or [])[:MOST_SERIES]
    names = [str(next(iter(row.values()))) or "all" for row in rows]
    channels = [key.removesuffix(_MEDIAN) for key in rows[0] if key.endswith(_MEDIAN)]
    series = [
        Series(
            channel,
            [float(row[channel + _MEDIAN]) for row in rows],
            low=[float(row[channel + _LOW]) for row in rows],
            high=[float(row[channel + _HIGH]) for row in rows],
            colour=place,
        )
        for place, channel in enumerate(channels)
    ]
    title = "Intensity of each group"
    return Chart(title, "Group", "Mean counts of a cell", series, names, sideways=True)


CHARTS: Charts = {"intensities": _intensities}
