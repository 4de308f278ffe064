"""The process of one job: `python -m deepometry.web.jobs.worker <folder of the jobs> <id>`.

It claims the job, runs the step, and records what the step reports and how it ended. A watching
thread sees when the user cancels, and ends a step that does not react, leaving nothing
half-written.
"""

from __future__ import annotations

import faulthandler
import json
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from deepometry.core.errors import (
    DeepometryError,
    OptionsError,
    Question,
    explain_os_error,
    lacks_memory,
)
from deepometry.core.files import missing_folders, sweep_after
from deepometry.core.progress import STOPPED, Cancelled, Progress, hold_unbroken
from deepometry.core.result_files import LABELS_FOLDER, TRAIN_RECORD
from deepometry.core.run_records import own_record
from deepometry.core.step import load
from deepometry.core.step_options import plain, restored
from deepometry.core.steps import STEPS
from deepometry.web.jobs.process import Process
from deepometry.web.jobs.question import plain_question
from deepometry.web.jobs.recorder import Recorder
from deepometry.web.jobs.store import JobStore

TICK = 0.25  # seconds between two looks whether the user has cancelled, and writings of progress
PATIENCE = 4.0  # seconds that a step has to stop by itself; importing TensorFlow does not react
_WHOLE_WITHIN = 10.0  # seconds for writing to end that has begun
_NO_MEMORY = "There is not enough memory: close other programs"
logger = logging.getLogger(__name__)


