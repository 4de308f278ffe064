"""The page's results of runs that predict numbers or ordered classes."""

from __future__ import annotations

import re

import pytest

from deepometry.core.options.predict import PredictOptions
from deepometry.inference.predict import predict
from tests.results_runs import Jobs, make_app, read_run

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def jobs(
    days, days_trained, days_crossed, days_ordered, days_baselines, samples_crossed,
    tmp_path_factory,
):  # fmt: skip
    """A training with and without folds, a baseline, and predictions, all of a number."""
    root, jobs = tmp_path_factory.mktemp("numbers"), Jobs()
    trained = {"plain": days_trained, "crossed": days_crossed, "samples": samples_crossed}
    for name, result in trained.items():
        jobs.made(name, "train", result.model.parent)
    for name, result in days_baselines.items():
        jobs.made(f"baseline_{name}", "baseline", result.model.parent)
    for name, model, unannotated in (
        ("annotated", days_trained.model.parent, False),
        ("unannotated", days_trained.model.parent, True),
        ("steps", days_ordered.model.parent, False),
    ):
        how = {"model": model, "unannotated": unannotated}
        asked = PredictOptions(input=days / "Hold-out", output=root / name, **how)
        jobs.run(name, "predict", predict, asked)
    return jobs


@pytest.fixture(scope="module")
def client(jobs):
    return make_app(jobs).test_client()


def words_of(html):
    """Return what is read on a page, in one line."""
    return " ".join(re.sub(r"<[^>]*>", "", html).split())


def tabs_of(client, id):
    page = client.get(client.get(f"/runs/{id}").location).text
    links = page.partition('aria-label="Results"')[2].partition("</nav>")[0]
    return re.findall(r"/([\w-]+)\"", links)


@pytest.mark.parametrize("id", ["plain", "crossed", "annotated"])
def test_a_number_has_no_tabs_of_classes(client, id):
    tabs = tabs_of(client, id)
    assert "against-true" in tabs
    assert not {"confusion", "classes", "curves", "calibration", "mislabelled"} & {*tabs}


@pytest.mark.parametrize("id", ["plain", "crossed", "annotated", "unannotated"])
def test_every_tab_of_a_number_is_shown(client, id):
    text = read_run(client, id)
    assert "R2" in text or id == "unannotated"
    for word in ("Confusion matrix", "guessing gives", "Balanced accuracy", " nan ", "None"):
        assert word not in words_of(text), word


def test_the_first_tab_has_the_scores_and_what_they_mean(client, jobs):
    text = words_of(client.get(client.get("/runs/annotated").location).text)
    assert "ean absolute error" in text and "Coverage of the 90 % intervals" in text
    assert "of the variance of the true ones" in text or "always predicting the mean" in text
    assert "See the errors of small and large numbers" in text


def test_a_training_shows_error_and_interval(client):
    text = words_of(client.get(client.get("/runs/plain").location).text)
    assert "Validation mean absolute error" in text
    assert "90 % interval of a number" in text and "±" in text
    assert "Classical features on the same validation cells: mean absolute error" in text


@pytest.mark.parametrize("id", ["plain", "crossed", "annotated", "baseline_crossed"])
def test_predicted_against_true_is_a_chart(client, id):
    chart = client.get(f"/runs/{id}/charts/against-true.json").get_json()
    assert chart["series"][0]["x"] == [1, 15, 29, 43]
    each = zip(*(chart["series"][0][name] for name in ("low", "y", "high")), strict=True)
    assert all(low <= y <= high for low, y, high in each)
    assert chart["series"][1]["x"] == chart["series"][1]["y"] == [1, 43]


def test_curves_folds_and_samples_are_charts(client):
    assert client.get("/runs/plain/charts/mae.json").get_json()["y"] == "Mean absolute error"
    folds = client.get("/runs/crossed/charts/folds.json").get_json()
    assert [series["label"] for series in folds["series"]] == ["R2", "Pearson correlation"]
    samples = client.get("/runs/unannotated/charts/samples.json").get_json()
    assert len(samples["categories"]) == 5
    assert samples["y"] == "Predicted number"


def test_scores_that_are_not_defined_are_said_to_be_none(client):
    page = read_run(client, "samples")
    assert "nan" not in re.findall(r"[a-z]+", words_of(page)) and "None" not in page
    assert re.search(r"<td[^>]*>none</td>", page)  # the R2 of a fold
    folds = client.get("/runs/samples/charts/folds.json").get_json()
    assert [series["y"] for series in folds["series"]] == [[None] * 3] * 2


def test_the_baseline_is_beside_the_network(client):
    text = words_of(read_run(client, "baseline_crossed"))
    assert "Cross-validated mean absolute error" in text
    assert "Features that the number depends on" in text
    assert "is better" in text or "may be chance" in text


def test_cells_show_their_numbers_and_are_sorted_by_their_errors(client):
    page = client.get("/cells/annotated?part=1").text
    pairs = re.findall(r"<b>([-\d.e]+)</b>, true <b>([-\d.e]+)</b>", page)
    errors = [abs(float(one) - float(other)) for one, other in pairs]
    assert len(errors) == 32
    assert errors == pytest.approx(sorted(errors, reverse=True))  # those shown have four digits


def test_ordered_classes_keep_their_matrix_and_count_steps(client):
    assert {"confusion", "classes", "curves"} <= {*tabs_of(client, "steps")}
    text = words_of(client.get(client.get("/runs/steps").location).text)
    assert "Quadratic-weighted kappa" in text and "Mean absolute error in steps" in text
