"""A job's process, or a server, that is killed at a certain statement to the database.

The variable CRASH names it: "COMMIT 3" is the moment before the third transaction is complete, and
"BEGIN 3" the one after the second.
"""

from __future__ import annotations

import os
import sqlite3
import sys
import time
from pathlib import Path
from typing import Any

import psutil

from deepometry.core.steps import STEPS
from deepometry.web.jobs.queue import FINAL, Jobs
from tests.web_runner import TRY, TryOptions, main


def crash(where: str) -> None:
    """Kill this process at a statement, such as "COMMIT 3"."""
    word, number = where.split()
    seen, connect = 0, sqlite3.connect

    def look(statement: str) -> None:
        nonlocal seen
        seen += statement.startswith(word)
        if seen == int(number):
            psutil.Process().kill()

    def connected(*places: Any, **options: Any) -> sqlite3.Connection:
        connection = connect(*places, **options)
        connection.set_trace_callback(look)
        return connection

    sqlite3.connect = connected  # type: ignore[assignment]


def serve(root: str, output: str) -> None:
    """Submit a job as a server, and look after it to its end."""
    STEPS[TRY.name] = TRY
    jobs = Jobs(Path(root), runner="tests.web_runner")
    job = jobs.submit(TryOptions(output=output))
    jobs.start()
    while jobs.get(job.id).state not in FINAL:
        time.sleep(0.05)
    time.sleep(2)  # the process of the job ends, which is seen
    jobs.stop()


if __name__ == "__main__":
    if where := os.environ.pop("CRASH", ""):
        crash(where)
    if sys.argv[1] == "serve":
        serve(*sys.argv[2:])
    else:
        main()
