"""What several tests share: one small model, trained once."""

from __future__ import annotations

import os

import pytest

os.environ.setdefault("MPLBACKEND", "Agg")
if "PYTEST_XDIST_WORKER" in os.environ:  # other tests have the other cores
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
    os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")

from deepometry.core.options.train import TrainOptions
from deepometry.core.steps import STEPS
from tests.parsed import write_classes
from tests.project_runs import adopted


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Give tests to processes as `tests.scheduling` says."""
    from tests.scheduling import ByFile

    return ByFile(config, log) if config.getvalue("dist") == "loadfile" else None


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


def short_training(cells, output, **more) -> TrainOptions:
    """Options of a training of seconds that learns the classes of `tests.parsed`."""
    options = {
        "input": cells,
        "output": output,
        "target": "Class",
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
