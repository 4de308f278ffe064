"""Every step, killed at every change of a name while its finished files are moved.

What a later command reads then is the earlier results or the new ones, never a mixture.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from deepometry.cells.dataset import open_dataset
from deepometry.cells.gates.gate import gates_of
from deepometry.cells.model_description import find_model, read_description
from deepometry.cells.reopened_files import open_classified
from deepometry.cells.subset import subset
from deepometry.cells.summary import summary
from deepometry.classical.cleaning.gate import gate
from deepometry.core.exchange import settle
from deepometry.core.options.classify import ClassifyOptions
from deepometry.core.options.compare import CompareOptions
from deepometry.core.options.embed import EmbedOptions
from deepometry.core.options.export import ExportOptions
from deepometry.core.options.gate import GateOptions
from deepometry.core.options.gradcam import GradcamOptions
from deepometry.core.options.predict import ExtractOptions, PredictOptions
from deepometry.core.options.similar import SimilarOptions
from deepometry.core.options.subset import SubsetOptions
from deepometry.core.options.summary import SummaryOptions
from deepometry.core.options.train import BaselineOptions
from deepometry.core.progress import Progress
from deepometry.core.result_files import LAST_EPOCH, TRAIN_RECORD, TRAINING_TABLE
from deepometry.core.run_records import own_record, read_json
from deepometry.core.steps import STEPS
from deepometry.exports.open_results import open_table
from deepometry.exports.write import export
from deepometry.inference.classify import classify
from deepometry.inference.extract import extract
from deepometry.inference.gradcam import gradcam
from deepometry.inference.predict import predict
from deepometry.maps.embed import embed
from deepometry.maps.feature_source import find_source
from deepometry.maps.similar_cells import similar
from deepometry.maps.similar_index import index_folder, open_index
from deepometry.projects.compare import compare
from deepometry.training.baseline import baseline
from deepometry.training.checkpoint import load_checkpoint
from deepometry.training.learning_curve import learning_curve
from deepometry.training.output_folder import set_aside
from deepometry.training.train import train
from tests.compared import two_classifiers, write_prediction
from tests.conftest import short_training
from tests.exported import make_truth, write_predicted
from tests.features_table import features_of, write_features
from tests.kills import Tree, kill_everywhere, states_of
from tests.parsing import CifInput, ParseRun
from tests.test_classify import cells_of, write_sample
from tests.test_learning_curve import options as curve_options

pytestmark = pytest.mark.slow


def kills(step: Callable[[], object], folder: Path, read: Callable[[], object]) -> Tree:
    number, after = kill_everywhere(step, folder, read)
    assert number > 1
    return after


def test_a_parse_never_leaves_held_out_cells_in_train(tmp_path):
    run = ParseRun(tmp_path)
    inputs = [CifInput(f"Class {name}", 12) for name in "ABC"]
    run(*inputs, split="80/20", montage=0)
    held = []

    def read() -> None:
        dataset = open_dataset(tmp_path / "out" / "Hold-out")
        held.append({(source, name) for _, source, name in dataset.identities()})
        train = open_dataset(tmp_path / "out" / "Train").identities()
        assert not held[-1] & {(source, name) for _, source, name in train}

    after = kills(lambda: run(*inputs, split="50/50", seed=2, montage=0), tmp_path / "out", read)
    assert len(held) > 12
    assert all(each == held[0] for each in held)
    assert {name.partition("/")[0] for name in after} == {"Train", "Hold-out", "parse.json"}


def test_a_parse_of_other_folders(tmp_path):
    run, out = ParseRun(tmp_path), tmp_path / "out"
    run(CifInput("A", 5), CifInput("B", 4), split="80/20")
    after = kills(lambda: run(CifInput("a", 3), montage=2), out, lambda: open_dataset(out))
    assert set(after) >= {"a/cells.npy", "a/cells.csv", "parse.json"}
    assert not [name for name in after if name.startswith(("Train", "Hold-out"))]


def test_a_set_of_cells(cells, tmp_path):
    listed, out = tmp_path / "cells.csv", tmp_path / "sets"
    name = "Class A.cif"

    def take(*numbers: int) -> None:
        listed.write_text("source,object\n" + "".join(f"{name},{n}\n" for n in numbers))
        subset(SubsetOptions(input=cells, output=out, cells=listed, name="Odd", overwrite=True))

    take(1, 2, 3)
    kills(lambda: take(4, 5), out, lambda: open_dataset(out))
    assert len(open_dataset(out)) == read_json(out / "parse.json")["cells"]


def test_a_summary(cells, tmp_path):
    out = tmp_path / "out"
    summary(SummaryOptions(input=cells, output=out))
    options = SummaryOptions(input=cells, output=out, group_by="Class", overwrite=True)
    after = kills(
        lambda: summary(options), out, lambda: own_record(out / "summary.json", "summary")
    )
    differences = {"group_differences.csv", "group_differences.png"}
    assert set(after) == {"summary.csv", "summary.json", *differences}


def test_a_gate(cells, tmp_path):
    home, out = tmp_path / "cells", tmp_path / "out"
    shutil.copytree(cells, home)
    options = GateOptions(input=home, output=out, limits="Area Ch3 = 1..", overwrite=True)
    gate(options)
    other = replace(options, limits="Area Ch3 = 2..")
    after = kills(lambda: gate(other), out, lambda: own_record(out / "gate.json", "gate"))
    assert set(after) >= {"gate.csv", "gate.json"}
    (earlier,) = gates_of(home)
    # one file, put in its place by one change of a name
    states = states_of(lambda: gate(options), home, tmp_path / "states")
    (now,) = gates_of(home)
    assert states and earlier != now
    assert all(each in (earlier, now) for state in states for each in gates_of(state))
    assert all(len(gates_of(state)) == 1 for state in states)


def test_a_prediction(cells, trained, tmp_path):
    options = {"input": cells / "Hold-out", "output": tmp_path / "out", "model": trained.model}
    predict(PredictOptions(**options))
    kills(
        lambda: predict(PredictOptions(**options, unannotated=True, overwrite=True)),
        tmp_path / "out",
        lambda: open_table(tmp_path / "out"),
    )


def test_a_classification(trained, tmp_path):
    out = tmp_path / "out"
    options = {"output": out, "model": trained.model, "views": 1, "overwrite": True}
    for name, number in (("old", 6), ("new", 4)):
        write_sample(tmp_path / name / "Sample A" / "cells.cif", cells_of(0, number, 1))
    classify(ClassifyOptions(input=tmp_path / "old", **options))
    kills(
        lambda: classify(ClassifyOptions(input=tmp_path / "new", **options)),
        out,
        lambda: open_table(out),
    )
    assert len(open_classified(out)) == 4


def test_a_comparison(tmp_path):
    true, first, second = two_classifiers()
    for name, chosen in (("one", first), ("two", second), ("three", true)):
        write_prediction(tmp_path / name, true, chosen)
    out = tmp_path / "out"

    def write(*names: str) -> None:
        runs = tuple(tmp_path / name for name in names)
        compare(CompareOptions(runs=runs, output=out, overwrite=True))

    write("one", "two")
    kills(lambda: write("three", "one"), out, lambda: own_record(out / "compare.json", "compare"))
    assert [Path(run).name for run in read_json(out / "compare.json")["runs"]] == ["three", "one"]


def test_an_extraction(cells, trained, tmp_path):
    options = {"output": tmp_path / "out", "model": trained.model}
    extract(ExtractOptions(input=cells / "Train", **options))
    after = kills(
        lambda: extract(
            ExtractOptions(input=cells / "Hold-out", **options, layer="res4a_relu", overwrite=True)
        ),
        tmp_path / "out",
        lambda: open_table(tmp_path / "out"),
    )
    assert [name for name in after if name.endswith(".txt")] == [
        "features_extracted_by_res4a_relu.txt"
    ]


def test_heat_maps(cells, trained, tmp_path):
    options = {"input": cells / "Hold-out", "output": tmp_path / "out", "model": trained.model}
    gradcam(GradcamOptions(**options, cells="Class A.cif:1"))
    kills(
        lambda: gradcam(
            GradcamOptions(**options, cells="Class B.cif:2;Class A.cif:3", overwrite=True)
        ),
        tmp_path / "out",
        lambda: own_record(tmp_path / "out" / "gradcam.json", "gradcam"),
    )


def test_a_map(tmp_path):
    features, out = write_features(tmp_path / "features", features_of(90)), tmp_path / "map"
    embed(EmbedOptions(input=features, output=out, method="pca", color="Class"))
    kills(
        lambda: embed(
            EmbedOptions(input=features, output=out, method="pca", dims=3, overwrite=True)
        ),
        out,
        lambda: open_table(out),
    )


@pytest.mark.parametrize("name", ["cells.csv", "cells.fcs"])
def test_an_export(tmp_path, name):
    write_predicted(tmp_path / "results", make_truth())
    out = tmp_path / "out"

    def write(**more: str) -> None:
        options = {"input": tmp_path / "results", "output": out / name, "overwrite": True}
        export(ExportOptions(**options, **more))

    write()
    write_predicted(tmp_path / "results", make_truth(20))
    after = kills(lambda: write(), out, lambda: read_json(out / f"{name}.json"))
    assert set(after) == {name, f"{name}.json"}


def test_a_training(cells, tmp_path):
    """It writes no exchange: every state between two changes of a name is one that goes on."""
    out = tmp_path / "out"
    options = short_training(cells / "Train", out, epochs=2, batch_size=32, views=1)
    states = states_of(lambda: train(options), out, tmp_path / "states")
    final = pd.read_csv(out / TRAINING_TABLE)[["epoch", "loss", "val_loss"]]
    begun = [state for state in states if (state / LAST_EPOCH).is_file()]
    for state in begun:
        epochs = [row["epoch"] for row in load_checkpoint(state).history]
        for model in state.glob("model_*.keras"):
            assert read_description(model).scores["epoch"] in epochs
        if record := own_record(state / TRAIN_RECORD, "train"):
            assert record["best_epoch"] in epochs
    assert len(begun) > 8
    for state in (begun[0], begun[len(begun) // 2], begun[-1]):
        shutil.rmtree(out)
        state.rename(out)
        train(replace(options, resume=True))
        table = pd.read_csv(out / TRAINING_TABLE)[["epoch", "loss", "val_loss"]]
        pd.testing.assert_frame_equal(table, final)
        record = own_record(out / TRAIN_RECORD, "train")
        assert read_description(find_model(out)).scores["epoch"] == record["best_epoch"]


def test_a_baseline(cells, tmp_path):
    out = tmp_path / "out"
    options = BaselineOptions(input=cells / "Train", output=out, target="Class", overwrite=True)
    baseline(options)
    after = kills(
        lambda: baseline(replace(options, seed=2)),
        out,
        lambda: own_record(out / "baseline.json", "baseline"),
    )
    assert "model_3-Class_categories.baseline" in after


def test_a_learning_curve(cells, tmp_path):
    out = tmp_path / "out"
    options = curve_options(cells / "Train", out, shares="0.5,1", overwrite=True)
    learning_curve(options)
    kills(
        lambda: learning_curve(replace(options, seed=2)),
        out,
        lambda: own_record(out / "learning_curve.json", "learning-curve"),
    )


def test_an_index_of_similar_cells(tmp_path):
    features = write_features(tmp_path / "features", features_of(30))
    index = index_folder(find_source(features))

    def ask() -> None:
        table = tmp_path / "similar.csv"
        of = {"object": "0 of Class A.cif", "output": table, "overwrite": True}
        similar(SimilarOptions(input=features, **of))

    ask()
    write_features(features, features_of(60))
    kills(ask, index, lambda: open_index(find_source(features)))
    assert len(open_index(find_source(features))) == 60


def test_every_step_that_writes_a_folder_is_killed_here():
    called = Path(__file__).read_text("utf-8").replace("ParseRun(", "parse(")
    writing = [step for step in STEPS.values() if step.record]
    assert [s.name for s in writing if f" {s.function.partition(':')[2]}(" not in called] == []


def test_what_a_training_sets_aside(trained, tmp_path):
    out = tmp_path / "out"
    shutil.copytree(trained.model.parent, out)
    (out / "fold_1").mkdir()
    shutil.copy(trained.model, out / "fold_1")
    after = kills(lambda: set_aside(out, Progress()), out, lambda: settle(out))
    assert all(name.startswith("earlier_1/") for name in after)
    assert find_model(out / "earlier_1").name == trained.model.name
    assert not (out / "fold_1").exists()
