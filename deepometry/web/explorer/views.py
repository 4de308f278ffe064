"""The explorer's page, the arrays that it draws, and the table of the selected cells."""

from __future__ import annotations

from typing import Any

import flask
from flask import Blueprint, Response, render_template, request

from deepometry.core import palette
from deepometry.core.errors import DeepometryError
from deepometry.web.cells.cell_rows import ROWS, rows_of
from deepometry.web.cells.marked import read_bits
from deepometry.web.explorer import map_data
from deepometry.web.results.cell_pictures import offered_pictures
from deepometry.web.results.output import Gone, Output, Unknown
from deepometry.web.results.shared import (
    answer_error,
    cached,
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
def pictures(id: str) -> dict[str, Any]:
    """List the channels that can be shown, or the reason why there are no pictures."""
    output = _map(id)
    drop_stale(output, ROWS)
    offered = offered_pictures(rows_of(output).cells)
    channels = [{"key": str(c.column), "name": str(c)} for c in offered["channels"]]
    return {name: offered[name] for name in ("missing", "shown", "stamp")} | {"channels": channels}


@blueprint.get("/<id>/cell/<int:row>.json")
def cell(id: str, row: int) -> dict[str, str]:
    """Send the row of a cell in the table of the map, which is found at once."""
    table = rows_of(_map(id)).table
    if table is None or row >= len(table):
        flask.abort(404)
    return table.rows([row])[0]


@blueprint.get("/<id>/intensity/<int:column>.bin")
def intensity(id: str, column: int) -> Response:
    """Send the mean of a channel in every cell; measured once, for all channels."""
    output = _map(id)
    cells = rows_of(output).cells
    if isinstance(cells, str):
        raise Gone(cells)
    means = cached(output, f"intensities {cells.stamp}", lambda: map_data.intensities(cells))
    if column >= len(means):
        raise Unknown(f"There is no channel in column {column}.")
    return _bytes(means[column].astype("<f4").tobytes())


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
