"""Two classifiers on the same cells: tests with values known from the literature, intervals."""

from __future__ import annotations

from math import comb

import numpy as np
import pytest

from deepometry.evaluation.pair_tally import PairTally
from deepometry.evaluation.paired import paired, paired_cells, shown
from deepometry.evaluation.paired_tests import exchange_test, holm, mcnemar


def test_mcnemar_gives_known_values():
    """Fagerland et al. 2013: airway hyper-responsiveness; then the example of statsmodels."""
    assert mcnemar(1, 7) == pytest.approx((0.0703, 0.0391), rel=1e-3) == mcnemar(7, 1)
    assert mcnemar(121, 59)[0] == pytest.approx(4.434e-06, rel=1e-3)
    assert mcnemar(3, 3) == (1.0, 1.0) == mcnemar(0, 0)


@pytest.mark.parametrize(("fewer", "more"), [(0, 4), (2, 9), (13, 30)])
def test_mid_p_counts_half_of_the_observed_case(fewer, more):
    number = fewer + more
    shares = [comb(number, k) / 2**number for k in range(fewer + 1)]
    assert mcnemar(fewer, more)[1] == pytest.approx(2 * sum(shares[:-1]) + shares[-1])


def test_mcnemar_is_the_binomial_test_of_scipy():
    from scipy.stats import binomtest

    for one, other in [(4, 6), (10, 30), (0, 5)]:
        assert mcnemar(one, other)[0] == pytest.approx(binomtest(one, one + other).pvalue)


def test_the_exchange_of_groups_is_that_of_scipy():
    from scipy.stats import permutation_test

    moved = np.array([3, -1, 4, 0, 2, 5, -2])
    theirs = permutation_test(
        (moved,), np.sum, permutation_type="samples", n_resamples=np.inf, alternative="two-sided"
    )
    assert exchange_test(moved) == pytest.approx(theirs.pvalue)


def test_the_exchange_of_groups_ends_where_it_must():
    assert exchange_test(np.array([5, 5, 5, 5, 5])) == 2 / 32
    assert exchange_test(np.zeros(4, int)) == 1.0
    many = np.full(40, 3)
    assert exchange_test(many) == 1 / 10_000  # none of the random ones is as far


def test_holm_gives_the_values_of_r():
    """As `p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm")`."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == [] and holm([0.4]) == [0.4]


def cells(rng, number=4000, better=0.05):
    """Return true classes and two classifiers' classes; the second is right a little more often."""
    true = rng.integers(0, 3, number)
    wrong = (true + 1) % 3
    hard = rng.random(number)
    first = np.where(hard < 0.7, true, wrong)
    return true, first, np.where(hard < 0.7 + better, true, wrong)


def test_a_difference_has_an_interval_much_narrower_than_those_of_the_scores():
    true, first, second = cells(np.random.default_rng(1))
    result = paired_cells(true, first, second, 3)
    gain = result.differences[0]
    assert gain.value == pytest.approx((second == true).mean() - (first == true).mean())
    assert gain.low < gain.value < gain.high and 0 < gain.high - gain.low < 0.02
    assert result.only_first == 0 and result.p_value < 1e-6
    assert "B is better" in result.sentence("A", "B")


def test_the_interval_is_that_of_theory():
    """The variance of a difference of paired shares, as of McNemar's counts."""
    true, first, second = cells(np.random.default_rng(2), better=0.1)
    second = np.where(np.random.default_rng(3).random(len(true)) < 0.05, (true + 2) % 3, second)
    result = paired_cells(true, first, second, 3)
    b, c, n = result.only_first, result.only_second, len(true)
    deviation = np.sqrt(b + c - (b - c) ** 2 / n) / n
    gain = result.differences[0]
    assert (gain.high - gain.low) / 2 == pytest.approx(1.96 * deviation, rel=0.06)


def test_intervals_cover_the_truth_as_often_as_they_say():
    rng, covered = np.random.default_rng(4), 0
    for _ in range(60):
        true, first, second = cells(rng, 300)
        gain = paired_cells(true, first, second, 3).differences[0]
        covered += gain.low <= 0.05 <= gain.high
    assert covered >= 50  # of 60; 57 are expected


def test_log_losses_are_compared_cell_by_cell_whatever_the_batches():
    rng = np.random.default_rng(5)
    true = rng.integers(0, 2, 1000)
    first, second = rng.uniform(0.2, 1, 1000), rng.uniform(0.3, 1, 1000)
    tally, chosen = PairTally(2), (true, true)
    for some in np.array_split(np.arange(1000), 7):
        tally.add(true[some], (chosen[0][some], chosen[1][some]), (first[some], second[some]))
    loss = paired(tally).differences[2]
    more = np.log(first) - np.log(second)
    assert loss.name == "log_loss" and loss.value == pytest.approx(more.mean())
    half = 1.96 * more.std() / np.sqrt(1000)
    assert (loss.high - loss.low) / 2 == pytest.approx(half, rel=0.06)


def test_balanced_accuracy_weighs_classes_alike():
    true = np.array([0] * 90 + [1] * 10)
    second = np.where(true == 1, 1, 0)
    first = np.zeros(100, int)
    result = paired_cells(true, first, second, 2)
    accuracy, balanced, _ = result.differences
    assert (accuracy.value, balanced.value) == (pytest.approx(0.1), pytest.approx(0.5))


def test_groups_stay_together():
    """Each sample has a result of its own: a thousand cells of six samples are six results."""
    groups = np.repeat(np.arange(6), 200)
    true, first = np.zeros(1200, int), np.zeros(1200, int)
    first[groups < 2] = 1
    second = np.zeros(1200, int)
    second[groups == 5] = 1
    alone, together = (
        paired_cells(true, first, second, 2),
        paired_cells(true, first, second, 2, groups),
    )
    assert alone.p_value < 1e-9 and together.p_value == 1.0 == exchange_test([200, 200, -200])
    assert together.groups == 6 and together.test == "exchange of groups"
    wide, narrow = together.differences[0], alone.differences[0]
    assert wide.value == narrow.value and wide.high - wide.low > 4 * (narrow.high - narrow.low)


def test_too_few_groups_are_told():
    groups = np.repeat(np.arange(4), 50)
    result = paired_cells(np.zeros(200, int), np.ones(200, int), np.zeros(200, int), 2, groups)
    assert result.p_value == 2 / 16 and "4 groups are too few" in result.caution


def test_nothing_differs_and_no_cells():
    same = np.zeros(20, int)
    result = paired_cells(same, same, same, 2)
    assert result.p_value == 1.0 and result.differences[0].low == 0 == result.differences[0].high
    assert "neither is shown to be better" in result.sentence("A", "B")
    assert paired(PairTally(2)).cells == 0 and paired(PairTally(2, 3)).groups == 0


def test_p_values_are_written_as_papers_do():
    assert shown(1e-9) == "p < 0.0001" and shown(0.0313) == "p = 0.031"
