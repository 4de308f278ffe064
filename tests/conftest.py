"""What several tests share: one small model, trained once."""

from __future__ import annotations

import os

import pytest

os.environ.setdefault("MPLBACKEND", "Agg")

from deepometry.options import TrainOptions
from tests.parsed import write_classes


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
    from deepometry.train import train

    return train(short_training(cells / "Train", tmp_path_factory.mktemp("model")))


def short_training(cells, output, **more) -> TrainOptions:
    """Options of a training of seconds that learns the classes of `tests.parsed`."""
    options = {
        "input": cells,
        "output": output,
        "target": "Class",
        "network": "small18",
        "epochs": 4,
        "batch_size": 8,
        "schedule": "plateau",
        "learning_rate": 0.001,
        "balance": "weights",
        "validation": 0.2,
        "seed": 1,
    }
    return TrainOptions(**(options | more))
