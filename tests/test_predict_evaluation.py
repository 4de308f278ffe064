"""What predict writes beside its table: scores, samples, unsure cells, one page with all of it."""

import dataclasses
import json
import re

import numpy as np
import pandas as pd
import pytest

from deepometry.cells.dataset import open_dataset
from deepometry.cells.groups import groups_of
from deepometry.cells.model_description import read_description
from deepometry.core.errors import DeepometryError, OptionsError
from deepometry.core.options.predict import PredictOptions
from deepometry.core.progress import Progress
from deepometry.evaluation.temperature_scaling import scaled
from deepometry.inference.predict import predict
from deepometry.network.model_file import load_model, save_model
from tests.parsed import blobs, write_record, write_stack

SCRIPT = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def days(tmp_path_factory):
    """Cells of two days and two classes, some of them in the wrong folder."""
    root = tmp_path_factory.mktemp("days")
    write_record(root, names={"3": SCRIPT})
    for day in (1, 2):
        for kind, name in enumerate("AB"):
            write_stack(root / f"Day {day}" / f"Class {name}", blobs(12, kind, seed=day))
    write_stack(root / "Day 2" / "Class A", blobs(3, 1, seed=9), SCRIPT, "wrong")
    return root


@pytest.fixture(scope="module")
def found(days, trained, tmp_path_factory):
    options = PredictOptions(
        input=days,
        output=tmp_path_factory.mktemp("found"),
        model=trained.model,
        group_by="day",
        unsure_below=0.93,
    )
    return predict(options)


def read(found, name):
    return pd.read_csv(found.output / name)


def test_training_fits_a_temperature_and_tells_what_it_does(trained):
    said = read_description(trained.model)
    assert 0.1 < said.temperature < 10 and said.temperature != 1
    assert np.sum(said.confusion) == 18  # a fifth of the cells
    record = json.loads((trained.model.parent / "train.json").read_text("utf-8"))
    assert record["temperature"] == said.temperature
    assert record["scores"] == said.scores
    assert {"val_calibration_error", "val_calibration_error_before"} <= set(record["scores"])


@pytest.mark.slow
def test_the_temperature_of_the_model_changes_probabilities_and_no_class(
    days, trained, found, tmp_path
):
    model, said, _ = load_model(trained.model)
    save_model(model, dataclasses.replace(said, temperature=1.0), tmp_path)
    plain = predict(PredictOptions(input=days, output=tmp_path / "out", model=tmp_path))
    one, other = read(plain, "predicted.csv"), read(found, "predicted.csv")
    assert (one["label"] == other["predicted"]).all()
    columns = [f"probability_{label}" for label in "ABC"]
    expected = scaled(one[columns].to_numpy(np.float32), said.temperature)
    assert np.allclose(other[columns], expected, atol=1e-4)
    assert plain.evaluation.before is None
    assert found.evaluation.before.error == pytest.approx(plain.evaluation.reliability.error)


def test_unsure_cells_keep_their_class_in_a_column_of_its_own(found):
    table = read(found, "predicted.csv")
    assert list(table.columns[:5]) == ["source", "object", "true_label", "predicted", "label"]
    sure = table.filter(like="probability").max(axis=1) >= 0.93
    assert (table["label"] == table["predicted"].where(sure, "unsure")).all()
    assert found.unsure == (~sure).sum() and 0 < found.unsure < 51
    record = json.loads((found.output / "predict.json").read_text("utf-8"))
    assert record["unsure"] == found.unsure
    assert sum(record["counts"].values()) == len(table)
    told = json.loads((found.output / "evaluation.json").read_text("utf-8"))
    assert told["share_labelled"] == pytest.approx(sure.mean())
    assert f"{found.unsure} of 51 cells are labelled unsure" in str(found)


@pytest.mark.slow
def test_what_was_measured_over_other_views_is_left_out_and_that_is_said(days, trained, tmp_path):
    model, said, _ = load_model(trained.model)
    known = ((40, 5, 5), (5, 40, 5), (5, 5, 40))  # enough cells for a correction
    save_model(model, dataclasses.replace(said, confusion=known), tmp_path)
    options = {"input": days, "model": tmp_path}
    told: list[str] = []
    found = predict(
        PredictOptions(**options, output=tmp_path / "1", views=1), Progress(on_say=told.append)
    )
    assert any("validated over 8 views of each cell, and is used over 1" in text for text in told)
    assert found.samples[0].corrected is None
    assert (found.evaluation.temperature, found.evaluation.before) == (1, None)
    assert json.loads((found.output / "predict.json").read_text("utf-8"))["temperature"] == 1
    page = (found.output / "report.html").read_text("utf-8")
    assert page.count("<!-- an earlier run -->") == 1  # where a project adds a comparison
    assert "its confusion is not known" in page
    assert "its temperature does not apply" in page
    assert "the model has no temperature" not in page
    same = predict(PredictOptions(**options, output=tmp_path / "8", views=8))
    assert same.samples[0].corrected is not None
    assert same.evaluation.temperature == said.temperature


