"""Gates: features, proposals, limits, and what they leave out of learning and of scores."""

from __future__ import annotations

import html
import json
import re
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pandas as pd
import pytest

from deepometry.cells.dataset import open_dataset
from deepometry.cells.gates.gate import Limit, gates_of
from deepometry.cells.imported_features import open_imported_features
from deepometry.cells.targets import targets
from deepometry.classical.cleaning.gate import gate
from deepometry.classical.cleaning.propose import limits
from deepometry.core.errors import DeepometryError, OptionsError, Question
from deepometry.core.folder_names import NUMBER
from deepometry.core.options.export import ExportOptions
from deepometry.core.options.gate import GateOptions, ranges_of, read_limits
from deepometry.core.options.parse import TargetsOptions
from deepometry.core.options.predict import PredictOptions
from deepometry.core.options.train import BaselineOptions
from deepometry.core.progress import Progress
from deepometry.exports import export
from deepometry.inference.predict import predict
from deepometry.training.baseline import baseline
from tests.imported import import_features
from tests.labelled import write_labels
from tests.parsed import write_record, write_stack
from tests.results_runs import Jobs, make_app, read_run

FRAME = 32
SMALL = "Area Ch3 = 60.."


def discs(radii, seed=0, channels=2):
    """Draw bright discs on noise; of channel 6 they are half as bright."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:FRAME, :FRAME] - (FRAME - 1) / 2
    images = rng.normal(100, 3, (len(radii), FRAME, FRAME, channels))
    inside = np.hypot(x, y) <= np.asarray(radii, float)[:, None, None]
    images += 400 * inside[..., None] * np.array([1, 0.5])
    return images.round().astype(np.uint16)


def write_cells(home):
    """Two classes of 60 discs, of another size each; 5 specks in A, 3 in B, at the end of each."""
    write_record(home)
    for n, (name, radius, specks) in enumerate((("Class A", 7, 5), ("Class B", 10, 3))):
        radii = np.random.default_rng(n).normal(radius, 0.3, 60)
        write_stack(home / name, discs([*radii, *[2] * specks], n))
    return home


@pytest.fixture
def cells(tmp_path):
    return write_cells(tmp_path / "parsed")


def run(cells, tmp_path, out="out", **more):
    """Gate the cells."""
    return gate(GateOptions(input=cells, output=tmp_path / out, **more))


# --- features -----------------------------------------------------------------------------------


def test_features_are_those_of_the_shapes(cells, tmp_path):
    run(cells, tmp_path, limits=SMALL)
    features = open_imported_features(cells)
    assert features.names[:6] == [
        "Area Ch3", "Aspect Ratio Ch3", "Gradient RMS Ch3", "Intensity Ch3", "Objects Ch3",
        "Saturated Ch3"]  # fmt: skip
    area, aspect = features.column("Area Ch3"), features.column("Aspect Ratio Ch3")
    around = np.pi * (7 + 1.2) ** 2  # the mask has the pixels around that are partly of the cell
    assert np.median(area[:60]) == pytest.approx(around, rel=0.1)
    assert (area[60:65] < 60).all() and (area[65:125] > area[:60].max()).all()
    assert (aspect[:60] > 0.9).all()
    ratio = features.column("Intensity Ch3")[:60] / features.column("Intensity Ch6")[:60]
    np.testing.assert_allclose(ratio, 2, rtol=0.1)
    assert (features.column("Objects Ch3") == 1).all()
    assert (features.column("Saturated Ch3") == 0).all()


def test_blur_lowers_the_gradient_and_a_full_camera_is_told(tmp_path):
    from scipy.ndimage import gaussian_filter

    images = discs([8] * 6).astype(float)
    images[3:] = gaussian_filter(images[3:], (0, 3, 3, 0))
    images[0, 14:18, 14:18, 0] = 4095
    write_record(tmp_path / "parsed")
    write_stack(tmp_path / "parsed" / "a", images.round().astype(np.uint16))
    run(tmp_path / "parsed", tmp_path, limits="Area Ch3 = 1..")
    features = open_imported_features(tmp_path / "parsed")
    steep, full = features.column("Gradient RMS Ch6"), features.column("Saturated Ch3")
    assert steep[3:].max() < 0.7 * steep[:3].min()
    assert full[0] == pytest.approx(100 * 16 / features.column("Area Ch3")[0])
    assert (full[1:] == 0).all() and (features.column("Saturated Ch6") == 0).all()


def test_two_cells_are_two_objects_and_an_empty_image_has_no_area(tmp_path):
    images = discs([0, 3, 3])
    images[1] = np.maximum(np.roll(images[1], 9, 1), np.roll(images[2], -9, 1))
    write_record(tmp_path / "parsed")
    write_stack(tmp_path / "parsed" / "a", images)
    run(tmp_path / "parsed", tmp_path, limits="Objects Ch3 = ..1; Area Ch3 = 1..")
    assert open_imported_features(tmp_path / "parsed").column("Objects Ch3").tolist()[1:] == [2, 1]


def test_features_are_measured_once_and_those_of_others_stay(cells, tmp_path):
    import_features(cells, {"Gradient RMS_M01_Ch01": np.arange(128.0)})
    run(cells, tmp_path, limits=SMALL)
    first = (cells / "labels" / "features.h5").read_bytes()
    result = run(cells, tmp_path, "two", gate="Focus", limits="gradient rms_m01_ch01 = 100..")
    assert result.gated_out == 100
    assert (cells / "labels" / "features.h5").read_bytes() == first


# --- proposals ----------------------------------------------------------------------------------


def test_proposals_leave_out_specks_of_every_class_and_no_whole_class(cells, tmp_path):
    result = run(cells, tmp_path)
    assert result.folders.gated_out.tolist() == [5, 3]
    assert result.gate.origin == "proposed from the data"
    out = open_dataset(cells).gated_out
    assert np.flatnonzero(out.cells).tolist() == [*range(60, 65), *range(125, 128)]


def test_limits_are_robust_and_each_side_has_its_own_width():
    rng = np.random.default_rng(0)
    values = np.concatenate([-rng.exponential(1, 5000), rng.exponential(4, 5000), [1e6] * 50])
    low, high = limits(values)
    assert high / -low == pytest.approx(4, rel=0.15)
    assert limits(np.array([5.0] * 9)) == (4.75, 5.25)


# --- limits -------------------------------------------------------------------------------------


def test_limits_are_read():
    text = "Area Ch1 = 50..900; Gradient RMS Ch1=8.. ; x = ..-1.5e3"
    inf = float("inf")
    assert ranges_of(read_limits(text)) == (
        ("Area Ch1", 50, 900), ("Gradient RMS Ch1", 8, inf), ("x", -inf, -1500))  # fmt: skip
    assert ranges_of(read_limits("None")) == ()
    for wrong in ("Area Ch1", "Area = ..", "= 1..2", "a = 3..2", "a = 1..b", ";"):
        with pytest.raises(ValueError, match=r"expected .*such as Area Ch1 = 50"):
            read_limits(wrong)


def test_what_is_not_known_stays_inside():
    out = Limit("a", 1, 2).leaves_out(np.array([0.5, 1, 2, 2.5, np.nan]))
    assert out.tolist() == [True, False, False, True, False]


def test_a_feature_that_there_is_not_is_told(cells, tmp_path):
    with pytest.raises(OptionsError, match=r"Limits: expected features of these cells \(Area Ch3"):
        run(cells, tmp_path, limits="Area Ch1 = 1..")
    assert not gates_of(cells) and not (tmp_path / "out").exists()


# --- kept, taken over, replaced, removed --------------------------------------------------------


def test_a_gate_is_taken_over_by_other_cells(cells, tmp_path):
    run(cells, tmp_path, limits=SMALL, gate="Debris")
    other = tmp_path / "other"
    write_record(other)
    write_stack(other / "Class A", discs([7, 7, 2]))
    for number, place in enumerate((cells, cells / "gates" / "Debris.json", tmp_path / "out")):
        name = f"g{number}"
        result = run(other, tmp_path, name, like=place, gate=name)
        assert (result.gated_out, result.gate.origin) == (1, f"as Debris of {place}")
    with pytest.raises(DeepometryError, match=r"Like .*: expected one gate, .*found g0, g1, g2"):
        run(cells, tmp_path, "more", like=other, gate="Other")
    with pytest.raises(DeepometryError, match=r"expected one gate, .*found none"):
        run(other, tmp_path, "more", like=tmp_path, gate="Other")


def test_a_gate_is_replaced_and_removed_where_that_is_allowed(cells, tmp_path):
    run(cells, tmp_path, limits=SMALL)
    with pytest.raises(Question, match="these cells have a gate Good cells: Area Ch3 = 60"):
        run(cells, tmp_path, "two", limits="none")
    run(cells, tmp_path, "two", limits="Area Ch3 = ..300", overwrite=True)
    assert [str(each) for each in gates_of(cells)] == ["Good cells: Area Ch3 = ..300"]
    result = run(cells, tmp_path, "three", limits="none", overwrite=True)
    assert "removed" in str(result) and not gates_of(cells)
    assert open_dataset(cells).gated_out.count == 0


def test_a_preview_keeps_no_gate(cells, tmp_path):
    result = run(cells, tmp_path, limits=SMALL, preview=True)
    assert result.gated_out == 8 and "no gate was kept" in str(result)
    assert not gates_of(cells)


def test_a_gate_of_cells_that_were_parsed_later_says_so(cells, tmp_path):
    run(cells, tmp_path, limits=SMALL)
    write_stack(cells / "Class C", discs([7, 7]))
    with pytest.raises(DeepometryError, match=r"expected its features .*found none of 2 cells"):
        open_dataset(cells).targets()
    run(cells, tmp_path, limits=SMALL, overwrite=True)
    assert open_dataset(cells).gated_out.count == 8


def test_a_damaged_gate_says_so(cells, tmp_path):
    path = run(cells, tmp_path, limits=SMALL).kept
    record = json.loads(path.read_text("utf-8"))
    path.write_text(json.dumps(record | {"limits": [{"low": 3}]}), "utf-8")
    with pytest.raises(DeepometryError, match=r"Good cells\.json: expected name, origin"):
        open_dataset(cells).targets()


def test_cells_of_the_same_file_and_number_have_their_own_features(tmp_path):
    home = tmp_path / "parsed"
    write_record(home)
    for name, radii in (("Class A", [7, 2, 7]), ("Class B", [2, 10, 10])):
        write_stack(home / name, discs(radii), "one.cif")
    write_stack(home / "Class C", discs([2, 9]), "two.cif")
    run(home, tmp_path, limits=SMALL)
    out = open_dataset(home).gated_out.cells
    assert out.tolist() == [False, True, False, True, False, False, True, False]
    assert open_dataset(home / "Class C").gated_out.cells.tolist() == [True, False]
    for part in ("Class A", "Class B"):
        with pytest.raises(DeepometryError, match=r"each cell of .* once, found 3 cells here"):
            open_dataset(home / part).targets()


# --- learning and scores ------------------------------------------------------------------------


def test_gated_cells_count_neither_as_labelled_nor_as_unlabelled(cells, tmp_path):
    rows = [("Class A.cif", str(n), str(n)) for n in range(64)]
    write_labels(cells, "Size", rows, kind=NUMBER)
    run(cells, tmp_path, limits=SMALL)
    dataset = open_dataset(cells)
    kind, size = found = targets(TargetsOptions(input=cells))
    assert str(found).endswith("\nGate Good cells: Area Ch3 = 60.. (set by hand)")
    assert dict(kind.labels) == {"A": 60, "B": 60}
    assert (kind.unlabelled, kind.gated_out) == (0, 8)
    assert str(kind) == "Class (2 labels, 120 cells, 8 gated out)"
    assert (size.cells, size.unlabelled, size.gated_out) == (60, 60, 8)
    codes = dataset.codes("Class", ["A", "B"])
    assert (codes[60:65] == -1).all() and (codes < 0).sum() == 8
    assert np.isnan(dataset.values("Size")[60:64]).all()
    assert dataset.labels("Size").values[60] == 60  # tables keep it
    assert open_dataset(cells / "Class A").gated_out.count == 5
    assert np.flatnonzero(dataset.table.gated_out).tolist() == np.flatnonzero(codes < 0).tolist()
    export(ExportOptions(input=cells, output=tmp_path / "cells.csv"))
    table = pd.read_csv(tmp_path / "cells.csv", keep_default_na=False)
    assert (table.gated_out == "yes").tolist() == (codes < 0).tolist()


def test_a_class_that_is_gated_out_whole_is_no_target_and_warned_of(cells, tmp_path):
    from deepometry.cells.summary import SummaryOptions, summary

    result = run(cells, tmp_path, limits="Area Ch3 = 300..")
    rows = summary(SummaryOptions(input=cells, output=tmp_path / "summary")).rows
    assert rows[["folder", "cells", "gated_out"]].values.tolist()[0] == ["Class A", 65, 65]
    assert result.warnings == (
        "65 of the 65 cells of Class A are gated out: they may differ for a biological reason.",
    )
    assert open_dataset(cells).targets() == []


@pytest.mark.slow
def test_gated_cells_are_not_learnt_from_but_predicted_and_marked(cells, tmp_path):
    run(cells, tmp_path, limits=SMALL)
    options = BaselineOptions(input=cells, output=tmp_path / "model", target="Class")
    model = baseline(options, Progress(on_say=(said := []).append))
    assert "8 of 128 cells are gated out (gate Good cells): not learnt from." in said
    record = json.loads((tmp_path / "model" / "baseline.json").read_text("utf-8"))
    assert record["gated_out"]["cells"] == 8
    assert sum(model.description.cells.values()) == 120
    options = PredictOptions(input=cells, output=tmp_path / "p", model=model.model)
    result = predict(options)
    assert any("8 of 128 cells are gated out" in each for each in result.warnings)
    table = pd.read_csv(tmp_path / "p" / "predicted.csv", keep_default_na=False)
    assert (table["gated_out"] == "yes").sum() == 8 and table.columns[-1] == "seen"
    assert (table["true_label"][table["gated_out"] == "yes"] == "").all()
    assert not table["seen"][table["gated_out"] == "yes"].any()
    matrix = pd.read_csv(tmp_path / "p" / "confusion_matrix.csv", index_col=0)
    assert matrix.to_numpy().sum() == 120


# --- results ------------------------------------------------------------------------------------


def test_the_page_shows_limits_histograms_and_cells(cells, tmp_path):
    jobs = Jobs()
    options = GateOptions(input=cells, output=tmp_path / "out", limits=SMALL)
    jobs.run("one", "gate", gate, options)
    client = make_app(jobs).test_client()
    page = read_run(client, "one")
    assert "8 (6.2 %)" in page and "<code>Area Ch3 = 60..</code>" in page
    assert '<th scope="row">Class A</th><td class="r-num">65</td><td class="r-num">5</td>' in page
    link = re.search(r'href="(/cleaning/form[^"]*)"', page)[1]
    assert parse_qs(urlsplit(html.unescape(link)).query) == {
        "path": [str(cells)], "limits": [SMALL], "gate": ["Good cells"]}  # fmt: skip
    for name in ("outside.png", "inside.png"):
        assert client.get(f"/jobs/one/results/plot/{name}").status_code == 200
    chart = client.get("/runs/one/charts/feature-0.json").json
    assert chart["title"] == "Area Ch3"
    assert [sum(each["y"]) for each in chart["series"][:2]] == [128, 120]
    assert chart["series"][2]["x"] == [60, 60]
    assert client.get("/runs/one/charts/feature-11.svg").status_code == 200


def test_the_table_and_the_record_have_the_counts(cells, tmp_path):
    run(cells, tmp_path, limits=SMALL)
    table = pd.read_csv(tmp_path / "out" / "gate.csv")
    assert table.values.tolist() == [["Class A", 65, 5], ["Class B", 63, 3]]
    record = json.loads((tmp_path / "out" / "gate.json").read_text("utf-8"))
    assert record["limits"] == [{"feature": "Area Ch3", "low": 60.0}]
    assert record["files"] == ["gate.csv", "inside.png", "outside.png"]
