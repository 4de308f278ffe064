"""The parts behind the results pages: tables by row, components, folders, archives, TensorBoard."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
import threading
import time
import zipfile

import numpy as np
import pytest

from deepometry.errors import DeepometryError
from deepometry.web import results_parse, results_points, results_predict
from deepometry.web.results_cache import Cache
from deepometry.web.results_cells import Channel, composite
from deepometry.web.results_files import in_words, zipped
from deepometry.web.results_output import Gone, Output
from deepometry.web.results_projector import Projectors
from deepometry.web.results_table import COMMA, TABS, index_table


def output(root, verb="parse", files=(), record=None, **options) -> Output:
    """Make an output by hand."""
    return Output("id", verb, options, root, record or {}, tuple(files), "stamp")


# --- tables ----------------------------------------------------------------------------------


def test_rows_with_quotes_commas_and_line_ends_are_found_again(tmp_path):
    rows = [[f'a "{n}", b\nc', str(n), "x" * n] for n in range(50)]
    with (tmp_path / "t.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["source", "object", "label"], *rows])
    table = index_table(tmp_path / "t.csv", COMMA, lambda header: header[2:])
    assert len(table) == 50
    assert [list(row.values()) for row in table.rows([49, 0, 7])] == [rows[49], rows[0], rows[7]]
    assert [table.values["label"][code] for code in table.codes["label"]] == [
        "x" * n for n in range(50)
    ]


def test_tabs_take_quotes_as_they_are(tmp_path):
    (tmp_path / "t.tsv").write_bytes(b'source\tobject\n"a\t1\n\xc3\xa9\t2\n')
    table = index_table(tmp_path / "t.tsv", TABS, lambda header: [])
    assert table.rows([1, 0]) == [{"source": "é", "object": "2"}, {"source": '"a', "object": "1"}]


def test_a_table_that_shrank_is_told(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("source,object\na,1\nb,2\n", "utf-8")
    table = index_table(path, COMMA, lambda header: [])
    path.write_text("source\n", "utf-8")
    with pytest.raises(DeepometryError, match="has changed"):
        table.rows([1])


def test_a_file_that_is_no_table_is_told(tmp_path):
    (tmp_path / "t.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DeepometryError, match="not a table"):
        index_table(tmp_path / "t.csv", COMMA, lambda header: [])


# --- components ------------------------------------------------------------------------------


def features(cells=300, columns=12):
    rng = np.random.default_rng(1)
    return (rng.normal(size=(cells, 3)) @ rng.normal(size=(3, columns))).astype(np.float32) + 5


def test_components_are_those_of_a_whole_decomposition():
    table = features()
    found = results_points.principal_components(table.copy())
    whole = (table - table.mean(0)) / table.std(0)
    left, sizes, _ = np.linalg.svd(whole, full_matrices=False)
    shares = sizes**2 / (sizes**2).sum()
    assert found.explained == pytest.approx(shares[:5].tolist(), abs=1e-4)
    for axis in range(3):
        likeness = np.corrcoef(found.places[:, axis], left[:, axis])[0, 1]
        assert abs(likeness) > 0.999


def test_wide_tables_are_decomposed_as_narrow_ones_are(monkeypatch):
    table = features(400, 100)
    quick = results_points.principal_components(table.copy())
    monkeypatch.setattr(results_points, "_SMALL", 1000)
    whole = results_points.principal_components(table.copy())
    assert quick.explained[:3] == pytest.approx(whole.explained[:3], rel=1e-4)
    np.testing.assert_allclose(quick.places[:, :3], whole.places[:, :3], atol=1e-2)


def test_features_that_never_change_or_are_no_numbers_do_no_harm():
    table = features()
    table[:, 3], table[5, 4] = 7, np.nan
    found = results_points.principal_components(table)
    assert np.isfinite(found.places).all()


@pytest.mark.parametrize("cells", [1, 2, 3])
def test_few_cells_have_components_too(cells):
    found = results_points.principal_components(features(cells))
    assert found.places.shape == (cells, max(1, min(5, cells - 1)))


@pytest.mark.parametrize("chunk", [40, 1000, 1 << 24])
@pytest.mark.parametrize("last", [b"\n", b""])
def test_rows_are_read_whatever_the_pieces(tmp_path, monkeypatch, chunk, last):
    monkeypatch.setattr(results_points, "_CHUNK", chunk)
    table = features(90)
    text = "\n".join("\t".join(f"{v:.6g}" for v in row) for row in table).encode()
    (tmp_path / "f.txt").write_bytes(text + last)
    for rows in (np.arange(90), np.array([0, 17, 18, 89]), np.array([89])):
        found = results_points.read_rows(tmp_path / "f.txt", rows, 12)
        np.testing.assert_allclose(found, table[rows], rtol=1e-5)
    with pytest.raises(DeepometryError, match="fewer rows"):
        results_points.read_rows(tmp_path / "f.txt", np.array([3, 90]), 12)
    with pytest.raises(DeepometryError, match="expected 11 numbers in every row"):
        results_points.read_rows(tmp_path / "f.txt", np.array([3]), 11)


def test_the_sample_is_bounded_ordered_and_repeatable():
    rows = results_points.sample_rows(1_000_000)
    assert len(np.unique(rows)) == results_points.MOST_POINTS
    assert (np.diff(rows) > 0).all()
    assert (rows == results_points.sample_rows(1_000_000)).all()


# --- folders, problems, sheets ---------------------------------------------------------------


def test_a_tree_of_very_many_folders_stays_small(tmp_path):
    stacks = [
        {"path": f"Train/Day {d}/Sample {s}/cells.npy", "cells": 10, "dtype": "uint16"}
        for d in range(100)
        for s in range(50)
    ]
    top = results_parse.folder_tree(output(tmp_path, record={"stacks": stacks}))
    assert (top.cells, top.stacks) == (50_000, 5_000)
    days = top.folders["Train"].folders
    assert list(days)[:3] == ["Day 0", "Day 1", "Day 2"]
    shown = 1 + len(days) + sum(len(day.folders) for day in days.values())
    hidden = sum(day.hidden for day in days.values())
    assert shown == results_parse._MOST_FOLDERS
    assert shown + hidden == 1 + 100 + 5000


def test_problems_are_grouped_by_reason(tmp_path):
    with (tmp_path / "problems.csv").open("w", encoding="utf-8", newline="") as file:
        rows = [("a.cif", n, f"{n} bytes are missing") for n in range(300)]
        csv.writer(file).writerows([("source", "object", "reason"), *rows, ("b", 1, "empty")])
    found = results_parse.problems_of(output(tmp_path, files=["problems.csv"]))
    assert found.reasons == [("… bytes are missing", 300), ("empty", 1)]
    assert len(found.first) == 100


def test_sheets_by_folder_and_channel(tmp_path):
    files = [
        "Train/Day 2/Day 2_ch1_1.tif",
        "Train/Day 2/Day 2_ch1_2.tif",
        "Train/x_ch3_9_ch12_1.tif",
    ]
    record = {"channels": [1, 12], "channel_names": {"1": "BF"}}
    told = results_parse.sheets_of(output(tmp_path, files=files, record=record)).plain()
    assert [(s["label"], s["folder"], s["sheets"]) for s in told["series"]] == [
        ("Train/Day 2", "Train/Day 2", 2),
        ("Train", "Train", 1),
    ]
    assert [c["name"] for c in told["channels"]] == ["Ch1 BF", "Ch12"]


def test_large_sheets_are_thinned_out(tmp_path, monkeypatch):
    import tifffile
    from PIL import Image

    monkeypatch.setattr(results_parse, "_LARGEST_PICTURE", 100)
    tifffile.imwrite(tmp_path / "a_ch1_1.tif", np.full((390, 390), 500, np.uint16))
    data = results_parse.sheet_picture(
        output(tmp_path, files=["a_ch1_1.tif"]), "a_ch1_1.tif", (0, 1000)
    )
    drawn = np.asarray(Image.open(io.BytesIO(data)))
    assert drawn.shape == (98, 98)
    assert (drawn == 128).all()


def test_channels_in_colours_transmitted_light_in_grey():
    cell = np.zeros((4, 4, 2), np.uint16)
    cell[0, 0, 0], cell[1, 1, 1] = 100, 100
    channels = [Channel(0, 1, "Brightfield"), Channel(1, 3, "CD45")]
    drawn = composite(cell, [(0, 100), (0, 100)], channels)
    assert len(set(drawn[0, 0].tolist())) == 1
    assert len(set(drawn[1, 1].tolist())) > 1
    assert not drawn[2:].any()


def test_matrices_of_very_many_classes_show_the_largest(tmp_path):
    labels = [f"L{n}" for n in range(100)]
    matrix = np.diag(np.arange(100))
    lines = [
        ["true label", *labels],
        *([label, *row] for label, row in zip(labels, matrix, strict=True)),
    ]
    with (tmp_path / "confusion_matrix.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(lines)
    record = {"counts": dict(zip(labels, range(100), strict=True)), "cells": 4950}
    found = results_predict.prediction_of(
        output(tmp_path, "predict", ["confusion_matrix.csv"], record)
    )
    assert [row.label for row in found.classes] == labels[60:]
    assert found.hidden == 60
    assert found.matrix[0][0].count == 60
    assert found.matrix[0][0].shade == 10


# --- archives, sizes, cache ------------------------------------------------------------------


def test_archives_are_made_piece_by_piece(tmp_path):
    names = ["a.npy", "b/c.csv", "empty.txt"]
    (tmp_path / "b").mkdir()
    (tmp_path / "a.npy").write_bytes(bytes(3_500_000))
    (tmp_path / "b" / "c.csv").write_text("x\n" * 1000, "utf-8")
    (tmp_path / "empty.txt").touch()
    pieces = list(zipped(output(tmp_path, files=names)))
    assert max(map(len, pieces)) < 2 << 20
    with zipfile.ZipFile(io.BytesIO(b"".join(pieces))) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == names
        assert len(archive.read("a.npy")) == 3_500_000


def test_an_archive_with_a_file_gone_is_not_begun(tmp_path):
    with pytest.raises(Gone):
        zipped(output(tmp_path, files=["gone.csv"]))


@pytest.mark.parametrize(
    ("size", "words"), [(0, "0 bytes"), (999, "999 bytes"), (1500, "1.5 kB"), (2e12, "2.0 TB")]
)
def test_sizes_in_words(size, words):
    assert in_words(size) == words


def test_the_cache_makes_each_thing_once():
    cache, made = Cache(2), []

    def make():
        time.sleep(0.05)
        made.append(1)
        return len(made)

    threads = [threading.Thread(target=cache.get, args=("key", make)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made == [1]
    cache.get("b", make)
    cache.get("c", make)
    assert cache.get("key", make) == 4


# --- TensorBoard -----------------------------------------------------------------------------

FAKE = """
import http.server, sys
def run_main():
    told = dict(zip(sys.argv[1::2], sys.argv[2::2]))
    if "fail" in told["--logdir"]:
        sys.exit("expected a folder")
    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200 if self.path == told["--path_prefix"] + "/" else 404)
            self.end_headers()
    address = (told["--host"], int(told["--port"]))
    http.server.HTTPServer(address, Answer).serve_forever()
