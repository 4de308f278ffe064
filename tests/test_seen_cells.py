"""Scores are of cells that the model has not seen, or are called training scores."""

import json
import time
import zipfile
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from deepometry.cells.dataset import open_dataset
from deepometry.cells.known_cells import (
    KnownCells,
    Recognised,
    fingerprints,
    read_known,
    recognise,
)
from deepometry.core.options.predict import PredictOptions
from deepometry.core.options.train import BaselineOptions
from deepometry.core.progress import Progress
from deepometry.inference.predict import predict
from deepometry.inference.recognition import Recognition, recognition_of
from deepometry.projects.score import main_score
from deepometry.training.baseline import baseline
from deepometry.training.train import train
from tests.conftest import short_training
from tests.parsed import blobs, write_classes, write_record, write_stack
from tests.results_runs import Job, Jobs, make_app, read_run


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    """All cells that `trained` learnt from, in other files, and 14 new ones of two more days."""
    root = tmp_path_factory.mktemp("mixed")
    write_record(root)
    for kind, (name, count) in enumerate({"Class A": 40, "Class B": 40, "Class C": 8}.items()):
        write_stack(root / "Day 1" / name, blobs(count, kind), source="renamed.cif")
        new = blobs((6, 5, 3)[kind], kind, seed=9)
        write_stack(root / "Day 2" / name, new[:2], source="new.cif")
        write_stack(root / "Day 3" / name, new[2:], source="new.cif")
    return root


def classes_of(folder):
    return open_dataset(folder).labels("Class").values


def run(cells, output, model, **more):
    told = []
    options = PredictOptions(
        **{"input": cells, "output": output, "model": model, "views": 1} | more
    )
    return predict(options, Progress(on_say=told.append)), told


@pytest.fixture(scope="module")
def judged(mixed, trained, tmp_path_factory):
    return run(mixed, tmp_path_factory.mktemp("judged"), trained.model, group_by="Day")


SENTENCE = (
    "88 of 102 cells are among those that the model was trained on (70) or validated on (18): "
    "the scores are of the 14 others."
)


def test_scores_leave_out_the_cells_of_the_training_and_say_so(judged):
    result, told = judged
    assert result.cells == 102
    assert result.confusion.sum(1).tolist() == [6, 5, 3]
    assert {score.cells for score in result.evaluation.whole} == {14}
    assert result.evaluation.groups == 2  # all cells of the first day are known
    assert f"Warning: {SENTENCE}" in told
    assert SENTENCE in str(result).splitlines()
    record = json.loads((result.output / "predict.json").read_text("utf-8"))["seen"]
    assert record == {
        "training": 70,
        "validation": 18,
        "same_name_other_pixels": 0,
        "scored": 14,
        "training_scores": False,
        "perhaps_training_scores": False,
        "message": SENTENCE,
    }
    page = (result.output / "report.html").read_text("utf-8")
    assert SENTENCE in page
    matrix = pd.read_csv(result.output / "confusion_matrix.csv", index_col=0)
    assert matrix.to_numpy().sum() == 14


def test_the_table_says_what_each_cell_was_for_the_model(judged):
    table = pd.read_csv(judged[0].output / "predicted.csv", keep_default_na=False)
    assert table.columns[-1] == "seen"
    assert table["seen"].value_counts().to_dict() == {"training": 70, "": 14, "validation": 18}
    assert ((table["seen"] == "") == (table["source"] == "new.cif")).all()


def test_errors_are_shown_of_judged_cells_only(judged):
    mistakes = pd.read_csv(judged[0].output / "mistakes.csv")
    assert len(mistakes) == judged[0].confusion.sum() - np.trace(judged[0].confusion)


@pytest.mark.slow
def test_the_page_says_so_and_shows_the_cells_of_the_matrix(judged, mixed):
    output, jobs = judged[0].output, Jobs()
    jobs.known["p"] = Job("p", "predict", {"input": str(mixed)}, output, None, time.time())
    client = make_app(jobs).test_client()
    assert SENTENCE in read_run(client, "p")
    told = client.get("/jobs/p/results/confusion.json").json
    for true, row in enumerate(told["matrix"]):
        for predicted, count in enumerate(row):
            page = client.get(f"/cells/p?true={true}&predicted={predicted}").text
            assert page.count("<figure>") == count
    assert "<b>102 cells" in client.get("/cells/p").text


