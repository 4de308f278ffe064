"""Parts of the pages of results: files, pictures, plots and maps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flask import (
    Response,
    abort,
    current_app,
    render_template,
    request,
    send_file,
    stream_with_context,
)

from deepometry.core.errors import DeepometryError, OptionsError
from deepometry.core.options.embed import EmbedOptions
from deepometry.core.options.gradcam import GradcamOptions
from deepometry.core.result_files import REPORT_PAGE
from deepometry.web.results import downloads, evaluation, parse
from deepometry.web.results.embed import picture_name
from deepometry.web.results.extract import newest_map
from deepometry.web.results.output import place_of
from deepometry.web.results.predict import prediction_record, read_matrix
from deepometry.web.results.shared import (
    blueprint,
    cached,
    find_job,
    find_output,
    is_here,
    number,
    picture,
    saved,
)

_MAP_FOLDER = "map_pca"
"""Where, below the features, the map that a press of the button draws is written."""


@blueprint.get("/jobs/<id>/results/files")
def more_files(id: str) -> str:
    """List more files of a job."""
    output, first = find_output(id), max(0, number("first", 0))
    files = downloads.list_files(output, first)
    return render_template("results/more_files.html", output=output, files=files, first=first)


@blueprint.get("/jobs/<id>/results/file/<path:name>")
def file(id: str, name: str) -> Response:
    """Send a file of a job, to be saved, never to be shown as a page of ours."""
    path = find_output(id).path(name)
    return send_file(path, "application/octet-stream", as_attachment=True, max_age=0)


@blueprint.get("/jobs/<id>/results/all.zip")
def archive(id: str) -> Response:
    """Send all files of a job in one archive, made as it is sent."""
    output = find_output(id)
    pieces = stream_with_context(downloads.zipped(output))
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
        downloads.show_folder(place)
    except DeepometryError as error:
        return render_template("results/note.html", text=str(error))
    return render_template("results/done.html", text=f"Opened {place}")


# --- parse -----------------------------------------------------------------------------------


@blueprint.get("/jobs/<id>/results/sheets.json")
def sheets(id: str) -> Any:
    """List the montage sheets, for the chooser."""
    output = find_output(id, "parse")
    return cached(output, "sheets", lambda: parse.sheets_of(output)).plain()


@blueprint.get("/jobs/<id>/results/sheet.png")
def sheet(id: str) -> Response:
    """Draw a montage sheet, with the contrast of all cells of the channel or with its own."""
    output = find_output(id, "parse")
    channel = number("channel", 0)
    name = f"{request.args.get('series', '')}_ch{channel}_{number('sheet', 1)}.tif"
    between = None
    if request.args.get("contrast") != "own":
        ranges = cached(output, "contrast", lambda: parse.parsed_contrast(output))
        columns = {c.number: c.column for c in parse.recorded_channels(output)}
        between = ranges[columns[channel]] if channel in columns else None
    return picture(parse.sheet_picture(output, name, between))


# --- predict and gradcam ---------------------------------------------------------------------


@blueprint.get("/jobs/<id>/results/confusion.json")
def confusion(id: str) -> dict[str, Any]:
    """Send the confusion matrix, rows the true classes, and how often each class was predicted."""
    output = find_output(id)
    counts = prediction_record(output).get("counts")
    if not counts:
        abort(404)
    matrix = read_matrix(output, list(counts))
    return {"labels": list(counts), "matrix": matrix, "counts": list(counts.values())}


@blueprint.get("/jobs/<id>/results/confusion.<any(svg, png):kind>")
def confusion_picture(id: str, kind: str) -> Response:
    """Send the confusion matrix as a drawing or a picture, to be saved."""
    from deepometry.web.results.chart_svg import matrix_picture

    told, output = confusion(id), find_output(id)
    if not told["matrix"]:
        abort(404, "There is no confusion matrix: these cells have no true classes.")
    target = str(output.record.get("target") or output.option("target") or "Classes")
    content = matrix_picture(told["matrix"], told["labels"], target, kind)
    kinds = {"svg": "image/svg+xml", "png": "image/png"}
    return saved(content, f"confusion_matrix.{kind}", kinds[kind])


@blueprint.get("/jobs/<id>/results/plot/<name>")
def plot(id: str, name: str) -> Response:
    """Show a plot that the run wrote."""
    return picture(evaluation.plot_of(find_output(id), name))


@blueprint.get("/jobs/<id>/results/report")
def report(id: str) -> Response:
    """Show the report in a window of its own, where it can do nothing but be read."""
    path = find_output(id).path(REPORT_PAGE)
    answer = Response(path.read_bytes(), mimetype="text/html")
    answer.headers["Content-Security-Policy"] = evaluation.REPORT_POLICY
    return answer


@blueprint.post("/jobs/<id>/results/heat")
def draw_heat(id: str) -> Any:
    """Start a job that draws where the model looks in some cells of a prediction."""
    output = find_output(id, "predict")
    try:
        options = GradcamOptions(
            input=Path(output.option("input")),
            output=output.root,
            model=Path(output.option("model")),
            rescale=output.option("rescale"),
            despite_scale=bool(output.option("despite_scale")),
            cells=request.form.get("cells", ""),
            label=request.form.get("label", ""),
            layer=request.form.get("layer", ""),
        )
    except OptionsError as error:
        return render_template("results/note.html", text=" ".join(error.fields.values()))
    job = current_app.extensions["jobs"].submit(options)
    return render_template("results/heat.html", job=job)


# --- maps ------------------------------------------------------------------------------------


@blueprint.get("/jobs/<id>/results/map/<int:number>.png")
def map_picture(id: str, number: int) -> Response:
    """Send a picture of a map."""
    output = find_output(id, "embed")
    return picture(output.path(picture_name(output, number)).read_bytes())


@blueprint.get("/jobs/<id>/results/map")
def map_preview(id: str) -> str:
    """Show the newest map of the features of an extraction."""
    output = find_output(id, "extract")
    return render_template("results/map_preview.html", output=output, **newest_map(output))


@blueprint.post("/jobs/<id>/results/map")
def draw_map(id: str) -> str:
    """Start the job that draws a map of the features, by PCA, which takes seconds."""
    output = find_output(id, "extract")
    options = EmbedOptions(input=output.root, output=output.root / _MAP_FOLDER, method="pca")
    job = current_app.extensions["jobs"].submit(options)
    return render_template("results/map_started.html", job=job, output=output, drawing=True)
