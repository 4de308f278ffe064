"""Small outputs of every step, and jobs that tell of them, for the tests of the results pages."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from flask import Flask
from flask.testing import FlaskClient

from deepometry.core.run_records import read_json
from deepometry.core.steps import STEPS

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Job:
    """As `deepometry.web.jobs.queue.Job`, made by hand."""

    id: str
    verb: str
    options: Mapping[str, Any]
    output: Path
    started: float | None
    finished: float | None
    state: str = "done"
    result: Mapping[str, Any] | None = field(default_factory=dict)
    created: float = 0.0


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

    def made(self, id: str, verb: str, output: Path) -> None:
        """Remember as a job what a step has written; see its record."""
        options = read_json(output / STEPS[verb].record)["options"]
        self.known[id] = Job(id, verb, options, output, None, time.time())


def make_app(jobs: Jobs) -> Flask:
    """Make an application that has nothing but the results."""
    from deepometry.web import cells, explorer, results, text_filters
    from deepometry.web.projects import views as projects

    app = Flask("results", template_folder=str(ROOT / "templates"))
    app.config["TESTING"] = True
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.extensions |= {"jobs": jobs, "home": ROOT / "no home"}
    text_filters.register(app)
    app.register_blueprint(results.blueprint)
    app.register_blueprint(explorer.blueprint)
    app.register_blueprint(cells.blueprint)
    app.register_blueprint(projects.blueprint)
    app.add_url_rule("/", "pages.index", lambda: "")
    app.jinja_env.globals["csrf_token"] = str
    return app


def read_run(client: FlaskClient, id: str) -> str:
    """Read all tabs of a run, one after the other, or what is said where there are none."""
    first = client.get(f"/runs/{id}")
    if first.status_code != 302:
        return first.text
    page = client.get(first.location).text
    links = page.partition('aria-label="Results"')[2].partition("</nav>")[0]
    tabs = re.findall(r'href="([^"]+)"', links)
    answers = [client.get(tab) for tab in tabs]
    assert {answer.status_code for answer in answers} == {200}, tabs
    return "".join(answer.text.partition("<main")[2] for answer in answers)
