"""Where the application keeps its state, and what the folder of a job says.

<home>/jobs/<id>/job.json        what was asked for; never changed
                 events.jsonl    what happened, one line each, numbered
                 progress.jsonl  how far it is: only the last line counts
                 log.txt         what the job's process printed
                 launched.json   the process that a server started
                 claim           of that process, so that no second one does the same job
                 state.json      what the process says of itself, and how it ended
                 cancel          there once the user wants it to stop
"""

from __future__ import annotations

import json
import os
import re
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deepometry.errors import DeepometryError
from deepometry.files import writing
from deepometry.web.process import alive

FINAL = ("done", "failed", "cancelled", "lost")
ID = re.compile(r"\d{8}-\d{6}-\d{6}-[0-9a-f]{4}")
_LOST = (
    "The program of this job ended without a word: the computer was switched off or restarted, its "
    "memory was used up, or the program was ended from outside. The log may say more; "
)


def home() -> Path:
    """Find the folder for the application's state: `DEEPOMETRY_HOME`, or the platform's."""
    if given := os.environ.get("DEEPOMETRY_HOME"):
        return Path(given).expanduser().absolute()
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA")
        return (Path(local) if local else Path.home() / "AppData" / "Local") / "Deepometry"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "Deepometry"
    state = Path(os.environ.get("XDG_STATE_HOME", ""))
    return (state if state.is_absolute() else Path.home() / ".local" / "state") / "deepometry"


def make_private(home: Path) -> None:
    """Make the folder for the application's state, for this user's eyes only.

    A folder that the user chose by `DEEPOMETRY_HOME`, and that was there before, keeps its rights.

    Raises
    ------
    DeepometryError
        It cannot be made or written to.
    """
    try:
        own = not home.exists() or "DEEPOMETRY_HOME" not in os.environ
        home.mkdir(parents=True, exist_ok=True)
        if own:
            home.chmod(0o700)  # on Windows the folder lies in the user's profile, which is private
        (home / "jobs").mkdir(exist_ok=True)
    except OSError as error:
        raise DeepometryError(
            f"The folder for Deepometry's own notes, {home}, cannot be used ({error.strerror}); "
            "set DEEPOMETRY_HOME to a folder that you may write to."
        ) from error


