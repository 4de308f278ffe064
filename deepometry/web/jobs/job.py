"""A job as users see it, read from its row."""

from __future__ import annotations

import json
import sqlite3
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deepometry.core.progress import STOPPED
from deepometry.web.jobs.process import Process
from deepometry.web.jobs.time_left import Range

_LOST = (
    "The job stopped unexpectedly: the computer was switched off or restarted, its memory was used "
    "up, or the program was ended from outside. The log may say more; "
)


@dataclass(frozen=True)
class Job:
    """A job as it stands.

    Attributes
    ----------
    id : str
        Sorts by the time of submission.
    options : dict
        Every option, as JSON has it; paths are absolute.
    command : str
        The command line that does the same.
    state : str
        "queued", "running", "done", "failed", "cancelled" or "lost".
    created, started, finished : float or None
        Seconds since 1970.
    done, total : int
        How far it is; a total of 0 means that there is nothing to count.
    unit : str
        What is counted, such as "cells".
    seconds_left : (float, float) or None
        At least and at most, at this moment; of a training that goes through all its epochs.
    error : str
        One sentence, for failed and lost jobs; also why a job was cancelled from outside.
    result : dict or None
        The result of the step, as JSON has it; of a training that was stopped, too.
    fields : dict of str to str
        For options that could not be used, a sentence each.
    question : dict or None
        What the user must decide before it can run, see `plain_question`.
    cancelling : bool
        Whether it runs, but has been asked to stop.
    """

    id: str
    verb: str
    options: dict[str, Any]
    command: str
    state: str
    created: float
    started: float | None
    finished: float | None
    done: int
    total: int
    text: str
    seconds_left: Range | None
    error: str
    result: dict[str, Any] | None
    output: Path | None
    fields: dict[str, str] = field(default_factory=dict)
    question: dict[str, Any] | None = None
    unit: str = ""
    cancelling: bool = False
    process: Process | None = None

    @property
    def outcome(self) -> str:
        """How it ended, or stands, as users see it: the state, or "asking"."""
        return "asking" if self.question else self.state


def job_of(row: sqlite3.Row) -> Job:
    """Return the job of a row, which is lost if its process has vanished."""
    end = {name: row[name] for name in ("state", "error", "finished")}
    if has_vanished(row):
        end = end_of_vanished(row)
    progress, options = json.loads(row["progress"] or "{}"), json.loads(row["options"])
    running = end["state"] == "running"
    return Job(
        id=row["id"],
        verb=row["verb"],
        options=options,
        command=row["command"],
        **end,
        created=row["created"],
        started=row["started"],
        done=progress.get("done", 0),
        total=progress.get("total", 0),
        unit=progress.get("unit", ""),
        text=progress.get("text", ""),
        seconds_left=_left(row, progress) if running else None,
        result=json.loads(row["result"] or "null"),
        output=Path(options["output"]) if options.get("output") else None,
        fields=json.loads(row["fields"]),
        question=json.loads(row["question"] or "null"),
        cancelling=running and row["cancel_asked"] is not None,
        process=process_of(row),
    )


def process_of(row: sqlite3.Row) -> Process | None:
    """Return the process that was started for a job, if one was."""
    return None if row["pid"] is None else Process(row["pid"], row["born"], row["machine"])


def has_vanished(row: sqlite3.Row) -> bool:
    """Return whether a job should be at work, but has no process."""
    process = process_of(row)
    return row["state"] == "running" and not (process and process.alive())


def end_of_vanished(row: sqlite3.Row) -> dict[str, Any]:
    """Return the state, error and time of the end of a job whose process has vanished."""
    finished = max(row["last_time"], row["cancel_asked"] or 0.0)
    if row["cancel_asked"]:
        return {"state": "cancelled", "error": STOPPED, "finished": finished}
    resume = ", with Resume to go on from its last complete epoch" * (row["verb"] == "train")
    return {"state": "lost", "error": f"{_LOST}then start it again{resume}.", "finished": finished}


def _left(row: sqlite3.Row, progress: dict[str, Any]) -> Range | None:
    """Count an estimate down from when it was made."""
    if progress.get("seconds_left") is None:
        return None
    since = time.time() - row["progress_time"]
    least, most = progress["seconds_left"]
    return max(0.0, least - since), max(0.0, most - since)
