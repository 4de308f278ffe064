"""Novelty: how unlike the cells that a model learnt from a cell is."""

import io
import re
import zipfile

import numpy as np
import pandas as pd
import pytest

from deepometry.core.errors import DeepometryError
from deepometry.core.options.predict import PredictOptions
from deepometry.core.progress import Progress
from deepometry.core.run_records import read_json
from deepometry.evaluation.novel_cells import NovelCells
from deepometry.evaluation.novelty import (
    CLASSICAL,
    NETWORK,
    NOVEL_ABOVE,
    NoveltyTally,
    Reference,
)
from deepometry.evaluation.novelty_file import novelty_members, read_reference
from deepometry.inference.predict import predict
from tests.conftest import short_training
from tests.parsed import blobs, write_classes, write_stack
from tests.results_runs import Jobs, make_app


def drawn(count, seed, features=12, shift=0.0):
    return np.abs(np.random.default_rng(seed).normal(3 + shift, 1, (count, features)))


@pytest.fixture(scope="module")
def reference():
    return Reference.fit({NETWORK: drawn(400, 0)}, {NETWORK: drawn(300, 1)})


# --- the score -----------------------------------------------------------------------------------


@pytest.mark.parametrize("kinds", [(NETWORK,), (CLASSICAL,), (NETWORK, CLASSICAL)])
@pytest.mark.parametrize("validation", [60, 200, 2000])
def test_as_many_ordinary_cells_are_novel_as_the_threshold_says(kinds, validation):
    shares = []
    for seed in range(5):
        training, ordinary, others = (
            {kind: drawn(count, [seed, side, len(kind)]) for kind in kinds}
            for side, count in enumerate((300, validation, 2000))
        )
        novelty = 1 - Reference.fit(training, ordinary).ordinariness(others)
        shares.append((novelty > NOVEL_ABOVE).mean())
    assert np.mean(shares) == pytest.approx(0.01, abs=0.01 if validation < 100 else 0.006)


def test_cells_of_another_kind_are_novel_and_ranked_by_their_distance(reference):
    shares = [
        np.median(reference.ordinariness({NETWORK: drawn(50, 2, shift=shift)}))
        for shift in (0, 2, 4, 8)
    ]
    assert shares == sorted(shares, reverse=True)
    assert shares[0] > 0.2 and 0 < shares[-1] < 1e-4


def test_a_cell_may_be_novel_in_one_kind_of_features_alone():
    training = {NETWORK: drawn(300, 0), CLASSICAL: drawn(300, 1)}
    ordinary = {NETWORK: drawn(300, 2), CLASSICAL: drawn(300, 3)}
    both = Reference.fit(training, ordinary)
    other = {NETWORK: drawn(50, 4), CLASSICAL: drawn(50, 5, shift=6)}
    assert (both.ordinariness(other) < 0.01).all()


def test_features_that_cannot_be_measured_or_never_differ_do_no_harm():
    training, ordinary = drawn(100, 0), drawn(60, 1)
    training[:, 3] = ordinary[:, 3] = 5
    fitted = Reference.fit({CLASSICAL: training}, {CLASSICAL: ordinary})
    cells = drawn(20, 2)
    cells[:, 3], cells[0, 0] = 99, np.nan
    shares = fitted.ordinariness({CLASSICAL: cells})
    assert np.isfinite(shares).all() and np.median(shares[1:]) > 0.1


def test_no_cells_have_no_novelty(reference):
    assert reference.ordinariness({NETWORK: np.empty((0, 12))}).shape == (0,)


# --- in the model file ---------------------------------------------------------------------------


def archive_of(members, path):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def test_a_reference_read_from_a_file_measures_the_same(reference, tmp_path):
    path = archive_of(novelty_members(reference), tmp_path / "model.keras")
    cells = {NETWORK: drawn(100, 3, shift=1)}
    again = read_reference(path)
    assert again.ordinariness(cells) == pytest.approx(reference.ordinariness(cells), rel=1e-3)


def test_a_file_without_a_reference_has_none(tmp_path):
    assert read_reference(archive_of({"other": b""}, tmp_path / "model.keras")) is None


def npy(array):
    content = io.BytesIO()
    np.save(content, array)
    return content.getvalue()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("novelty/ordinary.npy", b"no array"),
        ("novelty/ordinary.npy", b""),
        ("novelty/ordinary.npy", npy(np.array([3.0, 1.0], np.float32))),
        ("novelty/ordinary.npy", npy(np.array([{}, {}]))),
        ("novelty/network/cells.npy", npy(np.ones((4, 3), np.float32))),
        ("novelty/network/scale.npy", npy(np.zeros(12, np.float32))),
        ("novelty/network/axes.npy", npy(np.full((12, 12), np.nan, np.float32))),
        ("novelty/network/centre.npy", npy(np.ones((12, 2), np.float32))),
    ],
)
def test_a_changed_reference_is_refused_in_a_sentence(reference, tmp_path, name, content):
    members = novelty_members(reference)
    path = archive_of(members | {name: content}, tmp_path / "model.keras")
    with pytest.raises(DeepometryError, match="novelty/ is damaged"):
        read_reference(path)
    del members[name]
    with pytest.raises(DeepometryError, match="novelty/ is damaged"):
        read_reference(archive_of(members, tmp_path / "without.keras"))


# --- in words ------------------------------------------------------------------------------------


def test_a_warning_is_given_only_where_clearly_too_many_cells_are_novel():
    assert not NoveltyTally(14, 1000, 500, 0.99, False).warning
    assert not NoveltyTally(1, 5, 500, 0.99, False).warning
    told = NoveltyTally(80, 1000, 500, 0.99, False).warning
    assert "80 of 1,000 cells (8 %" in told and "about 1 %" in told
    assert "approximate" in NoveltyTally(80, 1000, 50, 0.99, False).warning
    assert "labelled unknown" in NoveltyTally(80, 1000, 500, 0.99, True).sentence


def test_the_most_novel_cells_come_first_whatever_the_batches():
    shares = np.random.default_rng(0).permutation(100) / 100
    shares[7] = np.inf  # left out
    most = NovelCells(5)
    for first in range(0, 100, 16):
        here = slice(first, first + 16)
        cells = [(None, "file", str(n)) for n in range(100)[here]]
        most.look(cells, np.zeros((len(cells), 4, 4, 1)), ["A"] * len(cells), shares[here])
    assert [float(shares[int(each.object)]) for each in most.top] == sorted(shares)[:5]


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
