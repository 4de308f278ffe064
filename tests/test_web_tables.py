"""Long tables of cells: read in one pass, kept between visits, opened beside the requests."""

from __future__ import annotations

import os
import re
import threading
from pathlib import Path

import numpy as np
import pytest

from deepometry.cells import table_columns
from deepometry.cells.dataset import Dataset
from deepometry.cells.table_columns import read_numbers
from deepometry.core.errors import DeepometryError
from deepometry.core.progress import Cancelled, Progress
from deepometry.core.spreadsheet import SafeWriter, safe_reader
from deepometry.web.browse.background import Task
from deepometry.web.cells.cell_rows import open_rows
from deepometry.web.results.table_index import index_table
from deepometry.web.results.table_store import TableStore
from tests.exported import make_truth, write_parsed, write_predicted
from tests.results_runs import Job, make_app
from tests.test_web_cells import Running, record
from tests.test_web_results_parts import output

TRUTH = make_truth(cells=60, labels=("A", "B"))
NAMES = ["plain", 'a "b", c', "two\nlines", "'=1+1", "=2", "it's", "ü;=3", "", " spaced ", "\ttab"]


def written(path: Path, rows: list[list[str]], **style) -> Path:
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        SafeWriter(file, **style).writerows([["source", "object", "label", "x", "x_2"], *rows])
    return path


@pytest.mark.parametrize("style", [{}, {"lineterminator": "\n"}])
def test_any_text_is_read_as_row_by_row(tmp_path, style):
    rows = [[f"{name}.cif", name, name[:3], str(n / 7), "-1e3"] for n, name in enumerate(NAMES)]
    path = written(tmp_path / "t.csv", rows, **style)
    with path.open(encoding="utf-8-sig", newline="") as file:
        assert [*safe_reader(file)][1:] == rows
    table = index_table(path, lambda header: header[2:3], lambda header: header[3:])
    assert table.names.some(0, 99) == [(row[0], row[1]) for row in rows]
    assert [table.values["label"][code] for code in table.codes["label"]] == [r[2] for r in rows]
    assert [list(row.values()) for row in table.rows(range(len(rows)))] == rows
    np.testing.assert_allclose(table.largest, np.arange(len(rows)) / 7, rtol=1e-6)


def test_tables_with_tabs_have_no_quotes(tmp_path):
    path = tmp_path / "metadata.tsv"
    path.write_text('source\tobject\tlabel\na.cif\t"1\tA\nb.cif\t2"\tB\n', "utf-8")
    table = index_table(path, lambda header: header[2:], tabs=True)
    assert table.names.some(0, 2) == [("a.cif", '"1'), ("b.cif", '2"')]
    assert [row["label"] for row in table.rows([1, 0])] == ["B", "A"]


def test_rows_are_found_across_pieces_of_the_file(tmp_path):
    long = 'x"\n' * 20_000
    rows = [[f"{n}{long}", str(n), "l", str(n), ""] for n in range(300)]
    path = written(tmp_path / "t.csv", rows)
    assert path.stat().st_size > 16 << 20  # more than is read at once
    table = index_table(path)
    assert [name for _, name in table.names.some(0, 300)] == [row[1] for row in rows]
    assert [row["x"] for row in table.rows(range(300))] == [row[3] for row in rows]


def test_numbers_among_other_text_are_read(tmp_path):
    texts = ["1", "", "-2.5e3", "x", "nan", "inf", " 7 "]
    path = written(tmp_path / "t.csv", [["a", str(n), "l", t, "1"] for n, t in enumerate(texts)])
    np.testing.assert_equal(read_numbers(path, 3), [1, np.nan, -2500, np.nan, np.nan, np.inf, 7])
    np.testing.assert_array_equal(read_numbers(path, 4), np.ones(7))


@pytest.mark.parametrize(
    "text", ["a,b\n1,2\n3\n", "a,b\n1,2\n\n3,4\n", "a\n1\n", "", "a,b\n1,\xff2\n"]
)
def test_what_is_no_table_is_told(tmp_path, text):
    (tmp_path / "t.csv").write_bytes(text.encode("latin-1"))
    with pytest.raises(DeepometryError, match="not a table"):
        index_table(tmp_path / "t.csv")


def test_a_table_without_rows_is_one(tmp_path):
    (tmp_path / "t.csv").write_text("source,object,label\n", "utf-8")
    table = index_table(tmp_path / "t.csv", lambda header: header[2:])
    assert len(table) == 0 == len(table.names) and table.values == {"label": []}


def test_reading_reports_and_can_be_cancelled(tmp_path):
    path = written(tmp_path / "t.csv", [["a", "1", "l", "1", "2"]] * 3)
    told = []
    index_table(path, progress=Progress(lambda *report: told.append(report)))
    assert told[-1] == (3, 3, "Reading the table")
    stopped = Progress()
    stopped.cancel()
    with pytest.raises(Cancelled):
        index_table(path, progress=stopped)


# --- kept between visits --------------------------------------------------------------------------


