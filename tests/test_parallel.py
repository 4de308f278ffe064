"""Several devices: the same training, its batches split. Two halves of the CPU stand for GPUs."""

import subprocess
import sys
from pathlib import Path

import pytest

from deepometry.network.multi_gpu import Devices
from tests.parsed import write_classes

pytestmark = pytest.mark.slow

SCRIPT = """
import sys
import tensorflow as tf

(cpu,) = tf.config.list_physical_devices("CPU")
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
import deepometry.network.multi_gpu
from deepometry.core.progress import Progress
from deepometry.training.train import train
from tests.conftest import short_training

deepometry.network.multi_gpu.gpu_names = lambda: ["CPU:0", "CPU:1"]
cells, output = sys.argv[1:]
train(short_training(cells, output, epochs=1), Progress(on_say=print))
result = train(short_training(cells, output, epochs=2, resume=True))
print(len(result.history), result.model.is_file())
"""


def test_a_training_on_two_devices(tmp_path):
    cells = write_classes(tmp_path / "cells", {"Class A": 20, "Class B": 20})
    line = [sys.executable, "-c", SCRIPT, str(cells), str(tmp_path / "model")]
    root = Path(__file__).parent.parent
    ended = subprocess.run(line, capture_output=True, text=True, check=False, cwd=root)
    assert ended.returncode == 0, ended.stderr
    assert "Batches of 8 are split over 2 GPUs, 4 cells each." in ended.stdout
    assert ended.stdout.splitlines()[-1] == "2 True"


def test_one_device_says_nothing():
    devices = Devices(32)
    assert (devices.count, devices.sentence(32)) == (1, "")
