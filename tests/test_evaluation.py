"""Scores, intervals, calibration and samples, against what is known of them."""

import math

import numpy as np
import pytest
from scipy.stats import binom
from sklearn import metrics

from deepometry.evaluation.calibration import brier, calibration_error, log_loss, reliability
from deepometry.evaluation.confusion import confusion
from deepometry.evaluation.curves import curve_table, curves, mean_areas
from deepometry.evaluation.evaluate import evaluate
from deepometry.evaluation.intervals import resampled, wilson
from deepometry.evaluation.metrics import class_scores, scored, whole_scores
from deepometry.evaluation.sample_composition import (
    about_correction,
    sample_table,
    samples_of,
)
from deepometry.evaluation.selective import is_unsure, trade_off
from deepometry.evaluation.share_intervals import corrected_shares
from deepometry.evaluation.temperature_scaling import fit_temperature, scaled
from deepometry.evaluation.top_mistakes import Mistakes

LABELS = ("A", "B", "C")


def some(cells=3000, seed=0, power=2.0):
    """True classes, and probabilities that are right about how sure they are."""
    rng = np.random.default_rng(seed)
    chances = rng.dirichlet(np.full(3, 1 / power), cells)
    true = (chances.cumsum(1) > rng.random(cells)[:, None]).argmax(1)
    return true, chances.astype(np.float32)


def matrix_of(true, chances):
    return confusion(true, chances.argmax(1), 3)


def test_cells_named_by_models_of_several_temperatures_have_no_error_before():
    true, chances = some(300)
    told = (true, chances.argmax(1), chances, LABELS)
    found = evaluate(*told, temperature=None)
    assert (found.before, found.temperature) == (None, None)
    record = found.plain()
    assert record["calibration_error_without_temperature"] is None
    one = evaluate(*told).plain()
    assert one["calibration_error_without_temperature"] == found.reliability.error
    assert record["scores"] == one["scores"]


# --- scores ------------------------------------------------------------------------------------


def test_scores_are_those_of_scikit_learn():
    true, chances = some(500)
    named = chances.argmax(1)
    whole, each = whole_scores(matrix_of(true, chances)), class_scores(matrix_of(true, chances))
    assert whole["accuracy"] == pytest.approx(metrics.accuracy_score(true, named))
    assert whole["balanced_accuracy"] == pytest.approx(metrics.balanced_accuracy_score(true, named))
    assert whole["macro_f1"] == pytest.approx(metrics.f1_score(true, named, average="macro"))
    assert whole["kappa"] == pytest.approx(metrics.cohen_kappa_score(true, named))
    assert whole["mcc"] == pytest.approx(metrics.matthews_corrcoef(true, named))
    expected = metrics.precision_recall_fscore_support(true, named)
    for name, values in zip(("precision", "recall", "f1"), expected, strict=False):
        assert each[name] == pytest.approx(values)


def test_a_class_that_is_never_named_or_absent_has_no_precision_or_recall():
    each = class_scores(np.array([[3, 0, 1], [2, 0, 0], [0, 0, 0]]))
    assert math.isnan(each["precision"][1])
    assert math.isnan(each["recall"][2])
    assert whole_scores(np.array([[3, 0, 1], [2, 0, 0], [0, 0, 0]]))[
        "balanced_accuracy"
    ] == pytest.approx((0.75 + 0) / 2)


def test_the_bootstrap_of_accuracy_is_the_binomial_interval():
    matrix = np.array([[160, 20], [20, 100]])  # 260 of 300
    (accuracy,) = [s for s in scored(matrix, "AB", rng(), 20_000) if s.name == "accuracy"]
    expected = binom.ppf([0.025, 0.975], 300, 260 / 300) / 300
    assert (accuracy.low, accuracy.high) == pytest.approx(tuple(expected), abs=1.01 / 300)


def rng():
    return np.random.default_rng(5)


def test_a_rare_class_that_is_missed_does_not_lift_the_interval_of_the_mean():
    """Drawn without its two cells, the mean would be that of the other classes alone."""
    found = {
        s.name: s for s in scored(np.array([[90, 10, 0], [10, 90, 0], [1, 1, 0]]), LABELS, rng())
    }
    mean = found["balanced_accuracy"]
    assert mean.value == pytest.approx(0.6)
    assert mean.low < 0.6 < mean.high < 0.66


def test_groups_are_drawn_as_a_whole():
    good, bad = np.array([[50, 0], [0, 50]]), np.array([[10, 40], [40, 10]])
    groups = np.stack([good, good, bad, bad])
    drawn = resampled(groups, rng(), 4000)
    assert drawn.sum((1, 2)).tolist() == [400] * 4000
    accuracies = np.trace(drawn, axis1=1, axis2=2) / 400
    each = {round(0.2 + 0.2 * k, 3) for k in range(5)}
    assert set(np.round(accuracies, 3)) == each  # of 0 to 4 good groups, nothing between
    assert np.mean(accuracies == 0.2) == pytest.approx(1 / 16, abs=0.015)
    wide, narrow = (next(s for s in scored(m, "AB", rng())) for m in (groups, groups.sum(0)))
    assert wide.high - wide.low > 4 * (narrow.high - narrow.low)


