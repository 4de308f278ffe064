"""The process of one job: `python -m deepometry.web.runner <job folder>`.

It runs the step, writes down what the step tells, and how it ended. A watching thread sees the
word to stop, and ends a step that does not listen, leaving nothing half-written.
"""

from __future__ import annotations

import faulthandler
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from deepometry.errors import DeepometryError, OptionsError, explain_os_error, lacks_memory
from deepometry.files import missing_folders, own_record, sweep_after
from deepometry.progress import Cancelled, Progress, hold_unbroken
from deepometry.web.process import identity
from deepometry.web.recorder import Recorder
from deepometry.web.store import JobFolder
from deepometry.web.verbs import VERBS, function_of, plain, restored

TICK = 0.2  # seconds between two looks for the word to stop
PATIENCE = 4.0  # seconds that a step has to stop by itself; importing TensorFlow does not listen
_WHOLE_WITHIN = 10.0  # seconds for writing to end that has begun
_NO_MEMORY = "There is not enough memory: close other programs"
_LESS = {
    "parse": ", or use a smaller Frame size or Montage size.",
    "baseline": ", or fewer Channels.",
    "learning-curve": ", or use a smaller Batch size or a smaller Network.",
    "train": ", or use a smaller Batch size or a smaller Network.",
    "predict": ", or use a smaller Batch size.",
    "extract": ", or use a smaller Batch size.",
    "embed": ", or fewer Components.",
    "gradcam": ", or fewer Cells.",
}
logger = logging.getLogger(__name__)


class Work:
    """One job at work in this process."""

    def __init__(self, folder: JobFolder) -> None:
        self.folder, self.told = folder, folder.told
        self.verb = VERBS[self.told["verb"]]
        self.recorder = Recorder(folder)
        self.progress = Progress(self.recorder.report, self.recorder.say, self.recorder.measure)
        self.output = Path(self.told["output"])
        self.made = missing_folders(self.output)
        self.begun = {"state": "running", "started": time.time(), **identity()}
        self.stopped_by = ""
        self._ending = threading.Lock()

    def go(self) -> None:
        """Run the job to its end, which is the end of this process, too."""
        self.begun["made"] = [str(place) for place in self.made]
        self.folder.set_state(self.begun)
        self.recorder.tell("state", state="running")
        sys.stdout.write(f"$ {self.told['command']}\n")
        threading.Thread(target=self._watch, daemon=True).start()
        self._end(self._outcome())

    def _outcome(self) -> dict[str, Any]:
        """Run the step; say how it ended."""
        try:
            return self._run()
        except Cancelled as stop:
            return {"state": "cancelled", "error": self.stopped_by or str(stop)}
        except OptionsError as error:
            return {**_failed(" ".join(error.fields.values())), "fields": error.fields}
        except DeepometryError as error:
            return _failed(str(error))
        except OSError as error:
            logger.exception("The operating system refused something.")
            return _failed(str(explain_os_error(error)))
        except Exception as error:
            logger.exception("The step ended in an error that it does not know.")
            return _failed(self._unexpected(error))

    def _run(self) -> dict[str, Any]:
        self.progress.report(0, 0, "Starting")
        options = restored(self.verb, self.told["options"])
        step = function_of(self.verb)
        self.progress.check()
        result = step(options, self.progress)
        sys.stdout.write(f"{result}\n")
        stopped = bool(getattr(result, "stopped", False))
        told = {"state": "cancelled" if stopped else "done", "result": plain(result)}
        return {**told, "error": self.stopped_by} if stopped else told

    def _unexpected(self, error: Exception) -> str:
        if lacks_memory(error):
            return _NO_MEMORY + _LESS.get(self.verb.name, ".")
        told = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        return f"Something went wrong that should not ({told}); the log says where: {self.log}."

    @property
    def log(self) -> Path:
        """The file of all that this process prints."""
        return self.folder.log

    # --- stopping ----------------------------------------------------------------------------

    def terminate(self, number: int, _: object) -> None:
        """Stop because the system says so, as when the computer is switched off."""
        self.stopped_by = f"Stopped by the system ({signal.Signals(number).name})."
        self.progress.cancel()

    def _watch(self) -> None:
        """Look for the word to stop; end the process if the step does not."""
        asked: float | None = None
        while True:
            time.sleep(TICK)
            self.recorder.tick()
            if self.folder.cancelled:
                self.progress.cancel()
            if not self.progress.cancelled:
                continue
            if asked is None:
                asked = time.monotonic()
                self.recorder.tell("log", text="Stopping ...")
            if time.monotonic() - asked > self.told.get("patience", PATIENCE):
                self._end_hard()

    def _end_hard(self) -> None:
        """End although the step goes on: it may be deep in TensorFlow, which does not listen."""
        whole = hold_unbroken(_WHOLE_WITHIN)
        self.recorder.tell("log", text="The step did not stop by itself: its process was ended.")
        logger.warning("Ended in the middle; %s was whole.", "all written" if whole else "not all")
        told = self.stopped_by or "Stopped, as you asked."
        self._end({"state": "cancelled", "error": told, "result": self._kept()})

    def _kept(self) -> dict[str, Any] | None:
        """Say what a training has kept that did not stop by itself: the best epoch so far."""
        record = own_record(self.output / "train.json", "train")
        if self.verb.name != "train" or not self.recorder.rows or not record.get("model"):
            return None
        from deepometry.model import read_description

        rows = [row for row in self.recorder.rows if "fold" not in row]
        model = self.output / str(record["model"])
        with suppress(DeepometryError):  # then there is no model to speak of
            told = {"model": str(model), "description": plain(read_description(model))}
            return {**told, "history": rows, "best_epoch": record["best_epoch"], "stopped": True}
        return None

    def _end(self, outcome: dict[str, Any]) -> None:
        """Write how the job ended, and end this process: whoever comes first, step or watcher."""
        self._ending.acquire()  # and never released
        swept = sweep_after(os.getpid(), self.output, self.made)
        state, error = outcome["state"], outcome.get("error", "")
        self.recorder.flush()
        ended = {**self.begun, **outcome, "finished": time.time(), "swept": swept}
        self._write({**ended, "progress": self.recorder.last})
        self.recorder.tell("state", state=state)  # who hears it finds the result
        self.recorder.tell("end", state=state, error=error)
        sys.stdout.write(f"{state.capitalize()}. {error}\n")
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):
                stream.flush()
        # libraries have threads that hang at an orderly end; all that matters is written
        os._exit(state == "failed")

    def _write(self, state: dict[str, Any]) -> None:
        """Write the final state, with patience for a disk that is full just now."""
        for wait in (0.5, 1, 2, 4, 0):
            try:
                self.folder.set_state(state)
            except DeepometryError:
                logger.exception("The end of the job could not be written.")
                time.sleep(wait)
            else:
                return


def _failed(error: str) -> dict[str, Any]:
    return {"state": "failed", "error": error}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the job whose folder is the first argument."""
    (place,) = sys.argv[1:] if arguments is None else arguments
    folder = JobFolder(Path(place))
    if not folder.claim():
        return  # another process has it
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    faulthandler.enable()
    work = Work(folder)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, work.terminate)
    work.go()


if __name__ == "__main__":
    main()
