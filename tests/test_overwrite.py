"""No step deletes earlier results without being asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from deepometry.cells.subset import subset
from deepometry.cells.summary import summary
from deepometry.cli import main
from deepometry.core.earlier_results import earlier_results
from deepometry.core.errors import DeepometryError, Question
from deepometry.core.files import staged
from deepometry.core.options.classify import ClassifyOptions
from deepometry.core.options.embed import EmbedOptions
from deepometry.core.options.export import ExportOptions
from deepometry.core.options.fields import settings
from deepometry.core.options.gradcam import GradcamOptions
from deepometry.core.options.learning_curve import LearningCurveOptions
from deepometry.core.options.predict import ExtractOptions, PredictOptions
from deepometry.core.options.subset import SubsetOptions
from deepometry.core.options.summary import SummaryOptions
from deepometry.core.options.train import BaselineOptions
from deepometry.core.run_records import write_json
from deepometry.core.steps import STEPS
from deepometry.exports.write import export
from deepometry.inference.classify import classify
from deepometry.inference.extract import extract
from deepometry.inference.gradcam import gradcam
from deepometry.inference.predict import predict
from deepometry.maps.embed import embed
from deepometry.training.baseline import baseline
from deepometry.training.learning_curve import learning_curve
from tests.exported import make_truth, write_predicted
from tests.features_table import features_of, write_features
from tests.kills import visible
from tests.parsed import write_classes
from tests.parsing import CifInput, ParseRun


def test_every_step_that_writes_results_asks_except_those_that_keep_the_earlier_ones():
    writing = {name for name, step in STEPS.items() if "output" in settings(step.options)}
    # the earlier one is set aside; only a new or empty folder is taken
    keeping = {"train", "example", "demo"}
    assert {name for name in writing if "overwrite" not in settings(STEPS[name].options)} == keeping


def write_earlier(output: Path, step: str, **facts: object) -> None:
    """Write a record as an earlier run of a step leaves it, with one table."""
    output.mkdir()
    (output / "table.csv").write_text("old")
    about = {"step": step, "files": ["table.csv"], "written": "2026-11-29T10:00:00+00:00"}
    write_json(output / STEPS[step].record, about | {"cells": 76} | facts)


CALLS = {
    "predict": (predict, PredictOptions, {"model": "model"}),
    "classify": (classify, ClassifyOptions, {"model": "model"}),
    "extract": (extract, ExtractOptions, {"model": "model"}),
    "gradcam": (gradcam, GradcamOptions, {"model": "model"}),
    "baseline": (baseline, BaselineOptions, {"target": "Class"}),
    "learning-curve": (learning_curve, LearningCurveOptions, {"target": "Class"}),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_second_run_asks_before_any_work_and_says_what_would_be_lost(
    name, tmp_path, trained_file
):
    run, kind, more = CALLS[name]
    out = tmp_path / "out"
    write_earlier(out, name, scores={"accuracy": 0.5})
    before = visible(out)
    more = {key: trained_file if key == "model" else value for key, value in more.items()}
    options = kind(input=tmp_path / "in", output=out, **more)
    with pytest.raises(Question) as caught:
        run(options)
    told = str(caught.value)
    assert caught.value.option == "overwrite"
    assert f"{out} holds " in told
    assert "of 2026-11-29, 76 cells, accuracy 0.500" in told
    assert "2 files would be deleted or replaced" in told
    (choice,) = caught.value.choices
    assert (choice.value, choice.detail) == (
        "true",
        "of 2026-11-29, 76 cells, accuracy 0.500, 2 files",
    )
    assert visible(out) == before


@pytest.fixture
def trained_file(tmp_path):
    """A model file that no step gets to read."""
    path = tmp_path / "model_2-Class_categories.keras"
    path.write_bytes(b"")
    return path


def test_a_parse_of_other_images_asks(tmp_path):
    run = ParseRun(tmp_path)
    run(CifInput("A", 3), overwrite=False)
    before = visible(tmp_path / "out")
    with pytest.raises(Question, match=r"out holds parsed cells \(of \d{4}-\d\d-\d\d, 3 cells\)"):
        run(CifInput("B", 2), overwrite=False)
    assert visible(tmp_path / "out") == before
    run(CifInput("B", 2), overwrite=True)
    assert not (tmp_path / "out/A").exists()


def test_the_command_line_refuses_and_names_the_option(tmp_path, capsys):
    root = write_classes(tmp_path / "in", {"Class A": 2, "Class B": 2})
    command = ["summary", str(root), str(tmp_path / "out")]
    with pytest.raises(SystemExit):
        main(command)
    before = visible(tmp_path / "out")
    with pytest.raises(SystemExit) as ended:
        main([*command, "--group-by", "Class"])
    assert ended.value.code == 2
    assert "--overwrite" in capsys.readouterr().err
    assert visible(tmp_path / "out") == before
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        main([*command, "--group-by", "Class", "--overwrite"])
    assert ended.value.code == 0, capsys.readouterr().err
    assert visible(tmp_path / "out") != before


def test_a_set_under_a_used_name_asks_and_others_do_not(tmp_path):
    root = write_classes(tmp_path / "in", {"Class A": 4})
    listed = tmp_path / "cells.csv"

    def take(number: int, name: str, **more: bool) -> None:
        listed.write_text(f"source,object\nClass A.cif,{number}\n")
        options = {"input": root, "output": tmp_path / "sets", "cells": listed}
        subset(SubsetOptions(**options, name=name, **more))

    take(1, "Odd")
    take(2, "Even")
    before = visible(tmp_path / "sets")
    with pytest.raises(Question, match=r"a set of the name Odd \(of .*, 1 cell\)"):
        take(3, "Odd")
    assert visible(tmp_path / "sets") == before
    take(3, "Odd", overwrite=True)
    table = tmp_path / "sets" / "Set Odd" / "Class A" / "cells.csv"
    assert "Class A.cif,3," in table.read_text()


@pytest.mark.parametrize("foreign", [False, True])
def test_an_export_to_a_used_name_asks(tmp_path, foreign):
    write_predicted(tmp_path / "results", make_truth())
    options = {"input": tmp_path / "results", "output": tmp_path / "out" / "cells.fcs"}
    if foreign:
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "cells.fcs").write_text("mine")
    else:
        export(ExportOptions(**options))
    before = visible(tmp_path / "out")
    with pytest.raises(Question, match=r"cells\.fcs exists already"):
        export(ExportOptions(**options))
    assert visible(tmp_path / "out") == before
    export(ExportOptions(**options, overwrite=True))
    assert set(visible(tmp_path / "out")) == {"cells.fcs", "cells.fcs.json"}


def test_files_of_others_are_moved_aside_and_not_replaced(tmp_path):
    told: list[str] = []
    (tmp_path / "A").mkdir()
    for name in ("A/table.csv", "report.html", "own.csv"):
        (tmp_path / name).write_text("mine")
    with staged(tmp_path, ["own.csv"], told.append) as stage:
        (stage / "A").mkdir()
        for name in ("A/table.csv", "report.html", "own.csv"):
            (stage / name).write_text("new")
    assert visible(tmp_path) == {
        "A/table.csv": b"new",
        "report.html": b"new",
        "own.csv": b"new",
        "earlier_1/A/table.csv": b"mine",
        "earlier_1/report.html": b"mine",
    }
    assert told == [f"2 other files of the same names: moved to {tmp_path / 'earlier_1'}."]


def test_a_map_drawn_twice_asks(tmp_path):
    features = write_features(tmp_path / "features", features_of(40))
    options = {"input": features, "output": tmp_path / "map", "method": "pca"}
    embed(EmbedOptions(**options))
    with pytest.raises(Question, match=r"map holds a map \(of .*, 40 cells\)"):
        embed(EmbedOptions(**options, dims=3))
    embed(EmbedOptions(**options, dims=3, overwrite=True))


@pytest.mark.slow
def test_another_layer_of_the_same_cells_adds_to_the_first(cells, trained, tmp_path):
    options = {"output": tmp_path / "out", "model": trained.model}
    extract(ExtractOptions(input=cells / "Hold-out", **options))
    extract(ExtractOptions(input=cells / "Hold-out", **options, layer="res4a_relu"))
    with pytest.raises(Question, match="holds features"):
        extract(ExtractOptions(input=cells / "Hold-out", **options))
    with pytest.raises(Question, match="holds features"):
        extract(ExtractOptions(input=cells / "Train", **options, layer="res5a_relu"))
    names = {path.name for path in (tmp_path / "out").glob("features_*")}
    assert names == {f"features_extracted_by_{layer}.txt" for layer in ("pool5", "res4a_relu")}


@pytest.mark.slow
def test_another_layer_of_cells_that_have_changed_asks_before_the_first_is_lost(trained, tmp_path):
    root = write_classes(tmp_path / "in", {"Class A": 5})
    options = {"input": root, "output": tmp_path / "out", "model": trained.model}
    extract(ExtractOptions(**options))
    write_classes(root, {"Class A": 4})
    before = visible(tmp_path / "out")
    with pytest.raises(Question, match="features of other cells or of another model"):
        extract(ExtractOptions(**options, layer="res4a_relu"))
    assert visible(tmp_path / "out") == before


def test_nothing_is_asked_of_a_folder_of_another_step(tmp_path):
    write_earlier(tmp_path / "out", "predict")
    assert earlier_results(SummaryOptions(input=tmp_path, output=tmp_path / "out")) == []
    with pytest.raises(DeepometryError, match="does not exist"):
        summary(SummaryOptions(input=tmp_path / "none", output=tmp_path / "out"))


def test_numbers_of_cells_of_several_parts_are_added(tmp_path):
    write_earlier(tmp_path / "out", "baseline", cells={"training": 70, "validation": 7})
    options = BaselineOptions(input=tmp_path, output=tmp_path / "out", target="Class")
    with pytest.raises(Question, match=r"a baseline \(of 2026-11-29, 77 cells\)"):
        earlier_results(options)