def test_what_was_never_wrong_still_has_an_interval():
    accuracy = scored(np.array([[9, 0], [0, 1]]), "AB", rng())[0]
    low, high = wilson(10, 10)
    assert (accuracy.value, accuracy.low, accuracy.high) == (1, low, high)
    assert 0.6 < accuracy.low < 0.8


def test_groups_that_are_all_alike_have_no_interval():
    """Wilson's would be of cells: narrow, for two samples of which nothing more is known."""
    found = scored(np.stack([np.diag([500, 500])] * 2), "AB", rng())
    assert {s.value for s in found} == {1}
    assert all(math.isnan(s.low) and math.isnan(s.high) for s in found)
    assert str(found[0]) == "1.000"


def test_draws_without_a_cell_of_a_class_say_nothing_of_its_precision_and_f1():
    """The class is in one group of four: 32 % of draws lack it, but name other cells so."""
    with_it, without = np.array([[40, 10], [10, 40]]), np.array([[45, 5], [0, 0]])
    found = {
        (s.name, s.label): s
        for s in scored(np.stack([with_it, without, without, without]), "AB", rng())
    }
    assert found["precision", "B"].low >= 40 / (40 + 10 + 15)  # drawn once, beside three others
    assert found["f1", "B"].low > 0.6
    assert found["recall", "B"].value == 0.8


def test_a_class_without_any_cell_has_no_precision_to_speak_of():
    found = {(s.name, s.label): s for s in scored(np.array([[8, 2], [0, 0]]), "AB", rng())}
    assert found["precision", "B"].value == 0
    assert found["precision", "B"].high == wilson(0, 2)[1]


def test_wilson_against_its_formula_and_at_its_ends():
    low, high = wilson(np.array([0, 5, 10, 0]), np.array([10, 10, 10, 0]))
    assert low[1] == pytest.approx(0.2366, abs=1e-4)
    assert high[1] == pytest.approx(0.7634, abs=1e-4)
    assert (low[0], high[2]) == (0, 1)
    assert (low[3], high[3]) == (0, 1)


def test_the_same_input_gives_the_same_intervals():
    true, chances = some(200)
    first, second = (evaluate(true, chances.argmax(1), chances, LABELS) for _ in range(2))
    assert first.plain() == second.plain()


# --- curves ------------------------------------------------------------------------------------


def test_areas_are_those_of_scikit_learn_and_classes_without_cells_have_none():
    true, chances = some(400)
    found = curves(chances, true, LABELS)
    assert found[1].roc_area == pytest.approx(metrics.roc_auc_score(true == 1, chances[:, 1]))
    mean = metrics.roc_auc_score(true, chances / chances.sum(1, keepdims=True), multi_class="ovr")
    assert mean_areas(found)[0] == pytest.approx(mean, abs=1e-4)
    thin = found[1].false_positives, found[1].true_positives
    assert metrics.auc(*thin) == pytest.approx(found[1].roc_area, abs=2e-3)
    assert len(thin[0]) <= 402
    assert [c.label for c in curves(chances[true != 2], true[true != 2], LABELS)] == ["A", "B"]
    assert curves(chances[true == 0], true[true == 0], LABELS) == []
    assert len(curve_table([])) == 0


# --- calibration -------------------------------------------------------------------------------


def test_honest_probabilities_have_a_small_calibration_error():
    true, chances = some(20_000)
    assert calibration_error(chances, true) < 0.012
    assert calibration_error(scaled(chances, 0.4), true) > 0.05


def test_bins_of_the_reliability_are_counted_rightly():
    found = reliability(np.array([0.05, 0.1, 0.95, 1.0]), np.array([0, 0, 1, 0], bool))
    assert found.cells.tolist() == [2, *[0] * 8, 2]
    assert found.right[9] == 1
    assert found.error == pytest.approx((2 * 0.075 + 2 * abs(0.5 - 0.975)) / 4)
    assert len(found.table()) == 2


def test_brier_and_log_loss():
    chances = np.array([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1]])
    assert brier(chances, np.array([0, 2])) == pytest.approx((0.14 + 1.46) / 2)
    expected = metrics.log_loss([0, 2], chances, labels=[0, 1, 2])
    assert log_loss(chances, np.array([0, 2])) == pytest.approx(expected)


@pytest.mark.parametrize("spoilt", [0.4, 1.0, 2.5])
def test_the_temperature_mends_what_was_spoilt(spoilt):
    true, chances = some(6000)
    assert fit_temperature(scaled(chances, spoilt), true) == pytest.approx(1 / spoilt, rel=0.06)


def test_the_temperature_keeps_the_order_and_stays_finite():
    true, chances = some(300)
    assert (scaled(chances, 3.0).argmax(1) == chances.argmax(1)).all()
    assert scaled(chances, 1.0) is chances
    assert scaled(chances, 0.2).sum(1) == pytest.approx(1, abs=1e-5)
    perfect = np.eye(3, dtype=np.float32)[true[:10]] * 0.9 + np.float32(0.1 / 3)
    sure = scaled(perfect, fit_temperature(perfect, true[:10])).max()
    assert 0.85 < sure < 0.97  # ten of ten right do not make it sure to 100 %
    assert fit_temperature(chances[:0], true[:0]) == 1


