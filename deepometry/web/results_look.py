"""Pages of results that look at single cells: behind the matrix, on the plane, in TensorBoard."""

from __future__ import annotations

import json
from typing import Any

from flask import Response, abort, render_template, request

from deepometry.web import results_extract, results_map, results_predict
from deepometry.web.results_cells import Cells
from deepometry.web.results_output import Gone, Output, Unknown
from deepometry.web.results_projector import View
from deepometry.web.results_site import (
    blueprint,
    find_output,
    is_here,
    kept,
    number,
    picture,
    projectors,
)


def _predicted(output: Output) -> results_predict.Predicted:
    return kept(output, "predicted", lambda: results_predict.open_predicted(output))


def _named(id: str) -> Output:
    """Open the output of a job that names cells: a prediction, or a training with folds."""
    output = find_output(id)
    if not results_predict.told_by(output).get("counts"):
        abort(404)
    return output


@blueprint.get("/jobs/<id>/results/confusion.json")
def confusion(id: str) -> dict[str, Any]:
    """Give the confusion matrix, rows the true classes, and how often each class was predicted."""
    output = _named(id)
    counts = results_predict.told_by(output)["counts"]
    labels = list(counts)
    return {
        "labels": labels,
        "matrix": results_predict.read_matrix(output, labels),
        "counts": list(counts.values()),
    }


@blueprint.get("/jobs/<id>/results/cells")
def cells(id: str) -> str:
    """Show the cells of a cell of the matrix, or of a predicted class, a page of them."""
    output = _named(id)
    labels = list(results_predict.told_by(output)["counts"])
    true, label = _class("true", labels), _class("predicted", labels)
    found, order = _predicted(output), request.args.get("order", "sure")
    page = results_predict.select(found, true, label, order, number("page", 1))
    chosen = {"true": request.args.get("true"), "predicted": request.args.get("predicted")}
    return render_template(
        "results_cells.html",
        output=output,
        page=page,
        order=order,
        orders=results_predict.ORDERS,
        real=true,
        label=label,
        chosen={name: code for name, code in chosen.items() if code},
        heat_cells="; ".join(f"{each['source']}:{each['object']}" for each in page.cells),
        **offered_pictures(found.cells),
    )


def _class(name: str, labels: list[str]) -> str | None:
    """Read the number of a class; None for any."""
    text = request.args.get(name, "")
    if not text:
        return None
    if not (text.isdecimal() and int(text) < len(labels)):
        raise Unknown(f"{name}: expected the number of a class, found {text!r}.")
    return labels[int(text)]


def offered_pictures(found: Cells | str) -> dict[str, Any]:
    """Give the channels on offer, and which is shown first; or why there are no pictures."""
    if isinstance(found, str):
        return {"missing": found, "channels": [], "shown": "", "stamp": ""}
    asked = request.args.get("channel", "")
    known = {"all", *(str(channel.column) for channel in found.channels)}
    first = "all" if 1 < len(found.channels) <= 3 else "0"
    return {
        "missing": "",
        "channels": found.channels,
        "stamp": found.stamp,
        "shown": asked if asked in known else first,
    }


def mapped(output: Output) -> results_extract.Extracted:
    """Go through the table of a map once."""
    return kept(output, "mapped", lambda: results_map.open_mapped(output))


# --- extract ---------------------------------------------------------------------------------


def _extracted(output: Output) -> results_extract.Extracted:
    return kept(output, "extracted", lambda: results_extract.open_extracted(output))


@blueprint.get("/jobs/<id>/results/points.json")
def points(id: str) -> Response:
    """Give the cells on their principal components, with groups to colour them by."""
    output = find_output(id, "extract")

    found = _extracted(output)
    what = f"points {output.option('layer')}"
    places = kept(output, what, lambda: results_extract.points_json(output, found))
    offered = offered_pictures(found.cells)
    named = [{"key": str(c.column), "name": str(c)} for c in offered["channels"]]
    more = {name: offered[name] for name in ("missing", "shown", "stamp")}
    return Response(json.dumps(places | more | {"channels": named}), mimetype="application/json")


@blueprint.get("/jobs/<id>/results/cell/<int:row>.json")
def cell(id: str, row: int) -> dict[str, str]:
    """Tell what the table says of a cell."""
    table = _table(find_output(id))
    if row >= len(table.table):
        abort(404)
    return table.table.rows([row])[0]


@blueprint.get("/jobs/<id>/results/cell/<int:row>/<channel>.png")
def cell_picture(id: str, row: int, channel: str) -> Response:
    """Draw a cell: one channel, counted from 0, or `all` of them in colours."""
    found = _table(find_output(id))
    if isinstance(found.cells, str):
        raise Gone(found.cells)
    column = None if channel == "all" else int(channel) if channel.isdecimal() else -1
    if row >= len(found.table) or column not in {None, *range(found.cells.dataset.depth)}:
        abort(404)
    return picture(found.cells.picture(row, column))


def _table(
    output: Output,
) -> results_predict.Predicted | results_extract.Extracted:
    if results_predict.told_by(output).get("counts"):
        return _predicted(output)
    if output.verb == "extract":
        return _extracted(output)
    if output.verb == "embed":
        return mapped(output)
    return abort(404)


# --- TensorBoard's projector -----------------------------------------------------------------


def _view(output: Output) -> View:
    return projectors().view(output.root)


def _projector_partial(output: Output, view: View) -> str:
    return render_template(
        "results_projector.html",
        output=output,
        view=view,
        here=is_here(),
    )


@blueprint.get("/jobs/<id>/results/projector")
def projector(id: str) -> str:
    """Show how it stands with TensorBoard."""
    output = find_output(id, "extract")
    return _projector_partial(output, _view(output))


@blueprint.post("/jobs/<id>/results/projector")
def start_projector(id: str) -> str:
    """Start TensorBoard on the features of a job."""
    output = find_output(id, "extract")
    view = projectors().start(output.root)
    return _projector_partial(output, view)


@blueprint.post("/jobs/<id>/results/projector/stop")
def stop_projector(id: str) -> str:
    """Stop it."""
    output = find_output(id, "extract")
    projectors().stop(output.root)
    return _projector_partial(output, View("off"))
