"""The server as a user starts it: a process of its own, with a home of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import deepometry
from deepometry.web import process
from deepometry.web.jobs import Jobs
from deepometry.web.store import Job, JobFolder

ROOT = Path(deepometry.__file__).resolve().parents[1]  # what the tests import is what runs
START = 60  # seconds


class Server:
    """`deepometry gui` of a user whose home is `place`.

    Attributes
    ----------
    user : Path
        Home folder of the user.
    log : Path
        What the server printed.
    address : str
        Of the page.
    """

    def __init__(self, place: Path) -> None:
        self.user, self.log = place / "user", place / "server.log"
        self.user.mkdir(parents=True)
        self.state = place / "state"
        self._process: subprocess.Popen[bytes] | None = None
        self.address = ""

    def start(self) -> None:
        """Start it, on the port that it had before, if any."""
        port = self.address.rstrip("/").rpartition(":")[2] or "0"
        words = [sys.executable, "-u", "-m", "deepometry", "gui", "--no-browser", "--port", port]
        before = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                words, stdout=log, stderr=subprocess.STDOUT, env=self._environment(), cwd=self.user
            )
        self.address = self._wait_for_address(before)

    def _environment(self) -> dict[str, str]:
        # compiled code and fonts come from where they were kept before: to make them takes time
        cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
        own = {"HOME": str(self.user), "USERPROFILE": str(self.user), "XDG_CACHE_HOME": cache}
        own |= {"DEEPOMETRY_HOME": str(self.state), "PYTHONPATH": str(ROOT)}
        return {**os.environ, **own}

    def _wait_for_address(self, before: int) -> str:
        end = time.monotonic() + START
        while time.monotonic() < end:
            said = self.log.read_bytes()[before:].decode("utf-8", "replace")
            if found := re.search(r"http://\S+", said):
                return found[0]
            if self._process.poll() is not None:
                break
            time.sleep(0.05)
        raise AssertionError(f"the server did not start ({self._process.poll()}); it said:\n{said}")

    def kill(self) -> None:
        """End it at once, as a power cut of its own."""
        self._process.kill()
        self._process.wait()

    def end(self) -> None:
        """End it and all its jobs."""
        self.kill()
        for job in self.jobs():
            process.end(JobFolder(job.folder).process())

    def jobs(self) -> list[Job]:
        """Give all jobs, newest first, as its folder tells."""
        return Jobs(self.state / "jobs").list()

    def job(self, verb: str) -> Job:
        """Give the newest job of a step."""
        return next(job for job in self.jobs() if job.verb == verb)

    def works(self, job: Job) -> bool:
        """Tell whether the process of a job runs."""
        return process.alive(JobFolder(job.folder).process())
