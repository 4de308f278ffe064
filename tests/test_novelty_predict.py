"""Novelty in predictions: the column, unknown cells, samples, the page, maps, other programs."""

import re
import zipfile

import numpy as np
import pandas as pd
import pytest

from deepometry.core.errors import DeepometryError
from deepometry.core.options.embed import EmbedOptions
from deepometry.core.options.export import ExportOptions
from deepometry.core.options.predict import PredictOptions
from deepometry.core.progress import Progress
from deepometry.core.run_records import read_json
from deepometry.exports.write import export
from deepometry.inference.predict import predict
from deepometry.maps.embed import embed
from tests.conftest import short_training
from tests.features_table import features_of, write_features, write_predictions
from tests.parsed import blobs, write_classes, write_stack
from tests.results_runs import Jobs, make_app

# --- from training to prediction -----------------------------------------------------------------


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    from deepometry.training.train import train

    root = tmp_path_factory.mktemp("learnt")
    write_classes(root, {"Class A": 80, "Class B": 80})
    how = {"validation": 0.4, "views": 1}
    return train(short_training(root, tmp_path_factory.mktemp("model"), **how)).model


@pytest.fixture(scope="module")
def novel_cells(tmp_path_factory):
    """Cells of the classes learnt, and some that are bright all over."""
    root = tmp_path_factory.mktemp("new")
    write_classes(root / "Sample 1", {"Class A": 30, "Class B": 30}, seed=1)
    write_classes(root / "Sample 2", {"Class A": 30}, seed=2)
    debris = np.random.default_rng(0).integers(0, 4000, blobs(30, 0).shape).astype(np.uint16)
    write_stack(root / "Sample 2" / "Class B", debris, "debris.cif", "debris")
    return root


@pytest.mark.slow
def test_prediction_writes_how_novel_each_cell_is(model, novel_cells, tmp_path):
    result = predict(
        PredictOptions(input=novel_cells, output=tmp_path, model=model, despite_scale=True)
    )
    table = pd.read_csv(tmp_path / "predicted.csv")
    debris = table["source"].str.endswith("debris.cif")
    assert debris.sum() == 30 and table["novelty"].between(0, 1).all()
    assert table["novelty"][debris].min() > 0.99 > table["novelty"][~debris].median()
    assert set(table["label"]) <= {"A", "B"} and "predicted" not in table
    tally = result.novelty
    assert tally.novel == (table["novelty"] > 0.99).sum() and tally.too_many
    assert any("more novel than 99 %" in each for each in result.warnings)
    record = read_json(tmp_path / "predict.json")
    assert record["novelty"]["novel"] == tally.novel and record["unknown"] is None
    shown = pd.read_csv(tmp_path / "novel_cells.csv")
    assert len(shown) == 24 and shown["source"].str.endswith("debris.cif").all()
    assert (tmp_path / "novel_cells.png").is_file()
    assert "Cells unlike those" in (tmp_path / "report.html").read_text("utf-8")


@pytest.mark.slow
def test_novel_cells_are_labelled_unknown_where_that_is_asked_for(model, novel_cells, tmp_path):
    how = {"input": novel_cells, "model": model, "despite_scale": True}
    result = predict(
        PredictOptions(**how, output=tmp_path, unknown_above=0.99, unsure_below=0.999999)
    )
    table = pd.read_csv(tmp_path / "predicted.csv")
    unknown = table["novelty"] > 0.99
    assert (table["label"] == "unknown").equals(unknown)
    assert set(table["predicted"]) <= {"A", "B"}
    unsure = (table["label"] == "unsure").sum()
    assert unsure == result.unsure
    record = read_json(tmp_path / "predict.json")
    assert record["unknown"] == unknown.sum() == result.novelty.novel
    summary = pd.read_csv(tmp_path / "sample_summary.csv")
    whole = summary[summary["level"] == "All cells"].set_index("label")
    assert whole.loc["unknown", "count"] == unknown.sum()
    assert whole.loc["unsure", "count"] == unsure
    assert whole["count"].sum() == 120
    assert f"{unknown.sum()} of 120 cells" in str(result)