@dataclass(frozen=True)
class Job:
    """A job as it stands.

    Attributes
    ----------
    id : str
        Sorts by the time of submission.
    verb : str
        "parse", "train", "predict", "extract" or "demo-data".
    options : dict
        Every option, as JSON has it; paths are absolute.
    command : str
        The command line that does the same.
    state : str
        "queued", "running", "done", "failed", "cancelled" or "lost".
    created, started, finished : float or None
        Seconds since 1970.
    done, total : int
        How far it is; a total of 0 says that there is nothing to count.
    text : str
        What is being done.
    seconds_left : float or None
        An estimate, at this moment; of a training that it goes through all its epochs.
    error : str
        One sentence, for failed and lost jobs; also why a job was cancelled from outside.
    result : dict or None
        The result of the step, as JSON has it; of a training that was stopped, too.
    folder : Path
        Of the job.
    output : Path or None
        Where it writes its results.
    fields : dict of str to str
        For options that could not be used, a sentence each.
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
    seconds_left: float | None
    error: str
    result: dict[str, Any] | None
    folder: Path
    output: Path | None
    fields: dict[str, str] = field(default_factory=dict)
    cancelling: bool = False


def read(path: Path) -> dict[str, Any]:
    """Read a JSON object; empty if there is none, or it is damaged."""
    for wait in (0.0, 0.02, 0.05, 0.2):
        time.sleep(wait)
        try:
            found = json.loads(path.read_bytes())
        except PermissionError:
            continue  # on Windows, while it is being replaced
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}
    return {}


def write(path: Path, content: dict[str, Any]) -> None:
    """Write a JSON object, whole or not at all; names that are no text of Unicode stay as they are.

    Raises
    ------
    DeepometryError
        It cannot be written.
    """
    with writing(path) as part:
        part.write_text(json.dumps(content, indent=2), "ascii")


class JobFolder:
    """The files of one job.

    Attributes
    ----------
    path : Path
        The folder; its name is the job's id.
    """

    def __init__(self, path: Path) -> None:
        self.path, self.id = path, path.name
        self.events, self.progress = path / "events.jsonl", path / "progress.jsonl"
        self.log, self.cancel = path / "log.txt", path / "cancel"
        self._told: dict[str, Any] = {}
        self._state: tuple[tuple[int, int, int], dict[str, Any]] | None = None

    @property
    def told(self) -> dict[str, Any]:
        """What was asked for; empty if the folder is not of a job, or not whole."""
        self._told = self._told or read(self.path / "job.json")
        return self._told

    @property
    def cancelled(self) -> bool:
        """Whether the user wants the job to stop."""
        return self.cancel.exists()

    def ask_to_cancel(self) -> None:
        """Leave word for the job's process, wherever it is."""
        self.cancel.touch()

    def claim(self) -> bool:
        """Take the job for this process; False if another one has it."""
        try:
            os.close(os.open(self.path / "claim", os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        except FileExistsError:
            return False
        return True

    def set_launched(self, process: dict[str, Any]) -> None:
        """Keep which process was started."""
        write(self.path / "launched.json", process)

    def set_state(self, state: dict[str, Any]) -> None:
        """Replace state.json."""
        write(self.path / "state.json", state)

    def written_state(self) -> dict[str, Any]:
        """Give what state.json says; empty before the job's process has begun."""
        path = self.path / "state.json"
        try:
            found = path.stat()
        except OSError:
            return {}
        seen = (found.st_mtime_ns, found.st_size, found.st_ino)
        if self._state is None or self._state[0] != seen:
            content = read(path)
            if not content:
                return {}
            self._state = (seen, content)
        return self._state[1]

    def process(self) -> dict[str, Any]:
        """Give the process of the job; empty if none was started."""
        found = self.written_state()  # a job that ended while it waited has one, but no process
        return found if "pid" in found else read(self.path / "launched.json")

    def state(self) -> dict[str, Any]:
        """Say how the job stands; a process that has vanished is seen here."""
        found = self.written_state()
        if found.get("state") in FINAL:
            return found
        process = self.process()
        if not process:
            return {"state": "queued"} if not self.cancelled else self._ended("cancelled")
        if alive(process):
            return {**process, "state": "running"}
        found = self.written_state()  # it may have ended well between the two looks
        return found if found.get("state") in FINAL else self._vanished(process)

    def _vanished(self, process: dict[str, Any]) -> dict[str, Any]:
        if self.cancelled:
            return {**process, **self._ended("cancelled")}
        training = self.told.get("verb") == "train"
        advice = "then start it again, with Resume to go on from its last whole epoch."
        error = _LOST + (advice if training else "then start it again.")
        return {**process, **self._ended("lost"), "error": error}

    def _ended(self, state: str) -> dict[str, Any]:
        """Say when: the last that is known of the job."""
        last = self.told.get("created", 0.0)
        for path in (self.events, self.progress, self.cancel):
            with suppress(OSError):
                last = max(last, path.stat().st_mtime)
        return {"state": state, "finished": last}

    def job(self, progress: dict[str, Any] | None = None) -> Job:
        """Describe the job.

        Parameters
        ----------
        progress : dict, optional
            The last that it told, with the `time` of it; a job that has ended keeps its own.

        Raises
        ------
        DeepometryError
            The folder is not of a job.
        """
        told, state = self.told, self.state()
        if not told:
            raise DeepometryError(f"{self.path} is not the folder of a job.")
        at = state.get("progress") or progress or {}
        running = state["state"] == "running"
        return Job(
            id=self.id,
            verb=told["verb"],
            options=told["options"],
            command=told["command"],
            state=state["state"],
            created=told["created"],
            started=state.get("started"),
            finished=state.get("finished"),
            done=at.get("done", 0),
            total=at.get("total", 0),
            text=at.get("text", ""),
            seconds_left=_left(at) if running else None,
            error=state.get("error", ""),
            result=state.get("result"),
            folder=self.path,
            output=Path(told["output"]) if told.get("output") else None,
            fields=state.get("fields", {}),
            cancelling=running and self.cancelled,
        )


def _left(progress: dict[str, Any]) -> float | None:
    """Count an estimate down from when it was made."""
    left = progress.get("seconds_left")
    if left is None:
        return None
    return float(max(0.0, left - (time.time() - progress.get("time", time.time()))))
