"""Results pages over real outputs of small runs."""

from __future__ import annotations

import html
import io
import json
import os
import re
import shutil
import subprocess
import sys
import time
import zipfile
from dataclasses import replace
from types import SimpleNamespace
from urllib.parse import quote

import numpy as np
import pytest
from PIL import Image

from deepometry.cells.parse import parse
from deepometry.core.options.embed import EmbedOptions
from deepometry.core.options.parse import ParseOptions
from deepometry.core.options.predict import ExtractOptions, PredictOptions
from deepometry.images.synthetic.dataset import write_example
from deepometry.inference.extract import extract
from deepometry.inference.predict import predict
from deepometry.maps.embed import embed
from deepometry.web.results import train as results_train
from tests.conftest import short_training
from tests.parsed import FRAME
from tests.results_runs import Jobs, make_app, read_run

pytestmark = pytest.mark.slow

SCRIPT = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def jobs(cells, trained, tmp_path_factory):
    """One job of every kind."""
    root, jobs = tmp_path_factory.mktemp("runs"), Jobs()
    write_example(root / "images", 70)
    where = {"model": trained.model}
    options = ParseOptions(input=root / "images", output=root / "parsed", montage=15)
    jobs.run("parsed", "parse", parse, options)
    held = PredictOptions(input=cells / "Hold-out", output=root / "predicted", **where)
    jobs.run("predicted", "predict", predict, held)
    new = PredictOptions(input=cells, output=root / "new", unannotated=True, **where)
    jobs.run("new", "predict", predict, new)
    both = PredictOptions(input=cells, output=root / "both", **where)
    jobs.run("both", "predict", predict, both)
    jobs.run(
        "extracted", "extract", extract, ExtractOptions(input=cells, output=root / "f", **where)
    )
    options = short_training(cells / "Train", trained.model.parent)
    jobs.run("trained", "train", lambda _: trained, options)
    jobs.known["trained"] = replace(jobs.known["trained"], started=None)
    return jobs


@pytest.fixture(scope="module")
def client(jobs):
    return make_app(jobs).test_client()


def get(client, path):
    answer = client.get(f"/jobs/{path}", buffered=True)
    assert answer.status_code == 200, (path, answer.text)
    return answer


def cells_of(client, path):
    """Ask for the gallery of a run as the page does: again while the cells are still loading."""
    place, end = f"/cells/{path}", time.monotonic() + 120
    while True:
        answer = client.get(place, headers={"HX-Request": "true"})
        assert answer.status_code == 200, (path, answer.text)
        if "c-opening" not in answer.text:
            return answer
        assert time.monotonic() < end, "the cells were never loaded"
        place = html.unescape(re.search(r'hx-get="([^"]+)"', answer.text)[1])


def picture(client, path) -> np.ndarray:
    answer = client.get(path) if path.startswith("/") else get(client, path)
    assert answer.mimetype == "image/png"
    assert answer.cache_control.private
    return np.asarray(Image.open(io.BytesIO(answer.data)))


# --- parse -----------------------------------------------------------------------------------


def test_parse_tells_counts_folders_and_channels(client):
    page = read_run(client, "parsed")
    assert "Brightfield" in page
    assert "Class Smooth_Disc" in page
    assert "48 px" in page


def test_sheets_are_listed_and_drawn(client, jobs):
    listed = get(client, "parsed/results/sheets.json").json
    assert [channel["number"] for channel in listed["channels"]] == [1, 12]
    series = listed["series"][0]
    asked = f"series={quote(series['key'])}&channel=1&sheet=1"
    shared = picture(client, f"parsed/results/sheet.png?{asked}")
    assert shared.dtype == np.uint8
    assert shared.shape[0] == 48
    assert shared.shape[1] % 48 == 0
    own = picture(client, f"parsed/results/sheet.png?{asked}&contrast=own")
    assert own.shape == shared.shape


@pytest.mark.parametrize("series", ["../../etc/passwd", "nothing", "/etc/hosts"])
def test_a_sheet_that_is_none_of_the_job_is_refused(client, series):
    answer = client.get(f"/jobs/parsed/results/sheet.png?series={quote(series)}&channel=1&sheet=1")
    assert answer.status_code == 404


# --- files -----------------------------------------------------------------------------------


def test_every_listed_file_is_sent_to_be_saved(client, jobs):
    record = json.loads((jobs.get("predicted").output / "predict.json").read_text("utf-8"))
    for name in record["files"]:
        answer = get(client, f"predicted/results/file/{quote(name)}")
        assert answer.headers["Content-Disposition"].startswith("attachment")
        assert answer.data == (jobs.get("predicted").output / name).read_bytes()


