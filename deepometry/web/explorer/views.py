"""The explorer's page, the arrays that it draws, and what is done with the selected cells."""

from __future__ import annotations

from typing import Any

import flask
from flask import Blueprint, Response, current_app, render_template, request

from deepometry.core import palette
from deepometry.core.errors import DeepometryError, OptionsError
from deepometry.core.files import writing
from deepometry.core.options.subset import SubsetOptions
from deepometry.core.result_files import PARSE_RECORD
from deepometry.core.run_records import own_record
from deepometry.core.text import counted
from deepometry.web.explorer import map_data
from deepometry.web.explorer.map_data import MappedCells
from deepometry.web.results.cell_pictures import Cells, offered_pictures, pictured
from deepometry.web.results.output import Gone, Output, Unknown
from deepometry.web.results.shared import (
    answer_error,
    cached,
    drop_stale,
    find_job,
    find_output,
    picture,
)
from deepometry.web.text_filters import STATES

SETS = "sets"

blueprint = Blueprint("explorer", __name__, url_prefix="/explore")
blueprint.register_error_handler(DeepometryError, answer_error)


def _map(id: str) -> Output:
    return find_output(id, "embed")


@blueprint.get("/<id>")
def show(id: str) -> str:
    """Show the explorer of a map."""
    colours = palette.for_page()
    return render_template(
        "explorer/explorer.html", job=find_job(id), output=_map(id), palette=colours
    )


@blueprint.get("/<id>/about.json")
def about(id: str) -> dict[str, Any]:
    """Describe what there is to draw."""
    return map_data.about(_map(id))


@blueprint.get("/<id>/places.bin")
def places(id: str) -> Response:
    """Send the coordinates of all cells."""
    return _bytes(map_data.places_bytes(_map(id)))


@blueprint.get("/<id>/codes/<int:number>.bin")
def codes(id: str, number: int) -> Response:
    """Send the code of every cell in a column."""
    return _bytes(map_data.array_bytes(_map(id), f"codes_{number}"))


@blueprint.get("/<id>/confidence.bin")
def confidence(id: str) -> Response:
    """Send the probability of the predicted class of every cell."""
    return _bytes(map_data.array_bytes(_map(id), "confidence"))


def _bytes(content: bytes) -> Response:
    return Response(content, mimetype="application/octet-stream")


# --- single cells -------------------------------------------------------------------------------


def _mapped(output: Output) -> MappedCells:
    return cached(output, "mapped", lambda: map_data.open_mapped_cells(output))


def _cells(output: Output) -> Cells:
    cells = _mapped(output).cells
    if isinstance(cells, str):
        raise Gone(cells)
    return cells


@blueprint.get("/<id>/pictures.json")
def pictures(id: str) -> dict[str, Any]:
    """List the channels that can be shown, or the reason why there are no pictures."""
    output = _map(id)
    drop_stale(output, "mapped")
    offered = offered_pictures(_mapped(output).cells)
    channels = [{"key": str(c.column), "name": str(c)} for c in offered["channels"]]
    return {name: offered[name] for name in ("missing", "shown", "stamp")} | {"channels": channels}


@blueprint.get("/<id>/cell/<int:row>.json")
def cell(id: str, row: int) -> dict[str, str]:
    """Send the row of a cell in the table of the map."""
    table = _mapped(_map(id)).table
    if row >= len(table):
        flask.abort(404)
    return table.rows([row])[0]


@blueprint.get("/<id>/cell/<int:row>/<channel>.png")
def cell_picture(id: str, row: int, channel: str) -> Response:
    """Draw a cell: one channel, counted from 0, or `all` of them in colours."""
    return picture(pictured(_mapped(_map(id)).cells, row, channel))


@blueprint.get("/<id>/intensity/<int:column>.bin")
def intensity(id: str, column: int) -> Response:
    """Send the mean of a channel in every cell; measured once, for all channels."""
    output = _map(id)
    cells = _cells(output)
    means = cached(output, f"intensities {cells.stamp}", lambda: map_data.intensities(cells))
    if column >= len(means):
        raise Unknown(f"There is no channel in column {column}.")
    return _bytes(means[column].astype("<f4").tobytes())


# --- selected cells -----------------------------------------------------------------------------


def _selection(output: Output) -> Any:
    return map_data.read_selection(request.get_data(), int(output.record.get("cells", 0)))


@blueprint.post("/<id>/cells.csv")
def list_cells(id: str) -> Response:
    """Send the table of the selected cells, to be saved."""
    output = _map(id)
    rows = map_data.selected_rows(output, _selection(output))
    answer = Response(flask.stream_with_context(rows), mimetype="text/csv")
    answer.headers.set("Content-Disposition", "attachment", filename="cells.csv")
    return answer


@blueprint.post("/<id>/set")
def save_set(id: str) -> tuple[dict[str, Any], int]:
    """Start the job that copies the selected cells into a set of their own."""
    output = _map(id)
    selection, cells = _selection(output), _cells(output)
    try:
        options = _subset_options(output, cells, request.args.get("name", "").strip())
    except OptionsError as error:
        return {"error": " ".join(error.fields.values())}, 400
    if (used := _used(options)) and not options.overwrite:
        return {"error": used, "used": True}, 409
    with writing(options.cells) as part, part.open("w", encoding="utf-8", newline="") as file:
        file.writelines(map_data.selected_rows(output, selection))
    job = current_app.extensions["jobs"].submit(options)
    return {"job": job.id, "name": options.name, "cells": int(selection.sum())}, 200


def _subset_options(output: Output, cells: Cells, name: str) -> SubsetOptions:
    from deepometry.core.safe_names import safe_name

    place = output.root / SETS
    listed = place / f"{safe_name(f'Set {name}')}.csv"
    return SubsetOptions(
        input=cells.dataset.root,
        output=place / "parsed",
        cells=listed,
        name=name,
        overwrite=request.args.get("replace", "no"),  # type: ignore[arg-type]
    )


def _used(options: SubsetOptions) -> str:
    """Describe an earlier set of the same name; empty if there is none."""
    sets = own_record(options.output / PARSE_RECORD, "parse").get("sets", {})
    cells = sets.get(options.name, {}).get("cells")
    if cells is None:
        return ""
    named = f"There is a set {options.name} of {counted(cells, 'cell')}"
    return f"{named}: replace it, or choose another name."


@blueprint.get("/sets/<id>.json")
def set_state(id: str) -> dict[str, Any]:
    """Report the state of a set that is being copied."""
    job = find_job(id)
    if job.verb != "subset":
        raise Unknown("This run does not save a set of cells.")
    folder = (job.result or {}).get("folder", "")
    return {
        "state": job.state,
        "title": STATES[job.state],
        "text": job.error or job.text,
        "done": job.done,
        "total": job.total,
        "folder": str(folder),
        "output": str(job.output),
    }
