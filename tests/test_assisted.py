"""Assisted labelling: features of all cells, the fast classifier, orders, the running estimate."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pytest

from deepometry.cells.random_order import labelled_at_random, random_order
from deepometry.evaluation.running_accuracy import running_accuracy
from deepometry.training.assisted import replay
from deepometry.training.assisted.assistant import Assistant, Labels
from deepometry.training.assisted.fast_classifier import FastClassifier, variance_ratios
from deepometry.training.assisted.orders import (
    MIXED,
    MIXED_FIRST,
    distances,
    mix,
    mixed,
    spread_out,
    uncertainty,
)
from deepometry.training.assisted.standardise import Standardiser

NAMES = ("a", "b", "c")


@dataclass(frozen=True)
class Made:
    """Features of invented cells."""

    values: np.ndarray
    keys: np.ndarray
    names: tuple[str, ...]

    def read(self, rows):
        return self.values[rows]


def made(cells=600, features=12, apart=6, seed=0):
    """Invent cells of three classes, 80, 15 and 5 %, which two features separate."""
    rng = np.random.default_rng(seed)
    codes = rng.choice(3, cells, p=[0.8, 0.15, 0.05])
    values = rng.normal(0, 1, (cells, features))
    values[:, :2] += apart * np.array([[0, 0], [1, 0], [0, 1]])[codes]
    keys = rng.integers(1 << 63, size=cells).astype(np.uint64)
    return Made(values.astype(np.float32), keys, tuple(map(str, range(features)))), codes


def test_features_of_any_scale_become_comparable_and_what_is_no_number_is_average():
    rng = np.random.default_rng(0)
    features = rng.normal(0, 1, (500, 4)).astype(np.float32) * [1, 1e6, 1e-6, 0] + [0, 5, 0, 7]
    features[:3, 0] = [1e9, np.nan, np.inf]
    features = features.astype(np.float32)
    scaler = Standardiser.of(features)
    scaled = scaler.scale(features)
    assert scaled.dtype == np.float32 and np.isfinite(scaled).all()
    assert np.allclose(scaled[:, 1:3].std(0), 1, atol=1e-3) and (scaled[:, 3] == 0).all()
    assert 10 < scaled[0, 0] <= 20 and abs(scaled[1, 0]) < 0.2
    assert scaler.positions(scaled).shape == (500, 4)
    nothing = np.full((5, 2), np.nan, np.float32)
    assert (Standardiser.of(nothing).scale(nothing) == 0).all()


def test_the_classifier_learns_rare_classes_from_few_cells():
    cells, codes = made()
    scaled = Standardiser.of(cells.values).scale(cells.values)
    known = np.concatenate([np.flatnonzero(codes == code)[:6] for code in range(3)])
    found = FastClassifier.fit(scaled[known], codes[known]).probabilities(scaled, 3)
    assert found.shape == (600, 3) and np.allclose(found.sum(1), 1, atol=1e-5)
    assert (found.argmax(1) == codes).mean() > 0.9
    two = known[codes[known] > 0]
    found = FastClassifier.fit(scaled[two], codes[two]).probabilities(scaled, 4)
    assert (found[:, [0, 3]] == 0).all() and np.allclose(found.sum(1), 1, atol=1e-5)
    one_each = known[[0, 6, 12]]
    found = FastClassifier.fit(scaled[one_each], codes[one_each]).probabilities(scaled, 3)
    assert np.isfinite(found).all()


def test_ratios_of_variances_are_those_of_scipy_where_variances_are_large():
    from scipy.stats import f_oneway

    cells, codes = made(features=3)
    values = cells.values.astype(np.float64) * 1000
    expected = f_oneway(*(values[codes == code] for code in range(3))).statistic - 1
    assert np.allclose(variance_ratios(values, codes), np.maximum(expected, 0), rtol=1e-4)


def test_many_labels_take_part_of_the_trees_each():
    cells, codes = made(2500)
    classifier = FastClassifier.fit(cells.values, codes)
    assert all(tree.tree_.n_node_samples[0] <= 1000 for tree in classifier.trees.estimators_)
    assert (classifier.probabilities(cells.values, 3).argmax(1) == codes).mean() > 0.95


def test_uncertain_cells_are_those_between_classes_and_rare_classes_count_more():
    probabilities = np.array([[1, 0, 0], [0.5, 0.5, 0], [0.5, 0, 0.5]])
    common, rare = uncertainty(probabilities, np.array([50, 50, 50]))[1:]
    assert common == pytest.approx(rare)
    certain, common, rare = uncertainty(probabilities, np.array([50, 50, 2]))
    assert certain == 0 < common < rare


def test_cells_that_are_spread_out_are_unlike_each_other_and_unlike_labelled_ones():
    positions = np.array([[0, 0], [0, 0.1], [5, 0], [5, 0.1], [0, 9]], np.float32)
    nearest = distances(positions, positions[:1])
    assert nearest.tolist() == pytest.approx([0, 0.01, 25, 25.01, 81])
    assert spread_out(positions, nearest, 2).tolist() == [4, 3]
    assert np.isinf(distances(positions, positions[:0])).all()
    first = spread_out(positions, distances(positions, positions[:0]), 3)
    assert first[0] == 1 and set(first[1:]) == {4, 2}
    assert sorted(spread_out(positions, nearest, 9)) == [0, 1, 2, 3, 4]
    assert len(spread_out(positions[:0], nearest[:0], 9)) == 0


def test_one_cell_in_five_is_taken_at_random_and_none_twice():
    order, at_random = np.arange(100)[::-1], np.random.default_rng(0).permutation(100)
    found = mix(order, at_random, 5)
    assert sorted(found) == sorted(order)
    assert found[4] == at_random[0] and found[9] == at_random[1]
    assert found[:4].tolist() == [99, 98, 97, 96]
    assert mix(order, at_random, 2)[:4].tolist() == [99, at_random[0], 98, at_random[1]]
    assert mixed(np.array([0, 0, 0])) == mixed(np.array([19, 0, 0])) == MIXED_FIRST
    assert mixed(np.array([20, 9, 0])) == mixed(np.array([30, 0, 0])) == MIXED


def test_the_random_order_belongs_to_the_cells_and_not_to_their_number():
    keys = np.arange(1000, dtype=np.uint64)
    order = keys[random_order(keys)]
    part = keys[keys % 2 == 0]
    assert part[random_order(part)].tolist() == order[order % 2 == 0].tolist()
    assert abs(np.corrcoef(order, np.arange(1000))[0, 1]) < 0.1


def test_labelled_cells_count_as_random_as_far_as_nearly_all_before_them_are_labelled():
    keys = np.arange(200, dtype=np.uint64)
    order, labelled = random_order(keys), np.zeros(200, bool)
    labelled[order[:40]] = True
    labelled[order[7]] = False  # nobody could tell
    labelled[order[150:170]] = True  # chosen by the classifier
    sample = labelled_at_random(keys, labelled)
    assert set(np.flatnonzero(sample)) == set(order[:40]) - {order[7]}
    assert not labelled_at_random(keys, np.zeros(200, bool)).any()
    assert labelled_at_random(keys, np.ones(200, bool)).all()


def test_the_running_estimate_counts_random_cells_that_were_predicted():
    codes = np.zeros(100, int)
    predicted = np.where(np.arange(100) < 60, 1, 0)
    predicted[:50] = -1
    at_random = np.arange(100) % 2 == 0
    told = running_accuracy(codes, predicted, at_random)
    assert (told.labels, told.cells, told.right) == (100, 25, 20)
    assert told.low < told.accuracy == 0.8 < told.high
    assert "Estimated accuracy 80 % (95 % interval 61 to 91 %), from 25 randomly" in str(told)
    none = running_accuracy(codes, predicted, at_random & False)
    assert np.isnan(none.accuracy) and "of which there are 0" in str(none)


def test_labels_are_replayed_in_their_order_and_only_new_ones_are_learnt_again(monkeypatch):
    cells, codes = made(200)
    learnt: list[int] = []
    fit = FastClassifier.fit

    def counted(features, given, seed=0):
        learnt.append(len(given))
        return fit(features, given, seed)

    monkeypatch.setattr(replay.FastClassifier, "fit", counted)
    again = replay.Replay(cells.values[100:])
    changes = again.go(cells.values[:60], codes[:60], 3)
    assert learnt == replay.steps(60) == [10, 13, 17, 22, 28, 35, 44, 55]
    assert [(each.before, each.after) for each in changes] == [*pairwise(learnt)]
    others = codes[:60].copy()
    others[58] = (others[58] + 1) % 3
    assert again.go(cells.values[:60], others, 3) == changes and len(learnt) == 8
    others[20] = (others[20] + 1) % 3
    again.go(cells.values[:60], others, 3)
    assert learnt[8:] == [22, 28, 35, 44, 55]
    assert again.go(cells.values[:30], np.zeros(30, int), 3) == []


# --- the assistant -------------------------------------------------------------------------------


def labelled(rows, codes):
    return Labels(np.asarray(rows), codes[rows], NAMES)


def test_before_two_classes_are_known_cells_unlike_each_other_come_first():
    cells, codes = made()
    assistant = Assistant(cells)
    first = assistant.order("uncertain", 10)
    assert sorted(first) == [*range(600)] and assistant.probabilities is None
    assistant.learn(labelled(np.flatnonzero(codes == 0)[:5], codes))
    assert assistant.probabilities is None and assistant.classify(cells.values) is None
    assert "it needs 20 randomly chosen cells" in str(assistant.progression())


def test_orders_leave_labelled_cells_out_and_one_in_five_is_random():
    cells, codes = made()
    assistant = Assistant(cells)
    rows = assistant.at_random[:60]
    assistant.learn(labelled(rows, codes))
    for name in ("uncertain", "different"):
        order = assistant.order(name, 20)
        assert sorted(order) == sorted(set(range(600)) - set(rows))
        assert order[4::5][:4].tolist() == assistant.at_random[60:64].tolist()
    likely = assistant.order("likely", 20, 2)
    assert (codes[likely[:10]] == 2).mean() > 0.5
    margins = np.sort(assistant.probabilities, 1)
    margins = margins[:, 2] - margins[:, 1]
    shown = assistant.order("uncertain", 20)[:20]
    assert margins[shown].mean() < margins.mean()


def test_the_assistant_estimates_its_accuracy_and_says_when_labels_change_little():
    cells, codes = made(1500, apart=3)
    assistant = Assistant(cells)
    assistant.learn(labelled(assistant.at_random[:400], codes))
    told = assistant.progression()
    true = (assistant.classify(cells.values) == codes).mean()
    assert told.accuracy.cells == 400 and told.accuracy.low < true < told.accuracy.high
    assert told.enough and "more labels hardly help this classifier" in str(told)
    assistant.learn(labelled(assistant.at_random[:40], codes))
    assert not assistant.progression().enough


def test_labels_that_are_taken_back_are_forgotten():
    cells, codes = made()
    assistant, fresh = Assistant(cells), Assistant(cells)
    assistant.learn(labelled(assistant.at_random[:60], codes))
    for each in (assistant, fresh):
        each.learn(labelled(assistant.at_random[:30], codes))
    assert (assistant.order("different", 20) == fresh.order("different", 20)).all()
    assert (assistant.order("uncertain", 20) == fresh.order("uncertain", 20)).all()


def test_of_many_cells_some_are_chosen_among_and_cells_left_out_never():
    cells, codes = made()
    out = np.arange(600) % 3 == 0
    assistant = Assistant(cells, out, most=100)
    assert len(assistant.rows) == 100 and not out[assistant.rows].any()
    assistant.learn(labelled(np.flatnonzero(out)[:60], codes))  # labelled before the gate
    assert set(assistant.order("uncertain", 20)) == set(assistant.rows)


def test_labels_that_contradict_a_classifier_that_had_not_seen_them_are_doubtful():
    cells, codes = made()
    assistant = Assistant(cells)
    rows = assistant.at_random[:200]
    assert len(assistant.doubtful()) == 0
    given = codes.copy()
    wrong = rows[20:30]
    given[wrong] = (codes[wrong] + 1) % 3
    assistant.learn(labelled(rows, given))
    assert set(assistant.doubtful()[:10]) == set(wrong)
    assistant.learn(labelled(rows[codes[rows] == 0], codes))
    assert len(assistant.doubtful()) == 0