@pytest.mark.parametrize(
    "name", ["../predicted/predict.json", "..%2f..%2fx", "last_epoch.npz", "C:/x", "%2fetc/passwd"]
)
def test_files_of_others_are_refused(client, name):
    for job in ("predicted", "trained"):
        answer = client.get(f"/jobs/{job}/results/file/{name}", follow_redirects=True)
        assert answer.status_code == 404


def test_all_files_in_one_archive(client, jobs):
    answer = get(client, "parsed/results/all.zip")
    root = jobs.get("parsed").output
    record = json.loads((root / "parse.json").read_text("utf-8"))
    with zipfile.ZipFile(io.BytesIO(answer.data)) as archive:
        assert archive.testzip() is None
        assert sorted(archive.namelist()) == sorted(record["files"])
        stack = next(name for name in record["files"] if name.endswith(".npy"))
        assert archive.read(stack) == (root / stack).read_bytes()


def test_an_archive_tells_what_is_missing(client, jobs, tmp_path):
    shutil.copytree(jobs.get("predicted").output, tmp_path / "there")
    jobs.known["cut"] = replace(jobs.get("predicted"), id="cut", output=tmp_path / "there")
    (tmp_path / "there" / "count_plot.png").unlink()
    with zipfile.ZipFile(io.BytesIO(get(client, "cut/results/all.zip").data)) as archive:
        assert archive.read("MISSING.txt").endswith(b":\ncount_plot.png\n")
        assert archive.read("predicted.csv")
    gone = client.get("/jobs/cut/results/file/count_plot.png")
    assert gone.status_code == 410 and "no longer exists" in gone.json["error"]


def test_a_table_that_was_cut_is_told(client, jobs, tmp_path):
    shutil.copytree(jobs.get("predicted").output, tmp_path / "there")
    jobs.known["short"] = replace(jobs.get("predicted"), id="short", output=tmp_path / "there")
    table = tmp_path / "there" / "predicted.csv"
    lines = table.read_bytes().splitlines(keepends=True)
    table.write_bytes(b"".join([*lines[:3], b"short\n", *lines[4:]]))
    told = cells_of(client, "short?true=0&predicted=0").text
    assert "not a table as it was written" in told


def test_long_lists_of_files_come_in_pages(client):
    page = read_run(client, "parsed")
    assert "Show more" in page
    assert get(client, "parsed/results/files?first=50").text.count("<li>") == 50
    assert "<li" not in get(client, "parsed/results/files?first=100000").text


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_links_that_lead_out_are_refused(client, jobs, tmp_path):
    job = jobs.get("both")
    secret, table = tmp_path / "secret.txt", job.output / "confusion_matrix.csv"
    secret.write_text("secret", "utf-8")
    kept = table.read_bytes()
    table.unlink()
    table.symlink_to(secret)
    try:
        answer = client.get("/jobs/both/results/file/confusion_matrix.csv")
        assert answer.status_code == 404
        assert "outside" in answer.json["error"]
    finally:
        table.unlink()
        table.write_bytes(kept)


def test_folder_is_opened_without_a_shell(client, jobs, monkeypatch):
    started = []
    monkeypatch.setattr(subprocess, "Popen", lambda command, **more: started.append(command))
    monkeypatch.setattr(os, "startfile", lambda path: started.append([path]), raising=False)
    monkeypatch.setenv("DISPLAY", ":0")
    answer = client.post("/jobs/parsed/results/folder")
    assert "Opened" in answer.text
    assert str(started[0][-1]) == str(jobs.get("parsed").output)


def test_folder_is_opened_for_nobody_far_away(client):
    elsewhere = {"REMOTE_ADDR": "10.1.2.3"}
    answer = client.post("/jobs/parsed/results/folder", environ_overrides=elsewhere)
    assert answer.status_code == 403
    assert "Show folder" in client.get("/runs/parsed/files").text
    assert "Show folder" not in client.get("/runs/parsed/files", environ_overrides=elsewhere).text


# --- train -----------------------------------------------------------------------------------


def test_training_tells_scores_classes_and_model(client, trained):
    page = read_run(client, "trained")
    assert trained.model.name in page
    assert f"{100 * trained.description.scores['val_accuracy']:.1f} %" in page
    assert f"{trained.best_epoch} of {len(trained.history)}" in page
    curve = client.get("/runs/trained/charts/loss.json").json
    assert curve["mark"] == trained.best_epoch
    assert "because its validation loss is the lowest" in curve["about"]
    losses = [row["val_loss"] for row in trained.history]
    _, validation = curve["series"]
    assert validation["y"] == pytest.approx(losses, rel=1e-4)
    assert validation["x"] == [row["epoch"] for row in trained.history]


