"""Comparisons that the page has made, kept in the folder of the user's state."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flask import current_app

from deepometry.core.options.compare import CompareOptions
from deepometry.core.result_files import COMPARISON_RECORD, DIFFERING_TABLE
from deepometry.core.run_records import read_json
from deepometry.web.cells.choose import Page, paged
from deepometry.web.compare.candidates import COMPARABLE, Candidate
from deepometry.web.jobs.job import Job
from deepometry.web.jobs.queue import Jobs
from deepometry.web.results.cache import Cache
from deepometry.web.results.output import Gone, Unknown
from deepometry.web.results.table_index import RowTable, index_table

if TYPE_CHECKING:
    import numpy as np

CELLS_A_PAGE = 24
_LARGE = 50_000  # cells of all runs together
_MOST_KEPT = 20  # comparisons; an older one is made again when it is looked at


@dataclass(frozen=True)
class Stored:
    """A comparison on disk.

    Attributes
    ----------
    folder : Path
    said : dict
        What it says, as `comparison.json` holds it.
    runs : list of Candidate
    """

    folder: Path
    said: dict[str, Any]
    runs: list[Candidate]

    @cached_property
    def differing(self) -> RowTable | None:
        """The cells that are predicted differently; None where there is no such table."""
        path = self.folder / DIFFERING_TABLE
        return index_table(path, _coded) if path.is_file() else None

    def path(self, name: str) -> Path:
        """Find a file of the comparison; raise `Unknown` if there is none of that name."""
        there = {path.name: path for path in self.folder.iterdir() if path.is_file()}
        if name not in there:
            raise Unknown(f"{name} is not a file of this comparison.")
        return there[name]


def _coded(header: list[str]) -> list[str]:
    return [name for name in header if name == "true_label" or name.startswith("predicted_")]


def compared(runs: Sequence[Candidate], group_by: str = "") -> Stored:
    """Return the comparison of some runs; make it if it is not there yet, or they have changed.

    Raises
    ------
    DeepometryError
        They cannot be compared, or have so many cells that a job is to do it.
    """
    key = _key(runs, group_by)
    cache: Cache = current_app.extensions["comparisons"]
    return cache.get(key, lambda: _make(key, list(runs), group_by))


def is_ready(runs: Sequence[Candidate], group_by: str = "") -> bool:
    """Return whether the comparison of some runs is there already."""
    key = _key(runs, group_by)
    cache: Cache = current_app.extensions["comparisons"]
    return cache.peek(key) is not None or (_home() / key / COMPARISON_RECORD).is_file()


def _home() -> Path:
    return Path(current_app.extensions["home"]) / "comparisons"


def _key(runs: Sequence[Candidate], group_by: str) -> str:
    """Return a name that changes with the runs, their names and order, and what they hold."""
    parts = [group_by]
    for run in runs:
        states = [
            (run.folder / name).stat()
            for name in (step.record for step in COMPARABLE.values())
            if (run.folder / name).is_file()
        ]
        parts += [str(run.folder), run.name]
        parts += [*(f"{state.st_mtime_ns}-{state.st_size}" for state in states)]
    return hashlib.blake2b("\n".join(parts).encode("utf-8", "replace"), digest_size=12).hexdigest()


def _make(key: str, runs: list[Candidate], group_by: str) -> Stored:
    folder = _home() / key
    if not (folder / COMPARISON_RECORD).is_file():
        from deepometry.projects.compare import compare

        if is_large(runs):
            raise Gone("This comparison is not there any more: reload the page to make it again.")
        _forget_oldest()
        compare(_options(runs, group_by))
    return Stored(folder, read_json(folder / COMPARISON_RECORD), runs)


def _options(runs: Sequence[Candidate], group_by: str) -> CompareOptions:
    return CompareOptions(
        runs=tuple(run.folder for run in runs),
        output=_home() / _key(runs, group_by),
        group_by=group_by or None,
        overwrite=True,
    )


def _forget_oldest() -> None:
    """Delete the comparisons that were made longest ago, but for the last ones."""
    if _home().is_dir():
        made = sorted(_home().iterdir(), key=lambda place: place.stat().st_mtime)
        for place in made[: -_MOST_KEPT + 1]:
            shutil.rmtree(place, ignore_errors=True)


# --- comparisons that are jobs ---------------------------------------------------------------


def is_large(runs: Sequence[Candidate]) -> bool:
    """Return whether runs have so many cells that their comparison takes longer than a page may."""
    return sum(map(_cells, runs)) >= _LARGE


def _cells(run: Candidate) -> int:
    """Return the number of cells in the table of a run, by its record."""
    records = (run.folder / step.record for step in COMPARABLE.values())
    path = next((path for path in records if path.is_file()), None)
    record = read_json(path) if path else {}
    trained = record.get("cross_validation") or record.get("validation") or {}
    return int(record.get("cells") or trained.get("cells") or 0)


def job_of(runs: Sequence[Candidate], group_by: str = "") -> Job | None:
    """Return the newest job that compares some runs as they are now, if there is one.

    One that ended well, and whose comparison was deleted since, does not count.
    """
    place = (_home() / _key(runs, group_by)).absolute()
    jobs: Jobs = current_app.extensions["jobs"]
    found = next((j for j in jobs.list() if j.verb == "compare" and j.output == place), None)
    return None if found and found.state == "done" else found


def submit(runs: Sequence[Candidate], group_by: str = "") -> Job:
    """Start a job that compares some runs."""
    _forget_oldest()
    jobs: Jobs = current_app.extensions["jobs"]
    return jobs.submit(_options(runs, group_by))


# --- the cells that are predicted differently ------------------------------------------------


def choices(stored: Stored) -> dict[str, str]:
    """Return which of the cells can be shown, by what the address says."""
    names = [run["name"] for run in stored.said["runs"] if run["with_cells"]]
    offered = {"all": "all that are predicted differently"}
    if stored.said["cells"]["scored"]:
        offered |= {f"only{n}": f"only {name} is correct" for n, name in enumerate(names)}
        if len(names) > 2:
            offered |= {f"but{n}": f"only {name} is wrong" for n, name in enumerate(names)}
        offered["none"] = "all are wrong, in different ways"
    return offered


def page_of(stored: Stored, which: str, page: int) -> Page:
    """Return a page of the cells that are predicted differently, numbered from 1.

    Raises
    ------
    Unknown
        `which` is none of `choices`.
    """
    if which not in choices(stored):
        raise Unknown(f"show: expected one of {', '.join(choices(stored))}, found {which!r}.")
    if stored.differing is None:
        return Page(0, 1, 1, [])
    rows = _rows(stored.differing, which)
    here, page, pages = paged(rows, page, CELLS_A_PAGE)
    names = [run["name"] for run in stored.said["runs"] if run["with_cells"]]
    cells = [_cell(row, names) for row in stored.differing.rows(here)]
    return Page(len(rows), page, pages, cells)


def _rows(table: RowTable, which: str) -> np.ndarray:
    import numpy as np

    names = [name for name in table.columns if name.startswith("predicted_")]
    if which == "all":
        return np.arange(len(table))
    true = table.values["true_label"]
    right = np.array([_equal(table, name, true) for name in names])
    labelled = table.codes["true_label"] != (true.index("") if "" in true else len(true))
    if which == "none":
        return np.flatnonzero(labelled & ~right.any(0))
    kind, place = which.rstrip("0123456789"), int(which.lstrip("onlybut"))
    count = right.sum(0)
    wanted = (count == 1) & right[place]
    if kind == "but":
        wanted = (count == len(names) - 1) & ~right[place]
    return np.flatnonzero(labelled & wanted)


def _equal(table: RowTable, name: str, true: list[str]) -> np.ndarray:
    """Return in which rows a column has the true label."""
    import numpy as np

    codes = np.array([true.index(v) if v in true else -1 for v in table.values[name]] or [-1])
    return codes[table.codes[name]] == table.codes["true_label"]


def _cell(row: dict[str, str], names: Sequence[str]) -> dict[str, Any]:
    each = [
        {
            "run": name,
            "label": row[f"predicted_{name}"],
            "sure": float(row[f"probability_{name}"]),
            "right": row[f"predicted_{name}"] == row["true_label"] if row["true_label"] else None,
        }
        for name in names
    ]
    facts = {name: row[name] for name in ("source", "object", "seen")}
    return {**facts, "row": int(row["row"]), "true": row["true_label"], "each": each}
