"""What all pages of results share: the blueprint, a job's output, and answers to errors."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, abort, current_app, jsonify, render_template, request

from deepometry.core.errors import DeepometryError
from deepometry.core.exchange import settle
from deepometry.core.progress import Progress
from deepometry.web.jobs.job import Job
from deepometry.web.projects.current import at_home, run_as_job
from deepometry.web.results.cache import Cache
from deepometry.web.results.charts import Chart
from deepometry.web.results.output import Gone, Output, Unknown, open_output, place_of, stamp_of
from deepometry.web.results.table_store import TableStore
from deepometry.web.results.tensorboard import Projectors
from deepometry.web.security import is_loopback

blueprint = Blueprint("results", __name__)
_DAY = 24 * 3600  # seconds
_DELETED = "This run was deleted or belongs to another project."


@blueprint.record_once
def _prepare(state: Any) -> None:
    state.app.extensions["results"] = Cache()
    state.app.extensions["projectors"] = Projectors()


def find_job(id: str) -> Job:
    """Return a job, or a run of the open project as one; answer 404 if there is neither."""
    try:
        job: Job = current_app.extensions["jobs"].get(id)
    except KeyError:
        return run_as_job(id) or abort(404, _DELETED)
    return at_home(job)


def find_output(id: str, verb: str | None = None) -> Output:
    """Open the output of a job; answer 404 if it is of another verb."""
    job = find_job(id)
    if verb is not None and job.verb != verb:
        abort(404)
    settle(place_of(job))
    return _results().get((job.id, stamp_of(job), "output"), lambda: open_output(job))


def table_store() -> TableStore:
    """Return where the indices of long tables are kept."""
    return TableStore(Path(current_app.extensions["home"]) / "cell_tables")


def cached(output: Output, what: str, make: Callable[[], Any]) -> Any:
    """Compute something once for as long as the output stays as it is."""
    return _results().get(_key(output, what), make)


def computing(output: Output, what: str, make: Callable[[Progress], Any]) -> Callable[..., Any]:
    """Return what computes something as `cached` does, and can do so beside the requests."""
    cache, key = _results(), _key(output, what)
    return lambda progress: cache.get(key, lambda: make(progress))


def computed(output: Output, what: str) -> Any:
    """Return what was computed, None if nothing was."""
    return _results().peek(_key(output, what))


def _results() -> Cache:
    cache: Cache = current_app.extensions["results"]
    return cache


def _key(output: Output, what: str) -> tuple[str, str, str]:
    return output.id, output.stamp, what


@blueprint.errorhandler(DeepometryError)
def answer_error(error: DeepometryError) -> tuple[Any, int]:
    """Answer an error with its sentence, as a partial, a page or JSON, whichever was asked for.

    Other pages that show results answer their errors with it, too.
    """
    if "HX-Request" in request.headers:
        return render_template("results/note.html", text=str(error)), 200  # htmx drops others
    status = status_of(error)
    if "text/html" in request.headers.get("Accept", ""):  # a link that leaves the page
        return render_template("page/error.html", text=str(error)), status
    return {"error": str(error)}, status


def status_of(error: DeepometryError) -> int:
    """Return the status of the answer to an error: gone, never there, or not to be had now."""
    return 410 if isinstance(error, Gone) else 404 if isinstance(error, Unknown) else 409


def drop_stale(output: Output, what: str) -> None:
    """Drop cached cells that were moved or changed since, or that may be back where they were."""
    value = computed(output, what)
    if value and (isinstance(value.cells, str) or value.cells.changed):
        _results().drop(_key(output, what))


def projectors() -> Projectors:
    """Return the TensorBoards that were started."""
    return current_app.extensions["projectors"]


def number(name: str, default: int) -> int:
    """Read a whole number of the address."""
    return request.args.get(name, default, type=int)


def is_here() -> bool:
    """Return whether the browser runs on the same computer as the server."""
    return is_loopback(request.remote_addr or "")


def picture(png: bytes) -> Response:
    """Send a picture that the browser may keep."""
    answer = Response(png, mimetype="image/png")
    answer.cache_control.private = True
    answer.cache_control.max_age = _DAY  # its address changes when the results do
    return answer


def saved(content: str | bytes, name: str, kind: str) -> Response:
    """Send something to be saved, never to be shown as a page of ours."""
    answer = Response(content, mimetype=kind)
    answer.headers.set("Content-Disposition", "attachment", filename=name)
    return answer


def chart_answer(chart: Chart, name: str, kind: str) -> Response:
    """Send the numbers of a chart to the page (json), or its table or drawing to be saved."""
    if kind == "json":
        return jsonify(chart.plain())
    if kind == "csv":
        return saved(chart.csv(), f"{name}.csv", "text/csv")
    from deepometry.web.results.chart_svg import svg_of

    return saved(svg_of(chart), f"{name}.svg", "image/svg+xml")
