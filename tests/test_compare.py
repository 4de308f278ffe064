"""Runs side by side: joined by identity, tested on what they share, and written whole."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest

import deepometry
from deepometry.core.errors import DeepometryError, OptionsError, Question
from deepometry.core.options.compare import CompareOptions
from deepometry.core.progress import Progress
from deepometry.core.step_options import command_words
from deepometry.evaluation.paired import paired_cells
from deepometry.evaluation.score_names import NAMES
from deepometry.projects.compare import compare
from deepometry.projects.earlier import compare_with_earlier
from deepometry.projects.project import create_project
from deepometry.projects.run import rename_run
from deepometry.projects.runs import find_run
from tests.compared import two_classifiers, write_prediction, write_training
from tests.parsed import write_classes


def rows(path):
    with path.open(encoding="utf-8-sig", newline="") as file:
        return [*csv.DictReader(file)]


@pytest.fixture
def two(tmp_path):
    """Two predictions of the same cells, the second in another order."""
    true, first, second = two_classifiers()
    order = np.random.default_rng(1).permutation(len(true))
    write_prediction(tmp_path / "old", true, first)
    names = [str(place) for place in order]
    write_prediction(tmp_path / "new", true[order], second[order], names=names, batch_size=8)
    return tmp_path, true, first, second


def test_two_predictions_are_compared_cell_by_cell(two):
    root, true, first, second = two
    result = compare(CompareOptions(runs=(root / "old", root / "new"), output=root / "out"))
    compared, expected = result.comparison, paired_cells(true, first, second, 3)
    (pair,) = compared.pairs
    assert (compared.shared, compared.scored) == (400, 400)
    assert pair.paired.p_value == expected.p_value == pair.p_adjusted
    assert pair.paired.differences[0] == expected.differences[0]
    for codes, matrix, scores in zip(
        (first, second), compared.matrices, compared.scores_by_name, strict=True
    ):
        assert matrix.trace() == (codes == true).sum() and matrix.sum() == 400
        assert scores["accuracy"].value == pytest.approx((codes == true).mean())
        assert scores["accuracy"].low < scores["accuracy"].value < scores["accuracy"].high
        right = np.where(codes == true, 0.8, 0.1)
        assert scores["log_loss"].value == pytest.approx(-np.log(right).mean(), rel=1e-5)
    assert "new is better" in str(result) and "McNemar" in str(result)
    assert [name for _, name, _ in compared.options] == ["batch_size"]


def test_all_files_are_written_and_say_the_same(two):
    root, true, first, second = two
    result = deepometry.compare(runs=[root / "old", root / "new"], output=root / "out")
    out = root / "out"
    record = json.loads((out / "compare.json").read_text("utf-8"))
    assert {*record["files"], "compare.json"} == {path.name for path in out.iterdir()}
    differing = rows(out / "differing_cells.csv")
    assert len(differing) == result.comparison.differing == (first != second).sum()
    for row in differing:
        place = int(row["object"])
        assert int(row["row"]) == place
        assert (
            row["predicted_old"] == "ABC"[first[place]] and row["true_label"] == "ABC"[true[place]]
        )
        assert row["predicted_new"] == "ABC"[second[place]] and row["probability_new"] == "0.8"
    (test,) = rows(out / "paired_tests.csv")
    assert int(test["only_second_correct"]) == ((first != true) & (second == true)).sum()
    scores = {(row["run"], row["score"], row["label"]): row for row in rows(out / "comparison.csv")}
    assert float(scores["new", "accuracy", ""]["value"]) == pytest.approx((second == true).mean())
    assert {name for _, name, _ in scores} <= {*NAMES} and ("old", "recall", "B") in scores
    matrices = rows(out / "confusion_matrices.csv")
    assert sum(int(row["old"]) for row in matrices) == 400 == sum(int(r["new"]) for r in matrices)
    told = json.loads((out / "comparison.json").read_text("utf-8"))
    assert told["pairs"][0]["significant"] and told["cells"]["scored"] == 400


def test_a_second_comparison_asks_before_it_replaces_the_first(two):
    root, *_ = two
    options = CompareOptions(runs=(root / "old", root / "new"), output=root / "out")
    compare(options)
    with pytest.raises(Question, match="Overwrite"):
        compare(options)
    compare(CompareOptions(runs=options.runs, output=root / "out", overwrite=True))


def test_cells_that_only_some_runs_have_are_left_out_by_identity(tmp_path):
    true, first, second = two_classifiers(60)
    write_prediction(tmp_path / "a", true[:40], first[:40])
    names = [str(place) for place in range(20, 60)]
    write_prediction(tmp_path / "b", true[20:], second[20:], names=names)
    compared = deepometry.compare(runs=[tmp_path / "a", tmp_path / "b"]).comparison
    expected = paired_cells(true[20:40], first[20:40], second[20:40], 3)
    assert compared.scored == 20 == compared.shared
    assert compared.pairs[0].paired.both == expected.both


def test_cells_of_one_name_are_matched_in_their_order(tmp_path):
    names = ["1", "2", "1", "2", "1"]
    write_prediction(tmp_path / "a", [0, 0, 0, 0, 0], [0, 0, 1, 0, 0], names=names)
    write_prediction(tmp_path / "b", [0, 0, 0, 0, 0], [0, 0, 1, 1, 0], names=names)
    compared = deepometry.compare(runs=[tmp_path / "a", tmp_path / "b"]).comparison
    assert compared.shared == 5 and compared.differing == 1


def test_seen_cells_are_left_out_of_scores_and_said(tmp_path):
    true, first, second = two_classifiers(60)
    seen = ["training"] * 10 + ["validation"] * 5 + [""] * 45
    write_prediction(tmp_path / "a", true, first, seen=seen)
    write_prediction(tmp_path / "b", true, second, seen=["training"] * 20 + [""] * 40)
    result = deepometry.compare(runs=[tmp_path / "a", tmp_path / "b"])
    compared = result.comparison
    assert (compared.shared, compared.scored) == (60, 40)
    assert compared.pairs[0].paired == paired_cells_of(true[20:], first[20:], second[20:], compared)
    assert "20 seen by a model in its training" in str(result)


def paired_cells_of(true, first, second, compared):
    """Return what is expected but for the log loss, which needs probabilities."""
    expected = paired_cells(true, first, second, 3)
    ours = compared.pairs[0].paired
    differences = (*expected.differences[:2], ours.differences[2])
    return type(ours)(**{**vars(expected), "differences": differences})


def test_scores_of_nothing_but_seen_cells_are_called_training_scores(tmp_path):
    true, first, second = two_classifiers(30)
    for name, codes in (("a", first), ("b", second)):
        write_prediction(tmp_path / name, true, codes, seen=["training"] * 30)
    result = deepometry.compare(runs=[tmp_path / "a", tmp_path / "b"])
    assert result.comparison.of_training and "Training scores of 30 cells" in str(result)
    assert "nothing is tested" in str(result) and "McNemar" not in str(result)
    assert result.comparison.scores_by_name[0]["accuracy"].low != 0  # NaN: no interval
    assert "p =" not in str(result)


def test_unsure_cells_count_as_their_most_probable_class(tmp_path):
    true, first, second = two_classifiers(60)
    sure = np.linspace(0.4, 0.99, 60)
    write_prediction(tmp_path / "a", true, first, sure=sure, unsure_below=0.7)
    write_prediction(tmp_path / "b", true, second, sure=sure)
    compared = deepometry.compare(runs=[tmp_path / "a", tmp_path / "b"]).comparison
    assert compared.labels == ["A", "B", "C"]
    assert compared.matrices[0].trace() == (first == true).sum()


def test_an_unannotated_prediction_takes_the_labels_of_another(tmp_path):
    true, first, second = two_classifiers(60)
    write_prediction(tmp_path / "a", None, first)
    write_prediction(tmp_path / "b", true, second)
    compared = deepometry.compare(runs=[tmp_path / "a", tmp_path / "b"]).comparison
    assert compared.scored == 60 and compared.matrices[0].trace() == (first == true).sum()
    loss = compared.scores_by_name[0]["log_loss"].value
    assert loss == pytest.approx(-np.log(np.where(first == true, 0.8, 0.1)).mean(), rel=1e-5)


def test_without_any_true_label_there_is_no_score_but_the_cells_that_differ(tmp_path):
    _, first, second = two_classifiers(60)
    write_prediction(tmp_path / "a", None, first)
    write_prediction(tmp_path / "b", None, second)
    result = deepometry.compare(runs=[tmp_path / "a", tmp_path / "b"], output=tmp_path / "out")
    assert result.comparison.scored == 0 and result.comparison.differing == (first != second).sum()
    assert "None of the cells" in str(result) and "predicted differently" in str(result)
    assert len(rows(tmp_path / "out" / "differing_cells.csv")) == (first != second).sum()
    same = (first == second).sum()
    assert f"a and b predict {same} of 60 cells as the same class" in str(result)
    assert "Accuracy" not in str(result) and "scores" not in str(result)
    counts = np.zeros((3, 3), int)
    for row in rows(tmp_path / "out" / "agreement.csv"):
        counts["ABC".index(row["predicted_first"]), "ABC".index(row["predicted_second"])] = int(
            row["cells"]
        )
    expected = np.zeros((3, 3), int)
    np.add.at(expected, (first, second), 1)
    assert (counts == expected).all()
    chance = (expected.sum(0) * expected.sum(1)).sum() / 60**2
    (pair,) = result.comparison.pairs
    assert pair.agree["kappa"] == pytest.approx((same / 60 - chance) / (1 - chance))
    assert "McNemar" not in str(result)  # nothing was tested
    there = {path.name for path in (tmp_path / "out").iterdir()}  # neither scores nor curves
    assert there == {"agreement.csv", "differing_cells.csv", "comparison.json", "compare.json"}


def test_two_classifications_of_new_files_are_compared_without_truth(tmp_path):
    _, first, second = two_classifiers(60)
    for name, codes in (("a", first), ("b", second)):
        write_prediction(tmp_path / name, None, codes, step="classify")
    result = deepometry.compare(runs=[tmp_path / "a", tmp_path / "b"])
    assert result.comparison.shared == 60 and "as the same class" in str(result)
    assert result.comparison.differing == (first != second).sum()


def test_a_classification_takes_the_true_labels_of_a_prediction_of_the_same_cells(tmp_path):
    true, first, second = two_classifiers(60)
    write_prediction(tmp_path / "a", true, first)
    write_prediction(tmp_path / "b", None, second, step="classify")
    assert deepometry.compare(runs=[tmp_path / "a", tmp_path / "b"]).comparison.scored == 60


def test_cells_labelled_differently_or_not_at_all_are_left_out(tmp_path):
    true, first, second = two_classifiers(60)
    other = true.copy()
    other[:4] = (true[:4] + 1) % 3
    other[4:10] = -1
    part = true.copy()
    part[8:13] = -1
    table = write_prediction(tmp_path / "a", part, first) / "predicted.csv"
    header, *rows = table.read_text("utf-8").splitlines()
    marked = [f"{row},{'yes' * (number == 12)}" for number, row in enumerate(rows)]
    table.write_text("\n".join([f"{header},gated_out", *marked, ""]), "utf-8")
    write_prediction(tmp_path / "b", other, second)
    compared = deepometry.compare(runs=[tmp_path / "a", tmp_path / "b"]).comparison
    assert compared.left_out["labelled differently in the runs"] == 4
    assert compared.left_out["without a true label"] == 2  # in neither: 8 and 9
    assert compared.left_out["gated out"] == 1
    assert compared.scored == 53


def test_classes_that_one_model_does_not_know_are_left_out(tmp_path):
    true, first, _ = two_classifiers(90)
    write_prediction(tmp_path / "a", true, first)
    write_prediction(tmp_path / "b", true, np.minimum(first, 1), labels=("A", "B"))
    compared = deepometry.compare(runs=[tmp_path / "a", tmp_path / "b"]).comparison
    assert compared.left_out["of classes that not all models know"] == (true == 2).sum()
    assert compared.scored == (true < 2).sum() and compared.labels == ["A", "B", "C"]


def test_several_runs_are_adjusted_for_their_number(tmp_path):
    true, first, second = two_classifiers(300)
    for name, codes in (("a", first), ("b", second), ("c", second)):
        write_prediction(tmp_path / name, true, codes)
    result = deepometry.compare(runs=[tmp_path / name for name in "abc"])
    pairs = {(p.first, p.second): p for p in result.comparison.pairs}
    assert len(pairs) == 3 and pairs[1, 2].paired.p_value == 1
    assert pairs[0, 1].p_adjusted == pytest.approx(3 * pairs[0, 1].paired.p_value)
    assert "adjusted for 3 pairs (Holm)" in str(result)


def test_groups_of_the_runs_stay_together(tmp_path):
    cells = tmp_path / "cells"
    for day in range(6):
        write_classes(cells / f"Day {day}", {"Class A": 5, "Class B": 5}, seed=day)
    from deepometry.cells.dataset import open_dataset

    dataset = open_dataset(cells)
    identities = [(source, name) for _, source, name in dataset.identities()]
    true = dataset.codes("Class", ("A", "B"))
    rng = np.random.default_rng(0)
    for name in ("a", "b"):
        chosen = np.where(rng.random(len(true)) < 0.8, true, 1 - true)
        options = {"group_by": "Day", "labels": ("A", "B"), "identities": identities}
        write_prediction(tmp_path / name, true, chosen, **options)
    result = deepometry.compare(runs=[tmp_path / "a", tmp_path / "b"])
    assert (result.comparison.group_by, result.comparison.groups) == ("Day", 6)
    assert result.comparison.pairs[0].paired.test == "exchange of groups"
    assert "The 6 values of Day are exchanged" in str(result)


def test_groups_that_cannot_be_found_are_said_or_refused(two):
    root, true, first, second = two
    write_prediction(root / "g", true, first, group_by="Day")
    write_prediction(root / "h", true, second, group_by="Day")
    result = deepometry.compare(runs=[root / "g", root / "h"])
    assert "Not grouped by Day" in str(result) and result.comparison.group_by == ""
    mixed = deepometry.compare(runs=[root / "g", root / "old"])
    assert "grouped differently (g by Day, old by cells)" in str(mixed)
    with pytest.raises(DeepometryError, match="cells"):
        deepometry.compare(runs=[root / "old", root / "new"], group_by="Day")


def test_trainings_are_compared_by_their_scores_curves_and_options(tmp_path):
    write_training(tmp_path / "one", epochs=5)
    write_training(tmp_path / "two", epochs=9, seed=3)
    result = deepometry.compare(runs=[tmp_path / "one", tmp_path / "two"], output=tmp_path / "out")
    compared = result.comparison
    assert [len(run.curve) for run in compared.runs] == [5, 9]
    assert compared.scores_by_name[0]["accuracy"].value == 0.88
    assert ("train", "seed", [0, 3]) in compared.options
    assert "predict the same cells with each model" in str(result)
    assert not (tmp_path / "out" / "paired_tests.csv").exists()


def test_trainings_are_tested_on_the_validation_cells_that_they_share(tmp_path):
    true, first, second = two_classifiers(300)
    names = [str(place) for place in range(100, 400)]
    write_training(tmp_path / "one", validation=(true, first), names=names)
    write_training(tmp_path / "two", validation=(true[50:], second[50:]), names=names[50:])
    result = deepometry.compare(runs=[tmp_path / "one", tmp_path / "two"], output=tmp_path / "out")
    compared = result.comparison
    assert (compared.shared, compared.scored) == (250, 250)
    ours = paired_cells(true[50:], first[50:], second[50:], 3)
    assert compared.pairs[0].paired.only_second == ours.only_second
    assert compared.scores_by_name[1]["accuracy"].value == (second[50:] == true[50:]).mean()
    assert "one and two are validation cells, which chose the temperature" in str(result)
    assert "no table of its validation cells" not in str(result)
    assert (tmp_path / "out" / "paired_tests.csv").exists()


def test_validation_cells_that_a_record_does_not_name_are_of_an_older_training(tmp_path):
    true, first, second = two_classifiers(60)
    write_training(tmp_path / "one", validation=(true, first))
    folder = write_training(tmp_path / "two", validation=(true, second))
    record = json.loads((folder / "train.json").read_text("utf-8"))
    del record["validation"]
    (folder / "train.json").write_text(json.dumps(record), "utf-8")
    result = deepometry.compare(runs=[tmp_path / "one", folder])
    assert result.comparison.scored == 0
    assert "two has no table of its validation cells" in str(result)


def test_a_training_is_tested_against_a_prediction_of_its_validation_cells(tmp_path):
    true, first, second = two_classifiers(90)
    write_training(tmp_path / "one", validation=(true, first))
    seen = ["validation"] * 10 + [""] * 80
    write_prediction(tmp_path / "two", true, second, seen=seen)
    result = deepometry.compare(runs=[tmp_path / "one", tmp_path / "two"])
    assert result.comparison.scored == 80
    assert "The cells of one are validation cells" in str(result)


def test_runs_are_found_by_their_name_in_the_project(two, monkeypatch):
    root, true, first, second = two
    create_project(root / "p")
    write_prediction(root / "p" / "predictions" / "x", true, first)
    write_prediction(root / "p" / "predictions" / "y", true, second)
    monkeypatch.chdir(root / "p")
    assert deepometry.compare(runs=["x", "y"]).names == ("x", "y")
    out = root / "p" / "comparisons" / "one"
    deepometry.compare(runs=["x", "y"], output=out)
    assert (out / "run.json").is_file()


def test_runs_are_called_as_lists_call_them(two):
    root = two[0]
    project = create_project(root)
    rename_run(find_run(project, "old"), "Night run")
    compared = deepometry.compare(runs=[root / "old", root / "new"], output=root / "out")
    assert compared.names == ("Night run", "new")
    assert "Night run" in (root / "out" / "comparison.csv").read_text("utf-8-sig")
    rename_run(find_run(project, "new"), "Night run")
    names = deepometry.compare(runs=[root / "old", root / "new"]).names
    assert names == ("Night run (old)", "Night run (new)")
    rename_run(find_run(project, "old"), "new")
    rename_run(find_run(project, str(root / "new")), "new")
    assert deepometry.compare(runs=[root / "old", root / "new"]).names == ("new (old)", "new")


def test_runs_of_one_name_are_told_apart(two):
    root, true, first, _ = two
    write_prediction(root / "other" / "old", true, first)
    names = deepometry.compare(runs=[root / "old", root / "other" / "old"]).names
    assert names == (f"{root.name}/old", "other/old")


@pytest.mark.parametrize(
    ("runs", "words"),
    [
        ((), "2 to 8 folders"),
        (("old",), "2 to 8 folders"),
        (("old", "old"), "one of them twice"),
        ([f"r{n}" for n in range(9)], "found 9"),
    ],
)
def test_two_to_eight_different_runs(runs, words):
    with pytest.raises(OptionsError, match=words):
        CompareOptions(runs=runs)


def test_folders_that_are_no_runs_and_other_targets_are_refused(two):
    root, true, first, _ = two
    (root / "empty").mkdir()
    with pytest.raises(DeepometryError, match="expected the results of predict, classify or train"):
        deepometry.compare(runs=[root / "old", root / "empty"])
    with pytest.raises(DeepometryError, match="does not exist"):
        deepometry.compare(runs=[root / "old", root / "nowhere"])
    write_prediction(root / "day", true, first, recorded={"target": "Day"})
    with pytest.raises(DeepometryError, match="one target"):
        deepometry.compare(runs=[root / "old", root / "day"])


def test_a_damaged_table_is_told(two):
    root, *_ = two
    table = root / "new" / "predicted.csv"
    table.write_text(table.read_text("utf-8").replace("object", "thing", 1), "utf-8")
    with pytest.raises(DeepometryError, match=r"new.predicted.csv"):
        deepometry.compare(runs=[root / "old", root / "new"], output=root / "out")
    assert not (root / "out").exists()


def test_the_command_line_takes_any_number_of_runs(two):
    root, *_ = two
    runs = [root / "old", root / "new"]
    words = command_words(CompareOptions(runs=runs, output=root / "out"))
    assert words[:4] == ["deepometry", "compare", str(root / "old"), str(root / "new")]
    from click.testing import CliRunner

    from deepometry.cli import cli

    answer = CliRunner().invoke(cli, words[1:])
    assert answer.exit_code == 0 and "new is better" in answer.output
    assert "RUN RUN" in CliRunner().invoke(cli, ["compare", "--help"]).output


def test_the_report_of_a_prediction_has_a_row_about_the_last_comparable_one(two):
    root, true, first, second = two
    project = create_project(root / "p")
    scored = {"scores": {"accuracy": 0.5}}
    options = {"input": root / "cells", "recorded": scored}
    for name, codes in (("older", second), ("old", first)):
        write_prediction(project.folder / "predictions" / name, true, codes, **options)
    write_prediction(project.folder / "predictions" / "no", None, first)
    folder = write_prediction(project.folder / "predictions" / "new", true, second, **options)
    for number, name in enumerate(("older", "old", "no", "new")):
        record = project.folder / "predictions" / name / "predict.json"
        content = json.loads(record.read_text("utf-8"))
        content["written"] = f"2026-01-0{number + 1}T00:00:00+00:00"
        record.write_text(json.dumps(content), "utf-8")
    report = folder / "report.html"
    report.write_text("<main>a<!-- an earlier run -->b</main>", "utf-8")
    compare_with_earlier(project, folder, Progress())
    text = report.read_text("utf-8")
    assert text.startswith("<main>a") and text.endswith("b</main>")
    assert "Comparison with old</h2>" in text and "new is better" in text
    accuracy = f"{(second == true).mean():.3f}"
    assert "Accuracy</th><td" in text and accuracy in text


def test_a_report_without_a_comparable_run_stays_as_it_is(two):
    root, true, first, _ = two
    project = create_project(root / "p")
    folder = write_prediction(project.folder / "predictions" / "x", true, first)
    (folder / "report.html").write_text("a<!-- an earlier run -->b", "utf-8")
    compare_with_earlier(project, folder, Progress())
    assert (folder / "report.html").read_text("utf-8") == "a<!-- an earlier run -->b"
