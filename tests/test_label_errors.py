"""Labels that are likely wrong: found in arrays, and listed by a cross-validation."""

from __future__ import annotations

import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from deepometry.core.options.train import BaselineOptions
from deepometry.core.run_records import read_json
from deepometry.evaluation.label_errors import find_label_errors
from deepometry.training.baseline import baseline
from deepometry.training.label_error_table import LabelCheck
from tests.parsed import blobs, write_record, write_stack
from tests.results_runs import Jobs, make_app


def planted(cells=600, classes=4, wrong=30, seed=0):
    """Return labels of which some are wrong, probabilities, and the cells that are wrong."""
    rng = np.random.default_rng(seed)
    true = rng.integers(0, classes, cells)
    probabilities = rng.dirichlet(np.ones(classes), cells) + 2 * np.eye(classes)[true]
    probabilities /= probabilities.sum(1, keepdims=True)
    chosen = rng.choice(cells, wrong, replace=False)
    codes = true.copy()
    codes[chosen] = (true[chosen] + rng.integers(1, classes, wrong)) % classes
    return true, codes, probabilities, chosen


@pytest.mark.parametrize(
    "ranking", ["self_confidence", "normalized_margin", "confidence_weighted_entropy"]
)
def test_planted_errors_stand_first_with_their_true_class(ranking):
    true, codes, probabilities, wrong = planted()
    errors = find_label_errors(codes, probabilities, ranking)
    assert set(wrong) <= set(errors.cells[: len(wrong) + 2].tolist())
    assert (errors.suggested[:25] == true[errors.cells[:25]]).all()
    assert (errors.given == codes[errors.cells]).all()
    assert (np.diff(errors.scores) >= 0).all()
    assert errors.flagged[: len(wrong)].mean() > 0.8


def test_only_cells_predicted_as_another_class_are_listed():
    _, codes, probabilities, _ = planted()
    errors = find_label_errors(codes, probabilities)
    assert sorted(errors.cells) == np.flatnonzero(probabilities.argmax(1) != codes).tolist()
    assert np.allclose(errors.probabilities, probabilities[errors.cells].max(1), atol=1e-6)
    again = find_label_errors(probabilities.argmax(1), probabilities)
    assert len(again) == len(again.table(tuple("abcd"))) == 0


def test_classes_without_cells_and_certain_predictions_are_accepted():
    codes = np.array([0, 0, 1, 1, 0])
    probabilities = np.eye(3, dtype=np.float32)[[0, 0, 1, 0, 0]]
    errors = find_label_errors(codes, probabilities)
    assert (errors.cells.tolist(), errors.suggested.tolist()) == ([3], [0])
    assert errors.scores[0] < 1e-6


def test_the_program_starts_without_cleanlab_which_warns_of_nothing():
    start = "import sys, deepometry.cli, deepometry.training.baseline, deepometry.web.page; "
    start += "assert 'cleanlab' not in sys.modules; import cleanlab.filter, cleanlab.rank"
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", start], capture_output=True, text=True, check=False
    )
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    """Cells of two classes, of which three of A lie in the folder of B."""
    root = tmp_path_factory.mktemp("mixed")
    write_record(root)
    write_stack(root / "Class A", blobs(30, 0))
    write_stack(root / "Class B", np.concatenate([blobs(27, 1), blobs(3, 0, seed=1)]))
    return root


def test_where_too_many_labels_are_flagged_it_is_said_how_little_that_means():
    assert LabelCheck(9, 4, "t.csv", 40).plain()["caveat"] == ""
    told = str(LabelCheck(104, 87, "t.csv", 226))
    assert "These are 38 % of all labelled cells" in told and "may be right: begin" in told


@pytest.mark.slow
def test_folds_of_the_baseline_list_cells_in_the_wrong_folder(mixed, tmp_path):
    options = BaselineOptions(input=mixed, output=tmp_path, target="Class", folds=3)
    result = baseline(options)
    table = pd.read_csv(tmp_path / "baseline_likely_mislabelled.csv")
    assert list(table.columns) == [
        *("source", "object", "rank", "label", "suggested_label", "score"),
        *("probability_suggested", "flagged", "correct_label"),
    ]
    assert set(table["object"][:3]) == {27, 28, 29}
    assert (table["source"][:3] == "Class B.cif").all()
    assert (table["label"][:3] == "B").all() and (table["suggested_label"][:3] == "A").all()
    check = result.cross_validation.label_check
    assert (check.listed, check.flagged) == (len(table), (table["flagged"] == "yes").sum())
    assert check.flagged >= 3 and f"{check.flagged} cells are likely mislabelled" in str(result)
    record = read_json(tmp_path / "baseline.json")
    assert record["cross_validation"]["likely_mislabelled"]["listed"] == len(table)
    assert "baseline_likely_mislabelled.csv" in record["files"]


@pytest.mark.slow
def test_without_folds_nothing_is_listed(mixed, tmp_path):
    baseline(BaselineOptions(input=mixed, output=tmp_path, target="Class"))
    assert not (tmp_path / "baseline_likely_mislabelled.csv").exists()


@pytest.fixture(scope="module")
def client(mixed, tmp_path_factory):
    """A page with two baselines, one of them with folds."""
    jobs, root = Jobs(), tmp_path_factory.mktemp("runs")
    for name, folds in (("crossed", 3), ("plain", None)):
        options = BaselineOptions(input=mixed, output=root / name, target="Class", folds=folds)
        jobs.run(name, "baseline", baseline, options)
    return make_app(jobs).test_client()


@pytest.mark.slow
def test_the_page_shows_doubtful_labels_first_and_sends_the_list(client):
    page = client.get("/runs/crossed/mislabelled").text
    assert "are</b>" not in page and "likely mislabelled." in page
    asked = re.search(r'hx-get="(/cells/crossed[^"]+)"', page)[1].replace("&amp;", "&")
    shown = client.get(asked).text
    assert {*re.findall(r"Enlarge object (\d+)", shown)[:3]} == {"27", "28", "29"}
    assert '<option value="mislabelled" selected>quality of the label' in shown
    name = "baseline_likely_mislabelled.csv"
    sent = client.get(f"/jobs/crossed/results/file/{name}", buffered=True)
    assert sent.data.startswith(b"source,object,rank,label,suggested_label,score")
    assert 'href="/runs/crossed/mislabelled"' in client.get("/runs/crossed/overview").text


@pytest.mark.slow
def test_a_run_without_folds_says_how_to_list_them(client):
    assert client.get("/runs/plain/mislabelled").status_code == 404
    assert "enter Folds, such as 5" in client.get("/runs/plain/overview").text
    assert client.get("/cells/plain?order=mislabelled").status_code == 404
    assert "quality of the label" not in client.get("/cells/plain").text
