"""The page `/compare`: choosing runs, and what their comparison says."""

from __future__ import annotations

from typing import Any

from flask import (
    Blueprint,
    Response,
    abort,
    current_app,
    redirect,
    render_template,
    request,
    send_file,
    url_for,
)
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as AnyResponse

from deepometry.core.errors import DeepometryError
from deepometry.core.options.compare import FEWEST, MOST, CompareOptions
from deepometry.core.step_options import command_line
from deepometry.web.cells.cell_rows import rows_of
from deepometry.web.compare.candidates import COMPARABLE, Candidate, candidates, chosen
from deepometry.web.compare.charts import charts_of
from deepometry.web.compare.saved import values_of
from deepometry.web.compare.stored import (
    Stored,
    choices,
    compared,
    is_large,
    is_ready,
    job_of,
    page_of,
    submit,
)
from deepometry.web.results.cache import Cache
from deepometry.web.results.cell_pictures import offered_pictures
from deepometry.web.results.output import Unknown
from deepometry.web.results.shared import answer_error, chart_answer, find_output
from deepometry.web.text_filters import UNFINISHED

blueprint = Blueprint("compare", __name__)
blueprint.register_error_handler(DeepometryError, answer_error)


@blueprint.record_once
def _prepare(state: Any) -> None:
    state.app.extensions["comparisons"] = Cache()
    state.app.jinja_env.globals["COMPARABLE"] = tuple(COMPARABLE)


def _ids() -> list[str]:
    """Read the runs of the address: `runs=a,b` or `runs=a&runs=b`."""
    texts = [id.strip() for text in request.args.getlist("runs") for id in text.split(",")]
    return list(dict.fromkeys(filter(None, texts)))


@blueprint.get("/compare")
def show() -> str | AnyResponse:
    """Show runs side by side; with fewer than two of them, let the user choose."""
    ids = _ids()
    if len(request.args.getlist("runs")) > 1:
        return redirect(url_for("compare.show", runs=",".join(ids), group_by=_group_by() or None))
    runs = chosen(ids)
    if len(runs) < FEWEST:
        return render_template("compare/choose.html", runs=candidates(), ids=ids, most=MOST)
    return render_template("compare/compare.html", **_values(runs))


def _group_by() -> str:
    return request.args.get("group_by", "").strip()


def _values(runs: list[Candidate]) -> dict[str, Any]:
    """Return what the page shows: the comparison, or what stands in the way of it."""
    group_by = _group_by()
    ids = ",".join(run.id for run in runs)
    values: dict[str, Any] = {"runs": runs, "ids": ids, "group_by": group_by}
    if is_ready(runs, group_by):
        return {**values, "ready": True, **_content(runs)}
    large = is_large(runs)
    return {**values, "ready": False, "large": large, "job": large and job_of(runs, group_by)}


@blueprint.get("/compare/content")
def content() -> str:
    """Show the comparison of runs; one of few cells is made here, one of many is a job."""
    runs = _runs()
    if is_large(runs) and not is_ready(runs, _group_by()):
        return _progress(runs)
    compared(runs, _group_by())
    return render_template("compare/content.html", **_values(runs))


@blueprint.post("/compare/content")
def start() -> str:
    """Start the job that compares runs of many cells, unless it is there already."""
    runs = _runs()
    job = job_of(runs, _group_by())
    if not is_ready(runs, _group_by()) and (job is None or job.state not in UNFINISHED):
        submit(runs, _group_by())
    return _progress(runs)


@blueprint.post("/compare/stop")
def stop() -> str:
    """Stop the job that compares runs."""
    runs = _runs()
    if job := job_of(runs, _group_by()):
        current_app.extensions["jobs"].cancel(job.id)
    return _progress(runs)


def _runs() -> list[Candidate]:
    runs = chosen(_ids())
    if len(runs) < FEWEST:
        raise Unknown(f"Expected {FEWEST} to {MOST} runs to compare, found {len(runs)}.")
    return runs


def _progress(runs: list[Candidate]) -> str:
    values = _values(runs)
    template = "content" if values["ready"] else "progress"
    return render_template(f"compare/{template}.html", **values)


def _content(runs: list[Candidate]) -> dict[str, Any]:
    stored = compared(runs, _group_by())
    options = CompareOptions(runs=tuple(run.folder for run in runs), group_by=_group_by() or None)
    return {
        **values_of(stored.said),
        "place": ";".join(filter(None, (",".join(run.id for run in runs), _group_by()))),
        "files": sorted(path.name for path in stored.folder.iterdir() if path.is_file()),
        "command": f"{command_line(options)} --output comparison",
    }


# --- pieces of it ----------------------------------------------------------------------------


def _stored(place: str) -> Stored:
    """Return the comparison of an address: ids of runs, and behind a semicolon the group."""
    ids, _, group_by = place.partition(";")
    runs = chosen([id for id in ids.split(",") if id])
    if len(runs) < FEWEST:
        abort(404)
    return compared(runs, group_by)


@blueprint.get("/compare/<place>/charts/<name>.<any(json, csv, svg):kind>")
def chart(place: str, name: str, kind: str) -> Response:
    """Send a chart of a comparison."""
    made = charts_of(_stored(place).said)
    if name not in made:
        raise Unknown(f"{name} is not a chart of this comparison.")
    return chart_answer(made[name](), name, kind)


@blueprint.get("/compare/<place>/file/<name>")
def file(place: str, name: str) -> Response:
    """Send a file of the comparison, to be saved."""
    path = _stored(place).path(name)
    return send_file(path, "application/octet-stream", as_attachment=True, max_age=0)


@blueprint.get("/compare/<place>/cells")
def cells(place: str) -> str:
    """Show the cells that are predicted differently, a page of them."""
    stored = _stored(place)
    which = request.args.get("show", "all")
    page = page_of(stored, which, request.args.get("page", 1, type=int))
    id, pictures = _pictures(stored)
    return render_template(
        "compare/cells.html", place=place, page=page, choices=choices(stored), which=which,
        picture_id=id, **pictures,
    )  # fmt: skip


def _pictures(stored: Stored) -> tuple[str, dict[str, Any]]:
    """Return the job whose pictures are shown, and the channels on offer, or why there are none."""
    pairs = zip(stored.said["runs"], stored.runs, strict=True)
    run = next((run for said, run in pairs if said["with_cells"]), None)
    asked = request.args.get("channel", "")
    if run is None:
        return "", offered_pictures("None of these runs has a table of cells.", asked)
    try:
        output = find_output(run.id)
        rows = rows_of(output)
    except (DeepometryError, HTTPException) as error:
        why = str(error) if isinstance(error, DeepometryError) else _NOT_HERE
        return "", offered_pictures(why, asked)
    return run.id, offered_pictures(rows.cells, asked)


_NOT_HERE = "the first run was not started on this page."
