"""Exports: read back with the readers that users have, every value and identity is the same."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from deepometry.core.errors import DeepometryError, OptionsError
from deepometry.core.options.export import ExportOptions
from deepometry.core.progress import Progress
from deepometry.exports import export, matlab
from deepometry.exports.cell_table import CellTable
from tests.exported import (
    LABELS,
    make_truth,
    write_coordinates,
    write_features,
    write_parsed,
    write_predicted,
    write_results,
)


def run(folder, output, **more):
    return export(ExportOptions(input=folder, output=output, **more))


@pytest.fixture(scope="module")
def truth():
    return make_truth()


@pytest.fixture(scope="module")
def everything(truth, tmp_path_factory):
    """A map of features beside which predictions lie, all in one order."""
    return write_results(tmp_path_factory.mktemp("results"), truth)


@pytest.fixture(scope="module")
def shuffled(truth, tmp_path_factory):
    """The same, with every table in an order of its own, and some cells not in all of them."""
    root = tmp_path_factory.mktemp("shuffled")
    order = np.random.default_rng(1).permutation(len(truth.cells))
    write_features(root / "features", truth)
    write_predicted(root / "features", truth, order[:20])
    write_coordinates(root / "map", truth, root / "features", order[::-1][:25])
    return root / "map", set(order[:20].tolist()), set(order[::-1][:25].tolist())


def check_identity(table, truth):
    assert list(zip(table["source"], table["object"].astype(str), strict=True)) == truth.cells


# --- tables ------------------------------------------------------------------------------------


def test_csv_has_everything_in_one_row(everything, truth, tmp_path):
    result = run(everything, tmp_path / "all.csv")
    assert result.cells == 30
    table = pd.read_csv(result.output)
    check_identity(table, truth)
    assert table["label"].tolist() == [LABELS[code] for code in truth.codes]
    assert table["Day"].tolist() == [1] * 15 + [2] * 15
    probabilities = table[[f"probability_{label}" for label in LABELS]].to_numpy()
    assert (probabilities == truth.probabilities).all()
    assert (table[["umap_1", "umap_2"]].to_numpy(np.float32) == truth.places).all()
    features = table[[f"pool5_{n}" for n in range(1, 13)]].to_numpy(np.float32)
    assert (features == truth.features).all()
    record = json.loads((tmp_path / "all.csv.json").read_text("utf-8"))
    assert (record["step"], record["cells"]) == ("export", 30)


def test_parquet_has_the_same(everything, truth, tmp_path):
    run(everything, tmp_path / "all.parquet")
    table = pd.read_parquet(tmp_path / "all.parquet")
    check_identity(table, truth)
    assert table["pool5_1"].dtype == np.float32
    assert table["Day"].tolist() == ["1"] * 15 + ["2"] * 15
    features = table[[f"pool5_{n}" for n in range(1, 13)]].to_numpy()
    assert (features == truth.features).all()
    assert (table[f"probability_{LABELS[1]}"] == truth.probabilities[:, 1]).all()


def test_tables_are_joined_by_identity_not_by_order(shuffled, truth, tmp_path):
    folder, predicted, drawn = shuffled
    run(folder, tmp_path / "all.csv", features="pool5_3,pool5_1")
    table = pd.read_csv(tmp_path / "all.csv")
    check_identity(table, truth)
    assert list(table.columns[-2:]) == ["pool5_3", "pool5_1"]
    assert set(np.flatnonzero(table["label"].notna())) == predicted
    assert set(np.flatnonzero(table["umap_1"].notna())) == drawn
    for row in predicted:
        assert table["label"][row] == LABELS[truth.codes[row]]
        assert table[f"probability_{LABELS[0]}"][row] == pytest.approx(
            truth.probabilities[row, 0], 1e-6
        )
    for row in drawn:
        assert table["umap_2"][row] == pytest.approx(truth.places[row, 1], 1e-6)
    assert np.allclose(table["pool5_3"], truth.features[:, 2])


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """More cells than are read at once, with the predictions of some, in another order."""
    truth, root = make_truth(20_000, width=2), tmp_path_factory.mktemp("many")
    order = np.random.default_rng(1).permutation(20_000)[:15_000]
    write_features(root / "features", truth)
    write_predicted(root / "features", truth, order)
    write_coordinates(root / "map", truth, root / "features")
    predicted = np.zeros(20_000, bool)
    predicted[order] = True
    return root / "map", truth, predicted


def check_many(table, features, places, truth, predicted):
    check_identity(table, truth)
    assert (np.asarray(features, np.float32) == truth.features).all()
    assert (np.asarray(places, np.float32) == truth.places).all()
    assert (table["label"].notna() == predicted).all()
    labels = np.array(truth.labels, object)[truth.codes]
    assert (table["label"][predicted] == labels[predicted]).all()
    probabilities = table[f"probability_{LABELS[0]}"][predicted]
    assert np.allclose(probabilities, truth.probabilities[predicted, 0], atol=1e-6)


def test_many_cells_are_written_in_pieces(many, tmp_path):
    folder, truth, predicted = many
    run(folder, tmp_path / "many.csv")
    table = pd.read_csv(tmp_path / "many.csv")
    check_many(table, table[["pool5_1", "pool5_2"]], table[["umap_1", "umap_2"]], truth, predicted)


def test_a_cell_that_is_there_twice_keeps_both_rows(truth, tmp_path):
    twice = make_truth(6)
    twice.cells[4] = twice.cells[3]
    write_features(tmp_path / "f", twice)
    write_predicted(tmp_path / "f", twice, [5, 4, 3, 2, 1, 0], annotated=False)
    run(tmp_path / "f", tmp_path / "all.csv", features="none")
    table = pd.read_csv(tmp_path / "all.csv")
    check_identity(table, twice)
    written = set(table[f"probability_{LABELS[0]}"][3:5])
    assert written == set(twice.probabilities[3:5, 0].tolist())


def test_predictions_of_another_folder_join_a_map(truth, tmp_path):
    write_features(tmp_path / "f", truth)
    write_coordinates(tmp_path / "map", truth, tmp_path / "f")
    write_predicted(tmp_path / "p", truth, range(29, -1, -1))
    run(tmp_path / "map", tmp_path / "all.csv", also=tmp_path / "p")
    table = pd.read_csv(tmp_path / "all.csv")
    check_identity(table, truth)
    assert table["label"].tolist() == [LABELS[code] for code in truth.codes]
    assert {"umap_1", "pool5_1", "predicted Class"} <= set(table)


def test_the_prediction_of_a_map_is_the_class_and_its_confidence_a_number(tmp_path):
    from deepometry.exports.open_results import open_table

    lines = ["source,object,Class,prediction,confidence,umap_1,umap_2"]
    lines += ["a.cif,1,A,B,0.75,1,2", "a.cif,2,A,,,3,4"]
    (tmp_path / "coordinates.csv").write_text("\n".join(lines) + "\n", "utf-8")
    table = open_table(tmp_path)
    assert (table.label, table.classes) == ("prediction", ["B"])
    assert table.numbers == ["confidence", "umap_1", "umap_2"]
    exported = pd.read_csv(run(tmp_path, tmp_path / "B.csv", label="B").output)
    assert exported["confidence"].tolist() == [0.75]


def test_a_map_goes_with_the_layer_it_was_drawn_of(truth, tmp_path):
    from deepometry.exports.open_results import open_table

    for layer in ("pool5", "res5a"):
        write_features(tmp_path / "features", truth, layer)
    write_coordinates(tmp_path / "map", truth, tmp_path / "features")
    record = json.loads((tmp_path / "map" / "embed.json").read_text("utf-8"))
    assert open_table(tmp_path / "map").features[0] == "res5a_1"
    (tmp_path / "map" / "embed.json").write_text(json.dumps(record | {"layer": "pool5"}), "utf-8")
    assert open_table(tmp_path / "map").features[0] == "pool5_1"
    assert open_table(tmp_path / "map", "res5a").features[0] == "res5a_1"


def test_features_of_a_map_that_do_not_exist_any_more_are_reported(truth, tmp_path):
    write_coordinates(tmp_path / "map", truth, tmp_path / "gone")
    messages = []
    options = ExportOptions(input=tmp_path / "map", output=tmp_path / "all.csv")
    export(options, Progress(on_say=messages.append))
    assert "is not there any more" in messages[0]
    assert "umap_1" in pd.read_csv(tmp_path / "all.csv")


def test_one_class_and_chosen_cells(everything, truth, tmp_path):
    result = run(everything, tmp_path / "one.csv", label=LABELS[2], features="2")
    wanted = [cell for cell, code in zip(truth.cells, truth.codes, strict=True) if code == 2]
    table = pd.read_csv(result.output)
    assert list(zip(table["source"], table["object"].astype(str), strict=True)) == wanted
    chosen = tmp_path / "chosen.csv"
    pd.DataFrame(truth.cells[4:9][::-1], columns=["source", "object"]).to_csv(chosen, index=False)
    result = run(everything, tmp_path / "some.csv", cells=chosen)
    table = pd.read_csv(result.output)
    assert table["object"].astype(str).tolist() == [name for _, name in truth.cells[4:9]]
    assert np.allclose(table["pool5_2"], truth.features[4:9, 1])


def test_classical_features_keep_their_names(tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "baseline_features.csv").write_text(
        "source,object,Class,side,predicted,Ch1: area,Ch1: mean\na.cif,3,A,training,,2.5,7\n",
        "utf-8",
    )
    run(folder, tmp_path / "all.csv", features="Ch1: mean")
    table = pd.read_csv(tmp_path / "all.csv")
    assert table.loc[0, ["source", "object", "Class", "Ch1: mean"]].tolist() == ["a.cif", 3, "A", 7]
    assert "Ch1: area" not in table


def test_parsed_cells_alone_are_a_table(truth, tmp_path):
    write_parsed(tmp_path / "parsed", truth)
    run(tmp_path / "parsed", tmp_path / "cells.csv")
    table = pd.read_csv(tmp_path / "cells.csv")
    check_identity(table, truth)
    assert table["Day"].tolist() == [1] * 15 + [2] * 15


# --- AnnData -----------------------------------------------------------------------------------


def test_anndata_reads_all_of_it(everything, truth, tmp_path):
    import anndata

    run(everything, tmp_path / "all.h5ad")
    data = anndata.read_h5ad(tmp_path / "all.h5ad")
    assert data.shape == (30, 12)
    assert data.X.dtype == np.float32
    assert (truth.features == data.X).all()
    assert list(data.var_names) == [f"pool5_{n}" for n in range(1, 13)]
    check_identity(data.obs, truth)
    assert data.obs_names[1] == "Day 1/a,b.cif #3"
    assert data.obs["label"].tolist() == [LABELS[code] for code in truth.codes]
    assert list(data.obs["Day"].cat.categories) == ["1", "2"]
    name = f"probability_{LABELS[1]}".replace("/", "_")
    assert (data.obs[name] == truth.probabilities[:, 1]).all()
    assert (data.obsm["X_umap"] == truth.places).all()
    assert list(data.uns["classes"]) == list(LABELS)
    assert json.loads(data.uns["predict_json"])["step"] == "predict"
    data.write_h5ad(tmp_path / "again.h5ad")  # nothing in it that anndata could not write


def test_anndata_of_many_cells_is_written_in_pieces(many, tmp_path):
    import anndata

    folder, truth, predicted = many
    run(folder, tmp_path / "many.h5ad")
    data = anndata.read_h5ad(tmp_path / "many.h5ad")
    check_many(data.obs, data.X, data.obsm["X_umap"], truth, predicted)
    assert data.obs_names.is_unique


def test_anndata_of_predictions_alone(truth, tmp_path):
    import anndata

    write_predicted(tmp_path / "p", truth)
    run(tmp_path / "p", tmp_path / "p.h5ad")
    data = anndata.read_h5ad(tmp_path / "p.h5ad")
    assert data.shape == (30, 0)
    check_identity(data.obs, truth)


# --- MATLAB ------------------------------------------------------------------------------------


def test_matlab_reads_all_of_it(everything, truth, tmp_path):
    from scipy.io import loadmat

    parsed = everything.parent / "parsed"
    run(everything, tmp_path / "all.mat", images=parsed)
    content = loadmat(tmp_path / "all.mat", squeeze_me=True)
    assert list(zip(content["source"], content["object"], strict=True)) == truth.cells
    assert (content["features"] == truth.features).all()
    assert list(content["feature_names"]) == [f"pool5_{n}" for n in range(1, 13)]
    assert (content["probabilities"] == truth.probabilities).all()
    assert (content["umap"].astype(np.float32) == truth.places).all()
    assert list(content["classes"]) == list(LABELS)
    assert (content["class_number"] == truth.codes + 1).all()
    assert content["images"].shape == (16, 16, 2, 30)
    pixels = np.concatenate([np.load(parsed / f"Day {n}" / "cells.npy") for n in (1, 2)])
    assert (content["images"] == pixels.transpose(1, 2, 3, 0)).all()
    assert content["channels"].tolist() == [3, 6]


def test_matlab_takes_the_images_of_parsed_cells(truth, tmp_path):
    from scipy.io import loadmat

    write_parsed(tmp_path / "parsed", truth)
    run(tmp_path / "parsed", tmp_path / "cells.mat")
    content = loadmat(tmp_path / "cells.mat", squeeze_me=True)
    assert content["images"].shape[-1] == 30
    assert content["columns"] == "Day"


def test_what_matlab_cannot_read_is_refused(everything, tmp_path, monkeypatch):
    monkeypatch.setattr(matlab, "LARGEST", 1000)
    with pytest.raises(DeepometryError, match=r"at most 2 GB in an array, found .* features"):
        run(everything, tmp_path / "all.mat")
    assert not list(tmp_path.iterdir())


# --- mistakes, and little ----------------------------------------------------------------------


@pytest.mark.parametrize("format", ["fcs", "csv", "parquet", "h5ad", "mat"])
@pytest.mark.parametrize(("cells", "labels"), [(0, LABELS), (1, ("only",)), (5, ("only",))])
def test_no_cells_and_one_class(format, cells, labels, tmp_path):
    few = make_truth(cells, labels)
    write_features(tmp_path / "f", few)
    write_predicted(tmp_path / "f", few)
    result = run(tmp_path / "f", tmp_path / f"few.{format}")
    assert result.cells == cells
    assert result.output.stat().st_size > 0


def test_tables_of_different_cells_are_refused(truth, tmp_path):
    write_features(tmp_path / "f", truth)
    other = make_truth(10)
    other.cells[3] = ("Day 1/other.cif", "3")
    write_predicted(tmp_path / "f", other)
    with pytest.raises(DeepometryError, match=r"predicted.csv: expected the cells of .* row 4"):
        run(tmp_path / "f", tmp_path / "all.csv")
    assert not (tmp_path / "all.csv").exists()


def test_metadata_that_was_sorted_anew_is_refused(truth, tmp_path):
    write_features(tmp_path / "f", truth)
    table = tmp_path / "f" / "metadata.tsv"
    head, *rows = table.read_text("utf-8").splitlines()
    table.write_text("\n".join([head, *rows[::-1]]) + "\n", "utf-8")
    with pytest.raises(DeepometryError, match="was changed after the features"):
        run(tmp_path / "f", tmp_path / "all.csv")


def test_features_of_too_few_rows_are_refused(truth, tmp_path):
    write_features(tmp_path / "f", truth)
    table = tmp_path / "f" / "features_extracted_by_pool5.txt"
    table.write_text("".join(table.read_text().splitlines(keepends=True)[:-1]))
    with pytest.raises(DeepometryError, match="expected 30 rows"):
        run(tmp_path / "f", tmp_path / "all.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["f"]


def test_a_table_that_was_cut_is_refused(truth, tmp_path):
    write_predicted(tmp_path / "p", truth, range(20))
    record = tmp_path / "p" / "predict.json"
    record.write_text(json.dumps(json.loads(record.read_text()) | {"cells": 30}))
    with pytest.raises(DeepometryError, match=r"expected 30 rows, as predict.json says, found 20"):
        run(tmp_path / "p", tmp_path / "all.csv")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a,b\n1,2\n", "no column source"),
        ("source,object,label,label\nx,1,A,A\n", "a column name twice"),
        ("source,object,label,probability_A\nx,1,A,much\n", "is not a table as it was written"),
        ("source,object,label\nx,1,A,3,4\n", "is not a table as it was written"),
        (b"source,object,label\n\xff,1,A\n", "is not a table as it was written"),
    ],
)
def test_a_damaged_table_is_refused(content, message, tmp_path):
    folder = tmp_path / "p"
    folder.mkdir()
    data = content if isinstance(content, bytes) else content.encode()
    (folder / "predicted.csv").write_bytes(data)
    with pytest.raises(DeepometryError, match=message):
        run(folder, tmp_path / "all.csv")


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"label": "D"}, "Class: expected one of .* found 'D'"),
        ({"features": "pool5_99"}, "expected names such as pool5_1 .* found 'pool5_99'"),
        ({"layer": "res5a"}, "expected features of the layer res5a, found pool5"),
        ({"output": "all.xlsx"}, "ends in one of .fcs"),
        ({"output": "predicted.zip", "format": "tiff", "images": "nowhere"}, "does not exist"),
    ],
)
def test_mistakes_are_refused(everything, tmp_path, more, message):
    output = tmp_path / more.pop("output", "all.csv")
    with pytest.raises(DeepometryError, match=message):
        run(everything, output, **more)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("output", "format"),
    [("predict", "clr"), ("predict.json", "csv"), ("extra/Table.csv", "csv"), ("one", "csv")],
)
def test_results_are_not_replaced(truth, tmp_path, output, format):
    folder = tmp_path / "results"
    write_predicted(folder, truth)
    (folder / "extra").mkdir()
    (folder / "one.json").write_text('{"step": "compare"}')
    record = json.dumps({"step": "predict", "files": ["predicted.csv", "extra/table.csv"]})
    (folder / "predict.json").write_text(record)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    with pytest.raises(OptionsError, match="would replace a result of another step"):
        run(folder, folder / output, format=format)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_an_export_may_be_named_like_a_result_elsewhere(truth, tmp_path):
    folder = tmp_path / "predicted"
    write_predicted(folder, truth)
    for _ in range(2):  # an export may replace itself
        assert run(folder, folder / "export" / "predicted.csv", overwrite=True).cells == 30
    with pytest.raises(OptionsError, match="would replace a result"):
        run(folder, folder / "predicted.csv")


def test_a_folder_without_results_is_refused(tmp_path):
    with pytest.raises(DeepometryError, match="or parsed cells, found neither"):
        run(tmp_path, tmp_path / "all.csv")


def test_options_are_checked():
    with pytest.raises(OptionsError) as caught:
        ExportOptions(input="a", output="b", format="xls", features="-3", montage=0)
    assert set(caught.value.fields) == {"format", "features", "montage"}


def test_a_table_knows_its_parts(everything):
    from deepometry.exports.open_results import open_table

    table = open_table(everything)
    assert isinstance(table, CellTable)
    assert table.embeddings == {"umap": ["umap_1", "umap_2"]}
    assert table.label == "label"
    assert set(table.classes) == set(LABELS)


def test_from_the_command_line(everything, tmp_path):
    from click.testing import CliRunner

    from deepometry.cli import cli

    words = ["export", str(everything), str(tmp_path / "all.csv"), "--features", "none"]
    outcome = CliRunner().invoke(cli, words)
    assert outcome.exit_code == 0
    assert f"Exported 30 cells as csv: {tmp_path / 'all.csv'}" in outcome.output
