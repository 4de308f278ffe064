"""Pages of results that take them elsewhere, and that find a cell again."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from flask import Response, abort, current_app, render_template, request, send_file

from deepometry.errors import DeepometryError
from deepometry.options import ExportOptions
from deepometry.web.jobs import Job
from deepometry.web.results_output import Gone, Output, Unknown
from deepometry.web.results_site import blueprint, find_output, picture

FORMATS = {
    "fcs": "FCS, for FlowJo, FCS Express and other cytometry programs",
    "clr": "Class probabilities for FlowJo (CLR)",
    "ideas": "Lists of object numbers, for IDEAS",
    "csv": "Table (.csv), for spreadsheets and R",
    "parquet": "Table (.parquet), for R and Python, of many cells",
    "h5ad": "AnnData (.h5ad), for scanpy",
    "mat": "MATLAB (.mat)",
    "tiff": "Images: a TIFF a cell and channel",
    "montage": "Images: sheets of the cells of each class",
}
FOLDER = "export"
"""Where, below the results, the files go."""

_OF_PREDICTIONS = {"clr"}
_ARCHIVES = {"clr", "ideas", "tiff", "montage"}


@blueprint.app_template_global("export_formats")
def export_formats(output: Output) -> dict[str, str]:
    """Give the formats that fit the results."""
    wrong = set() if output.verb == "predict" else _OF_PREDICTIONS
    return {name: text for name, text in FORMATS.items() if name not in wrong}


@blueprint.app_template_global("last_export")
def last_export(output: Output) -> Any:
    """Give the newest export of the results, if there is one."""
    jobs = current_app.extensions["jobs"].list()
    return next((job for job in jobs if _is_of(job, output)), None)


@blueprint.app_template_global("export_also")
def export_also(output: Output) -> dict[str, Any]:
    """Give the runs, by id, whose results may be of the same cells: predictions beside features.

    The newest of each folder, at most ten.
    """
    wanted = _BESIDE.get(output.verb, ())
    found: dict[Any, Any] = {}
    for job in current_app.extensions["jobs"].list():
        if job.verb in wanted and job.state == "done" and job.output is not None:
            found.setdefault(job.output, job)
    return {job.id: job for job in [*found.values()][:10]}


_BESIDE = {"predict": ("extract", "embed"), "extract": ("predict",), "embed": ("predict",)}


def _is_of(job: Any, output: Output) -> bool:
    told = job.options.get("input") if job.verb == "export" else None
    return told is not None and Path(told) == output.root.absolute()


@blueprint.post("/jobs/<id>/results/export")
def export(id: str) -> str:
    """Start to write the results for another program."""
    output = find_output(id)
    options = _options(output)
    job = current_app.extensions["jobs"].submit(options)
    return _state(output, job)


def _options(output: Output) -> ExportOptions:
    """Read what the form asks for.

    Raises
    ------
    DeepometryError
        It cannot be done.
    """
    from deepometry.stacks import safe_name

    asked, label = request.form.get("format", ""), request.form.get("label") or None
    if asked not in FORMATS:
        raise Unknown(f"Format: expected one of {', '.join(FORMATS)}, found {asked!r}.")
    stem = safe_name(" ".join(filter(None, (output.root.name or output.verb, label))))
    ending = f"_{asked}.zip" if asked in _ARCHIVES else f".{asked}"
    layer = output.option("layer") if output.verb == "extract" else None
    also = export_also(output).get(request.form.get("also", ""))
    return ExportOptions(
        input=output.root,
        output=output.root / FOLDER / f"{stem}{ending}",
        format=asked,
        label=label,
        layer=layer,
        also=also.output if also else None,
        features=request.form.get("features") or "auto",
    )


def _state(output: Output, job: Job) -> str:
    return render_template("results_exported.html", output=output, export=job)


def _export_of(output: Output, number: str) -> Job:
    """Find an export of these results."""
    try:
        job: Job = current_app.extensions["jobs"].get(number)
    except KeyError:
        abort(404)
    if not _is_of(job, output):
        abort(404)
    return job


@blueprint.get("/jobs/<id>/results/export/<number>")
def exported(id: str, number: str) -> str:
    """Show how it stands with an export."""
    output = find_output(id)
    return _state(output, _export_of(output, number))


@blueprint.post("/jobs/<id>/results/export/<number>/stop")
def stop_export(id: str, number: str) -> str:
    """Stop an export."""
    output = find_output(id)
    current_app.extensions["jobs"].cancel(_export_of(output, number).id)
    return _state(output, _export_of(output, number))


@blueprint.get("/jobs/<id>/results/export/<number>/file")
def exported_file(id: str, number: str) -> Response:
    """Send what an export wrote."""
    place = _export_of(find_output(id), number).output
    if place is None or not place.is_file():
        raise Gone(f"{place} does not exist any more: it was moved or deleted after the export.")
    return send_file(place, "application/octet-stream", as_attachment=True, max_age=0)


# --- a cell found again --------------------------------------------------------------------------


def _find(output: Output, asked: str) -> Any:
    from deepometry.show import find_cell

    if not asked:
        raise DeepometryError("Cell: expected an object number, such as 4711, found nothing.")
    return find_cell(output.root, asked)


@blueprint.get("/jobs/<id>/results/find")
def find(id: str) -> str:
    """Show a cell that is asked for by its file and object number."""
    output, asked = find_output(id), request.args.get("cell", "").strip()
    found = _find(output, asked)
    return render_template("results_found.html", output=output, found=found, asked=asked)


@blueprint.get("/jobs/<id>/results/find.png")
def found_picture(id: str) -> Response:
    """Draw a cell that is asked for, in every channel."""
    found = _find(find_output(id), request.args.get("cell", "").strip())
    content = io.BytesIO()
    found.picture().save(content, "png")
    return picture(content.getvalue())