@pytest.mark.slow
def test_a_prediction_of_the_training_cells_has_training_scores_without_intervals(
    cells, trained, tmp_path
):
    result, told = run(cells / "Train", tmp_path, trained.model)
    sentence = (
        "All of these cells are among those that the model was trained on (70) or validated on "
        "(18): these are training scores, and do not show how it does on new cells."
    )
    assert f"Warning: {sentence}" in told
    assert "training accuracy" in str(result)
    assert "95 %" not in str(result)
    assert result.confusion.sum() == 88
    assert all(np.isnan(score.low) for score in result.evaluation.scores)
    record = json.loads((tmp_path / "evaluation.json").read_text("utf-8"))
    assert record["training_scores"] is True
    page = (tmp_path / "report.html").read_text("utf-8")
    assert sentence in page
    assert "<h2>Training scores</h2>" in page


def test_new_cells_are_judged_without_a_word(mixed, trained):
    told = []
    new, progress = mixed / "Day 2", Progress(on_say=told.append)
    found = recognition_of(trained.model, open_dataset(new), classes_of(new), progress)
    assert (found.sentence, told) == ("", [])
    assert found.judged.all()
    assert found.plain()["same_name_other_pixels"] == 0
    assert found.plain()["perhaps_training_scores"] is False


PERHAPS = (
    "20 of 20 cells have the file and object number of a cell that the model was trained or "
    "validated on, but other pixels. If they are the same cells, exported or parsed in another "
    "way, these are training scores, and do not show how it does on new cells."
)


@pytest.mark.slow
def test_scores_of_cells_with_the_names_of_those_of_the_training_are_called_so_where_they_stand(
    cells, trained, tmp_path
):
    result, told = run(cells / "Hold-out", tmp_path, trained.model)  # Class A.cif, 0, and so on
    assert f"Warning: {PERHAPS}" in told
    assert "Predicted 20 cells: possibly training accuracy" in str(result)
    assert PERHAPS in str(result).splitlines()
    assert PERHAPS in result.notebook_view().notes
    record = json.loads((tmp_path / "predict.json").read_text("utf-8"))
    assert (record["seen"]["same_name_other_pixels"], record["seen"]["scored"]) == (20, 20)
    assert record["seen"]["perhaps_training_scores"] is True
    assert record["seen"]["message"] == PERHAPS
    assert main_score(record)["name"] == "possibly training accuracy"
    report = (tmp_path / "report.html").read_text("utf-8")
    assert "<h2>Possibly training scores</h2>" in report and PERHAPS in report
    jobs = Jobs()
    jobs.known["p"] = Job("p", "predict", {"input": str(cells)}, tmp_path, None, time.time())
    page = read_run(make_app(jobs).test_client(), "p")
    assert PERHAPS in page and "Possibly training" in page


@pytest.mark.parametrize(
    ("seen", "named", "annotated", "perhaps", "words"),
    [
        (0, 3, True, False, "3 of 20 cells have the file"),
        (0, 3, True, False, "the scores are too good."),
        (0, 11, True, True, "these are training scores"),
        (0, 11, False, False, "they may be the same cells, exported or parsed in another way."),
        (10, 6, True, True, "6 of 10 other cells have the file"),
        (19, 1, True, False, "1 of 1 other cell has the file"),
    ],
)
def test_some_or_most_cells_with_known_names(seen, named, annotated, perhaps, words):
    codes = np.zeros(20, np.int8)
    codes[:seen] = 1
    found = Recognition(20, Recognised(codes, named), np.ones(20, bool) if annotated else None)
    assert words in found.sentence
    assert found.perhaps_of_training is perhaps


def test_files_that_are_numbered_alike_in_several_folders_are_not_the_same():
    def prints(source):
        return fingerprints(np.array([[1 << 32]], "u8"), [(source, "0")])

    known = KnownCells.of(prints("Class A/0.tif"), np.arange(1), np.arange(0))
    assert known.alike_by_name(prints("Class A/0.tif")).tolist() == [True]
    assert known.alike_by_name(prints("Class A\\0.tif")).tolist() == [True]
    assert known.alike_by_name(prints("Class B/0.tif")).tolist() == [False]


