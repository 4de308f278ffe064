"""Gates that a model learnt under: recorded, told, taken over, and applied to image files."""

from __future__ import annotations

import io
import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from deepometry.cells.dataset import open_dataset
from deepometry.cells.gate_like import lacking, limits_of
from deepometry.cells.gates.gate import Gate, Limit
from deepometry.cells.known_cells import Fingerprints, KnownCells
from deepometry.cells.model_description import Description, read_description
from deepometry.cells.parse import parse
from deepometry.classical.cleaning.gate import gate
from deepometry.classical.features import feature_names
from deepometry.classical.model_file import save_baseline
from deepometry.classical.tree_file import Trees
from deepometry.core.errors import DeepometryError
from deepometry.core.options.classify import ClassifyOptions
from deepometry.core.options.gate import GateOptions
from deepometry.core.options.learning_curve import LearningCurveOptions
from deepometry.core.options.parse import ParseOptions
from deepometry.core.options.predict import PredictOptions
from deepometry.core.options.train import TrainOptions
from deepometry.core.progress import Progress
from deepometry.inference import extract
from deepometry.inference.classify import classify
from deepometry.inference.predict import predict
from deepometry.training.gather import describe, gather_cells
from deepometry.training.learning_curve import _trainings
from deepometry.training.split import fold_cells
from tests.results_runs import Jobs, make_app, read_run
from tests.test_classify import write_sample
from tests.test_gate import FRAME, SMALL, cells, discs  # noqa: F401 - a fixture

INF = float("inf")
GOOD = Gate("Good cells", (Limit("Area Ch3", 60.0),), "set by hand")
FULL = Gate("Full", (Limit("Saturated Ch6", high=1.0),), "set by hand")
IDEAS = Gate("Focus", (Limit("Gradient RMS_M01_Ch01", 50.0),), "set by hand")


def write_model(folder, *gates):
    """Write a model of one tree: discs of more than 250 pixels in channel 3 are of class B."""
    names = feature_names(2, (3, 6))
    trees = Trees(
        feature=np.array([names.index("Ch3: area"), -1, -1], "i4"),
        threshold=np.array([250.0, 2.0, 2.0]),
        left=np.array([1, 0, 1], "i4"),
        right=np.array([2, 0, 0], "i4"),
        roots=np.array([0], "i4"),
        start=np.zeros(2),
        gains=np.full(len(names), 1 / len(names)),
    )
    description = Description(
        labels=("A", "B"),
        target="Class",
        channels=(3, 6),
        depth=2,
        channel_names={},
        frame=FRAME,
        network="baseline",
        scaling="none",
        fingerprint="f",
        cells={"A": 60, "B": 60},
        gates=tuple(each.plain() for each in gates),
    )
    prints = Fingerprints(np.arange(8, dtype="u8").reshape(4, 2), *2 * [np.arange(4, dtype="u8")])
    folder.mkdir()
    return save_baseline(
        trees, description, folder, KnownCells.of(prints, np.arange(3), np.arange(3, 4))
    )


@pytest.fixture
def model(tmp_path):
    return write_model(tmp_path / "model", GOOD)


def run(cells, model, output, progress=None, **more):  # noqa: F811
    options = {"input": cells, "output": output, "model": model}
    return predict(PredictOptions(**(options | more)), progress)


# --- what a model learns under ------------------------------------------------------------------


def test_no_part_of_any_training_has_gated_cells_and_the_model_names_the_gate(cells, tmp_path):  # noqa: F811
    gate(GateOptions(input=cells, output=tmp_path / "gate", limits=SMALL))
    out = np.flatnonzero(open_dataset(cells).gated_out.cells)
    where = {"input": cells, "output": tmp_path / "model", "target": "Class"}
    options = TrainOptions(**where, folds=3)
    learnt = gather_cells(options, Progress())
    curve = LearningCurveOptions(**where, shares="0.5, 1", repeats=1)
    folds = [fold_cells(learnt, n, options, Progress()) for n in range(3)]
    parts = [learnt, *folds, *(each.cells for each in _trainings(curve, learnt, Progress()))]
    for part in parts:
        used = np.concatenate([part.training, part.validation])
        assert len(used) and not np.isin(used, out).any()
    assert (learnt.folds >= 0).sum() == 120 and (learnt.folds[out] == -1).all()
    how = {"network": "small18", "scaling": "channel"}
    (own,) = describe(learnt, None, **how).learnt_gates
    assert (own.name, own.limits) == ("Good cells", GOOD.limits)