# --- unsure ------------------------------------------------------------------------------------


def test_the_trade_off_counts_what_the_labels_would_be():
    true, chances = some(500)
    sure, right = chances.max(1), chances.argmax(1) == true
    found = trade_off(sure, right, 0.777)
    place = found.threshold.tolist().index(0.777)
    kept = ~is_unsure(sure, 0.777)
    assert found.labelled[place] == kept.sum()
    assert found.right[place] == (kept & right).sum()
    assert found.labelled[0] == 500
    assert found.accuracy[0] == right.mean()
    assert found.table()["share_labelled"].is_monotonic_decreasing
    assert not is_unsure(sure, None).any()


# --- samples -----------------------------------------------------------------------------------

KNOWN = np.array([[80, 15, 5], [10, 85, 5], [5, 25, 70]])


def test_the_correction_finds_the_true_shares():
    true = np.array([0.1, 0.2, 0.7])
    counts = np.round(10_000 * true @ (KNOWN / 100)).astype(int)
    shares, low, high = corrected_shares(counts, KNOWN, rng())
    assert shares == pytest.approx(true, abs=1e-3)
    assert shares.sum() == pytest.approx(1)
    assert (low <= true).all() and (true <= high).all()
    assert (high - low > 0.02).all()  # for the confusion is known from 100 cells a class only


def test_the_correction_gives_no_negative_shares():
    shares, low, _ = corrected_shares(np.array([100, 0, 0]), KNOWN, rng())
    assert (shares >= 0).all() and (low >= 0).all()
    assert shares == pytest.approx([1, 0, 0], abs=0.01)


def test_intervals_of_the_correction_hold_the_truth_as_often_as_they_say():
    true, draw, held = np.array([0.5, 0.3, 0.2]), np.random.default_rng(1), []
    rates = KNOWN / 100
    for _ in range(100):
        known = np.stack([draw.multinomial(100, row) for row in rates])
        counts = draw.multinomial(1000, true @ rates)
        _, low, high = corrected_shares(counts, known, draw, 200)
        held.append((low <= true) & (true <= high))
    assert np.mean(held) > 0.88


def test_classes_of_few_validation_cells_have_wide_intervals():
    few = KNOWN.copy()
    few[2] = [1, 1, 2]
    possible, told = about_correction(few, LABELS)
    assert possible and told.startswith("C had fewer than 10 validation cells")
    counts = np.array([40, 40, 20])
    wide, narrow = (corrected_shares(counts, each, rng()) for each in (few, KNOWN))
    assert wide[2, 2] - wide[1, 2] > 1.2 * (narrow[2, 2] - narrow[1, 2])
    assert about_correction(KNOWN, LABELS) == (True, "")
    assert "finish the training with --resume" in about_correction(np.zeros((0,)), LABELS)[1]
    assert not about_correction(KNOWN // 30, LABELS)[0]


def test_samples_are_counted_by_level_with_unsure_cells_apart():
    chosen, unsure = np.array([0, 0, 1, 2]), np.array([False, True, False, False])
    levels = {
        "Day": (["1", "2"], np.array([0, 0, 0, 1])),
        "Sample": (["A"], np.array([0, -1, 0, 0])),
    }
    found = samples_of(chosen, unsure, levels, KNOWN, 3, rng())
    assert [(s.name, s.cells) for s in found] == [
        ("All cells", 4), ("Day 1", 3), ("Day 2", 1), ("Sample A", 3),
    ]  # fmt: skip
    table = sample_table(found, LABELS, True)
    day = table[(table["level"] == "Day") & (table["value"] == "1")]
    assert day["label"].tolist() == ["A", "B", "C", "unsure"]
    assert day["count"].tolist() == [1, 1, 0, 1]
    assert day["fraction"].sum() == pytest.approx(1)
    assert day["corrected_fraction"].dropna().sum() == pytest.approx(1)
    assert (day["low"] <= day["fraction"]).all()


# --- mistakes ----------------------------------------------------------------------------------


def test_the_surest_mistakes_of_all_batches_are_kept():
    true, chances = some(400, power=1.0)
    chosen, sure = chances.argmax(1), chances.max(1)
    images = np.arange(400)[:, None, None, None] * np.ones((1, 4, 4, 1))
    found = Mistakes(LABELS, 5)
    for first in range(0, 400, 64):
        some_ = slice(first, first + 64)
        cells = [(None, "a.cif", str(n)) for n in range(400)[some_]]
        found.look(cells, images[some_], true[some_], chosen[some_], sure[some_])
    wrong = np.flatnonzero(true != chosen)
    expected = wrong[np.argsort(-sure[wrong])][:5]
    assert [int(m.object) for m in found.top] == expected.tolist()
    assert [int(m.image[0, 0, 0]) for m in found.top] == expected.tolist()
    assert found.top[0].true == LABELS[true[expected[0]]]
