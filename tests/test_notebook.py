"""Results in a notebook: scores, the main picture, and names that are no HTML."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from deepometry.cells.parse import ParseResult
from deepometry.cells.subset import SubsetResult
from deepometry.core.errors import DeepometryError
from deepometry.core.notebook import NotebookView, view_html
from deepometry.core.result_files import (
    CONFUSION_PLOT,
    COUNT_PLOT,
    IMPORTANCE_PLOT,
    LEARNING_CURVE_PLOT,
    LOSS_PLOT,
    SPRITE,
)
from deepometry.evaluation.metrics import Score
from deepometry.exports.find_cell import ShowResult, find_cell
from deepometry.exports.write import ExportResult
from deepometry.images.synthetic.dataset import ExampleResult
from deepometry.inference.extract import ExtractResult
from deepometry.inference.gradcam import GradcamResult
from deepometry.inference.predict import PredictResult
from deepometry.maps.embed import EmbedResult
from deepometry.training.baseline_result import BaselineResult
from deepometry.training.cross_validation_result import CrossValidation
from deepometry.training.learning_curve import LearningCurveResult
from deepometry.training.train import TrainResult
from tests.parsed import blobs, write_classes

ODD = "<script>alert('x')"
CONFUSION = np.array([[3, 1], [0, 4]])
ABOUT = SimpleNamespace(
    scores={"val_accuracy": 0.8754, "val_balanced_accuracy": 0.5},
    target=ODD,
    about_outputs=f"{ODD} of 2 labels",
    about_views="",
)


def png(path: Path) -> Path:
    Image.new("RGB", (3, 2), (7, 8, 9)).save(path)
    return path


def picture_in(html: str) -> Image.Image | None:
    """Decode the embedded picture."""
    _, mark, rest = html.partition('src="data:image/png;base64,')
    content = base64.b64decode(rest.partition('"')[0])
    return Image.open(io.BytesIO(content)) if mark else None


def crossed(output: Path) -> CrossValidation:
    scores = {"accuracy": 0.625, "balanced_accuracy": 0.5, "loss": 1.0}
    fold = {"accuracy": 0.6, "cells": 8}
    return CrossValidation((ODD, "B"), CONFUSION, scores, [fold], "", output)


def trained(output: Path) -> TrainResult:
    model = output / "model.keras"
    return TrainResult(model, ABOUT, [{}, {}], 2, False, crossed(output), (f"Warning {ODD}",))


def predicted(output: Path, annotated: bool = False) -> PredictResult:
    matrix = CONFUSION if annotated else None
    score = Score("balanced_accuracy", "", 0.875, 0.6, 0.95, 8)
    evaluation = SimpleNamespace(whole=[score]) if annotated else None
    return PredictResult(8, {ODD: 3, "B": 5}, (ODD, "B"), matrix, {}, output, None, evaluation)


def baseline(output: Path) -> BaselineResult:
    importance = SimpleNamespace(names=["area"] * 9)
    scores = {"accuracy": 0.875, "balanced_accuracy": 0.875}
    return BaselineResult(output / "m", ABOUT, CONFUSION, scores, importance, None, output)


def embedded(output: Path) -> EmbedResult:
    plots = (output / "map.svg", output / "map.png")
    return EmbedResult(8, 512, 50, 0.9, "umap", 2, plots, output / ODD, ("Near cells are alike.",))


def curve(output: Path) -> LearningCurveResult:
    rows = [{"cells": 1200.0, "accuracy": 0.875, "repeat": 1}]
    return LearningCurveResult(rows, SimpleNamespace(summary=ODD), 9, output)


CASES = [
    (trained, LOSS_PLOT, ["<td>0.875</td>", "<td>0.625</td>", "<td>2 of 2</td>"]),
    (crossed, CONFUSION_PLOT, ["Cross-validation of 8 cells", "<td>0.625</td>"]),
    (predicted, COUNT_PLOT, ["Predicted as B</th><td>5</td>"]),
    (
        lambda output: predicted(output, True),
        CONFUSION_PLOT,
        ["Balanced accuracy</th><td>0.875 (0.600 to 0.950)</td>"],
    ),
    (baseline, IMPORTANCE_PLOT, ["Validation accuracy</th><td>0.875</td>"]),
    (embedded, "map.png", ["UMAP of 8 cells", "<p>Near cells are alike.</p>"]),
    (curve, LEARNING_CURVE_PLOT, ["1,200 cells", "<td>0.875</td>"]),
    (lambda output: ExtractResult(8, 512, output / ODD, output), SPRITE, ["<td>512</td>"]),
    (lambda o: GradcamResult(8, o / "heat.png", o / ODD, o), "heat.png", ["<td>8</td>"]),
]


@pytest.mark.parametrize(("make", "name", "texts"), CASES)
def test_scores_and_picture_are_shown_and_names_escaped(tmp_path, make, name, texts):
    result = make(tmp_path)
    assert picture_in(result._repr_html_()) is None  # there is none yet
    png(tmp_path / name)
    html = result._repr_html_()
    assert picture_in(html).size == (3, 2)
    assert all(text in html for text in texts)
    assert "<script>" not in html
    assert "&lt;script&gt;" in html or make is crossed


def test_results_without_a_picture(tmp_path):
    for result in (ExportResult(8, ODD, tmp_path), ExampleResult(tmp_path / ODD, 8)):
        html = result._repr_html_()
        assert "<td>8</td>" in html
        assert "&lt;script&gt;" in html
        assert "<script>" not in html


def test_parsed_cells_are_shown(tmp_path):
    write_classes(tmp_path, {"Class A": 3, "Class B": 3})
    parsed = ParseResult(
        output=tmp_path, cells=6, problems=0, channels=(3, 6), sides={}, stacks=(), montages=()
    )
    chosen = SubsetResult(ODD, 6, 0, tmp_path, tmp_path)
    for result in (parsed, chosen):
        html = result._repr_html_()
        assert picture_in(html).height > 16
        assert "<td>6</td>" in html
        assert "<script>" not in html


def test_a_cell_is_shown_in_every_channel(tmp_path):
    write_classes(tmp_path, {"Class A": 3})
    found = find_cell(tmp_path, "1 of Class A.cif")
    html = ShowResult(found, tmp_path / "cell.png")._repr_html_()
    assert "Object 1 of Class A.cif" in html
    assert picture_in(html) is not None


def test_a_file_of_images_is_shown(tmp_path):
    from deepometry.core.options.parse import InfoOptions
    from deepometry.images.info import info
    from tests.builders import write_channel_tiffs

    write_channel_tiffs(tmp_path / "images", "cell", blobs(1, 0)[0], channels=(1, 3))
    result = info(InfoOptions(input=tmp_path / "images", gallery=tmp_path / "gallery.png"))
    html = result._repr_html_()
    assert "<pre>" in html
    assert picture_in(html) is not None


def test_a_picture_that_cannot_be_drawn_is_left_out():
    def draw() -> bytes:
        raise DeepometryError("gone")

    html = view_html(NotebookView(ODD, {ODD: ODD, "Cells": 12345}, (ODD,), draw, ODD))
    assert "<img" not in html
    assert html.count("&lt;script&gt;") == 5
    assert "<td>12,345</td>" in html