"""


@pytest.fixture
def tensorboard(tmp_path, monkeypatch):
    """Something that behaves like TensorBoard, on the path of this process and its children."""
    package = tmp_path / "fake" / "tensorboard"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "main.py").write_text(FAKE, "utf-8")
    monkeypatch.syspath_prepend(tmp_path / "fake")
    monkeypatch.setenv(
        "PYTHONPATH", str(tmp_path / "fake"), prepend=";" if sys.platform == "win32" else ":"
    )
    monkeypatch.chdir(__file__.rsplit("tests", 1)[0])
    found = Projectors()
    yield found
    found.stop_all()


def settled(projectors, folder):
    """Wait until it runs or has failed."""
    for _ in range(200):
        view = projectors.view(folder)
        if view.state != "starting":
            return view
        time.sleep(0.1)
    raise AssertionError("still starting")


def test_tensorboard_runs_until_it_is_stopped(tensorboard, tmp_path):
    import urllib.error
    import urllib.request

    tensorboard.start(tmp_path)
    view = settled(tensorboard, tmp_path)
    assert view.state == "running"
    assert view.url.startswith("http://127.0.0.1:")
    with urllib.request.urlopen(view.url, timeout=5) as answer:
        assert answer.status == 200
    with pytest.raises(urllib.error.HTTPError):  # nobody finds it who was not told where it is
        urllib.request.urlopen(view.url.split("/", 3)[0] + "//" + view.url.split("/")[2], timeout=5)
    assert tensorboard.start(tmp_path).url == view.url
    tensorboard.stop(tmp_path)
    assert tensorboard.view(tmp_path).state == "off"


def test_what_tensorboard_says_at_its_end_is_shown(tensorboard, tmp_path):
    tensorboard.start(tmp_path / "fail")
    view = settled(tensorboard, tmp_path / "fail")
    assert (view.state, view.error) == ("failed", "expected a folder")


def test_tensorboard_ends_with_the_server(tensorboard):
    command = [sys.executable, "-m", "deepometry.web.projector_child"]
    command += ["--logdir", "x", "--host", "127.0.0.1", "--port", "0"]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as child:
        with pytest.raises(subprocess.TimeoutExpired):
            child.wait(1)
        child.stdin.close()
        assert child.wait(20) == 0
