"""The page `/compare`: choosing runs, and what their comparison says."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, abort, redirect, render_template, request, send_file, url_for
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as AnyResponse

from deepometry.core.errors import DeepometryError
from deepometry.core.options.compare import FEWEST, MOST, CompareOptions
from deepometry.core.step_options import command_line
from deepometry.web.cells.cell_rows import rows_of
from deepometry.web.compare.candidates import COMPARABLE, Candidate, candidates, chosen
from deepometry.web.compare.charts import charts_of
from deepometry.web.compare.saved import values_of
from deepometry.web.compare.stored import Stored, choices, compared, is_ready, page_of
from deepometry.web.results.cache import Cache
from deepometry.web.results.cell_pictures import offered_pictures
from deepometry.web.results.charts import Chart
from deepometry.web.results.output import Unknown
from deepometry.web.results.shared import find_output, saved

blueprint = Blueprint("compare", __name__)


@blueprint.record_once
def _prepare(state: Any) -> None:
    state.app.extensions["comparisons"] = Cache()
    state.app.jinja_env.globals["COMPARABLE"] = tuple(COMPARABLE)


@blueprint.errorhandler(DeepometryError)
def answer_error(error: DeepometryError) -> tuple[Any, int]:
    """Answer an error with its sentence: a partial, a page or JSON, whichever was asked for."""
    if "HX-Request" in request.headers:
        return render_template("results/note.html", text=str(error)), 200  # htmx drops others
    status = 404 if isinstance(error, Unknown) else 409
    if "text/html" in request.headers.get("Accept", "text/html"):
        return render_template("page/error.html", text=str(error)), status
    return {"error": str(error)}, status


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
    ready = is_ready(runs, _group_by())
    content = _content(runs) if ready else {}
    return render_template(
        "compare/compare.html", runs=runs, ids=",".join(ids), group_by=_group_by(), ready=ready,
        **content,
    )  # fmt: skip


def _group_by() -> str:
    return request.args.get("group_by", "").strip()


@blueprint.get("/compare/content")
def content() -> str:
    """Compare runs, which may take a while, and show what comes of it."""
    ids = _ids()
    runs = chosen(ids)
    if len(runs) < FEWEST:
        raise Unknown(f"Expected {FEWEST} to {MOST} runs to compare, found {len(runs)}.")
    values = {"runs": runs, "ids": ",".join(ids), "group_by": _group_by()}
    return render_template("compare/content.html", **values, **_content(runs))


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


@blueprint.get("/compare/<place>/charts/<name>.json")
def chart(place: str, name: str) -> dict[str, Any]:
    """Send the numbers of a chart."""
    return _chart(place, name).plain()


@blueprint.get("/compare/<place>/charts/<name>.csv")
def chart_table(place: str, name: str) -> Response:
    """Send a chart as a table."""
    return saved(_chart(place, name).csv(), f"{name}.csv", "text/csv")


@blueprint.get("/compare/<place>/charts/<name>.svg")
def chart_drawing(place: str, name: str) -> Response:
    """Send a chart as a drawing."""
    from deepometry.web.results.chart_svg import svg_of

    return saved(svg_of(_chart(place, name)), f"{name}.svg", "image/svg+xml")


def _chart(place: str, name: str) -> Chart:
    made = charts_of(_stored(place).said)
    if name not in made:
        raise Unknown(f"{name} is not a chart of this comparison.")
    return made[name]()


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
