"""The server as a user starts it: a process of its own, with a home of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import deepometry
from deepometry.web.jobs.job import Job
from deepometry.web.jobs.queue import Jobs

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
    address, token : str
        Of the page; no token where the system tells whose a connection is.
    """

    def __init__(self, place: Path) -> None:
        self.user, self.log = place / "user", place / "server.log"
        self.user.mkdir(parents=True)
        self.state = place / "state"
        self._process: subprocess.Popen[bytes] | None = None
        self.address = self.token = ""

    def start(self) -> None:
        """Start it, on the port that it had before, if any."""
        port = self.address.rstrip("/").rpartition(":")[2] or "0"
        words = [sys.executable, "-u", "-m", "deepometry", "gui", "--no-browser", "--port", port]
        before = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                words, stdout=log, stderr=subprocess.STDOUT, env=self._environment(), cwd=self.user
            )
        self.address, _, self.token = self._wait_for_address(before).partition("?token=")

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

    @property
    def process_id(self) -> int:
        """That of the system, while it runs."""
        return self._process.pid

    def place(self, path: str = "") -> str:
        """Give the whole address of a part of the page."""
        sign = "&" if "?" in path else "?"
        return f"{self.address}{path}" + (f"{sign}token={self.token}" if self.token else "")

    def kill(self) -> None:
        """End it at once, as a power cut of its own."""
        self._process.kill()
        self._process.wait()

    def end(self) -> None:
        """End it and all its jobs."""
        self.kill()
        for job in self.jobs():
            if job.process:
                job.process.end()

    def jobs(self) -> list[Job]:
        """Give all jobs, newest first, as its home tells."""
        return Jobs(self.state / "jobs").list()

    def job(self, verb: str) -> Job:
        """Give the newest job of a step."""
        return next(job for job in self.jobs() if job.verb == verb)

    def works(self, job: Job) -> bool:
        """Tell whether the process of a job runs."""
        return job.process is not None and job.process.alive()