def test_limits_of_all_gates_are_one_and_narrower_ones_fit():
    wide = Gate("g", (Limit("a", 1, 9), Limit("b", 2)), "")
    narrow = Gate("h", (Limit("A", 3, 12),), "")
    assert limits_of([wide, narrow]) == (Limit("a", 3, 9), Limit("b", 2))
    assert lacking([wide], [narrow]) == (Limit("a", 1, 9), Limit("b", 2))
    assert lacking([wide], [Gate("k", (Limit("B", 2, 4), Limit("a", 1, 8)), "")]) == ()
    assert lacking([], [wide]) == ()


@pytest.mark.parametrize("wrong", [[3], [{"name": "g"}], "Area Ch3",
    [{"name": "g", "origin": "", "limits": [{"feature": "a", "low": "x"}]}]])  # fmt: skip
def test_gates_that_somebody_changed_are_refused(tmp_path, wrong):
    from tests.test_tampered_models import described

    path = described(write_model(tmp_path / "model", GOOD), tmp_path, gates=wrong)
    with pytest.raises(DeepometryError, match="a description whose gates is"):
        read_description(path)


# --- predictions --------------------------------------------------------------------------------


def test_cells_without_the_gate_of_the_model_are_warned_of_everywhere(cells, model, tmp_path):  # noqa: F811
    said: list[str] = []
    result = run(cells, model, tmp_path / "p", Progress(on_say=said.append))
    warning = next(each for each in result.warnings if "inside of Area Ch3 = 60" in each)
    assert f'deepometry gate "{cells}" OUTPUT --like "{model}"' in warning
    assert f"Warning: {warning}" in said
    record = json.loads((tmp_path / "p" / "predict.json").read_text("utf-8"))
    assert warning in record["warnings"] and record["model_gates"][0]["name"] == "Good cells"
    report = (tmp_path / "p" / "report.html").read_text("utf-8")
    assert "The model learnt from cells inside of Area Ch3 = 60" in report
    assert "Learnt inside of" in report
    assert result.gated_out is None and "gated_out" not in record
    for place in (model, model.parent):
        gate(GateOptions(input=cells, output=tmp_path / "g", like=place, overwrite=True))
    result = run(cells, model, tmp_path / "p", overwrite=True)
    assert not any("The model learnt" in each for each in result.warnings)
    assert result.gated_out == 8


def test_a_gate_is_not_taken_from_a_model_without(cells, tmp_path):  # noqa: F811
    model = write_model(tmp_path / "model")
    with pytest.raises(DeepometryError, match="expected a model that learnt from gated cells"):
        gate(GateOptions(input=cells, output=tmp_path / "g", like=model))
    several = write_model(tmp_path / "two", GOOD, FULL)
    result = gate(GateOptions(input=cells, output=tmp_path / "g", like=several))
    assert result.gate.limits == (*GOOD.limits, *FULL.limits)
    assert result.gate.origin == f"as Good cells, Full of {several}"


def test_gated_cells_are_a_number_of_their_own_in_all_counts(cells, model, tmp_path):  # noqa: F811
    gate(GateOptions(input=cells, output=tmp_path / "g", like=model))
    jobs = Jobs()
    options = PredictOptions(input=cells, output=tmp_path / "p", model=model)
    result = jobs.run("one", "predict", predict, options)
    assert (result.cells, result.gated_out, result.counts) == (128, 8, {"A": 60, "B": 60})
    assert "8 cells are gated out: neither counted nor scored." in str(result)
    table = pd.read_csv(tmp_path / "p" / "predicted.csv", keep_default_na=False)
    assert len(table) == 128 and (table.gated_out == "yes").sum() == 8
    samples = pd.read_csv(tmp_path / "p" / "sample_summary.csv")
    assert samples[["cells", "count", "gated_out"]].values.tolist() == 2 * [[120, 60, 8]]
    assert result.samples[0].gated_out == 8
    report = (tmp_path / "p" / "report.html").read_text("utf-8")
    assert "8 cells are gated out, and in none of the counts and shares" in report
    client = make_app(jobs).test_client()
    page = read_run(client, "one")
    assert "Show the 8 cells gated out" in page
    assert "50.0 %" in page and "The 8 cells gated out are in none of them" in page
    assert "Good cells: Area Ch3 = 60.." in page
    for asked, number in (("", 128), ("predicted=0", 60), ("gate=out", 8), ("gate=in", 120),
                          ("predicted=0&gate=out", 8)):  # fmt: skip
        gallery = client.get(f"/cells/one?{asked}&part=1").text
        assert f"{number} cells" in gallery
    assert "true <b>" not in gallery and "r-no" not in gallery  # they have no label


