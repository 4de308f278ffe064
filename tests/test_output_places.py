"""No step writes among the parsed cells that it reads."""

from __future__ import annotations

from pathlib import Path

import pytest

from deepometry.cells.summary import summary
from deepometry.core.errors import DeepometryError
from deepometry.core.files import check_not_among_cells, files_below
from deepometry.core.options.gradcam import GradcamOptions
from deepometry.core.options.learning_curve import LearningCurveOptions
from deepometry.core.options.predict import ExtractOptions, PredictOptions
from deepometry.core.options.summary import SummaryOptions
from deepometry.core.options.train import BaselineOptions, TrainOptions
from deepometry.inference.extract import extract
from deepometry.inference.gradcam import gradcam
from deepometry.inference.predict import predict
from deepometry.training.baseline import baseline
from deepometry.training.learning_curve import learning_curve
from deepometry.training.train import train
from tests.parsed import write_classes, write_record

STEPS = {
    "train": lambda where: train(TrainOptions(**where, target="Class")),
    "baseline": lambda where: baseline(BaselineOptions(**where, target="Class")),
    "learning-curve": lambda where: learning_curve(LearningCurveOptions(**where, target="Class")),
    "summary": lambda where: summary(SummaryOptions(**where)),
    "predict": lambda where: predict(PredictOptions(**where, model="model.keras")),
    "extract": lambda where: extract(ExtractOptions(**where, model="model.keras")),
    "gradcam": lambda where: gradcam(GradcamOptions(**where, model="model.keras")),
}


@pytest.fixture
def parsed(tmp_path: Path) -> Path:
    root = tmp_path / "parsed"
    write_record(root)
    write_classes(root / "Train", {"Class A": 4, "Class B": 4})
    (root / "Train" / "parse.json").unlink()
    return root


@pytest.mark.parametrize("step", [name for name in STEPS if name != "gradcam"])
@pytest.mark.parametrize(
    ("cells", "output"),
    [("", ""), ("Train", "Train"), ("Train", ""), ("", "Train"), ("", "Train/Class A")],
)
def test_a_folder_of_the_cells_is_refused(parsed: Path, step: str, cells: str, output: str) -> None:
    before = files_below(parsed)
    where = {"input": parsed / cells, "output": parsed / output}
    trains = step in ("train", "baseline", "learning-curve")
    direct = trains and output.endswith("Class A")  # arrays of whatever input
    words = "for the model, found parsed cells" if direct else "lies among the parsed cells"
    with pytest.raises(DeepometryError, match=rf"{words} .*; choose another"):
        STEPS[step](where)
    assert files_below(parsed) == before


@pytest.mark.parametrize("output", ["parsed/model", "model", "parsed/Train/new/folder"])
def test_other_folders_are_not_refused(parsed: Path, output: str) -> None:
    check_not_among_cells(parsed.parent / output, parsed)
