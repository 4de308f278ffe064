"""Pages of results that take them elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flask import Response, abort, current_app, render_template, request, send_file

from deepometry.core.export_formats import EXPORT_FORMATS
from deepometry.core.options.export import ExportOptions
from deepometry.core.steps import STEPS
from deepometry.web.jobs.queue import Job
from deepometry.web.results.output import Gone, Output, Unknown, place_of
from deepometry.web.results.shared import blueprint, find_job, find_output
from deepometry.web.text_filters import UNFINISHED

FOLDER = "export"
"""Where, below the results, the files go."""


@blueprint.app_template_global("export_formats")
def export_formats(output: Output) -> dict[str, str]:
    """Return the formats that fit the results."""
    predicted = output.writes == "predictions"
    formats = EXPORT_FORMATS.values()
    return {each.name: each.title for each in formats if predicted or not each.of_predictions}


@blueprint.app_template_global("last_export")
def last_export(root: Path) -> Any:
    """Return the newest export of the results in a folder, if there is one."""
    jobs = current_app.extensions["jobs"].list()
    return next((job for job in jobs if _is_of(job, root)), None)


@blueprint.app_template_global("export_also")
def export_also(output: Output) -> dict[str, Any]:
    """Return the runs, by id, whose results may be of the same cells: predictions beside features.

    The newest of each folder, at most ten.
    """
    wanted = _BESIDE.get(STEPS[output.verb].writes, ())
    newest: dict[Any, Any] = {}
    for job in current_app.extensions["jobs"].list():
        if STEPS[job.verb].writes in wanted and job.state == "done" and job.output is not None:
            newest.setdefault(job.output, job)
    return {job.id: job for job in [*newest.values()][:10]}


_BESIDE = {
    "predictions": ("features", "map"),
    "features": ("predictions",),
    "map": ("predictions",),
}


def _is_of(job: Any, root: Path) -> bool:
    place = job.options.get("input") if job.verb == "export" else None
    return place is not None and Path(place) == root.absolute()


@blueprint.post("/jobs/<id>/results/export")
def export(id: str) -> str:
    """Start to write the results for another program."""
    output = find_output(id)
    options = _options(output)
    return _state(id, current_app.extensions["jobs"].submit(options))


def _options(output: Output) -> ExportOptions:
    """Read what the form asks for.

    Raises
    ------
    DeepometryError
        It cannot be done.
    """
    from deepometry.core.safe_names import safe_name

    asked, label = request.form.get("format", ""), request.form.get("label") or None
    if asked not in EXPORT_FORMATS:
        raise Unknown(f"Format: expected one of {', '.join(EXPORT_FORMATS)}, found {asked!r}.")
    stem = safe_name(" ".join(filter(None, (output.root.name or output.verb, label))))
    layer = output.option("layer") if output.verb == "extract" else None
    also = export_also(output).get(request.form.get("also", ""))
    return ExportOptions(
        input=output.root,
        output=free_path(output.root / FOLDER / EXPORT_FORMATS[asked].file_name(stem)),
        format=asked,
        label=label,
        layer=layer,
        also=also.output if also else None,
        features=request.form.get("features") or "auto",
    )


def free_path(path: Path) -> Path:
    """Return the path with a number behind its name, if a file has the name or will have it."""
    jobs = current_app.extensions["jobs"].list()
    awaited = {job.output for job in jobs if job.verb == "export" and job.state in UNFINISHED}
    number, free = 1, path
    while free.exists() or free.absolute() in awaited:
        number += 1
        free = path.with_name(f"{path.stem}_{number}{path.suffix}")
    return free


def _state(id: str, job: Job) -> str:
    return render_template("results/exported.html", id=id, export=job)


def _export_of(id: str, number: str) -> Job:
    """Find an export of the results of a job, whatever has become of the results since."""
    try:
        job: Job = current_app.extensions["jobs"].get(number)
    except KeyError:
        abort(404)
    if not _is_of(job, place_of(find_job(id))):
        abort(404)
    return job


@blueprint.get("/jobs/<id>/results/export")
def newest_export(id: str) -> str | Response:
    """Show the state of the newest export, unless that is shown already, or else what was wrong."""
    job, shown = last_export(place_of(find_job(id))), request.args.get("shown")
    if job is None or shown in (None, f"{job.id} {job.state}"):
        return Response(status=204)
    return _state(id, job)


@blueprint.get("/jobs/<id>/results/export/<number>")
def exported(id: str, number: str) -> str:
    """Show the state of an export."""
    return _state(id, _export_of(id, number))


@blueprint.post("/jobs/<id>/results/export/<number>/stop")
def stop_export(id: str, number: str) -> str:
    """Stop an export."""
    current_app.extensions["jobs"].cancel(_export_of(id, number).id)
    return _state(id, _export_of(id, number))


@blueprint.get("/jobs/<id>/results/export/<number>/file")
def exported_file(id: str, number: str) -> Response:
    """Send what an export wrote."""
    place = _export_of(id, number).output
    if place is None or not place.is_file():
        raise Gone(f"{place} no longer exists: it was moved or deleted after the export.")
    return send_file(place, "application/octet-stream", as_attachment=True, max_age=0)
