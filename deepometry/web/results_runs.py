"""Pages of results: the partial of every step, its files, montage sheets and learning curve."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Response, abort, render_template, request, send_file, stream_with_context

from deepometry.errors import DeepometryError
from deepometry.options import STAGES
from deepometry.web import (
    results_baseline,
    results_embed,
    results_evaluation,
    results_extract,
    results_files,
    results_folds,
    results_parse,
    results_predict,
    results_train,
)
from deepometry.web.results_output import JobLike, Output, place_of
from deepometry.web.results_site import (
    blueprint,
    find_job,
    find_output,
    forget,
    is_here,
    kept,
    number,
    peek,
    picture,
    projectors,
)


@blueprint.get("/jobs/<id>/results")
def show(id: str) -> str:
    """Show the results of a job, for its form's column."""
    job = find_job(id)
    if job.verb == "demo-data" and job.result is not None:
        return render_template("results_example.html", job=job, place=place_of(job))
    output = find_output(id)
    _look_again(output)
    content = _CONTENTS[job.verb](job, output)
    return render_template(
        f"results_{job.verb.replace('-', '_')}.html",
        job=job,
        output=output,
        files=results_files.list_files(output),
        here=is_here(),
        **content,
    )


def _look_again(output: Output) -> None:
    """Forget cells that were moved or changed since, or that may be back where they were."""
    for what in ("predicted", "extracted", "mapped"):
        found = peek(output, what)
        if found and (isinstance(found.cells, str) or found.cells.changed):
            forget(output, what)


def _parse_content(job: JobLike, output: Output) -> dict[str, Any]:
    return {
        "tree": results_parse.folder_tree(output),
        "sheets": (sheets := kept(output, "sheets", lambda: results_parse.sheets_of(output))),
        "pictured": sheets.folders,
        "problems": results_parse.problems_of(output),
        "channels": results_parse.recorded_channels(output),
    }


def _train_content(job: JobLike, output: Output) -> dict[str, Any]:
    stopped = bool((job.result or {}).get("stopped"))
    told = {"training": results_train.training_of(output, stopped)}
    if not results_folds.is_crossed(output):
        return told | {"crossed": None, "prediction": None, "found": None}
    return told | {
        "crossed": results_folds.crossed_of(output),
        "prediction": results_predict.prediction_of(output),
        "found": results_evaluation.evaluation_of(output),
    }


def _curve_content(job: JobLike, output: Output) -> dict[str, Any]:
    return {"curve": results_folds.learning_curve_of(output)}


def _baseline_content(job: JobLike, output: Output) -> dict[str, Any]:
    return {"baseline": results_baseline.baseline_of(output)}


def _predict_content(job: JobLike, output: Output) -> dict[str, Any]:
    return {
        "prediction": results_predict.prediction_of(output),
        "found": results_evaluation.evaluation_of(output),
        "stages": STAGES,
    }


def _gradcam_content(job: JobLike, output: Output) -> dict[str, Any]:
    plots = {n: t for n, t in results_evaluation.PLOTS.items() if n in output.files}
    return {"plots": plots}


def _extract_content(job: JobLike, output: Output) -> dict[str, Any]:
    return {
        "cells": int(output.record.get("cells", 0)),
        "features": results_extract.width(output),
        "view": projectors().view(output.root),
    }


def _embed_content(job: JobLike, output: Output) -> dict[str, Any]:
    return {"map": results_embed.map_of(output)}


_CONTENTS: dict[str, Callable[[JobLike, Output], dict[str, Any]]] = {
    "parse": _parse_content,
    "train": _train_content,
    "baseline": _baseline_content,
    "gradcam": _gradcam_content,
    "learning-curve": _curve_content,
    "predict": _predict_content,
    "extract": _extract_content,
    "embed": _embed_content,
}


@blueprint.get("/jobs/<id>/results/files")
def more_files(id: str) -> str:
    """List more files of a job."""
    output, first = find_output(id), max(0, number("first", 0))
    files = results_files.list_files(output, first)
    return render_template("results_more_files.html", output=output, files=files, first=first)


@blueprint.get("/jobs/<id>/results/file/<path:name>")
def file(id: str, name: str) -> Response:
    """Send a file of a job, to be saved, never to be shown as a page of ours."""
    path = find_output(id).path(name)
    return send_file(path, "application/octet-stream", as_attachment=True, max_age=0)


@blueprint.get("/jobs/<id>/results/all.zip")
def archive(id: str) -> Response:
    """Send all files of a job in one archive, made as it is sent."""
    output = find_output(id)
    pieces = stream_with_context(results_files.zipped(output))
    answer = Response(pieces, mimetype="application/zip")
    name = f"{output.root.name or output.verb}_{output.verb}.zip"
    answer.headers.set("Content-Disposition", "attachment", filename=_ascii(name))
    return answer


def _ascii(name: str) -> str:
    return "".join(c if c.isascii() and c.isprintable() and c not in '"\\/' else "_" for c in name)


@blueprint.post("/jobs/<id>/results/folder")
def show_folder(id: str) -> Any:
    """Open the output folder of a job in the file manager of this computer."""
    if not is_here():
        abort(403)
    place = place_of(find_job(id))
    try:
        results_files.show_folder(place)
    except DeepometryError as error:
        return render_template("results_note.html", text=str(error))
    return render_template("results_done.html", text=f"Opened {place}")


# --- parse -----------------------------------------------------------------------------------


@blueprint.get("/jobs/<id>/results/sheets.json")
def sheets(id: str) -> Any:
    """List the montage sheets, for the chooser."""
    output = find_output(id, "parse")
    found = kept(output, "sheets", lambda: results_parse.sheets_of(output))
    return found.plain()


@blueprint.get("/jobs/<id>/results/sheet.png")
def sheet(id: str) -> Response:
    """Draw a montage sheet, with the contrast of all cells of the channel or with its own."""
    output = find_output(id, "parse")
    channel = number("channel", 0)
    name = f"{request.args.get('series', '')}_ch{channel}_{number('sheet', 1)}.tif"
    between = None
    if request.args.get("contrast") != "own":
        ranges = kept(output, "contrast", lambda: results_parse.parsed_contrast(output))
        columns = {c.number: c.column for c in results_parse.recorded_channels(output)}
        between = ranges[columns[channel]] if channel in columns else None
    return picture(results_parse.sheet_picture(output, name, between))


# --- train -----------------------------------------------------------------------------------


@blueprint.get("/jobs/<id>/results/learning_curve.png")
def learning_curve(id: str) -> Response:
    """Send the picture of a learning curve."""
    output = find_output(id, "learning-curve")
    return picture(output.path(results_folds.PICTURE).read_bytes())


@blueprint.get("/jobs/<id>/results/curve.json")
def curve(id: str) -> dict[str, Any]:
    """Give the learning curve."""
    return results_train.curve(find_output(id, "train"))


# --- embed -----------------------------------------------------------------------------------


@blueprint.get("/jobs/<id>/results/map/<int:number>.png")
def map_picture(id: str, number: int) -> Response:
    """Show a picture of a map."""
    output = find_output(id, "embed")
    return picture(output.path(results_embed.picture_name(output, number)).read_bytes())
