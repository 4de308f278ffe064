"""Pages of plots, of the report, and of heat maps: what a prediction is looked at with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flask import Response, current_app, render_template, request

from deepometry.errors import OptionsError
from deepometry.options import GradcamOptions
from deepometry.web import results_evaluation
from deepometry.web.results_site import blueprint, find_output, picture


@blueprint.get("/jobs/<id>/results/plot/<name>")
def plot(id: str, name: str) -> Response:
    """Show a plot that the run wrote."""
    return picture(results_evaluation.plot_of(find_output(id), name))


@blueprint.get("/jobs/<id>/results/report")
def report(id: str) -> Response:
    """Show the report in a window of its own, where it can do nothing but be read."""
    path = find_output(id).path(results_evaluation.REPORT)
    answer = Response(path.read_bytes(), mimetype="text/html")
    answer.headers["Content-Security-Policy"] = results_evaluation.REPORT_POLICY
    return answer


@blueprint.post("/jobs/<id>/results/heat")
def draw_heat(id: str) -> Any:
    """Start a job that draws where the model looks in some cells of a prediction."""
    output = find_output(id, "predict")
    asked = {name: request.form.get(name, "") for name in ("cells", "label", "layer")}
    try:
        options = GradcamOptions(
            input=Path(output.option("input")),
            output=output.root,
            model=Path(output.option("model")),
            **asked,
        )
    except OptionsError as error:
        return render_template("results_note.html", text=" ".join(error.fields.values()))
    job = current_app.extensions["jobs"].submit(options)
    return render_template("results_heat.html", job=job)
