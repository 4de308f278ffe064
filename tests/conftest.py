"""What several tests share: small models, each trained once."""

from __future__ import annotations

import os

import pytest

os.environ.setdefault("MPLBACKEND", "Agg")
if "PYTEST_XDIST_WORKER" in os.environ:  # other tests have the other cores
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
    os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")

from deepometry.core.options.train import BaselineOptions, TrainOptions
from deepometry.core.steps import STEPS
from tests.numbers import write_days, write_samples
from tests.parsed import write_classes
from tests.project_runs import adopted

_TRAINED = {"trained", "days_trained", "days_crossed", "days_ordered", "samples_crossed"}


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Give tests to processes as `tests.scheduling` says."""
    from tests.scheduling import ByFile

    return ByFile(config, log) if config.getvalue("dist") == "loadfile" else None


def pytest_collection_modifyitems(items):
    """Mark every test of a trained model as slow."""
    for item in items:
        if not _TRAINED.isdisjoint(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def cells(tmp_path_factory):
    """Parsed cells of three classes, one of them rare, with a hold-out."""
    root = tmp_path_factory.mktemp("cells")
    write_classes(root / "Train", {"Class A": 40, "Class B": 40, "Class C": 8})
    write_classes(root / "Hold-out", {"Class A": 10, "Class B": 10}, seed=1)
    return root


@pytest.fixture(scope="session")
def trained(cells, tmp_path_factory):
    """The result of a short training on `cells`."""
    from deepometry.training.train import train

    return train(short_training(cells / "Train", tmp_path_factory.mktemp("model")))


@pytest.fixture(scope="session")
def days(tmp_path_factory):
    """Parsed cells whose size grows with their day, with a hold-out."""
    return write_days(tmp_path_factory.mktemp("days"), 24)


@pytest.fixture(scope="session")
def days_trained(days, tmp_path_factory):
    """The result of a short training that learns the days of `days` as a number."""
    from deepometry.training.train import train

    return train(days_training(days, tmp_path_factory.mktemp("number")))


@pytest.fixture(scope="session")
def days_crossed(days, tmp_path_factory):
    """The same in two folds."""
    from deepometry.training.train import train

    how = {"folds": 2, "epochs": 2, "views": 1}
    return train(days_training(days, tmp_path_factory.mktemp("crossed"), **how))


@pytest.fixture(scope="session")
def days_ordered(days, tmp_path_factory):
    """The same as ordered classes."""
    from deepometry.training.train import train

    how = {"learn_as": "ordered", "epochs": 2}
    return train(days_training(days, tmp_path_factory.mktemp("ordered"), **how))


@pytest.fixture(scope="session")
def samples_crossed(tmp_path_factory):
    """A number in three folds, each a sample of a single day."""
    from deepometry.training.train import train

    root = tmp_path_factory.mktemp("samples")
    how = {"learn_as": "number", "folds": 3, "group_by": "Sample", "epochs": 1, "views": 1}
    samples = write_samples(root / "parsed", 16)
    return train(short_training(samples, root / "model", target="Day", **how))


@pytest.fixture(scope="session")
def days_predicted(days, days_trained, tmp_path_factory):
    """The result of a prediction of the held-out days."""
    from deepometry.core.options.predict import PredictOptions
    from deepometry.inference.predict import predict

    output = tmp_path_factory.mktemp("predicted")
    return predict(PredictOptions(input=days / "Hold-out", output=output, model=days_trained.model))


@pytest.fixture(scope="session")
def days_baselines(days, days_trained, days_crossed):
    """The results of baselines beside both: by themselves, and in the same folds."""
    from deepometry.training.baseline import baseline

    places = {"plain": (days_trained, None), "crossed": (days_crossed, 2)}
    return {
        name: baseline(days_baseline(days, result.model.parent, folds=folds))
        for name, (result, folds) in places.items()
    }


def days_baseline(days, output, **more) -> BaselineOptions:
    """Options of a baseline of the same cells."""
    how = {"target": "Day", "learn_as": "number", "validation": 0.2, "seed": 1}
    return BaselineOptions(input=days / "Train", output=output, **(how | more))


def days_training(days, output, **more) -> TrainOptions:
    """Options of a training of seconds that learns the days of `days`."""
    how = {"target": "Day", "learn_as": "number", "epochs": 3, "learning_rate": 0.003}
    return short_training(days / "Train", output, **(how | more))


def short_training(cells, output, **more) -> TrainOptions:
    """Options of a training of seconds that learns the classes of `tests.parsed`."""
    options = {
        "input": cells,
        "output": output,
        "target": "Class",
        "parts": "network",
        "network": "small10",
        "epochs": 4,
        "batch_size": 8,
        "schedule": "plateau",
        "learning_rate": 0.001,
        "balance": "weights",
        "validation": 0.2,
        "seed": 1,
    }
    return TrainOptions(**(options | more))


@pytest.fixture
def try_step(monkeypatch):
    """One step more, which does what a test wants; see `tests.web_runner`."""
    from tests.web_runner import TRY

    monkeypatch.setitem(STEPS, TRY.name, TRY)


@pytest.fixture
def made(tmp_path):
    """A project that was made of a folder as the demo writes it."""
    return adopted(tmp_path / "Experiment X")
