"""Charts of the pages of results, as numbers: drawn by the page, and sent as .csv and .svg.

A step declares its charts beside its view, as `CHARTS`: functions that read a small table or a
record of the run. A table with one row a cell is never read for a chart.
"""

from __future__ import annotations

import io
import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from deepometry.core.palette import for_page
from deepometry.core.spreadsheet import SafeWriter, safe_records
from deepometry.core.step import load
from deepometry.core.steps import STEPS
from deepometry.web.results.output import Output, Unknown, reading

MOST_SERIES = 40  # drawn; the table of the run has all of them


@dataclass(frozen=True)
class Series:
    """A line, or the bars of one colour.

    Attributes
    ----------
    label : str
    y : sequence of float
        Values; NaN where there is none.
    x : sequence of float
        Places along a line; empty for bars, which stand at the categories of the chart.
    low, high : sequence of float
        Ends of the intervals; empty where there are none.
    colour : int
        Place in the palette of groups.
    dashed, points : bool
        Whether a line is dashed, and whether points alone are drawn.
    """

    label: str
    y: Sequence[float]
    x: Sequence[float] = ()
    low: Sequence[float] = ()
    high: Sequence[float] = ()
    colour: int = 0
    dashed: bool = False
    points: bool = False


@dataclass(frozen=True)
class Chart:
    """A chart.

    Attributes
    ----------
    title, x, y : str
        Of the chart and its axes.
    series : sequence of Series
    categories : sequence of str
        Names below bars; empty for lines.
    shares : bool
        Whether the values lie between 0 and 1.
    square : bool
        Whether both axes do, with a line where they are equal.
    stacked, sideways : bool
        Whether bars stand on each other, and whether they lie.
    log : bool
        Whether the x axis is logarithmic.
    mark : float or None
        A place along the x axis that is marked.
    about : str
        A sentence on what can be seen, for those who cannot.
    """

    title: str
    x: str
    y: str
    series: Sequence[Series]
    categories: Sequence[str] = ()
    shares: bool = False
    square: bool = False
    stacked: bool = False
    sideways: bool = False
    log: bool = False
    mark: float | None = None
    about: str = ""

    def plain(self) -> dict[str, Any]:
        """Return all of it as plain JSON, with the colours of groups."""
        own = {name: getattr(self, name) for name in self.__dataclass_fields__ if name != "series"}
        series = [
            {name: _plain(getattr(each, name)) for name in each.__dataclass_fields__}
            for each in self.series
        ]
        return {**own, "series": series, "palette": for_page()}

    def rows(self) -> Iterator[list[Any]]:
        """Yield the chart as a table: a header, and a row a point."""
        between = any(len(each.low) for each in self.series)
        yield ["series", self.x or "name", self.y, *(["low", "high"] if between else [])]
        for each in self.series:
            places = self.categories or each.x
            for n, (place, value) in enumerate(zip(places, each.y, strict=True)):
                ends = [each.low[n], each.high[n]] if len(each.low) else [""] * 2
                yield [each.label, place, value, *(ends if between else [])]

    def csv(self) -> str:
        """Return the chart as a table."""
        text = io.StringIO()
        writer = SafeWriter(text)
        for row in self.rows():
            writer.writerow(row)
        return text.getvalue()


def _plain(value: Any) -> Any:
    if isinstance(value, str | bool | int):
        return value
    return [None if math.isnan(each) else float(each) for each in value]


Charts = Mapping[str, Callable[[Output], Chart]]


def chart_of(output: Output, name: str) -> Chart:
    """Make a chart of a run.

    Raises
    ------
    Unknown
        The run has no such chart.
    DeepometryError
        The table that it is made of is not there any more, or another one.
    """
    view = load(STEPS[output.verb].view)
    charts: Charts = getattr(sys.modules[view.__module__], "CHARTS", {})
    if name not in charts:
        raise Unknown(f"{name} is not a chart of this run.")
    return charts[name](output)


def table(output: Output, name: str) -> list[dict[str, str]]:
    """Read a small table of a run, a row a dictionary.

    Raises
    ------
    DeepometryError
        It is not there any more, or damaged.
    """
    path = output.path(name)
    changed = "is no longer the table that this run wrote; run the step again."
    with reading(path, changed), path.open(encoding="utf-8-sig", newline="") as file:
        return list(safe_records(file))


def numbers(rows: Sequence[Mapping[str, str]], column: str) -> list[float]:
    """Return a column of numbers; NaN where it is blank."""
    return [float(row[column]) if row[column] != "" else math.nan for row in rows]
