"""A time budget: as many epochs as fit into it, chosen once."""

from __future__ import annotations

import time

import pytest

from deepometry.core.errors import DeepometryError, OptionsError
from deepometry.core.options.train import TrainOptions
from deepometry.core.progress import Progress
from deepometry.core.run_records import read_json
from deepometry.training import budget
from deepometry.training.budget import budget_of, within
from deepometry.training.gather import gather_cells
from deepometry.training.recipes import most_epochs
from deepometry.training.train import train
from tests.conftest import short_training
from tests.test_train import StopAt


@pytest.fixture
def timed(monkeypatch):
    """Let a step take a tenth of a second and the start two seconds; return who asked for it."""
    asked: list[TrainOptions] = []

    def made_up(options, cells):
        asked.append(options)
        return 0.1, 2.0

    monkeypatch.setattr(budget, "_timed", made_up)
    return asked


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        ("10min", 10),
        ("10", 10),
        (10, 10),
        (2.5, 2.5),
        ("1h 30min", 90),
        ("1h30m", 90),
        ("90 s", 1.5),
        ("0.5 hours", 30),
        ("2 Minutes", 2),
    ],
)
def test_a_time_is_read_as_people_write_it(text, minutes):
    assert TrainOptions(input="a", output="b", target="c", budget=text).budget == minutes


@pytest.mark.parametrize("text", ["soon", "0", "-5", "10 20", "1h 30", "5 days", "1.2.3", True])
def test_other_text_is_refused(text):
    with pytest.raises(OptionsError, match=r"Time budget: expected a time .* such as 10min"):
        TrainOptions(input="a", output="b", target="c", budget=text)


def test_epochs_and_a_budget_are_one_too_many():
    with pytest.raises(OptionsError, match="expected this or Learning iterations, found both"):
        TrainOptions(input="a", output="b", target="c", budget="10min", epochs=5)


def chosen(options, cells=None, before=0.0):
    cells = cells or gather_cells(options, Progress())
    return budget_of(options, cells, Progress(), time.monotonic() - before)


def test_no_budget_leaves_the_epochs_to_the_recipe(cells, tmp_path, timed):
    options = short_training(cells / "Train", tmp_path / "model")
    assert chosen(options) is None
    assert within(options, None) is options
    assert not timed


def test_the_epochs_fill_the_budget(cells, tmp_path, timed):
    options = short_training(cells / "Train", tmp_path / "model", epochs=None, budget=1)
    gathered = gather_cells(options, Progress())
    steps = -(-len(gathered.training) // 8)
    found = chosen(options, gathered)
    seconds = found.epochs * steps * 0.1
    assert 30 < seconds < 54
    assert chosen(options, gathered, before=20).epochs < found.epochs - 5
    assert within(options, found).epochs == found.epochs
    assert str(found).startswith(f"Time budget 60 s: {found.epochs} epochs (0.1 s a step")
    most = most_epochs(gathered.labelled)
    longer = short_training(cells / "Train", tmp_path / "model", epochs=None, budget="9h")
    assert chosen(longer, gathered).epochs == most


def test_folds_share_the_budget(cells, tmp_path, timed):
    how = {"epochs": None, "budget": 2}
    alone = chosen(short_training(cells / "Train", tmp_path / "model", **how))
    shared = chosen(short_training(cells / "Train", tmp_path / "model", folds=3, **how))
    assert alone.epochs / 5 < shared.epochs < alone.epochs / 3


def test_too_little_time_is_refused_with_what_is_needed(cells, tmp_path, timed):
    options = short_training(cells / "Train", tmp_path / "model", epochs=None, budget="2s")
    with pytest.raises(DeepometryError, match=r"expected at least \d+ s for a single epoch of 1 "):
        chosen(options)


def test_steps_are_timed_and_a_resumed_training_keeps_its_epochs(cells, tmp_path, monkeypatch):
    monkeypatch.setattr(budget, "most_epochs", lambda cells: 3)
    output = tmp_path / "model"
    options = short_training(cells / "Train", output, epochs=None, budget="1h")
    stopped = train(options, StopAt("Epoch 2"))
    assert stopped.stopped
    said: list[str] = []
    again = short_training(cells / "Train", output, epochs=None, budget="5s", resume=True)
    result = train(again, Progress(on_say=said.append))
    assert len(result.history) == result.budget.epochs == 3
    assert "Time budget 5 s: 3 epochs, as chosen when the training began." in said
    assert str(result.budget) in str(result)
    record = read_json(output / "train.json")
    assert record["budget"]["epochs"] == record["options"]["epochs"] == 3