def test_a_cycle_that_keeps_its_last_epoch_does_not_call_its_loss_the_lowest(monkeypatch):
    history = {name: [1.0, 0.5, 0.6] for name in ("loss", "val_loss")} | {"epoch": [1.0, 2.0, 3.0]}
    monkeypatch.setattr(results_train, "read_history", lambda output: history)
    for best, reason in ((2, "loss is the lowest"), (3, "it is the final epoch")):
        chart = results_train.CHARTS["loss"](SimpleNamespace(record={"best_epoch": best}))
        assert chart.mark == best
        assert f"epoch {best}, which was selected, because" in chart.about and reason in chart.about


def test_validation_cells_have_a_matrix_whose_numbers_lead_to_their_cells(client, trained):
    matrix = get(client, "trained/results/confusion.json").json["matrix"]
    assert matrix == [list(row) for row in trained.description.confusion]
    page = client.get("/runs/trained/confusion").text
    assert "They chose the temperature" in page and 'data-true="0"' in page
    assert "These are the validation cells" in client.get("/runs/trained/cells").text
    for true, row in enumerate(matrix):
        for predicted, count in enumerate(row):
            cells = cells_of(client, f"trained?true={true}&predicted={predicted}").text
            assert cells.count("<figure>") == count and "No pictures" not in cells


# --- predict ---------------------------------------------------------------------------------


def test_matrix_is_in_the_order_of_the_model(client, trained):
    told = get(client, "predicted/results/confusion.json").json
    assert told["labels"] == list(trained.description.labels)
    assert np.sum(told["matrix"]) == 20
    assert np.sum(told["matrix"], 0).tolist() == told["counts"]
    assert 'data-true="0"' in read_run(client, "predicted")


@pytest.mark.parametrize("run", ["trained", "predicted"])
def test_the_matrix_is_saved_as_a_drawing_and_a_picture(client, run):
    links = re.findall(r'href="(/jobs/[^"]*/confusion\.(svg|png))"', read_run(client, run))
    assert [kind for _, kind in links] == ["png", "svg"]
    for link, kind in links:
        answer = client.get(link)
        assert f"confusion_matrix.{kind}" in answer.headers["Content-Disposition"]
        assert b"<svg" in answer.data[:1000] if kind == "svg" else answer.data[1:4] == b"PNG"
    drawing = client.get(links[1][0]).text
    labels = get(client, f"{run}/results/confusion.json").json["labels"]
    assert all(label in drawing for label in labels) and ": accuracy " in drawing


def test_unannotated_data_have_no_matrix(client):
    assert client.get("/jobs/new/results/confusion.svg").status_code == 404
    page = read_run(client, "new")
    assert "Confusion matrix" not in page
    assert "Predicted classes" in page


def test_cells_of_the_matrix_add_up(client):
    told = get(client, "predicted/results/confusion.json").json
    for true, row in enumerate(told["matrix"]):
        for predicted, count in enumerate(row):
            page = cells_of(client, f"predicted?true={true}&predicted={predicted}").text
            assert page.count("<figure>") == count
            assert f"<b>{count} cell" in page


@pytest.mark.parametrize("job", ["predicted", "both", "new", "trained"])
def test_the_picture_is_that_of_the_cell(client, jobs, cells, job):
    """Row, identity and pixels belong together, also where Train was left out."""
    held_out = cells / "Hold-out"
    folder = {"new": cells, "trained": cells / "Train"}.get(job, held_out)
    page = cells_of(client, f"{job}?order=file").text
    object, source = re.findall(r'"Enlarge object (\d+) of (Class [^"]+)"', page)[3]
    found = next(folder.rglob(source.replace(".cif", "/cells.npy")))
    pixels = np.load(found)[int(object), ..., 1].astype(float)
    drawn = picture(client, f"/cells/{job}/3/1.png").astype(float)
    assert drawn.shape == (FRAME, FRAME)
    assert np.corrcoef(pixels.ravel(), drawn.ravel())[0, 1] > 0.98
    assert picture(client, f"/cells/{job}/3/all.png").shape == (FRAME, FRAME, 3)


def test_pages_and_orders(client):
    first = cells_of(client, "new?order=sure").text
    other = cells_of(client, "new?order=sure&down=0&page=2").text
    assert "Page 1 of" in first
    assert "Page 2 of" in other
    assert "expected" in cells_of(client, "new?order=x").text
    assert "expected" in cells_of(client, "new?predicted=99").text


@pytest.mark.parametrize("path", ["100000/0.png", "0/9.png", "0/x.png"])
def test_cells_that_are_not_there(client, path):
    assert client.get(f"/jobs/predicted/results/{path}").status_code == 404


# --- extract ---------------------------------------------------------------------------------


