"""The learning curve: nested subsets, one jury for all, and a forecast that admits its limits."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from deepometry.core.errors import DeepometryError, OptionsError
from deepometry.core.options.learning_curve import LearningCurveOptions, read_shares
from deepometry.core.progress import Cancelled, Progress
from deepometry.core.run_records import read_json
from deepometry.training.gather import gather_cells
from deepometry.training.learning_curve import _trainings, learning_curve
from deepometry.training.power_law import PowerLaw, binomial_errors, fit, forecast
from tests.parsed import write_classes
from tests.test_train import StopAt


def options(cells, output, **more):
    known = {"target": "Class", "network": "small10", "epochs": 1, "batch_size": 8, "views": 1}
    return LearningCurveOptions(**({"input": cells, "output": output} | known | more))


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("1/8, 1/4,1", (0.125, 0.25, 1.0)),
        ("100% 50%", (0.5, 1.0)),
        ("[0.5; 0.25]", (0.25, 0.5)),
        ((0.5, 1), (0.5, 1.0)),
    ],
)
def test_shares_are_read_in_any_spelling(given, found):
    assert read_shares(given) == found


@pytest.mark.parametrize("given", ["1", "0,1", "0.5,1.5", "a,b", "1/0,1", "-1,1", "1,1", ",".join(
    str(n / 20) for n in range(1, 15))])  # fmt: skip
def test_bad_shares_are_refused(given):
    with pytest.raises(
        OptionsError, match="Curve shares: expected 2 to 12 different shares above 0"
    ):
        options("i", "o", shares=given)


def test_options_are_those_of_training():
    made = options("i", "o", channels="3,6", group_by="Sample", seed=4).training(seed=9)
    assert (made.channels, made.group_by, made.seed, made.folds) == ((3, 6), "Sample", 9, None)
    with pytest.raises(OptionsError, match="Batch size"):
        options("i", "o", batch_size=0)


def test_subsets_are_nested_stratified_and_apart_from_the_jury(tmp_path):
    root = write_classes(tmp_path, {"Class A": 80, "Class B": 40, "Class C": 8})
    asked = options(root, "x", shares="1/8,1/4,1/2,1", repeats=2)
    cells = gather_cells(asked.training(validation=0.25), Progress())
    found = list(_trainings(asked, cells, Progress()))
    assert [(each.share, each.repeat) for each in found] == [
        (share, repeat) for repeat in (1, 2) for share in (0.125, 0.25, 0.5, 1.0)
    ]
    used = [set(each.cells.training) | set(each.cells.validation) for each in found]
    for smaller, larger in pairwise(used[:4]):
        assert smaller < larger
    assert used[3] == used[7] == set(cells.training)
    assert used[0] != used[4]
    assert not any(each & set(cells.validation) for each in used)
    counts = [np.bincount(cells.codes[list(each)]).tolist() for each in used[:4]]
    assert counts == [[8, 4, 2], [15, 8, 2], [30, 15, 3], [60, 30, 6]]


@pytest.mark.slow
def test_it_writes_table_picture_and_record_and_keeps_no_model(tmp_path):
    root = write_classes(tmp_path / "in", {"Class A": 20, "Class B": 20})
    reports = []
    result = learning_curve(
        options(root, tmp_path / "out", shares="1/4,1/2,1"),
        Progress(lambda *told: reports.append(told)),
    )
    there = {path.name for path in (tmp_path / "out").iterdir()}
    assert there == {"learning_curve.csv", "learning_curve.json", "learning_curve.png"}
    table = pd.read_csv(tmp_path / "out" / "learning_curve.csv")
    assert table["cells"].tolist() == [8, 16, 32]
    assert table["accuracy"].between(0, 1).all() and (table["standard_error"] > 0).all()
    record = read_json(tmp_path / "out" / "learning_curve.json")
    assert record["judged"] == 8
    assert record["forecast"]["cells"] == 64
    assert record["forecast"]["summary"] == result.forecast.summary
    assert result.forecast.summary in str(result)
    counted = [each for each in reports if each[2].startswith("Training ")]
    assert len({total for _, total, _ in counted}) == 1
    done = [each[0] for each in counted]
    assert done == sorted(done) and done[-1] == counted[0][1]


@pytest.mark.slow
def test_cancelled_it_leaves_nothing(tmp_path):
    root = write_classes(tmp_path / "in", {"Class A": 10, "Class B": 10})
    with pytest.raises(Cancelled):
        learning_curve(options(root, tmp_path / "out"), StopAt("Training 1 of 4: Epoch"))
    assert not (tmp_path / "out").exists()


def test_parsed_cells_are_not_written_among(tmp_path):
    root = write_classes(tmp_path, {"Class A": 5, "Class B": 5})
    with pytest.raises(DeepometryError, match="expected a folder for the model, found parsed"):
        learning_curve(options(root, root / "Class A"))


# --- the law -----------------------------------------------------------------------------------


def test_the_law_is_found_again():
    cells = np.array([100, 200, 400, 800, 1600])
    law = PowerLaw(0.9, 2.0, 0.5)
    ((a, b, c),) = fit(cells, law.at(cells)[None], np.full(5, 0.01))
    assert (a, b, c) == pytest.approx((0.9, 2.0, 0.5), rel=1e-6)


def test_bounds_are_kept():
    cells = np.array([100, 200, 400])
    curves = np.array([[0.5, 0.75, 0.9999], [0.8, 0.7, 0.6]])
    found = fit(cells, curves, np.full(3, 0.01))
    assert (found[:, 0] <= 1).all() and (found[:, 1] >= 0).all()
    assert PowerLaw(*found[1]).at(1e9) == pytest.approx(0.7, abs=1e-6)


def test_surer_points_weigh_more():
    cells, curve = np.array([100, 200, 400, 800]), np.array([[0.5, 0.6, 0.9, 0.7]])
    laws = [PowerLaw(*fit(cells, curve, np.array(e))[0]) for e in ([1, 1, 9, 1], [1, 1, 0.01, 1])]
    assert laws[0].at(400) < 0.7 < laws[1].at(400)


def hits(accuracies, judged, seed=0):
    """Cells that are rightly named: easy ones by every training, hard ones by the last only."""
    rng = np.random.default_rng(seed)
    return rng.random(judged)[None] < np.asarray(accuracies)[:, None]


def test_a_smooth_curve_gives_a_forecast_that_holds():
    cells, law = np.array([250, 500, 1000, 2000]), PowerLaw(0.92, 3.0, 0.5)
    inside, widths = 0, []
    for seed in range(20):
        found = forecast(cells, hits(law.at(cells), 2000, seed), np.random.default_rng(seed))
        inside += found.low <= law.at(4000) <= found.high
        widths.append(found.high - found.low)
        assert found.reliable and found.cells == 4000
        assert "With 4,000 cells, twice as many as in the largest training" in found.summary
    assert inside >= 17
    assert np.mean(widths) < 0.06


def test_a_flat_curve_says_that_more_cells_do_not_help():
    found = forecast(np.array([250, 500, 1000, 2000]), hits([0.8] * 4, 4000),
                     np.random.default_rng(0))  # fmt: skip
    assert found.reliable and "does not rise with the number of cells" in found.summary


def test_few_judges_and_few_sizes_cannot_tell():
    scattered = forecast(np.array([10, 20, 40]), hits([0.5, 0.9, 0.6], 20),
                         np.random.default_rng(0))  # fmt: skip
    assert not scattered.reliable and "may be anywhere between" in scattered.summary
    two = forecast(np.array([100, 200]), hits([0.7, 0.8], 5000), np.random.default_rng(0))
    assert not two.reliable and "found 2; add shares" in two.summary


def test_errors_are_never_nought():
    assert (binomial_errors(np.array([0.0, 1.0]), 10) > 0.05).all()
