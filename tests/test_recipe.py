"""The recipes: what is left open is filled in, what the user says stands."""

import pytest

from deepometry.core.options.fields import settings
from deepometry.core.options.train import RECIPES, TrainOptions
from deepometry.training.recipes import (
    PROTOCOL,
    STANDARD,
    choice_of,
    epochs_for,
    learning_rate_at,
    recipe_for,
    written_out,
)


def options(**more):
    return TrainOptions(**({"input": "i", "output": "o", "target": "Class"} | more))


def test_the_protocol_is_the_published_one():
    found = recipe_for(options(recipe="protocol"), 2731)
    assert found == PROTOCOL
    assert (found.network, found.epochs, found.batch_size) == ("resnet50", 512, 32)
    assert (found.learning_rate, found.scaling, found.shifts) == (1e-4, "8bit", 0.5)
    assert (found.weight_decay, found.smoothing, found.balance) == (0, 0, "none")
    assert (found.views, found.schedule, found.plateau, found.patience) == (1, "plateau", 0, 0)


def test_what_the_user_says_stands():
    found = recipe_for(options(shifts=0, epochs="7", network="resnet50", scaling="image"), 1000)
    assert (found.shifts, found.epochs, found.network, found.scaling) == (0, 7, "resnet50", "image")
    assert found.learning_rate == STANDARD.learning_rate


def test_epochs_follow_the_number_of_cells():
    assert recipe_for(options(), 500).epochs == epochs_for(500) > epochs_for(10_000)
    assert epochs_for(10_000) > epochs_for(10**7) == epochs_for(10**8) > 1


def test_records_tell_every_choice():
    told = written_out(options(), recipe_for(options(), 1000))
    assert None not in (told.epochs, told.batch_size, told.learning_rate, told.validation)
    assert "auto" not in (told.network, told.scaling, told.balance, told.schedule)


def test_the_rate_rises_then_falls_to_nothing():
    rates = [learning_rate_at(n / 100) for n in range(101)]
    top = rates.index(max(rates))
    assert max(rates) == pytest.approx(1)
    assert rates[: top + 1] == sorted(rates[: top + 1])
    assert rates[top:] == sorted(rates[top:], reverse=True)
    assert rates[0] > 0
    assert rates[-1] == pytest.approx(0)
    assert learning_rate_at(1.1) == pytest.approx(0)


def test_what_a_recipe_chooses_is_said_as_training_takes_it():
    for name in RECIPES:
        taken = recipe_for(options(recipe=name), 10_000)
        for option in vars(taken):
            read = settings(TrainOptions)[option][0].read
            assert read(choice_of(name, option, 10_000).split()[0]) == getattr(taken, option)
    assert choice_of("standard", "epochs") == "8 to 60, more for fewer cells"
    assert (epochs_for(1), epochs_for(10**9)) == (60, 8)
    assert choice_of("standard", "seed") == ""
