"""bfloat16: in training steps where the device has it; predictions and files are float32."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from deepometry.cells.dataset import open_dataset
from deepometry.core.options.predict import ExtractOptions, PredictOptions
from deepometry.core.progress import Progress
from deepometry.evaluation.temperature_scaling import fit_temperature, scaled
from deepometry.inference.extract import extract
from deepometry.inference.predict import predict
from deepometry.network import precision as precision_module
from deepometry.network.backend import keras
from deepometry.network.build import build_network, compile_network, with_layer
from deepometry.network.precision import as_float32, chosen_precision
from deepometry.training.gather import gather_cells
from deepometry.training.train import train
from tests.conftest import short_training

pytestmark = pytest.mark.slow


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
    monkeypatch.setattr(precision_module, "gpu_capabilities", lambda: gpus)
    monkeypatch.setattr(precision_module, "cpu_has_bfloat16", lambda: cpu)
    assert chosen_precision() == expected
    assert chosen_precision("float32") == "float32"
    assert chosen_precision("bfloat16") == "bfloat16"


@pytest.fixture(scope="module", params=["float32", "bfloat16"])
def trained_in(request, cells, tmp_path_factory):
    """A model trained in each precision, on every processor: instructions for it or not."""
    options = short_training(
        cells / "Train",
        tmp_path_factory.mktemp("model"),
        epochs=2,
        views=1,
        precision=request.param,
    )
    return train(options)


def as_keras_alone_predicts(path, images, description):
    model = keras().models.load_model(path, compile=False)
    return scaled(model.predict_on_batch(images.astype(np.float32)), description.temperature)


def test_scores_and_temperature_are_those_of_the_float32_model(trained_in, cells):
    gathered = gather_cells(short_training(cells / "Train", "unused"), Progress())
    images, codes = gathered.dataset.read(gathered.validation), gathered.codes[gathered.validation]
    unscaled = replace(trained_in.description, temperature=1.0)
    probabilities = as_keras_alone_predicts(trained_in.model, images, unscaled)
    loss = -np.log(probabilities[np.arange(len(codes)), codes]).mean()
    epoch = trained_in.history[trained_in.best_epoch - 1]
    scores, temperature = trained_in.description.scores, trained_in.description.temperature
    assert epoch["val_loss"] == pytest.approx(loss, abs=1e-4)
    assert scores["val_loss"] == pytest.approx(loss, abs=1e-4)
    assert temperature == pytest.approx(fit_temperature(probabilities, codes), rel=1e-3)


@pytest.mark.parametrize(("precision", "tolerance"), [("float32", 1e-4), ("bfloat16", 0.03)])
def test_predictions_are_those_of_keras_alone(trained_in, cells, tmp_path, precision, tolerance):
    options = {"input": cells / "Hold-out", "output": tmp_path, "model": trained_in.model}
    predict(PredictOptions(**options, precision=precision))
    table = pd.read_csv(tmp_path / "predicted.csv").filter(like="probability")
    images = open_dataset(cells / "Hold-out").read(np.arange(20))
    expected = as_keras_alone_predicts(trained_in.model, images, trained_in.description)
    assert np.allclose(table, expected, atol=tolerance)
    record = json.loads((tmp_path / "predict.json").read_text("utf-8"))
    assert record["precision"] == record["options"]["precision"] == precision


def test_features_are_extracted_in_the_precision_of_the_record(trained_in, cells, tmp_path):
    tables = []
    for precision in ("float32", "bfloat16"):
        options = {"input": cells / "Hold-out", "model": trained_in.model, "precision": precision}
        result = extract(ExtractOptions(**options, output=tmp_path / precision))
        record = json.loads((tmp_path / precision / "extract.json").read_text("utf-8"))
        assert record["precision"] == precision
        tables.append(np.loadtxt(result.table, delimiter="\t"))
    model = with_layer(keras().models.load_model(trained_in.model, compile=False), "pool5")
    images = open_dataset(cells / "Hold-out").read(np.arange(20)).astype(np.float32)
    expected = model.predict_on_batch(images)[0]
    assert np.allclose(tables[0], expected, rtol=1e-4, atol=1e-4)
    assert np.allclose(tables[1], expected, rtol=0.05, atol=0.05)
    assert not np.allclose(tables[1], expected, rtol=1e-4, atol=1e-4)


def test_predicting_in_float32_does_not_change_how_a_model_trains():
    model = build("bfloat16")
    compile_network(model, 1e-3)
    with as_float32(model):
        exact = model.predict_on_batch(images())
    assert np.allclose(exact, build("float32").predict_on_batch(images()), atol=1e-5)
    layer, seen = model.get_layer("small18").get_layer("conv1"), []
    call = layer.call
    layer.call = lambda inputs: seen.append(inputs.dtype) or call(inputs)
    model.train_on_batch(images(), np.eye(3)[[0, 1, 2, 0]])
    assert {str(getattr(dtype, "name", dtype)) for dtype in seen} == {"bfloat16"}
