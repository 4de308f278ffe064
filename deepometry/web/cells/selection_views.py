"""Selections of the cells of a run: kept, listed, changed, deleted, and what is done with them."""

from __future__ import annotations

import io
from typing import Any

from flask import Response, current_app, render_template, request, send_file

from deepometry.core.errors import DeepometryError
from deepometry.core.palette import GROUPS
from deepometry.web.cells import selections
from deepometry.web.cells.actions import action_options, actions_of
from deepometry.web.cells.cell_rows import CellRows, rows_of
from deepometry.web.cells.marked import bits_of, read_bits, remember
from deepometry.web.cells.selected_cells import selected_cells
from deepometry.web.cells.views import blueprint, job_line, run_of
from deepometry.web.results.output import Output
from deepometry.web.results.shared import cached

_BITS = "application/octet-stream"


@blueprint.post("/<id>/marked")
def mark(id: str) -> dict[str, str]:
    """Remember the cells that are selected on a map, for the gallery; one bit a cell."""
    output = run_of(id)
    return {"mark": remember(output, request.get_data(), len(rows_of(output)))}


@blueprint.post("/<id>/selections")
def keep(id: str) -> tuple[Any, int]:
    """Keep cells as a selection: rows in JSON, or one bit a cell with the name in the address."""
    output = run_of(id)
    rows = rows_of(output)
    name, chosen, replace = _asked(rows)
    try:
        selections.keep_selection(output, rows, name, chosen, replace)
    except selections.NameTaken as error:
        return {"error": str(error), "used": True}, 409
    return _listed(output), 200


def _asked(rows: CellRows) -> tuple[str, list[int], bool]:
    """Read the name and the cells of a selection, and whether it replaces one."""
    if request.mimetype != _BITS:
        asked = request.get_json()
        chosen = [int(row) for row in asked.get("rows", ())]
        return str(asked.get("name", "")), chosen, bool(asked.get("replace"))
    chosen = read_bits(request.get_data(), len(rows)).nonzero()[0].tolist()
    return request.args.get("name", ""), chosen, request.args.get("replace") == "yes"


@blueprint.get("/<id>/selections")
def listed(id: str) -> str:
    """Show the selections of a run."""
    return _listed(run_of(id))


def _listed(output: Output, note: str = "") -> str:
    return render_template(
        "cells/selections.html",
        output=output,
        selections=selections.list_selections(output),
        actions=actions_of(output),
        on_map="map" in request.args,
        palette=GROUPS,
        note=note,
    )


@blueprint.get("/<id>/selections.json")
def described(id: str) -> list[dict[str, Any]]:
    """List the selections of a run for the map; `stamp` changes when their cells do."""
    return [
        {
            "name": each.name,
            "cells": each.cells,
            "colour": each.colour,
            "stamp": str(each.path.stat().st_mtime_ns),
        }
        for each in selections.list_selections(run_of(id))
    ]


@blueprint.get("/<id>/selections/<name>.bin")
def bits(id: str, name: str) -> Response:
    """Send which cells a selection has: one bit a cell."""
    output = run_of(id)
    rows, selection = rows_of(output), selections.find_selection(output, name)
    kept = f"cells of {name} {selection.path.stat().st_mtime_ns}"  # reloads ask again
    content = cached(output, kept, lambda: bits_of(selected_cells(rows, selection)))
    return Response(content, mimetype=_BITS)


@blueprint.post("/<id>/selections/<name>/change")
def change(id: str, name: str) -> str:
    """Give a selection another name or another colour."""
    output = run_of(id)
    wanted = request.form.get("name", ""), request.form.get("colour", "")
    try:
        selections.change_selection(output, selections.find_selection(output, name), *wanted)
    except DeepometryError as error:
        return _listed(output, str(error))
    return _listed(output)


@blueprint.post("/<id>/selections/<name>/delete")
def delete(id: str, name: str) -> str:
    """Delete a selection."""
    output = run_of(id)
    try:
        selections.delete_selection(selections.find_selection(output, name))
    except DeepometryError as error:
        return _listed(output, str(error))
    return _listed(output)


@blueprint.get("/<id>/selections/<name>.csv")
def save(id: str, name: str) -> Response:
    """Send the table of a selection, to be saved."""
    selection = selections.find_selection(run_of(id), name)
    content = io.BytesIO(selection.path.read_bytes())
    return send_file(content, "text/csv", as_attachment=True, download_name=f"{name}.csv")


@blueprint.post("/<id>/selections/<name>/do")
def act(id: str, name: str) -> str:
    """Start a job on the cells of a selection: a set for training, all others, or an export."""
    output = run_of(id)
    selection = selections.find_selection(output, name)
    cells = rows_of(output).cells
    parsed = None if isinstance(cells, str) else cells.dataset.root
    options = action_options(output, selection, request.form.get("action", ""), parsed)
    return job_line(current_app.extensions["jobs"].submit(options), selection.name)