def test_an_extraction_offers_a_map_until_there_is_one(client, jobs):
    page = read_run(client, "extracted")
    assert "Draw a PCA map" in page and "/explore/" not in page
    features = jobs.get("extracted").output
    jobs.run(
        "map", "embed", embed, EmbedOptions(input=features, output=features / "m", method="pca")
    )
    for path in ("/runs/extracted/map", "/jobs/extracted/results/map"):
        page = client.get(path).text
        assert 'href="/explore/map"' in page and "PCA, 2-D of 108 cells" in page
        assert "Draw a PCA map" not in page
    source = re.search(r'<img [^>]*src="([^"]+)"', page)[1].replace("&amp;", "&")
    assert client.get(source).data.startswith(b"\x89PNG")
    jobs.known["map"] = replace(jobs.get("map"), output=features / "moved")
    assert "Draw a PCA map" in get(client, "extracted/results/map").text
    jobs.known["map"] = replace(jobs.get("map"), state="running")
    page = get(client, "extracted/results/map").text
    assert "Drawing the map" in page and "Draw a PCA map" not in page
    del jobs.known["map"]


def test_the_picture_of_a_point_is_that_of_its_cell(client, jobs, cells, tmp_path):
    options = EmbedOptions(input=jobs.get("extracted").output, output=tmp_path, method="pca")
    jobs.run("pictured", "embed", embed, options)
    row = client.get("/explore/pictured/cell/40.json").json
    stack = np.load(cells / row["split"] / f"Class {row['Class']}" / "cells.npy")
    answer = client.get("/cells/pictured/40/0.png")
    assert answer.mimetype == "image/png" and answer.cache_control.private
    drawn = np.asarray(Image.open(io.BytesIO(answer.data))).astype(float)
    pixels = stack[int(row["object"]), ..., 0].astype(float)
    assert np.corrcoef(pixels.ravel(), drawn.ravel())[0, 1] > 0.98
    del jobs.known["pictured"]


# --- outputs that are not what they were -----------------------------------------------------


def test_jobs_that_are_not_there(client):
    for path in ("/runs/none", "/runs/none/overview", "/runs/none/line", "/runs/parsed/nothing"):
        assert client.get(path).status_code == 404
    assert client.get("/cells/none/0/0.png").status_code == 404
    assert client.get("/runs/parsed/charts/loss.json").status_code == 404


def test_jobs_without_results(client, jobs):
    jobs.known["failed"] = replace(jobs.get("parsed"), id="failed", result=None)
    assert "no results" in read_run(client, "failed")


def test_moved_results_are_told(client, jobs, tmp_path):
    jobs.known["moved"] = replace(jobs.get("parsed"), id="moved", output=tmp_path / "not here")
    assert "no longer exists" in read_run(client, "moved")
    assert client.get("/jobs/moved/results/all.zip").status_code == 410


def test_results_written_over_by_a_later_run_are_told(client, jobs):
    old = jobs.get("predicted")
    jobs.known["old"] = replace(old, id="old", started=1e9, finished=1e9 + 60)
    assert "A later run replaced" in read_run(client, "old")
    assert client.get("/jobs/old/results/file/predicted.csv").status_code == 410
    assert client.get("/cells/old/0/0.png").status_code == 410


def test_changed_cells_show_no_pictures(client, jobs, trained, tmp_path):
    from tests.parsed import write_classes

    write_classes(tmp_path / "cells", {"Class A": 6, "Class B": 6})
    options = PredictOptions(input=tmp_path / "cells", output=tmp_path / "out", model=trained.model)
    jobs.run("changing", "predict", predict, options)
    assert "No pictures" not in cells_of(client, "changing?predicted=").text
    write_classes(tmp_path / "cells", {"Class A": 4, "Class B": 9}, seed=5)
    assert client.get("/cells/changing/0/0.png").status_code == 410
    read_run(client, "changing")
    page = cells_of(client, "changing?predicted=").text
    assert "The parsed cells were changed after this run" in page
    assert "<img" not in page


# --- names from elsewhere --------------------------------------------------------------------


def test_names_are_escaped(client, jobs, trained, tmp_path):
    from tests.parsed import blobs, write_record, write_stack

    hostile = "a<img src=x onerror=alert(1)>" if sys.platform != "win32" else "a&amp;b"
    write_record(tmp_path / "cells", names={"3": SCRIPT})
    write_stack(tmp_path / "cells" / f"Class {hostile}", blobs(5, 0), source=SCRIPT)
    options = PredictOptions(
        input=tmp_path / "cells", output=tmp_path / "out", model=trained.model, unannotated=True
    )
    jobs.run("hostile", "predict", predict, options)
    page = cells_of(client, "hostile?predicted=").text
    assert SCRIPT not in page
    assert "&lt;script&gt;" in page
    assert 'style="' not in page
    for id in ("parsed", "trained", "predicted", "new", "extracted"):
        page = read_run(client, id)
        assert "style=" not in page
        assert "<script" not in page


def test_nothing_heavy_is_imported():
    code = (
        "import sys; import deepometry.web.results; "
        "print([n for n in ('numpy', 'pandas', 'PIL', 'keras', 'tensorflow') if n in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