@pytest.mark.slow
def test_every_sample_has_its_share_of_novel_cells(model, novel_cells, tmp_path):
    how = {"input": novel_cells, "model": model, "despite_scale": True}
    predict(PredictOptions(**how, output=tmp_path))
    table = pd.read_csv(tmp_path / "predicted.csv")
    summary = pd.read_csv(tmp_path / "sample_summary.csv")
    second = summary[(summary["level"] == "Sample") & (summary["value"] == 2)]
    own = table["novelty"][60:] > 0.99  # cells are in the order of the folders
    assert (second["novel"] == own.sum()).all()
    assert second["novel_fraction"].iloc[0] == pytest.approx(own.mean())
    assert (second["novel_low"] < own.mean()).all() and (second["novel_high"] > own.mean()).all()


@pytest.mark.slow
def test_a_model_without_a_reference_predicts_as_before_and_says_so(model, novel_cells, tmp_path):
    older = tmp_path / model.name
    with zipfile.ZipFile(model) as old, zipfile.ZipFile(older, "w") as new:
        for name in old.namelist():
            if not name.startswith("novelty/"):
                new.writestr(name, old.read(name))
    said = []
    how = {"input": novel_cells, "model": older, "despite_scale": True}
    predict(PredictOptions(**how, output=tmp_path / "a"), Progress(on_say=said.append))
    now = tmp_path / "now"
    predict(PredictOptions(**{**how, "model": model}, output=now))
    before, table = (pd.read_csv(each / "predicted.csv") for each in (tmp_path / "a", now))
    assert "novelty" not in before
    for name in before:
        assert before[name].tolist() == table[name].tolist()
    assert sum("cannot measure how novel" in text for text in said) == 1
    with pytest.raises(DeepometryError, match="Unknown above"):
        predict(PredictOptions(**how, output=tmp_path / "b", unknown_above=0.99))


# --- in maps and other programs ------------------------------------------------------------------


@pytest.fixture
def with_column(tmp_path):
    """Features, and predictions of the same cells that say how novel each is."""
    write_features(tmp_path, features_of(60))
    write_predictions(tmp_path, range(60))
    table = pd.read_csv(tmp_path / "predicted.csv")
    table["novelty"] = np.random.default_rng(0).random(60).round(6)
    table.to_csv(tmp_path / "predicted.csv", index=False)
    return tmp_path, table.set_index(["source", "object"])["novelty"]


def test_a_map_is_coloured_by_novelty_last(with_column):
    folder, novelty = with_column
    embed(EmbedOptions(input=folder, output=folder / "map", method="pca"))
    table = pd.read_csv(folder / "map" / "coordinates.csv").set_index(["source", "object"])
    assert np.allclose(table["novelty"], novelty[table.index])
    names = [each["name"] for each in read_json(folder / "map" / "embed.json")["plots"]]
    assert names[-1] == "novelty" and len(names) > 1


def test_novelty_is_a_number_in_other_programs(with_column, tmp_path):
    folder, novelty = with_column
    export(ExportOptions(input=folder, output=tmp_path / "all.parquet", format="parquet"))
    table = pd.read_parquet(tmp_path / "all.parquet")
    table.index = pd.MultiIndex.from_arrays([table["source"], table["object"].astype(int)])
    assert table["novelty"].dtype.kind == "f"
    assert np.allclose(table["novelty"], novelty[table.index])


# --- on the page ---------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_page_shows_the_most_novel_cells_first(model, novel_cells, tmp_path):
    jobs = Jobs()
    how = {"input": novel_cells, "model": model, "despite_scale": True, "unknown_above": 0.99}
    result = jobs.run("new", "predict", predict, PredictOptions(**how, output=tmp_path / "out"))
    client = make_app(jobs).test_client()
    overview = client.get("/runs/new/overview").text
    share = f"{100 * result.novelty.share:.1f} %"
    assert share in overview and "Unknown" in overview
    page = client.get("/runs/new/novel").text
    assert "more novel than 99 %" in page and "order=column+novelty" in page
    cells = client.get("/cells/new?order=column+novelty&down=1").text
    names = re.findall(r'<span class="r-file" title="([^"]+)"', cells)
    assert len(names) == 48 and set(names[:24]) == {"debris.cif"}
    assert cells.count("(unknown)") == min(48, result.novelty.novel)
    chart = client.get("/runs/new/charts/novel.json").json
    (bars,) = chart["series"]
    assert bars["y"][0] == pytest.approx(result.novelty.share, abs=1e-5)
    assert len(bars["low"]) == len(bars["y"]) == len(chart["categories"]) == 3
    picture = client.get("/jobs/new/results/plot/novel_cells.png")
    assert picture.data.startswith(b"\x89PNG")