class Work:
    """One job at work in this process."""

    def __init__(self, store: JobStore, id: str) -> None:
        self.store, self.id = store, id
        self.row = store.row(id)
        self.step, self.options = STEPS[self.row["verb"]], json.loads(self.row["options"])
        self.recorder = Recorder(store, id)
        self.progress = Progress(self._report, self.recorder.say, self.recorder.measure)
        self.output = _place(self.options)
        self.made = missing_folders(self.output)
        self.stopped_by = ""
        self._ending = threading.Lock()

    def _report(self, done: int, total: int, text: str) -> None:
        self.recorder.report(done, total, text, self.progress.unit)

    def claim(self) -> bool:
        """Begin the job, unless another process has it or another job is at work."""
        return self.store.claim(self.id, Process.of(os.getpid()), self.made)

    def run(self) -> None:
        """Run the job to its end, which is the end of this process, too."""
        sys.stdout.write(f"$ {self.row['command']}\n")
        threading.Thread(target=self._watch, daemon=True).start()
        self._end(self._outcome())

    def _outcome(self) -> dict[str, Any]:
        """Run the step; return the columns that say how it ended."""
        try:
            return self._run_step()
        except Cancelled as stop:
            return {"state": "cancelled", "error": self.stopped_by or str(stop)}
        except OptionsError as error:
            asked = json.dumps(plain_question(error)) if isinstance(error, Question) else ""
            told = {"fields": json.dumps(error.fields), "question": asked}
            return {**_failed(" ".join(error.fields.values())), **told}
        except DeepometryError as error:
            return _failed(str(error))
        except OSError as error:
            logger.exception("The operating system refused something.")
            return _failed(str(explain_os_error(error)))
        except Exception as error:
            logger.exception("The step ended in an error that it does not know.")
            return _failed(self._unexpected(error))

    def _run_step(self) -> dict[str, Any]:
        self.progress.report(0, 0, "Starting")
        options = restored(self.step, self.options)
        load(self.step.function)
        self.progress.check()
        result = self.step.run(options, self.progress, self.id)
        sys.stdout.write(f"{result}\n")
        stopped = bool(getattr(result, "stopped", False))
        return {
            "state": "cancelled" if stopped else "done",
            "error": (self.stopped_by or STOPPED) if stopped else "",
            "result": json.dumps(plain(result)),
        }

    def _unexpected(self, error: Exception) -> str:
        if lacks_memory(error):
            less = self.step.less_memory
            return f"{_NO_MEMORY}, or use {less}." if less else f"{_NO_MEMORY}."
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        log = self.store.log(self.id)
        return f"Something went wrong that should not ({reason}); the log says where: {log}."

    # --- stopping ----------------------------------------------------------------------------

    def terminate(self, number: int, _: object) -> None:
        """Stop because the system asks for it, as when the computer is switched off."""
        self.stopped_by = f"Stopped by the system ({signal.Signals(number).name})."
        self.progress.cancel()

    def _watch(self) -> None:
        """Look whether the user has cancelled; end the process if the step does not."""
        asked: float | None = None
        while True:
            time.sleep(TICK)
            self.recorder.flush()
            if self._is_cancelled():
                self.progress.cancel()
            if not self.progress.cancelled:
                continue
            if asked is None:
                asked = time.monotonic()
                self.recorder.event("log", text="Stopping ...")
            if time.monotonic() - asked > self.row["patience"]:
                self._end_hard()

    def _is_cancelled(self) -> bool:
        try:
            return self.store.cancel_asked(self.id)
        except DeepometryError as error:  # the next look may go well
            logger.warning("%s", error)
            return False

    def _end_hard(self) -> None:
        """End although the step goes on: it may be deep in TensorFlow, which does not react."""
        whole = hold_unbroken(_WHOLE_WITHIN)
        self.recorder.event("log", text="The step did not stop by itself: its process was ended.")
        logger.warning("Ended in the middle; %s was whole.", "all written" if whole else "not all")
        self._end({"state": "cancelled", "error": self.stopped_by or STOPPED, **self._best()})

    def _best(self) -> dict[str, str]:
        """Return the result of a training that did not stop by itself: its best epoch so far."""
        record: dict[str, Any] = {}
        with suppress(DeepometryError):  # it is damaged
            record = own_record(self.output / TRAIN_RECORD, "train")
        if self.step.name != "train" or not self.recorder.rows or not record.get("model"):
            return {}
        from deepometry.cells.model_description import read_description

        rows = [row for row in self.recorder.rows if "fold" not in row]
        model = self.output / str(record["model"])
        result = {"history": rows, "best_epoch": record["best_epoch"], "stopped": True}
        with suppress(DeepometryError):  # then there is no model to speak of
            result |= {"model": str(model), "description": plain(read_description(model))}
            return {"result": json.dumps(result)}
        return {}

    def _end(self, outcome: dict[str, Any]) -> None:
        """Record how the job ended, and end this process: whoever comes first, step or watcher."""
        self._ending.acquire()  # and never released
        sweep_after(os.getpid(), self.output, self.made)
        self._record(outcome)
        sys.stdout.write(f"{outcome['state'].capitalize()}. {outcome['error']}\n")
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):
                stream.flush()
        # libraries have threads that hang at an orderly end; all that matters is written
        os._exit(outcome["state"] == "failed")

    def _record(self, outcome: dict[str, Any]) -> None:
        """Write how the job ended, with patience for a disk that is full just now."""
        for wait in (0.5, 1, 2, 4, 0):
            self.recorder.flush()
            try:
                self.store.finish(self.id, "running", **outcome)
            except DeepometryError:
                logger.exception("The end of the job could not be written.")
                time.sleep(wait)
            else:
                return


def _place(options: Mapping[str, Any]) -> Path:
    """Return where a job writes: its output, or the labels of the cells that it reads."""
    if options.get("output"):
        return Path(options["output"])
    from deepometry.cells.labels.label_folder import parsed_home

    return parsed_home(Path(options["input"])) / LABELS_FOLDER


def _failed(error: str) -> dict[str, Any]:
    return {"state": "failed", "error": error}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a job; the arguments are the folder of the jobs and the job's id."""
    root, id = sys.argv[1:] if arguments is None else arguments
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    faulthandler.enable()
    work = Work(JobStore(Path(root)), id)
    with work.store.working() as alone:
        if not alone:
            work.store.release(id)
        if not alone or not work.claim():
            return
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, work.terminate)
        work.run()


if __name__ == "__main__":
    main()
