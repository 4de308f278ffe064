"""Learning a number, or ordered classes: what is learnt, how it is divided, trained and kept."""

import json

import numpy as np
import pandas as pd
import pytest

from deepometry.cells.dataset import open_dataset
from deepometry.cells.description_checks import wrong_in
from deepometry.cells.model_description import read_description
from deepometry.core.errors import OptionsError
from deepometry.core.folder_names import NUMBER
from deepometry.core.label_numbers import read_number
from deepometry.core.progress import Progress
from deepometry.core.run_records import read_json
from deepometry.core.task import Task, half_width
from deepometry.evaluation.metrics import ordered_scores
from deepometry.evaluation.number_metrics import judge_numbers, number_scores
from deepometry.network.backend import keras
from deepometry.network.losses import class_loss
from deepometry.network.model_file import load_model
from deepometry.network.test_time_augmentation import predict_views
from deepometry.training.gather import gather_cells
from deepometry.training.learnt import learnt_of, strata_of
from deepometry.training.transfer import _head_for
from tests.conftest import short_training
from tests.labelled import write_labels
from tests.numbers import write_days
from tests.parsed import write_classes


def options(days, output="unused", **more):
    return short_training(days / "Train", output, target="Day", **({"learn_as": NUMBER} | more))


# --- labels that are numbers --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("label", "number"),
    [
        ("15", (15, "")),
        ("-20", (-20, "")),
        ("0.5", (0.5, "")),
        ("0,5", (0.5, "")),
        ("1e-3", (0.001, "")),
        ("10 uM", (10, "uM")),
        ("37C", (37, "C")),
        ("1,000", None),
        ("D3", None),
        ("12-14", None),
        ("", None),
    ],
)
def test_labels_are_read_as_numbers(label, number):
    assert read_number(label) == number


def test_labels_that_are_no_numbers_are_refused_in_a_sentence(cells):
    for learn_as in ("number", "ordered"):
        with pytest.raises(OptionsError, match="values of Class that are numbers, found A, B, C;"):
            gather_cells(short_training(cells / "Train", "x", learn_as=learn_as), Progress())


def test_labels_in_two_units_are_refused(tmp_path):
    write_classes(tmp_path, {"Dose 10 uM": 9, "Dose 1 mM": 9})
    with pytest.raises(OptionsError, match="in one unit, found the unit mM and the unit uM"):
        gather_cells(short_training(tmp_path, "x", target="Dose", learn_as=NUMBER), Progress())


def test_ordered_classes_rise_by_their_numbers(tmp_path):
    write_classes(tmp_path, {"Temperature 4": 6, "Temperature -20": 6, "Temperature 10": 6})
    how = {"target": "Temperature", "learn_as": "ordered"}
    cells = gather_cells(short_training(tmp_path, "x", **how), Progress())
    assert cells.labels == ("-20", "4", "10")
    assert cells.task.values == (-20, 4, 10)


# --- how cells are divided ----------------------------------------------------------------------


def test_ordered_classes_of_one_number_are_refused(tmp_path):
    dataset = open_dataset(write_classes(tmp_path, {"Day 1": 3, "Day 01": 3, "Day 2": 3}))
    with pytest.raises(OptionsError, match="found the same in 01, 1; rename them"):
        learnt_of(dataset, dataset.targets()[0], "ordered")


def test_ranges_have_about_as_many_cells_and_never_separate_equal_numbers():
    values = np.random.default_rng(0).normal(size=1000).round(1)
    labels, codes = strata_of(values)
    assert len(labels) == len(set(labels)) == codes.max() + 1
    assert np.bincount(codes).min() >= 20
    assert all(len(np.unique(codes[values == value])) == 1 for value in np.unique(values))
    assert all(values[codes == n].max() < values[codes == n + 1].min() for n in range(codes.max()))


def test_rare_numbers_join_their_neighbours():
    labels, codes = strata_of(np.repeat([1.0, 15, 29, 43], [5, 100, 100, 3]))
    assert labels == ("1 to 15", "29 to 43")
    assert np.bincount(codes).tolist() == [105, 103]


def test_a_day_may_be_left_out_whole_where_a_number_is_learnt(tmp_path):
    for sample, day in enumerate((1, 15, 29, 43)):  # one sample a day, which no class could bear
        write_days(tmp_path / f"Sample {sample}", 12, days=(day,), split=False)
    how = {"target": "Day", "group_by": "Sample", "folds": 2}
    with pytest.raises(Exception, match="in two values of Sample or more"):
        gather_cells(short_training(tmp_path, "x", **how), Progress())
    cells = gather_cells(short_training(tmp_path, "x", learn_as=NUMBER, **how), Progress())
    for fold in (0, 1):
        assert len(np.unique(cells.groups[cells.folds == fold])) == 2