def test_an_index_is_kept_until_its_table_changes(tmp_path):
    home, path = tmp_path / "home", written(tmp_path / "t.csv", [["a", "1", "l", "1", "2"]])
    home.mkdir()
    store, made = TableStore(home / "tables"), []

    def make():
        made.append(1)
        return index_table(path, lambda header: header[2:3], lambda header: header[3:])

    first, again = store.get(path, "k", make), TableStore(home / "tables").get(path, "k", make)
    assert len(made) == 1 and again.columns == first.columns and again.values == first.values
    assert again.names.some(0, 1) == [("a", "1")] and again.largest.tolist() == [2]
    np.testing.assert_array_equal(again.codes["label"], first.codes["label"])
    assert store.get(path, "other", make) and len(made) == 2
    written(path, [["a", "1", "l", "1", "2"], ["b", "2", "l", "1", "2"]])
    assert len(store.get(path, "k", make)) == 2 and len(made) == 3
    for kept in (home / "tables").glob("*.npz"):
        kept.write_bytes(kept.read_bytes()[:50])
    assert len(store.get(path, "k", make)) == 2 and len(made) == 4


def test_without_a_place_to_keep_it_it_is_read_anew(tmp_path):
    path = written(tmp_path / "t.csv", [["a", "1", "l", "1", "2"]])
    store = TableStore(tmp_path / "no home" / "tables")
    assert len(store.get(path, "k", lambda: index_table(path))) == 1
    assert not (tmp_path / "no home").exists()


def test_cells_are_compared_only_where_something_changed(tmp_path, monkeypatch):
    parsed, folder = tmp_path / "parsed", tmp_path / "predicted"
    write_parsed(parsed, TRUTH)
    write_predicted(folder, TRUTH)
    (tmp_path / "home").mkdir()
    run = output(folder, "predict", ["predicted.csv"], input=str(parsed), unannotated=True)
    store, compared, identities = TableStore(tmp_path / "home" / "tables"), [], Dataset.identities

    def counting(dataset):
        compared.append(1)
        return identities(dataset)

    monkeypatch.setattr(Dataset, "identities", counting)
    assert [len(open_rows(run, store).cells.dataset) for _ in range(2)] == [60, 60]
    assert len(compared) == 1
    table = next(parsed.rglob("*.csv"))
    lines = table.read_text("utf-8").splitlines()
    table.write_text("\n".join([lines[0], *reversed(lines[1:])]) + "\n", "utf-8")
    os.utime(table, ns=(1, 1))
    assert open_rows(run, store).cells == "The parsed cells were changed after this run."
    assert len(compared) == 2


# --- beside the requests --------------------------------------------------------------------------


@pytest.fixture
def client(tmp_path):
    parsed, jobs = tmp_path / "parsed", Running()
    write_parsed(parsed, TRUTH)
    write_predicted(tmp_path / "predicted", TRUTH)
    (tmp_path / "predicted" / "confusion_matrix.csv").write_text("", "utf-8")
    files = ["predicted.csv", "confusion_matrix.csv"]
    record(tmp_path / "predicted", "predict", files=files, counts={"A": 1, "B": 1})
    options = {"input": str(parsed), "unannotated": True}
    jobs.known["p"] = Job("p", "predict", options, tmp_path / "predicted", 0.0, None)
    return make_app(jobs).test_client()


def test_a_large_table_is_read_beside_the_request_and_its_progress_shown(client, monkeypatch):
    go_on, read = threading.Event(), table_columns.read_columns

    def slowly(*given):
        for block in read(*given):
            yield block
            assert go_on.wait(30)

    monkeypatch.setattr(table_columns, "read_columns", slowly)
    htmx = {"HX-Request": "true"}
    page = client.get("/cells/p?order=file", headers=htmx).text
    assert "Loading the cells" in page or "Reading the table" in page
    again = re.search(r'hx-get="([^"]+)"', page)[1].replace("&amp;", "&")
    assert "order=file" in again
    assert "data-row" not in client.get(again, headers=htmx).text
    go_on.set()
    for _ in range(100):
        page = client.get(again, headers=htmx).text
        if "data-row" in page:
            break
    assert page.count("data-row") == 48 and "60 cells" in page


def test_cells_that_change_right_after_they_were_read_are_read_again(client, tmp_path):
    htmx = {"HX-Request": "true"}

    def opened() -> str:
        page = client.get("/cells/p", headers=htmx).text
        while "c-opening" in page:
            page = client.get("/cells/p?opening=1", headers=htmx).text
        return page

    assert "No pictures" not in opened()
    for stack in (tmp_path / "parsed").rglob("*.npy"):
        stack.unlink()
    assert "No pictures" in opened()


def test_a_table_that_cannot_be_read_is_told_once(client, tmp_path):
    (tmp_path / "predicted" / "predicted.csv").write_text("a,b\n1\n", "utf-8")
    for _ in range(100):
        page = client.get("/cells/p?opening=1", headers={"HX-Request": "true"}).text
        if "c-opening" not in page:
            break
    assert "is not a table as it was written" in page


def test_work_that_fails_unexpectedly_says_so(caplog):
    task = Task(lambda task: 1 / 0)
    task.start()
    assert task.wait(10) and "failed unexpectedly" in task.error
    assert "Work beside the requests failed" in caplog.text
