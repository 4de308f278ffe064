"""Leave one group out: folds of whole groups, scores by group, and what a new group costs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from deepometry.core.errors import DeepometryError, OptionsError
from deepometry.core.options.train import BaselineOptions, TrainOptions
from deepometry.core.progress import Progress
from deepometry.core.run_records import read_json
from deepometry.evaluation.group_cost import price_of
from deepometry.evaluation.group_scores import Grouped, class_group_scores, number_group_scores
from deepometry.training.baseline import baseline
from deepometry.training.gather import gather_cells
from deepometry.training.group_price import price_beside_network, random_folds, some_cells
from deepometry.training.train import train
from tests.conftest import short_training
from tests.parsed import blobs, write_record, write_stack
from tests.results_runs import Jobs, make_app, read_run


@pytest.fixture(scope="module")
def days(tmp_path_factory):
    """Parsed cells of two classes on four days."""
    root = tmp_path_factory.mktemp("days")
    write_record(root)
    for day in range(1, 5):
        for kind, label in enumerate("AB"):
            cells = blobs(6 + day, kind, seed=day) + np.uint16(10 * day)
            write_stack(root / f"Day {day}" / f"Class {label}", cells, f"{day}{label}.cif")
    return root


def asked(cells, output, **more):
    return BaselineOptions(
        **({"input": cells, "output": output, "target": "Class", "across": "Day"} | more)
    )


@pytest.fixture(scope="module")
def crossed(days, tmp_path_factory):
    said: list[str] = []
    output = tmp_path_factory.mktemp("across")
    return baseline(asked(days, output), Progress(on_say=said.append)), said


def test_each_group_is_left_out_once_and_scored(crossed):
    result, said = crossed
    groups = result.cross_validation.groups
    assert "Each of the 4 values of Day is left out once." in said
    assert [each.value for each in groups.groups] == ["1", "2", "3", "4"]
    assert [each.fold for each in groups.groups] == [1, 2, 3, 4]
    predicted = pd.read_csv(result.output / "baseline_predicted.csv")
    day = predicted["source"].str.extract(r"(\d)[AB]")[0].astype(int)
    assert (day == predicted["fold"]).all()
    table = pd.read_csv(result.output / "baseline_groups.csv", dtype={"group": str})
    assert table["group"].tolist() == ["1", "2", "3", "4", "pooled"]
    right = (predicted["label"] == predicted["true_label"]).groupby(day).mean()
    assert table["accuracy"][:4].tolist() == pytest.approx(right.tolist())
    assert table["cells"].iloc[-1] == len(predicted)
    assert (result.output / "baseline_groups.png").stat().st_size > 5000


def test_the_price_is_told_and_recorded(crossed):
    result, _ = crossed
    price = result.cross_validation.groups.price
    assert price.cost == pytest.approx(price.mixed - price.across)
    record = read_json(result.output / "baseline.json")
    told = record["cross_validation"]["groups"]
    assert told["price"]["cells"] == price.cells and told["by"] == "Day"
    assert told["sentences"][-1] == told["price"]["message"] == str(price)
    assert str(price) in str(result) and "in random folds" in str(price)
    assert record["options"]["across"] == "Day" and record["options"]["folds"] == 4


def test_the_page_shows_the_groups_of_a_baseline(crossed, days):
    result, _ = crossed
    jobs = Jobs()
    jobs.run("across", "baseline", lambda _: result, asked(days, result.output))
    jobs.known["across"] = replace(jobs.known["across"], started=None)
    client = make_app(jobs).test_client()
    page = read_run(client, "across")
    assert "On a Day that the model never saw" in page and "Every Day" in page
    chart = client.get("/runs/across/charts/groups.json").json
    assert chart["categories"] == ["1", "2", "3", "4"] and chart["series"][0]["low"]


def test_many_groups_are_dealt_out_whole(days, tmp_path):
    said: list[str] = []
    cells = gather_cells(asked(days, tmp_path, folds=2), Progress(on_say=said.append))
    pairs = set(zip(cells.groups.tolist(), cells.folds.tolist(), strict=True))
    assert len(pairs) == 4 and {fold for _, fold in pairs} == {0, 1}
    assert any("dealt out to 2 folds of whole values" in each for each in said)


def test_a_class_of_one_group_is_refused(days, tmp_path):
    root = tmp_path / "cells"
    write_record(root)
    for day in (1, 2):
        for kind, label in enumerate("AB"):
            write_stack(root / f"Day {day}" / f"Class {label}", blobs(8, kind, day), f"{label}.cif")
    write_stack(root / "Day 2" / "Class C", blobs(8, 2), "c.cif")
    with pytest.raises(OptionsError, match="found C in 2 only: a model that never saw 2"):
        baseline(asked(root, tmp_path / "out"))
    with pytest.raises(DeepometryError, match="Across: expected folders named Donor"):
        baseline(asked(days, tmp_path / "out", across="Donor"))
    with pytest.raises(OptionsError, match="as Across has it, found Sample"):
        asked(days, tmp_path / "out", group_by="Sample")
    assert asked(days, tmp_path, group_by="day").across == "Day"


@pytest.mark.slow
def test_a_network_is_scored_by_group_in_table_report_and_page(days, tmp_path):
    options = short_training(days, tmp_path / "m", epochs=1, views=1, across="Day", folds=2)
    jobs = Jobs()
    jobs.run("net", "train", train, options)
    output = tmp_path / "m"
    table = pd.read_csv(output / "groups.csv")
    assert len(table) == 5 and set(table["fold"].dropna()) == {1, 2}
    page = (output / "report.html").read_text("utf-8")
    assert "<h2>By Day</h2>" in page and "On a Day that the model never saw" in page
    assert read_json(output / "train.json")["cross_validation"]["groups"]["price"]["by"] == "Day"
    client = make_app(jobs).test_client()
    assert "On a Day that the model never saw" in read_run(client, "net")


def test_numbers_have_errors_by_group_and_a_price_in_their_unit(tmp_path):
    root = tmp_path / "cells"
    write_record(root)
    rng = np.random.default_rng(0)
    for day in range(1, 4):
        for dose in (1, 2, 4, 8):
            level = rng.integers(0, 5, (10, 1, 1, 1)) + 20 * dose
            cells = blobs(10, 0, 10 * day + dose) + level.astype(np.uint16)
            write_stack(root / f"Day {day}" / f"Dose {dose}", cells, f"{day}_{dose}.cif")
    options = asked(root, tmp_path / "out", target="Dose", learn_as="number")
    groups = baseline(options).cross_validation.groups
    assert groups.names == ("mae", "r2") and groups.price.name == "mae"
    assert groups.price.cost == pytest.approx(groups.price.across - groups.price.mixed)
    table = pd.read_csv(tmp_path / "out" / "baseline_groups.csv")
    assert "log_loss" not in table and len(table) == 4


def test_the_price_beside_a_network_takes_some_of_many_cells(days, tmp_path):
    options = TrainOptions(input=days, output=tmp_path, target="Class", across="Day")
    cells = gather_cells(options, Progress())
    few = some_cells(cells, np.random.default_rng(0), most=10)
    assert few.labelled == 68 and not len(few.validation)  # 100 of each class, or all
    asked_folds = TrainOptions(
        input=days, output=tmp_path, target="Class", across="Day", folds=4, group_by="Day"
    )
    price = price_beside_network(asked_folds, cells, Progress())
    assert price.cells == 68 and price.groups == 4


def test_random_folds_hold_every_class_and_keep_equal_images_together():
    codes = np.array([0] * 10 + [1] * 4 + [-1])
    images = np.arange(15)
    images[1] = 0
    folds = random_folds(codes, images, 3, np.random.default_rng(0))
    assert folds[-1] == -1 and folds[0] == folds[1]
    assert {0, 1, 2} == set(folds[10:14])


def test_a_shift_between_groups_costs_what_was_planted():
    rng = np.random.default_rng(1)
    groups = np.repeat(np.arange(40), 50)
    mixed = (rng.random(2000) < 0.9) * 1.0
    across = mixed * (rng.random(2000) < 0.8)
    price = price_of("Day", "accuracy", across, mixed, groups)
    assert 0.14 < price.low < price.cost < price.high < 0.22
    assert "A new Day costs" in str(price)
    same = price_of("Day", "accuracy", mixed, mixed, groups)
    assert "is not shown by these cells" in str(same)
    few = price_of("Day", "mae", across, mixed, groups % 3)
    assert few.cost == pytest.approx(across.mean() - mixed.mean()) and "are few" in str(few)


def test_scores_by_group_are_those_of_its_cells():
    true = np.array([0, 0, 1, 1, 0, 1])
    probabilities = np.eye(2)[[0, 1, 1, 1, 1, 1]] * 0.98 + 0.01
    codes = np.array([0, 0, 0, 0, 2, 2])
    grouped = Grouped("Day", codes, ("a", "b", "c"), np.minimum(codes, 1))
    scores = class_group_scores(true, probabilities, ("x", "y"), grouped)
    assert [each.value for each in scores.groups] == ["a", "c"]
    assert [each.pair[0].value for each in scores.groups] == [0.75, 0.5]
    assert scores.folds == 2 and "left out once" in scores.how
    numbers = number_group_scores(np.arange(6.0), np.arange(6.0) + 1, grouped)
    assert numbers.pooled[0].value == pytest.approx(1)