def test_the_numbers_belong_to_the_fingerprint_of_the_cells(days):
    as_number = gather_cells(options(days), Progress())
    as_classes = gather_cells(options(days, learn_as="classes"), Progress())
    assert as_number.fingerprint != as_classes.fingerprint
    assert np.array_equal(np.unique(as_number.values), [1, 15, 29, 43])


# --- the interval -------------------------------------------------------------------------------


def test_the_interval_holds_its_share_of_new_cells():
    rng = np.random.default_rng(1)
    held = []
    for _ in range(400):
        half = half_width(rng.standard_t(3, 60))
        held.append((np.abs(rng.standard_t(3, 200)) <= half).mean())
    assert 0.89 < np.mean(held) < 0.925


def test_too_few_cells_make_no_interval():
    assert half_width(np.ones(8)) is None
    assert half_width(np.arange(9.0)) == 8
    assert np.isnan(Task(NUMBER).predictions_of(np.zeros((2, 1)))[:, 1:]).all()


# --- scores -------------------------------------------------------------------------------------


def test_scores_of_numbers_are_those_of_scikit_learn_and_scipy():
    from scipy.stats import pearsonr, spearmanr
    from sklearn.metrics import mean_absolute_error, r2_score

    rng = np.random.default_rng(2)
    true = 1e6 + rng.normal(size=500).round(1)
    predicted = true + rng.normal(0.2, 0.7, 500)
    scores = judge_numbers(true, predicted, 1.0).scores
    assert scores["mae"] == pytest.approx(mean_absolute_error(true, predicted))
    assert scores["r2"] == pytest.approx(r2_score(true, predicted))
    assert scores["pearson"] == pytest.approx(pearsonr(true, predicted)[0])
    assert scores["spearman"] == pytest.approx(spearmanr(true, predicted)[0])
    assert scores["p_value"] < 1e-10


@pytest.mark.parametrize("cells", [300, 20_000])  # single cells, and blocks of them
def test_intervals_of_scores_are_as_wide_as_theory_says(cells):
    rng = np.random.default_rng(3)
    true, errors = rng.normal(size=cells), rng.normal(size=cells)
    drawn = {s.name: s for s in number_scores(true, true + errors, errors < 1, None, rng)}
    for name, deviation in (("mae", np.abs(errors).std()), ("coverage", (errors < 1).std())):
        width = 2 * 1.96 * deviation / np.sqrt(cells)
        assert drawn[name].high - drawn[name].low == pytest.approx(width, rel=0.1)
        assert drawn[name].low < drawn[name].value < drawn[name].high


def test_intervals_by_groups_are_wider_where_groups_differ():
    rng = np.random.default_rng(4)
    groups = np.repeat(np.arange(10), 200)
    true = rng.normal(size=2000)
    predicted = true + rng.normal(size=10)[groups] + rng.normal(0, 0.1, 2000)
    by_cell, by_group = (
        {s.name: s for s in number_scores(true, predicted, None, each, np.random.default_rng(0))}
        for each in (None, groups)
    )
    assert "coverage" not in by_cell
    widths = [s["bias"].high - s["bias"].low for s in (by_cell, by_group)]
    assert widths[1] > 5 * widths[0]


def test_scores_of_ordered_classes_count_steps():
    from sklearn.metrics import cohen_kappa_score

    rng = np.random.default_rng(5)
    true, predicted = rng.integers(0, 4, (2, 300))
    matrix = np.zeros((4, 4), int)
    np.add.at(matrix, (true, predicted), 1)
    scores = ordered_scores(matrix)
    kappa = cohen_kappa_score(true, predicted, weights="quadratic")
    assert scores["mae_steps"] == pytest.approx(np.abs(true - predicted).mean())
    assert scores["quadratic_kappa"] == pytest.approx(kappa)


def test_the_loss_of_ordered_classes_asks_more_of_far_errors():
    true = np.eye(4, dtype=np.float32)[[0, 0]]
    near, far = [0.1, 0.8, 0.05, 0.05], [0.1, 0.05, 0.05, 0.8]
    chances = np.array([near, far], np.float32)
    plain, ordered = (
        keras().ops.convert_to_numpy(class_loss(np.full(4, 0.25), ordered=kind)(true, chances))
        for kind in (False, True)
    )
    assert plain[0] == pytest.approx(plain[1], abs=1e-5)
    assert ordered - plain == pytest.approx([0.81 + 0.01 + 0.0025, 0.81 + 0.7225 + 0.64], abs=1e-5)


# --- a model of a number ------------------------------------------------------------------------


