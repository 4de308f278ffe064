"""Small outputs of every step, and jobs that tell of them, for the tests of the results pages."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from flask import Flask

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Job:
    """As `deepometry.web.jobs.Job`, made by hand."""

    id: str
    verb: str
    options: Mapping[str, Any]
    output: Path
    started: float | None
    finished: float | None
    state: str = "done"
    result: Mapping[str, Any] | None = field(default_factory=dict)


class Jobs:
    """Jobs to be found by their name."""

    def __init__(self) -> None:
        self.known: dict[str, Job] = {}

    def get(self, id: str) -> Job:
        """Find a job."""
        return self.known[id]

    def list(self) -> list[Job]:
        """Give all jobs."""
        return [*self.known.values()]

    def run(self, id: str, verb: str, step: Any, options: Any) -> Any:
        """Run a step here and now, and remember it as a job."""
        started = time.time()
        found = step(options)
        plain = {n: str(v) if isinstance(v, Path) else v for n, v in asdict(options).items()}
        self.known[id] = Job(id, verb, plain, options.output, started, time.time())
        return found


def make_app(jobs: Jobs) -> Flask:
    """Make an application that has nothing but the results."""
    from deepometry.web import results, words

    app = Flask("results", template_folder=str(ROOT / "templates"))
    app.config["TESTING"] = True
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.extensions["jobs"] = jobs
    words.speak(app)
    app.register_blueprint(results.blueprint)
    return app
