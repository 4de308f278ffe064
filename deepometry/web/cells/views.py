"""The gallery of the cells of a run, single cells, and similar cells."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flask import Blueprint, Response, abort, current_app, render_template, request, url_for

from deepometry.core.errors import DeepometryError
from deepometry.core.palette import GROUPS_ON_DARK
from deepometry.web.browse.background import MOMENT, Task, Tasks
from deepometry.web.cells import choose, neighbours, selections
from deepometry.web.cells.cell_rows import ROWS, CellRows, has_cells, rows_maker, rows_of
from deepometry.web.cells.marked import marked_cells
from deepometry.web.cells.selected_cells import selected_cells
from deepometry.web.results.cell_pictures import Cells, is_transmitted, offered_pictures, pictured
from deepometry.web.results.output import Gone, Output
from deepometry.web.results.shared import (
    answer_error,
    cached,
    computed,
    drop_stale,
    find_job,
    find_output,
    number,
    picture,
)
from deepometry.web.text_filters import STATES, UNFINISHED

blueprint = Blueprint("cells", __name__, url_prefix="/cells")
blueprint.add_app_template_global(has_cells, "has_cells")
blueprint.register_error_handler(DeepometryError, answer_error)
_TOLD = 5.0  # seconds for which work that failed says why, and is not begun again


@blueprint.record_once
def _prepare(state: Any) -> None:
    state.app.extensions["opening"] = Tasks()


def run_of(id: str) -> Output:
    """Open a run with cells; answer 404 if it has none."""
    output = find_output(id)
    if not has_cells(output):
        abort(404)
    return output


def _pictures(rows: CellRows) -> Cells:
    if isinstance(rows.cells, str):
        raise Gone(rows.cells)
    return rows.cells


# --- the gallery --------------------------------------------------------------------------------


@blueprint.get("/<id>")
def gallery(id: str) -> str:
    """Show the gallery, or only its cells, filtered and sorted as is asked."""
    output = run_of(id)
    rows = _opened(output)
    if isinstance(rows, Task):
        return _opening(output, rows)
    wanted = choose.Wanted.read(request.args, rows)
    similar = request.args.get("similar", type=int)
    values: dict[str, Any] = {"output": output, "rows": rows, "wanted": wanted, "note": ""}
    try:
        chosen = _chosen(output, rows, wanted, similar)
    except neighbours.NoIndex as error:
        chosen, values["note"], values["unprepared"] = (), str(error), True
    values["page"] = choose.page_of(rows, chosen, number("page", 1))
    named = (f"{each['source']}:{each['object']}" for each in values["page"].cells)
    values |= {
        "heat_cells": "; ".join(named),
        "similar": similar,
        "selection": request.args.get("selection", ""),
        "marked": request.args.get("marked", ""),
    }
    values["like"] = "{1} of {0}".format(*rows.name(similar)) if similar is not None else ""
    values |= offered_pictures(rows.cells, request.args.get("channel", ""))
    if "part" in request.args:
        return render_template("cells/grid.html", **values)
    return render_template("cells/gallery.html", **values, **_offered(output, rows))


def _opened(output: Output) -> CellRows | Task:
    """Read the cells of a run, or return the work that reads them, if that takes a while."""
    again = "opening" in request.args
    if not again:
        drop_stale(output, ROWS)
    rows: CellRows | None = computed(output, ROWS)
    if rows is not None or "HX-Request" not in request.headers:  # without htmx nobody asks again
        return rows or rows_of(output)
    make, tasks = rows_maker(output), current_app.extensions["opening"]
    task: Task = tasks.ask(
        (output.id, output.stamp),
        lambda task: make(task.progress),
        f"cells {output.id}",
        _TOLD if again else 0.0,  # or what was read before the cells changed would be shown
    )
    if not task.wait(MOMENT):
        return task
    if task.error:
        raise DeepometryError(task.error)
    opened: CellRows = task.found
    return opened


def _opening(output: Output, task: Task) -> str:
    asked: dict[str, Any] = {n: v for n, v in request.args.items() if n != "opening"}
    done, total, text, _ = task.reported
    again = url_for("cells.gallery", id=output.id, opening=1, **asked)
    return render_template("cells/opening.html", again=again, done=done, total=total, text=text)


def _offered(output: Output, rows: CellRows) -> dict[str, Any]:
    sides = sorted({p.side for p in _parts(rows) if p.side}, reverse=True)
    has_true = rows.table is not None and "true_label" in rows.table.codes
    return {
        "orders": choose.orders_of(output, rows),
        "sides": sides,
        "has_true": has_true,
    }


def _parts(rows: CellRows) -> Any:
    return () if isinstance(rows.cells, str) else rows.cells.dataset.parts


def _chosen(output: Output, rows: CellRows, wanted: choose.Wanted, similar: int | None) -> Any:
    """Find the cells that are asked for, in their order."""
    keep = choose.keep_rows(rows, wanted)
    if name := request.args.get("selection", ""):
        selection = selections.find_selection(output, name)
        keep &= selected_cells(rows, selection)
    if mark := request.args.get("marked", ""):
        keep &= marked_cells(output, mark, len(rows))
    if similar is not None:
        return neighbours.similar_rows(output, rows, similar, None if keep.all() else keep)
    order = _order(output, rows, wanted.order, wanted.down)
    return choose.exact_first(rows, order[keep[order]], wanted.text)


def _order(output: Output, rows: CellRows, order: str, down: bool) -> Any:
    """Sort all cells once; the page asks for the same order again and again."""

    def sort() -> Any:
        return choose.order_of(choose.sort_values(output, rows, order), len(rows), down)

    return cached(output, f"cells by {order} {down}", sort)


# --- one cell -----------------------------------------------------------------------------------


@blueprint.get("/<id>/<int:row>.json")
def cell(id: str, row: int) -> dict[str, Any]:
    """Describe a cell: who it is, what the tables have about it, and its channels."""
    rows = rows_of(run_of(id))
    source, name = rows.name(row)
    told = {"row": row, "source": source, "object": name, "facts": [*rows.facts(row).items()]}
    if isinstance(rows.cells, str):
        return told | {"missing": rows.cells, "channels": []}
    side = rows.cells.place(row)[0].side
    return told | {
        "side": side or "",
        "frame": rows.cells.dataset.frame,
        "missing": "",
        "channels": channels_told(rows.cells),
    }


def channels_told(cells: Cells) -> list[dict[str, Any]]:
    """List the channels with the contrast and the colour that they are shown in at first."""
    colours = iter(GROUPS_ON_DARK[:5] * len(cells.channels))
    return [
        {
            "name": str(channel),
            "low": low,
            "high": high,
            "colour": "#969696" if is_transmitted(channel) else next(colours),
        }
        for channel, (low, high) in zip(cells.channels, cells.ranges, strict=True)
    ]


@blueprint.get("/<id>/<int:row>.bin")
def pixels(id: str, row: int) -> Response:
    """Send the counts of a cell: float32, channel after channel."""
    rows = rows_of(run_of(id))
    rows.name(row)
    planes = _pictures(rows).pixels(row).transpose(2, 0, 1)
    return Response(planes.astype("<f4").tobytes(), mimetype="application/octet-stream")


@blueprint.get("/<id>/<int:row>/origin.json")
def origin(id: str, row: int) -> dict[str, Any]:
    """Send the mask of a cell, as the runs of pixels in each channel, and the size of a pixel."""
    from deepometry.web.cells.origin import find_origin

    output = run_of(id)
    rows = rows_of(output)
    images = Path(str(output.option("input"))) if output.verb == "classify" else None
    found = find_origin(_pictures(rows).dataset, *rows.name(row), images)
    masks = () if found.mask is None else found.mask.transpose(2, 0, 1)
    return {
        "pixel": found.pixel,
        "masks": ["".join(map(str, m.ravel().astype(int))) for m in masks],
    }


@blueprint.get("/<id>/<int:row>/<channel>.png")
def thumbnail(id: str, row: int, channel: str) -> Response:
    """Draw a cell: one channel, counted from 0, or `all` of them in colours."""
    return picture(pictured(rows_of(run_of(id)).cells, row, channel))


@blueprint.post("/<id>/<int:row>/similar")
def prepare_similar(id: str, row: int) -> str:
    """Start the job that makes the index of similar cells."""
    output = run_of(id)
    options = neighbours.index_options(output, rows_of(output), row)
    return job_line(current_app.extensions["jobs"].submit(options), "")


# --- jobs ---------------------------------------------------------------------------------------


def job_line(job: Any, name: str) -> str:
    """Show the state of a job that was started from the cells."""
    return render_template(
        "cells/job.html", job=job, name=name, STATES=STATES, UNFINISHED=UNFINISHED
    )


@blueprint.get("/jobs/<id>")
def job(id: str) -> str:
    """Show the state of a job that was started here."""
    started = find_job(id)
    return job_line(started, request.args.get("name", ""))


@blueprint.post("/jobs/<id>/cancel")
def cancel_job(id: str) -> str:
    """Ask a job that was started here to stop."""
    current_app.extensions["jobs"].cancel(find_job(id).id)
    return job(id)
