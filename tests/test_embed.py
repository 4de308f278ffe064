"""Maps of cells: right places, right names, pictures, and what cannot be mapped."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from threading import Thread

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from deepometry.cells.identity import cell_keys, distinct_keys
from deepometry.cells.imported_features import open_imported_features, write_imported_features
from deepometry.core.errors import DeepometryError
from deepometry.core.options.embed import EmbedOptions
from deepometry.core.palette import GROUPS
from deepometry.core.progress import Cancelled, Progress
from deepometry.maps import embed as embed_step
from deepometry.maps import methods
from deepometry.maps.cell_table import Column, MapCells, read_map_cells
from deepometry.maps.colouring import MOST_GROUPS, choose_colourings
from deepometry.maps.embed import embed
from deepometry.maps.feature_source import find_source
from deepometry.maps.methods import IterationReader
from deepometry.maps.pca import reduce_features
from deepometry.maps.plots import SHAPES, mark_of
from tests.features_table import CLASSES, features_of, write_features, write_predictions


@pytest.fixture
def folder(tmp_path):
    """Features of 90 cells in three groups."""
    return write_features(tmp_path / "features", features_of(90))


def run(folder: Path, output: Path | None = None, progress=None, **more):
    options = {"input": folder, "output": output or folder / "map", "method": "pca"}
    return embed(EmbedOptions(**(options | more)), progress)


def apart(table: pd.DataFrame, axes: list[str]) -> float:
    """Compare distances within the classes with those between them."""
    middles = table.groupby("Class")[axes].transform("mean").to_numpy()
    places = table[axes].to_numpy()
    return np.linalg.norm(places - middles, axis=1).mean() / places.std(0).mean()


# --- coordinates --------------------------------------------------------------------------------


def test_pca_is_the_same_as_of_the_whole_table(folder):
    result = run(folder, dims=3)
    values = features_of(90).astype(float)
    live = values[:, :-1]
    whole = (live - live.mean(0)) / live.std(0)
    left, size, _ = np.linalg.svd(whole, full_matrices=False)
    expected = left[:, :3] * size[:3]
    table = pd.read_csv(result.table)
    places = table[["pca_1", "pca_2", "pca_3"]].to_numpy()
    assert np.allclose(np.abs(places), np.abs(expected), atol=2e-3)
    source = find_source(folder)
    blocks = replace(source, block_bytes=24 * 4 * 64)
    assert [len(block) for block in blocks.blocks()] == [64, 26]
    places = reduce_features(blocks, 90, 3, Progress()).places
    assert np.allclose(np.abs(places), np.abs(expected), atol=2e-3)
    record = json.loads((folder / "map" / "embed.json").read_text("utf-8"))
    shares = size**2 / (size**2).sum()
    assert record["explained"][:3] == pytest.approx(shares[:3], abs=1e-4)
    assert record["features"] == 24 and record["components"] == 23


def test_every_row_has_identity_folders_and_prediction(folder):
    table = pd.read_csv(run(folder).table, dtype=str)
    columns = ["source", "object", "Class", "Day", "prediction", "pca_1", "pca_2"]
    assert list(table.columns) == columns
    assert table.loc[4, ["source", "object", "Class", "Day", "prediction"]].tolist() == [
        "Class B.cif", "1", "B", "1", "A",
    ]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(
    ("method", "dims"), [("umap", 2), ("tsne", 2), ("phate", 2), ("umap", 3), ("phate", 3)]
)
def test_groups_lie_apart_by_every_method(folder, method, dims):
    result = run(folder, method=method, dims=dims, perplexity=10, neighbors=8, color="Class")
    table = pd.read_csv(result.table)
    axes = [f"{method}_{n}" for n in range(1, dims + 1)]
    assert np.isfinite(table[axes].to_numpy()).all()
    assert apart(table, axes) < 0.8
    assert "23 principal components" in str(result)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["umap", "tsne", "phate", "pca"])
def test_one_seed_gives_one_map(folder, method):
    options = {"method": method, "perplexity": 10, "neighbors": 8, "color": "Class", "seed": 3}
    first = run(folder, folder / "1", **options).table.read_bytes()
    assert run(folder, folder / "2", **options).table.read_bytes() == first


def test_features_beside_the_parsed_cells_are_colours(tmp_path):
    parsed = tmp_path / "parsed"
    folder = write_features(tmp_path / "features", features_of(90), input=str(parsed))
    rows = pd.read_csv(folder / "metadata.tsv", sep="\t", dtype=str)[::-1]
    keys, areas = distinct_keys(cell_keys(rows.source, rows.object)), np.arange(90.0)
    areas[-1] = np.nan  # of the first cell of the map

    def column(name, values):
        values[:] = areas if name == "Area Ch1" else np.nan

    (parsed / "labels").mkdir(parents=True)
    write_imported_features(parsed, keys, ["Area Ch1", "Empty"], column, Progress())
    run(folder, color="area ch1, Day")
    names = {path.name for path in (folder / "map").iterdir()}
    assert {"map_pca_Area_Ch1.png", "map_pca_Day.png"} <= names
    cells = read_map_cells(folder / "metadata.tsv", Progress())
    features = open_imported_features(parsed)
    (colours,) = choose_colourings(cells, ["AREA CH1"], features)
    assert colours.labels == () and np.isnan(colours.values[0])
    assert colours.values[1:].tolist() == [*range(88, -1, -1)]
    with pytest.raises(DeepometryError, match="expected values of Empty of these cells"):
        choose_colourings(cells, ["Empty"], features)
    with pytest.raises(DeepometryError, match=r"expected one of .*Area Ch1, Empty, found 'Area'"):
        run(folder, folder / "no", color="Area")


def test_a_second_map_replaces_the_first_one_whole(folder):
    run(folder)
    run(folder, dims=3, color="Day", overwrite=True)
    names = {path.name for path in (folder / "map").iterdir()}
    pictures = {"map_pca_Day.png", "map_pca_Day.svg"}
    assert names == {"coordinates.csv", "coordinates.npz", "embed.json", *pictures}


# --- predictions --------------------------------------------------------------------------------


def test_predictions_are_matched_by_identity_not_by_order(folder, tmp_path):
    predictions = write_predictions(tmp_path / "predictions", range(60))
    messages: list[str] = []
    run(folder, progress=Progress(on_say=messages.append), predictions=predictions)
    table = pd.read_csv(folder / "map" / "coordinates.csv", dtype={"prediction": str})
    assert (table.prediction[:60] == table.Class[:60]).all()
    assert table.prediction[60:].isna().all()
    assert table.confidence[:60].tolist() == [0.8] * 60
    assert any("has no prediction for 30 of the 90 cells" in text for text in messages)
    assert (folder / "map" / "map_pca_confidence.png").is_file()


@pytest.mark.parametrize("target", ["Day", ""])
def test_predictions_are_named_by_their_own_target(folder, tmp_path, target):
    predictions = write_predictions(tmp_path / "predictions", range(90))
    if target:
        record = json.dumps({"step": "predict", "target": target})
        (predictions / "predict.json").write_text(record, "utf-8")
    run(folder, predictions=predictions)
    record = json.loads((folder / "map" / "embed.json").read_text("utf-8"))
    assert record["target"] == target
    assert record["plots"][0]["name"] == ("prediction (Day)" if target else "prediction")


def test_predictions_beside_the_features_are_found(folder):
    write_predictions(folder, range(90))
    run(folder)
    table = pd.read_csv(folder / "map" / "coordinates.csv")
    assert (table.prediction == table.Class).all()


def test_predictions_of_other_cells_are_refused_or_left_out(folder, tmp_path):
    others = write_predictions(tmp_path / "others", range(1000, 1010))
    with pytest.raises(
        DeepometryError, match="expected the 90 cells of these features, found none of them"
    ):
        run(folder, predictions=others)
    write_predictions(folder, range(1000, 1010))
    run(folder)
    with pytest.raises(DeepometryError, match="does not exist"):
        run(folder, predictions=tmp_path / "none")
    (tmp_path / "bad.csv").write_text("a,b\n1,2\n")
    with pytest.raises(DeepometryError, match="expected the columns source, object and label"):
        run(folder, predictions=tmp_path / "bad.csv")


# --- pictures -----------------------------------------------------------------------------------


def test_there_is_a_picture_of_every_colouring(folder):
    result = run(folder)
    record = json.loads((folder / "map" / "embed.json").read_text("utf-8"))
    assert [each["name"] for each in record["plots"]] == ["prediction (Class)", "Class", "Day"]
    assert record["plots"][1]["groups"] == dict.fromkeys(CLASSES, 30)
    for path in result.plots:
        assert path.stat().st_size > 5000
    with Image.open(folder / "map" / "map_pca_Class.png") as picture:
        assert picture.size[0] > 1000
    drawn = (folder / "map" / "map_pca_Class.svg").read_text("utf-8")
    assert "<image" in drawn and "<script" not in drawn


def test_a_drawing_of_many_cells_stays_small(tmp_path):
    folder = write_features(tmp_path / "f", features_of(6000, 4))
    result = run(folder, color="Class")
    assert max(path.stat().st_size for path in result.plots) < 900_000


def test_colours_are_chosen_by_name_in_any_case(folder):
    result = run(folder, color="day, CLASS")
    names = [path.name for path in result.plots if path.suffix == ".png"]
    assert names == ["map_pca_Day.png", "map_pca_Class.png"]
    with pytest.raises(DeepometryError, match="expected one of Class, Day, prediction, found 'Di"):
        run(folder, color="Dish")


def test_very_many_groups_are_the_largest_and_all_others():
    codes = np.repeat(np.arange(30), np.arange(1, 31))
    values = tuple(f"S{n}" for n in range(30))
    mapped = MapCells(np.arange(len(codes)), {"Sample": Column(values, codes.astype(np.int32))})
    (colouring,) = choose_colourings(mapped, ["sample"])
    assert len(colouring.labels) == MOST_GROUPS
    assert colouring.labels[-1] == "11 others"
    assert sum(colouring.counts) == len(codes)
    assert np.bincount(colouring.values).tolist() == list(colouring.counts)
    (one,) = choose_colourings(mapped, None)
    assert one.labels == ("cells",)


def test_a_column_of_too_many_values_is_not_offered(folder, monkeypatch):
    monkeypatch.setattr(embed_step, "MOST_VALUES", 2)
    run(folder)
    record = json.loads((folder / "map" / "embed.json").read_text("utf-8"))
    assert record["columns"] == {"Class": {}, "Day": {"1": 45, "2": 45}, "prediction": {}}


def test_twenty_groups_have_twenty_marks():
    marks = {mark_of(n, str(n)) for n in range(MOST_GROUPS)}
    assert len(marks) == MOST_GROUPS
    assert len(GROUPS) * len(SHAPES) >= MOST_GROUPS


def test_many_groups_in_space_keep_their_shapes(tmp_path, monkeypatch):
    folder = write_features(tmp_path / "f", features_of(60))
    lines = (folder / "metadata.tsv").read_text("utf-8").splitlines()
    rows = [line.split("\t") for line in lines[1:]]
    rows = [[*row[:2], f"S{n % 12}", *row[3:]] for n, row in enumerate(rows)]
    text = "\n".join([lines[0], *("\t".join(row) for row in rows)])
    (folder / "metadata.tsv").write_text(f"{text}\n", "utf-8")
    drawn = []
    monkeypatch.setattr(
        "mpl_toolkits.mplot3d.axes3d.Axes3D.scatter",
        lambda self, *places, c, marker, **more: drawn.append((marker, len(set(c)), len(c))),
    )
    run(folder, dims=3, color="Class")
    assert drawn == [("o", 8, 40), ("s", 4, 20)]


# --- progress and cancelling ---------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("method", ["umap", "tsne"])
def test_rounds_are_reported_and_a_map_is_cancelled_in_them(folder, method):
    reports: list[tuple[int, int, str]] = []

    def stop(done: int, total: int, text: str) -> None:
        reports.append((done, total, text))
        if text.startswith("Computing the"):
            progress.cancel()

    progress = Progress(stop)
    with pytest.raises(Cancelled):
        run(folder, progress=progress, method=method, perplexity=10)
    assert any(total > 0 and text.startswith("Computing the") for _, total, text in reports)
    assert not (folder / "map").exists()


def test_the_bar_of_a_library_is_read_in_its_own_thread_only():
    reports = []
    rounds = IterationReader(Progress(lambda *report: reports.append(report)), "x")
    for text in ("\r3/200", "", "\n", "nonsense"):
        rounds.write(text)
    other = Thread(target=rounds.write, args=["\r4/200"])
    other.start()
    other.join()
    assert reports == [(3, 200, "x")]


# --- what cannot be mapped -----------------------------------------------------------------------


def test_features_that_are_not_there(tmp_path, folder):
    with pytest.raises(DeepometryError, match="does not exist"):
        run(tmp_path / "none", tmp_path / "map")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DeepometryError, match="run Extract first"):
        run(tmp_path / "empty", tmp_path / "map")
    with pytest.raises(DeepometryError, match="found pool5; choose among these"):
        run(folder, layer="res4a_relu")
    (folder / "metadata.tsv").unlink()
    with pytest.raises(DeepometryError, match=r"expected metadata\.tsv"):
        run(folder)


def test_too_few_cells_for_the_neighbours(tmp_path):
    folder = write_features(tmp_path / "f", features_of(12))
    with pytest.raises(DeepometryError, match="UMAP with 15 neighbours: expected 17 cells or more"):
        run(folder, method="umap")
    with pytest.raises(DeepometryError, match=r"expected 92 cells .* found 12"):
        run(folder, method="tsne")
    with pytest.raises(DeepometryError, match="PCA: expected 4 cells"):
        run(write_features(tmp_path / "g", features_of(3)))


@pytest.mark.slow
def test_fewer_neighbours_need_fewer_cells(tmp_path):
    run(write_features(tmp_path / "f", features_of(12)), method="umap", neighbors=4)


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (lambda t: t.replace("\t7\n", "\tnan\n", 1), "24 numbers in row 1, found one that is"),
        (lambda t: t.replace("\t7\n", "\tinf\n", 1), "no number"),
        (lambda t: t.replace("\t7\n", "\n", 1), "extract the features again"),
        (lambda t: t.replace("\t7\n", "\tseven\n", 1), "expected 24 numbers in every row"),
        (lambda t: t[: t.rindex("\n", 0, -1) + 1], "a row for each of the 90 cells"),
        (lambda t: "", "holds no features"),
    ],
)
def test_damaged_features(folder, spoil, expected):
    table = folder / "features_extracted_by_pool5.txt"
    table.write_text(spoil(table.read_text()))
    with pytest.raises(DeepometryError, match=expected) as caught:
        run(folder)
    assert "\n" not in str(caught.value)
    assert not (folder / "map").exists()


def test_features_that_are_all_the_same(tmp_path):
    folder = write_features(tmp_path / "f", np.ones((20, 5)))
    with pytest.raises(DeepometryError, match="features that differ between cells"):
        run(folder)


def test_a_map_is_not_written_among_parsed_cells(tmp_path):
    (tmp_path / "parsed").mkdir()
    folder = write_features(tmp_path / "f", features_of(20), input=str(tmp_path / "parsed"))
    with pytest.raises(DeepometryError, match="lies among the parsed cells"):
        run(folder, tmp_path / "parsed" / "map")


def test_many_cells_are_reduced_block_by_block(tmp_path):
    values = features_of(3000, 300) + 1000  # far from 0: sums must not lose digits
    source = find_source(write_features(tmp_path, values))
    mapped = read_map_cells(source.metadata, Progress())
    done_cells: list[int] = []
    reduced = reduce_features(
        source, len(mapped), 5, Progress(lambda done, *_: done_cells.append(done))
    )
    assert reduced.places.shape == (3000, 5)
    assert np.abs(reduced.places.mean(0)).max() < 0.02
    assert done_cells == sorted(done_cells) and done_cells[-1] == 6000
    assert reduced.explained.sum() < 1


def test_methods_are_those_of_the_options():
    from deepometry.core.options.embed import MAPS

    assert set(MAPS) == set(methods._METHODS) == set(methods.NAMES)
