"""Options of the comparison of runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deepometry.core.options.fields import (
    Options,
    option,
    overwrite_option,
    read_path,
    read_text,
)
from deepometry.core.result_files import CLASSIFY_RECORD, PREDICT_RECORD, TRAIN_RECORD

FEWEST, MOST = 2, 8
"""Runs that are compared at once."""

COMPARED = (PREDICT_RECORD, CLASSIFY_RECORD, TRAIN_RECORD)
"""Records of the steps whose runs can be compared."""


def read_runs(value: Any) -> tuple[Path, ...]:
    """Read folders of runs: a sequence of paths, or text with one a line.

    Raises
    ------
    ValueError
        Fewer than two, more than eight, or one of them twice.
    """
    if isinstance(value, Path):
        value = [value]
    each = value if isinstance(value, Sequence) and not isinstance(value, str) else None
    texts = str(value).splitlines() if each is None else each
    runs = tuple(read_path(text) for text in texts if str(text).strip())
    if not FEWEST <= len(runs) <= MOST:
        raise ValueError(
            f"expected {FEWEST} to {MOST} folders of predictions, classifications or trainings, "
            f"found {len(runs)}; name each of them."
        )
    if len({path.absolute() for path in runs}) < len(runs):
        raise ValueError("expected different runs, found one of them twice; name each once.")
    return runs


@dataclass(frozen=True, kw_only=True)
class CompareOptions(Options):
    """Options of `deepometry.projects.compare.compare`; every field also accepts text."""

    runs: tuple[Path, ...] = option(
        "Runs",
        "Folders of 2 to 8 predictions, classifications or trainings, or names of runs in the "
        "project. The others are compared with the first.",
        read_runs,
        metavar="RUN RUN ...",
        several=True,
    )
    output: Path | None = option(
        "Output location",
        "Folder for tables and pictures of the comparison. Left blank: nothing is written.",
        read_path,
        None,
        kind="folder",
        metavar="FOLDER",
    )
    group_by: str | None = option(
        "Group by",
        "Folder level, such as Sample or Day, whose cells stay together in intervals and tests. "
        "Left blank: as in the runs, where all were grouped by the same level.",
        read_text,
        None,
        metavar="LEVEL",
        example="Sample; left blank: as in the runs",
    )
    overwrite: bool = overwrite_option()