def test_a_sample_that_is_gated_out_whole_is_named_and_all_cells_are_refused(cells, tmp_path):  # noqa: F811
    model = write_model(tmp_path / "model")
    limits = "Area Ch3 = 300.."
    gate(GateOptions(input=cells, output=tmp_path / "g", limits=limits))
    result = run(cells, model, tmp_path / "p", unannotated=True)
    assert "All cells of Class A are gated out: there is no composition of them." in result.warnings
    assert [sample.name for sample in result.samples] == ["All cells", "Class B"]
    gate(GateOptions(input=cells, output=tmp_path / "g", limits="Area Ch3 = 900..", overwrite=True))
    with pytest.raises(DeepometryError, match=r"inside of the gates \(Area Ch3 = 900\.\.\), found"):
        run(cells, model, tmp_path / "p", overwrite=True)


def test_features_are_told_which_cells_are_gated_out(cells, tmp_path):  # noqa: F811
    gate(GateOptions(input=cells, output=tmp_path / "gate", limits=SMALL))
    description = SimpleNamespace(labels=("A", "B"), task=Description.task, target="Class")
    inference = SimpleNamespace(dataset=open_dataset(cells), description=description)
    rows = extract._Metadata(file := io.StringIO(), inference)
    outputs = (None, np.tile([1.0, 0.0], (128, 1)))
    rows.write(SimpleNamespace(cells=[*inference.dataset.identities()], outputs=outputs))
    table = pd.read_csv(io.StringIO(file.getvalue()), sep="\t")
    assert [*table.columns] == ["source", "object", "Class", "gated_out", "predicted Class"]
    assert table.gated_out.value_counts().to_dict() == {"no": 120, "yes": 8}


# --- image files --------------------------------------------------------------------------------


def full(images):
    """Saturate two cells: in channel 6, and only there, the camera ends at 4095."""
    images[3:5, 14:18, 14:18, 1] = 4095
    return images


@pytest.fixture
def files(tmp_path):
    """Discs of two sizes with specks and saturated cells, some images smaller than the frame."""
    for number, radius in enumerate((7, 10)):
        images = full(discs([radius] * 20 + [2] * 3, number))
        some = [image[: FRAME - n % 4, : FRAME - n % 3] for n, image in enumerate(images)]
        write_sample(tmp_path / f"files/Day {number}/one.cif", some, (3, 6))
    return tmp_path / "files"


def test_image_files_are_gated_as_parsed_cells_are(files, tmp_path, monkeypatch):
    from deepometry.cells import file_cells

    monkeypatch.setattr(file_cells, "KEPT", 0)
    model = write_model(tmp_path / "model", GOOD, FULL)
    result = classify(ClassifyOptions(input=files, output=tmp_path / "c", model=model))
    assert (result.cells, result.gated_out) == (46, 10)
    assert result.counts == {"A": 18, "B": 18}
    assert "10 of 46 cells are gated out (gates Good cells, Full)" in " ".join(result.warnings)
    home = tmp_path / "parsed"
    parse(ParseOptions(input=files, output=home, frame=FRAME))
    gate(GateOptions(input=home, output=tmp_path / "g", like=model))
    other = run(home, model, tmp_path / "p", unannotated=True)
    assert (tmp_path / "c/predicted.csv").read_bytes() == (
        tmp_path / "p/predicted.csv"
    ).read_bytes()
    assert other.counts == result.counts


def test_features_of_ideas_are_told_where_files_are_classified(files, tmp_path):
    model = write_model(tmp_path / "model", GOOD, IDEAS)
    result = classify(ClassifyOptions(input=files, output=tmp_path / "c", model=model))
    told = next(each for each in result.warnings if "Gradient RMS_M01_Ch01 = 50.." in each)
    assert "that cannot be measured in these files" in told and "Area Ch3" not in told
    assert result.gated_out == 6
    all_out = write_model(tmp_path / "all", Gate("g", (Limit("Area Ch3", 5000.0),), ""))
    with pytest.raises(DeepometryError, match="found all 46 cells outside; parse and predict them"):
        classify(ClassifyOptions(input=files, output=tmp_path / "d", model=all_out))
