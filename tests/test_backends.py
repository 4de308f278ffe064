"""Another backend of Keras trains, resumes and predicts too, where it is installed."""

import importlib.util
import os
import subprocess
import sys

import pytest

SCRIPT = """
import sys
from pathlib import Path
from deepometry.network.backend import keras
from deepometry.inference.gradcam import gradcam
from deepometry.core.options.gradcam import GradcamOptions
from deepometry.core.options.predict import PredictOptions
from deepometry.core.options.train import TrainOptions
from deepometry.inference.predict import predict
from deepometry.training.train import train

cells, output = map(Path, sys.argv[1:3])
common = dict(input=cells, output=output, target="Class", batch_size=8, network=sys.argv[3])
train(TrainOptions(**common, epochs=1))
result = train(TrainOptions(**common, epochs=2, resume=True))
found = predict(PredictOptions(input=cells, output=output / "predicted", model=result.model))
heat = gradcam(GradcamOptions(input=cells, output=output / "heat", model=result.model, cells="2"))
print(keras().backend.backend(), len(result.history), found.cells, heat.cells)
"""


@pytest.mark.parametrize("network", ["small18", "equivariant15"])
@pytest.mark.parametrize("backend", ["torch", "jax"])
def test_a_tiny_run_on_another_backend(backend, network, tmp_path):
    from tests.parsed import write_classes

    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    cells = write_classes(tmp_path / "cells", {"Class A": 10, "Class B": 10})
    ended = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(cells), str(tmp_path / "model"), network],
        env=os.environ | {"KERAS_BACKEND": backend},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.split() == [backend, "2", "20", "2"]
