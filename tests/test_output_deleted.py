"""An output folder that is deleted while a step runs: a sentence, and nothing half-written."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from deepometry.cells.subset import subset
from deepometry.core.errors import DeepometryError
from deepometry.core.options.embed import EmbedOptions
from deepometry.core.options.export import ExportOptions
from deepometry.core.options.predict import ExtractOptions, PredictOptions
from deepometry.core.options.subset import SubsetOptions
from deepometry.core.progress import Progress
from deepometry.exports.write import export
from deepometry.inference.extract import extract
from deepometry.inference.predict import predict
from deepometry.maps.embed import embed
from deepometry.training.train import train
from tests.conftest import short_training
from tests.exported import make_truth, write_predicted
from tests.features_table import features_of, write_features
from tests.parsed import write_classes
from tests.parsing import CifInput, ParseRun

TOLD = r"out was deleted, renamed or moved"


def deleting(output: Path) -> Progress:
    """Delete a folder as soon as the step has begun to write there."""

    def report(done: int, total: int, text: str) -> None:
        if any(output.glob(".deepometry-*/new/**/*")):
            shutil.rmtree(output)

    return Progress(report)


def check(step: Callable[[Progress], object], output: Path) -> None:
    with pytest.raises(DeepometryError, match=TOLD):
        step(deleting(output))
    assert not list(output.glob("**/*.*"))


def test_of_a_parse(tmp_path):
    run = ParseRun(tmp_path)
    check(lambda told: run(CifInput("A", 5), CifInput("B", 5), progress=told), tmp_path / "out")


def test_of_a_set(tmp_path):
    root = write_classes(tmp_path / "in", {"Class A": 4, "Class B": 4})
    (tmp_path / "cells.csv").write_text("source,object\nClass A.cif,1\nClass B.cif,2\n")
    places = {"input": root, "output": tmp_path / "out", "cells": tmp_path / "cells.csv"}
    check(lambda told: subset(SubsetOptions(**places, name="Odd"), told), tmp_path / "out")


def test_of_a_map(tmp_path):
    features = write_features(tmp_path / "features", features_of(40))
    options = EmbedOptions(input=features, output=tmp_path / "out", method="pca")
    check(lambda told: embed(options, told), tmp_path / "out")


def test_of_an_export(tmp_path):
    write_predicted(tmp_path / "results", make_truth())
    options = ExportOptions(input=tmp_path / "results", output=tmp_path / "out" / "cells.csv")
    check(lambda told: export(options, told), tmp_path / "out")


@pytest.mark.slow
def test_of_a_prediction_and_an_extraction(cells, trained, tmp_path):
    places = {"input": cells / "Hold-out", "output": tmp_path / "out", "model": trained.model}
    small = places | {"batch_size": 8}
    check(lambda told: predict(PredictOptions(**small), told), tmp_path / "out")
    check(lambda told: extract(ExtractOptions(**small), told), tmp_path / "out")


@pytest.mark.slow
def test_of_a_training(tmp_path):
    root = write_classes(tmp_path / "in", {"Class A": 12, "Class B": 12})
    output = tmp_path / "out"

    def measured(_: object) -> None:
        if output.exists():
            shutil.rmtree(output)

    options = short_training(root, output, epochs=3)
    with pytest.raises(DeepometryError, match=TOLD):
        train(options, Progress(on_measure=measured))
    assert not output.exists()
