"""The explorer's page, the arrays that it draws, and the table of the selected cells."""

from __future__ import annotations

from typing import Any

import flask
from flask import Blueprint, Response, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from deepometry.cells.labels.label_folder import parsed_home
from deepometry.core import palette
from deepometry.core.errors import DeepometryError
from deepometry.web.cells.cell_rows import ROWS, rows_of
from deepometry.web.cells.marked import read_bits
from deepometry.web.explorer import map_data
from deepometry.web.explorer.columns import column_groups, read_numbers
from deepometry.web.results.cell_pictures import offered_pictures
from deepometry.web.results.output import Gone, Output
from deepometry.web.results.shared import (
    answer_error,
    drop_stale,
    find_job,
    find_output,
)

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


@blueprint.get("/<id>/pictures.json")
def pictures(id: str) -> dict[str, str]:
    """Name the channel that is shown first, or the reason why there are no pictures."""
    output = _map(id)
    drop_stale(output, ROWS)
    offered = offered_pictures(rows_of(output).cells)
    return {name: offered[name] for name in ("missing", "shown", "stamp")}


@blueprint.get("/<id>/cell/<int:row>.json")
def cell(id: str, row: int) -> dict[str, str]:
    """Send the row of a cell in the table of the map, which is found at once."""
    table = rows_of(_map(id)).table
    if table is None or row >= len(table):
        flask.abort(404)
    return table.rows([row])[0]


# --- columns ------------------------------------------------------------------------------------


@blueprint.get("/<id>/columns.json")
def numbers(id: str) -> list[dict[str, Any]]:
    """List the numbers that the cells can be coloured by and plotted against."""
    output = _map(id)
    return [
        {"key": group.key, "title": group.title, "names": group.names, "missing": group.missing}
        for group in column_groups(output, rows_of(output))
    ]


@blueprint.get("/<id>/column/<key>/<int:number>.bin")
def column(id: str, key: str, number: int) -> Response:
    """Send a number of every cell."""
    output = _map(id)
    rows = rows_of(output)
    values = read_numbers(output, rows, key, number)
    return _bytes(values.astype("<f4").tobytes())


@blueprint.get("/<id>/gate")
def gate(id: str) -> AnyResponse:
    """Open the form Cleaning with the cells of a map, and limits that were drawn here."""
    cells = rows_of(_map(id)).cells
    if isinstance(cells, str):
        raise Gone(cells)
    home, limits = parsed_home(cells.dataset.root), request.args.get("limits", "")
    return flask.redirect(flask.url_for("cleaning.form", path=home, limits=limits))


# --- selected cells -----------------------------------------------------------------------------


@blueprint.post("/<id>/cells.csv")
def list_cells(id: str) -> Response:
    """Send the table of the selected cells, to be saved."""
    output = _map(id)
    selected = read_bits(request.get_data(), int(output.record.get("cells", 0)))
    rows = map_data.selected_rows(output, selected)
    answer = Response(flask.stream_with_context(rows), mimetype="text/csv")
    answer.headers.set("Content-Disposition", "attachment", filename="cells.csv")
    return answer