def test_groups_spelled_in_two_ways_are_one(tmp_path):
    write_record(tmp_path)
    for sample in ("Sample x", "Sample y"):
        write_stack(tmp_path / sample / "Class A", blobs(3, 0))
    write_stack(tmp_path / "more" / "Sample X" / "Class A", blobs(2, 0, seed=1))
    dataset = open_dataset(tmp_path, Progress())
    values, codes = groups_of(dataset, "sample", "Class")
    assert [value.casefold() for value in values] == ["x", "y"]
    assert np.bincount(codes).tolist() == [5, 3]


def test_groups_that_differ_in_case_alone_are_not_two(tmp_path):
    write_record(tmp_path)
    write_stack(tmp_path / "one" / "Sample x", blobs(3, 0))
    write_stack(tmp_path / "two" / "Sample X", blobs(3, 0))
    with pytest.raises(OptionsError, match="two or more values of Sample, found only x"):
        groups_of(open_dataset(tmp_path, Progress()), "Sample", "Class")


@pytest.mark.slow
def test_a_class_named_unsure_is_refused(days, trained, tmp_path):
    model, said, _ = load_model(trained.model)
    cells = {{"C": "Unsure"}.get(label, label): number for label, number in said.cells.items()}
    named = dataclasses.replace(said, labels=("A", "B", "Unsure"), cells=cells)
    save_model(model, named, tmp_path)
    options = {"input": days, "output": tmp_path / "out", "model": tmp_path}
    with pytest.raises(DeepometryError, match="class 'Unsure'"):
        predict(PredictOptions(**options, unsure_below=0.5))
    assert predict(PredictOptions(**options)).unsure is None


def test_intervals_are_of_groups(found):
    told = json.loads((found.output / "evaluation.json").read_text("utf-8"))
    assert (told["group_by"], told["groups"]) == ("day", 2)
    assert "2 are few" in told["intervals"]
    table = read(found, "scores.csv")
    assert {"accuracy", "kappa", "mcc", "roc_area", "calibration_error"} <= set(table["name"])
    accuracy = table[table["name"] == "accuracy"].iloc[0]
    assert accuracy["low"] <= accuracy["value"] <= accuracy["high"]


@pytest.mark.parametrize(
    ("level", "said"),
    [("Class", "a level other than Class"), ("Sample", "folders named Sample, found Class, Day")],
)
def test_groups_that_are_none_are_refused(days, trained, tmp_path, level, said):
    options = PredictOptions(input=days, output=tmp_path, model=trained.model, group_by=level)
    with pytest.raises(OptionsError, match=rf"{said}.*name .* or leave it blank"):
        predict(options)


def test_a_confidence_beyond_1_is_refused():
    with pytest.raises(OptionsError, match="from 0 to 1"):
        PredictOptions(input="a", output="b", model="c", unsure_below=80)


def test_samples_are_summed_up_by_folder_level(found):
    table = read(found, "sample_summary.csv")
    assert dict(table.groupby("level")["count"].sum()) == {"All cells": 51, "Day": 51}
    assert set(table["label"]) == {"A", "B", "C", "unsure"}
    assert found.samples[2].name == "Day 2"
    assert found.samples[2].cells == 27


def test_cells_without_true_labels_are_summed_up_as_well(days, trained, tmp_path):
    options = {"input": days, "output": tmp_path, "model": trained.model, "unannotated": True}
    found = predict(PredictOptions(**options, unsure_below=0.8))
    assert found.evaluation is None
    levels = pd.read_csv(tmp_path / "sample_summary.csv", keep_default_na=False)
    assert set(levels["level"]) == {"All cells", "Day", "Class"}
    assert list(read(found, "predicted.csv").columns[:4]) == [
        "source", "object", "predicted", "label",
    ]  # fmt: skip
    page = (tmp_path / "report.html").read_text("utf-8")
    assert "no true labels" in page and "Confusion matrix" not in page


def test_the_surest_mistakes_are_those_of_the_table(found):
    table, listed = read(found, "predicted.csv"), read(found, "mistakes.csv")
    wrong = table[table["true_label"] != table["predicted"]]
    assert len(listed) == min(24, len(wrong)) > 0
    assert listed["probability"].is_monotonic_decreasing
    assert SCRIPT in set(listed["source"])
    assert (found.output / "mistakes.png").read_bytes().startswith(b"\x89PNG")


def test_the_page_is_whole_in_one_file_and_escapes_names(found):
    page = (found.output / "report.html").read_text("utf-8")
    assert SCRIPT not in page and "&lt;script&gt;" in page
    assert "<script" not in page
    svg = {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}
    named = re.findall(r"xmlns[:\w]*=\"([^\"]+)\"", page)
    assert set(named) <= svg
    outside = re.sub(r"xmlns[:\w]*=\"[^\"]+\"", "", page)
    assert not re.findall(r"(?:src|href)=[\"'](?!data:|#)", outside)
    assert not re.findall(r"url\((?!#)", outside)
    ids = re.findall(r"\bid=\"([^\"]+)\"", page)
    assert len(ids) == len(set(ids))
    for told in ("deepometry predict", "--unsure-below 0.93", "deepometry train", "Warnings",
                 "Confusion matrix", "Temperature", "Most confident errors",
                 "Samples"):  # fmt: skip
        assert told in page
