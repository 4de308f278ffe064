"""The explorer: a page of its own on which the cells of a map are looked at and chosen."""

from __future__ import annotations

from typing import Any

from flask import Response, current_app, render_template, request, stream_with_context

from deepometry.errors import OptionsError
from deepometry.files import writing
from deepometry.options import SubsetOptions
from deepometry.web import results_map
from deepometry.web.results_cells import Cells
from deepometry.web.results_look import mapped, offered_pictures
from deepometry.web.results_output import Gone, Output, Unknown
from deepometry.web.results_site import blueprint, find_job, find_output, forget, kept, peek
from deepometry.web.words import STATES

SETS = "sets"
_BYTES = "application/octet-stream"


@blueprint.get("/explore/<id>")
def explore(id: str) -> str:
    """Show the explorer of a map."""
    output = find_output(id, "embed")
    return render_template("explore.html", job=find_job(id), output=output)


@blueprint.get("/explore/<id>/about.json")
def explore_about(id: str) -> dict[str, Any]:
    """Tell what there is to draw."""
    return results_map.about(find_output(id, "embed"))


@blueprint.get("/explore/<id>/places.bin")
def explore_places(id: str) -> Response:
    """Give the coordinates of all cells."""
    return _bytes(results_map.places_bytes(find_output(id, "embed")))


@blueprint.get("/explore/<id>/codes/<int:number>.bin")
def explore_codes(id: str, number: int) -> Response:
    """Give the code of every cell in a column."""
    return _bytes(results_map.array_bytes(find_output(id, "embed"), f"codes_{number}"))


@blueprint.get("/explore/<id>/confidence.bin")
def explore_confidence(id: str) -> Response:
    """Give the confidence of the prediction of every cell."""
    return _bytes(results_map.array_bytes(find_output(id, "embed"), "confidence"))


@blueprint.get("/explore/<id>/pictures.json")
def explore_pictures(id: str) -> dict[str, Any]:
    """Tell which channels can be shown, or why there are no pictures."""
    output = find_output(id, "embed")
    found = peek(output, "mapped")
    if found and (isinstance(found.cells, str) or found.cells.changed):
        forget(output, "mapped")
    offered = offered_pictures(mapped(output).cells)
    named = [{"key": str(c.column), "name": str(c)} for c in offered["channels"]]
    return {name: offered[name] for name in ("missing", "shown", "stamp")} | {"channels": named}


@blueprint.get("/explore/<id>/intensity/<int:column>.bin")
def explore_intensity(id: str, column: int) -> Response:
    """Give the mean of a channel in every cell; measured once, for all channels."""
    output = find_output(id, "embed")
    cells = _cells(output)
    found = kept(output, f"intensities {cells.stamp}", lambda: results_map.intensities(cells))
    if column >= len(found):
        raise Unknown(f"There is no channel in column {column}.")
    return _bytes(found[column].astype("<f4").tobytes())


def _cells(output: Output) -> Cells:
    found = mapped(output).cells
    if isinstance(found, str):
        raise Gone(found)
    return found


def _bytes(content: bytes) -> Response:
    return Response(content, mimetype=_BYTES)


# --- chosen cells -------------------------------------------------------------------------------


def _choice(output: Output) -> Any:
    return results_map.read_choice(request.get_data(), int(output.record.get("cells", 0)))


@blueprint.post("/explore/<id>/cells.csv")
def explore_list(id: str) -> Response:
    """Send the table of the chosen cells, to be saved."""
    output = find_output(id, "embed")
    rows = results_map.chosen_rows(output, _choice(output))
    answer = Response(stream_with_context(rows), mimetype="text/csv")
    answer.headers.set("Content-Disposition", "attachment", filename="cells.csv")
    return answer


@blueprint.post("/explore/<id>/set")
def explore_set(id: str) -> tuple[dict[str, Any], int]:
    """Begin to copy the chosen cells into a set of their own; give the job that does it."""
    output = find_output(id, "embed")
    from deepometry.stacks import safe_name  # which loads NumPy

    chosen, cells = _choice(output), _cells(output)
    name = request.args.get("name", "").strip()
    place = output.root / SETS
    listed = place / f"{safe_name(f'Set {name}')}.csv"
    try:
        options = SubsetOptions(
            input=cells.dataset.root, output=place / "parsed", cells=listed, name=name
        )
    except OptionsError as error:
        return {"error": " ".join(error.fields.values())}, 400
    with writing(listed) as part, part.open("w", encoding="utf-8", newline="") as file:
        file.writelines(results_map.chosen_rows(output, chosen))
    job = current_app.extensions["jobs"].submit(options)
    return {"job": job.id, "name": options.name, "cells": int(chosen.sum())}, 200


@blueprint.get("/explore/sets/<id>.json")
def explore_set_state(id: str) -> dict[str, Any]:
    """Tell how it stands with a set that is being copied."""
    job: Any = find_job(id)
    if job.verb != "subset":
        raise Unknown("This run makes no set of cells.")
    folder = (job.result or {}).get("folder", "")
    return {
        "state": job.state,
        "told": STATES[job.state],
        "text": job.error or job.text,
        "done": job.done,
        "total": job.total,
        "folder": str(folder),
        "output": str(job.output),
    }