def test_a_model_that_does_not_list_its_cells_says_nothing_false(cells, trained, tmp_path):
    old = tmp_path / "model_3-Class_categories.keras"
    with zipfile.ZipFile(trained.model) as new, zipfile.ZipFile(old, "w") as archive:
        for name in new.namelist():
            if name != "known_cells.bin":
                archive.writestr(name, new.read(name))
    told = []
    dataset = open_dataset(cells / "Train")
    found = recognition_of(old, dataset, classes_of(cells / "Train"), Progress(on_say=told.append))
    assert (found.sentence, told) == ("", [])
    assert found.judged.all()
    message = "The model file does not list the cells that the model has seen."
    assert found.plain() == {"message": message}


@pytest.mark.parametrize(
    ("codes", "annotated", "sentence", "judged"),
    [
        ([1] * 9 + [0] * 5, True, "9 of 14 cells are among those that the model was trained on "
         "(9): the scores are of the 5 others.", 5),
        ([0] * 99 + [2], True, "1 of 100 cells is one that the model was validated on (1): the "
         "scores are of the 99 others.", 99),
        ([1] * 9 + [0] * 4, True, "9 of 13 cells are among those that the model was trained on "
         "(9), and 4 others are too few: these are training scores, and do not show how it does on "
         "new cells.", 13),
        ([1, 2], True, "All of these cells are among those that the model was trained on (1) or "
         "validated on (1): these are training scores, and do not show how it does on new "
         "cells.", 2),
        ([1, 0, 0], False, "1 of 3 cells is one that the model was trained on (1).", 2),
        ([0, 0, 0], True, "", 3),
    ],
)  # fmt: skip
def test_the_sentence_counts_what_the_cells_were(codes, annotated, sentence, judged):
    labelled = np.ones(len(codes), bool) if annotated else None
    found = Recognition(len(codes), Recognised(np.array(codes, np.int8), 0), labelled)
    assert found.sentence == sentence
    assert found.judged.sum() == judged


@pytest.mark.slow
def test_unannotated_cells_are_told_too(mixed, trained, tmp_path):
    result, _ = run(mixed, tmp_path, trained.model, unannotated=True)
    end = "that the model was trained on (70) or validated on (18)."
    assert result.recognition.sentence.endswith(end)
    assert end in (tmp_path / "report.html").read_text("utf-8")
    assert (pd.read_csv(tmp_path / "predicted.csv")["seen"] == "training").sum() == 70


def test_a_baseline_knows_its_cells_as_well(cells, mixed, tmp_path):
    options = {"input": cells / "Train", "output": tmp_path / "model", "target": "Class"}
    model = baseline(BaselineOptions(**options, seed=1)).model
    found = recognition_of(model, open_dataset(mixed), classes_of(mixed), Progress())
    assert (found.seen, int(found.judged.sum())) == (88, 14)


@pytest.mark.slow
def test_the_cells_of_the_model_that_a_training_started_from_are_known(trained, tmp_path):
    others = write_classes(tmp_path / "in", {"Class A": 20, "Class B": 20}, seed=5)
    start = {"start_from": trained.model, "network": "auto", "epochs": 1}
    result = train(short_training(others, tmp_path / "out", **start))
    both = write_classes(tmp_path / "both", {"Class A": 40, "Class B": 40, "Class C": 8})
    write_stack(both / "Class A", blobs(20, 0, seed=5), stem="child")
    found = recognise(open_dataset(both), read_known(result.model), Progress())
    assert (found.codes > 0).all()


def test_the_validation_accuracy_of_one_view_and_of_all_are_told_apart(trained):
    scores, history = trained.description.scores, trained.history
    assert scores["val_views"] == 8
    assert scores["val_accuracy_one_view"] == history[trained.best_epoch - 1]["val_accuracy"]
    about = trained.description.about_views
    assert "8 views of each cell, averaged as in predictions" in about
    assert f"the accuracy is {scores['val_accuracy_one_view']:.3f}" in about
    assert about in str(trained)
    assert about in trained.notebook_view().notes
    record = json.loads((trained.model.parent / "train.json").read_text("utf-8"))
    assert record["scores"]["val_accuracy_one_view"] == scores["val_accuracy_one_view"]
    only_one = replace(trained.description, scores={"val_accuracy": 0.7})
    assert only_one.about_views == ""