@pytest.mark.slow
def test_a_number_is_learnt_and_described(days, days_trained):
    result, folder = days_trained, days_trained.model.parent
    description, model = read_description(result.model), load_model(result.model)[0]
    assert result.model.name == "model_number-Day.keras"
    assert description.labels == ()
    assert description.task.kind == NUMBER
    assert (description.task.lowest, description.task.highest) == (1, 43)
    assert sum(description.cells.values()) == 96
    assert "mean absolute error" in str(result)
    record = read_json(folder / "train.json")
    assert record["task"] == {"kind": "number", "unit": ""}
    table = pd.read_csv(folder / "validation_cells.csv")
    gathered = gather_cells(options(days), Progress())
    assert table["true_value"].tolist() == gathered.values[gathered.validation].tolist()
    (raw,) = predict_views(model, gathered.dataset.read(gathered.validation), description.views)
    predictions = description.task.predictions_of(raw)
    columns = ["predicted_value", "lower", "upper"]
    assert table[columns].to_numpy() == pytest.approx(predictions, rel=1e-3, abs=1e-3)
    inside = (table["true_value"] >= table["lower"]) & (table["true_value"] <= table["upper"])
    assert inside.mean() >= 0.9
    assert description.scores["val_spearman"] > 0.7
    history = pd.read_csv(folder / "training.csv")
    assert {"loss", "mae", "val_loss", "val_mae", "val_r2"} <= set(history.columns)


@pytest.mark.slow
def test_ordered_classes_are_learnt_and_described(days_ordered):
    description = read_description(days_ordered.model)
    assert description.labels == ("1", "15", "29", "43")
    assert description.task.values == (1, 15, 29, 43)
    assert {"val_accuracy", "val_mae_steps", "val_quadratic_kappa"} <= set(description.scores)
    table = pd.read_csv(days_ordered.model.parent / "validation_cells.csv")
    probabilities = table.filter(like="probability_").to_numpy()
    assert table["expected_value"].to_numpy() == pytest.approx(
        probabilities @ [1, 15, 29, 43], abs=1e-3
    )


def test_the_last_layer_of_the_same_numbers_keeps_what_it_predicts(days, tmp_path):
    cells = gather_cells(options(days), Progress())
    from deepometry.training.gather import describe

    description = describe(cells, None, network="small10", scaling="channel")
    other = Task(NUMBER, mean=3.0, deviation=2.0, lowest=0.0, highest=9.0)
    kernel, bias = np.random.default_rng(0).normal(size=(8, 1)), np.array([0.5])
    earlier = type(description)(**{**vars(description), "task": other})
    new_kernel, new_bias = _head_for(earlier, description, kernel, bias)
    features = np.random.default_rng(1).normal(size=(5, 8))
    before = other.numbers_of(features @ kernel + bias)
    after = description.task.numbers_of(features @ new_kernel + new_bias)
    assert after == pytest.approx(before)


@pytest.mark.parametrize(
    "task",
    [
        {"kind": "colour"},
        {"kind": "number", "deviation": 0},
        {"kind": "number", "mean": "x"},
        {"kind": "number", "half_width": -1},
        {"kind": "number", "half_width": []},
        {"kind": "ordered", "values": [1]},
        [],
    ],
)
def test_a_description_with_a_damaged_task_is_refused(days, task):
    cells = gather_cells(options(days), Progress())
    from dataclasses import asdict

    from deepometry.training.gather import describe

    content = json.loads(
        json.dumps(asdict(describe(cells, (3, 6), network="small10", scaling="channel")))
    )
    assert wrong_in(content) == ""
    assert "task" in wrong_in(content | {"task": task}) or "labels" in wrong_in(
        content | {"task": task}
    )


# --- measured labels ----------------------------------------------------------------------------


def measured(tmp_path):
    """Two folders of 40 cells, of which all but the last have a number."""
    write_classes(tmp_path, {"Class A": 40, "Class B": 40})
    rows = [(f"Class {c}.cif", str(n), str(n / 4)) for c in "AB" for n in range(39)]
    write_labels(tmp_path, "DNA", rows, kind=NUMBER)
    return tmp_path


def test_measured_labels_are_learnt_as_a_number_by_themselves(tmp_path):
    cells = gather_cells(short_training(measured(tmp_path), "x", target="dna"), Progress())
    assert cells.task.is_number
    assert np.isnan(cells.values).tolist() == [False] * 39 + [True] + [False] * 39 + [True]
    assert cells.labelled == 78
    assert np.array_equal(cells.codes < 0, np.isnan(cells.values))


def test_measured_labels_are_no_classes(tmp_path):
    cells = measured(tmp_path)
    for learn_as in ("classes", "ordered"):
        with pytest.raises(OptionsError, match="expected auto or number, because the labels of"):
            gather_cells(short_training(cells, "x", target="DNA", learn_as=learn_as), Progress())
