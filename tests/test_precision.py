"""bfloat16: chosen by the device, written as float32."""

import numpy as np
import pytest

from deepometry import precision
from deepometry.backend import keras
from deepometry.network import build_network
from deepometry.precision import as_float32, chosen_precision


def build(wanted):
    return build_network("small18", 16, 3, "channel", [100.0], [20.0], 0, wanted)


def images():
    return np.random.default_rng(0).normal(100, 20, (4, 16, 16, 1)).astype(np.float32)


def test_both_precisions_agree_and_the_last_layers_stay_float32():
    exact, fast = build("float32"), build("bfloat16")
    layers = fast.get_layer("small18")
    assert layers.get_layer("conv1").compute_dtype == "bfloat16"
    assert layers.get_layer("pool5").compute_dtype == "float32"
    one, other = (model.predict_on_batch(images()) for model in (exact, fast))
    assert other.dtype == np.float32
    assert np.allclose(one, other, atol=0.02)


def test_a_file_says_float32_whatever_was_computed_with(tmp_path):
    model = build("bfloat16")
    with as_float32(model):
        model.save(tmp_path / "m.keras")
    assert model.get_layer("small18").get_layer("conv1").compute_dtype == "bfloat16"
    again = keras().models.load_model(tmp_path / "m.keras", compile=False)
    assert {layer.compute_dtype for layer in again.get_layer("small18").layers} == {"float32"}


@pytest.mark.parametrize(
    ("gpus", "cpu", "expected"),
    [
        ([], True, "bfloat16"),
        ([], False, "float32"),
        ([(9, 0)], False, "bfloat16"),
        ([(9, 0), (7, 5)], True, "float32"),
    ],
)
def test_the_device_decides(monkeypatch, gpus, cpu, expected):
    monkeypatch.setattr(precision, "gpu_capabilities", lambda: gpus)
    monkeypatch.setattr(precision, "_cpu_has_bfloat16", lambda: cpu)
    assert chosen_precision() == expected
    assert chosen_precision("float32") == "float32"
    assert chosen_precision("bfloat16") == "bfloat16"
