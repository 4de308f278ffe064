"""The gallery of cells: of every run, searched, sorted, ticked, kept, similar ones."""

from __future__ import annotations

import io
import json
import shutil
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from deepometry.cells.dataset import open_dataset
from deepometry.core.step_options import plain
from deepometry.core.steps import step_of
from deepometry.images.cif.writer import CifWriter
from deepometry.web.cells.cell_rows import CellRows
from deepometry.web.cells.choose import Wanted, keep_rows
from deepometry.web.cells.origin import find_origin, pixel_size
from deepometry.web.results.table_index import names_of
from tests.exported import make_truth, write_features, write_parsed, write_predicted
from tests.imported import import_features
from tests.parsed import FRAME
from tests.results_runs import Job, Jobs, make_app

TRUTH = make_truth(cells=140, labels=("A", "B", "C"))
FIRST, SECOND = "Day 1/a,b.cif", "Day 2/übung.cif"


class Running(Jobs):
    """Jobs that run as they are submitted."""

    def submit(self, options):
        """Run a step here and now."""
        step, began = step_of(options), time.time()
        result = plain(step.run(options))
        id = f"job{len(self.known)}"
        job = Job(id, step.name, plain(options), options.output, began, time.time(), result=result)
        self.known[id] = job
        return job


def record(folder: Path, step: str, **facts) -> None:
    """Complete the record of a step, as written now."""
    path = folder / f"{step}.json"
    facts |= {"written": datetime.now(UTC).isoformat(timespec="seconds"), "step": step}
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | facts), "utf-8")


@pytest.fixture
def jobs(tmp_path):
    """A parse with two sides, a prediction and an extraction of its cells."""
    parsed, jobs, began = tmp_path / "parsed", Running(), time.time()
    write_parsed(parsed, TRUTH)
    for day, side in (("Day 1", "Hold-out"), ("Day 2", "Train")):
        (parsed / side).mkdir()
        shutil.move(parsed / day, parsed / side / day)
    write_predicted(tmp_path / "predicted", TRUTH)
    (tmp_path / "predicted" / "confusion_matrix.csv").write_text("", "utf-8")
    write_features(tmp_path / "features", TRUTH)
    counts = {label: int((TRUTH.codes == n).sum()) for n, label in enumerate(TRUTH.labels)}
    record(parsed, "parse", files=[], frame=FRAME)
    files = ["predicted.csv", "confusion_matrix.csv"]
    record(tmp_path / "predicted", "predict", files=files, counts=counts)
    files = ["metadata.tsv", "features_extracted_by_pool5.txt"]
    record(tmp_path / "features", "extract", files=files)
    for name, verb in (("parsed", "parse"), ("predicted", "predict"), ("features", "extract")):
        options = {"input": str(parsed), "unannotated": True, "layer": "pool5"}
        jobs.known[verb] = Job(verb, verb, options, tmp_path / name, began, time.time())
    return jobs


@pytest.fixture
def client(jobs):
    return make_app(jobs).test_client()


def get(client, path, **asked):
    answer = client.get(f"/cells/{path}", query_string=asked)
    assert answer.status_code == 200, answer.text
    return answer


def rows_of(page: str) -> list[int]:
    """Return the rows that a gallery shows, in order."""
    return [int(part.split('"')[0]) for part in page.split('data-row="')[1:]]


# --- what is shown ------------------------------------------------------------------------------


@pytest.mark.parametrize("run", ["parse", "predict", "extract"])
def test_every_run_shows_its_cells(client, run):
    page = get(client, run, order="file").text
    assert "140 cells" in page and "Page 1 of 3" in page and "No pictures" not in page
    assert rows_of(page) == list(range(48)) and "Hold-out" in page
    told = get(client, f"{run}/75.json").json
    assert (told["source"], told["object"], told["side"]) == (SECOND, "12", "Train")
    assert ["height", "40"] in told["facts"] and len(told["channels"]) == 2
    counts = np.frombuffer(get(client, f"{run}/75.bin").data, "<f4")
    pixels = open_dataset(Path(client.application.extensions["jobs"].get("parse").output))
    expected = pixels.read(np.array([75]))[0].transpose(2, 0, 1)
    assert (counts.reshape(expected.shape) == expected).all()
    drawn = get(client, f"{run}/75/0.png")
    assert np.asarray(Image.open(io.BytesIO(drawn.data))).shape == (FRAME, FRAME)
    assert client.get(f"/cells/{run}/140.json").status_code == 404
    assert client.get(f"/cells/{run}/3/9.png").status_code == 404


def test_classes_of_a_prediction_are_filtered(client):
    for code in range(3):
        page = get(client, "predict", predicted=code, part="grid").text
        here = np.flatnonzero(TRUTH.codes == code)
        assert f"{len(here)} cell" in page
        sure = TRUTH.probabilities.max(1)[here]
        assert rows_of(page) == here[np.argsort(-sure, kind="stable")].tolist()[:48]
    assert "0 cells" in get(client, "predict", predicted=1, true=1).text
    assert client.get("/cells/predict?predicted=9").status_code == 404
    told = client.get("/cells/predict?predicted=9", headers={"HX-Request": "true"})
    assert told.status_code == 200 and "expected the number of a class" in told.text


def test_cells_are_found_while_one_types(client):
    def found(text, **more):
        return rows_of(get(client, "predict", q=text, order="file", part="grid", **more).text)

    names = [name for _, name in TRUTH.cells]
    assert found("12") == [4, 75, *(n for n, name in enumerate(names) if name[:2] == "12" < name)]
    assert found("12 of") == found("12")
    assert found("12 of üb") == [75]
    assert found("a,b.cif #12") == [4, 40, 41, 42, 43]
    assert rows_of(get(client, "predict", q="12 of a,b", part="grid").text)[0] == 4  # the whole one
    assert len(found("ÜBUNG")) == 48 and min(found("ÜBUNG")) == 70
    assert found("12", side="Hold-out") == [n for n in found("12") if n < 70]
    assert found("nothing of this") == []


def test_a_number_alone_is_no_part_of_a_path_and_folders_are_found_by_whole_names():
    sources = ("Day 1/Sample 2/a.cif", "Day 15/Sample 29/b.cif", "Day 2/x12.cif")
    names = [(source, name) for source in sources for name in ("2", "27", "31")]
    rows = CellRows(None, names_of(names), None, [], None, "no pictures")

    def found(text):
        return np.flatnonzero(keep_rows(rows, Wanted(text=text))).tolist()

    assert found("2") == [0, 1, 3, 4, 6, 7] and found("27") == [1, 4, 7]
    assert found("1") == found("9") == []
    assert found("2 of Day 1") == [0, 1] and found("27 of day 1/") == [1]
    assert found("Day 1") == [0, 1, 2] and found("Day 15") == [3, 4, 5]
    assert found("Sample 2") == [0, 1, 2] and found(r"Day 1\Sample 2\a.cif") == [0, 1, 2]
    assert found("x12") == found("x12.cif") == found("12.cif") == [6, 7, 8]
    assert found("Sam") == [0, 1, 2, 3, 4, 5]  # nothing is called so: as it is typed
    assert found("2 of b") == [3, 4] and found("31 of ample 29") == [5]


def test_cells_are_sorted_by_columns_and_features(client, jobs):
    def shown(run, order, down=1):
        return rows_of(get(client, run, order=order, down=down, part="grid").text)

    values = TRUTH.probabilities[:, 1]
    assert (
        shown("predict", "column probability_B") == np.argsort(-values, kind="stable")[:48].tolist()
    )
    assert shown("predict", "file") == list(range(139, 91, -1))
    values = TRUTH.features[:, 6]
    assert shown("extract", "column pool5_7", 0) == np.argsort(values, kind="stable")[:48].tolist()
    assert TRUTH.codes[shown("extract", "class", 0)].tolist() == [0] * 48
    assert len(shown("parse", "column width")) == 48
    assert client.get("/cells/predict?order=column nothing").status_code == 404
    area = np.random.default_rng(0).permutation(140)
    import_features(jobs.known["parse"].output, {"Area_M01": area})
    assert shown("parse", "column Area_M01") == np.argsort(-area)[:48].tolist()


def test_runs_without_cells_have_no_gallery(client, jobs, tmp_path):
    jobs.known["curve"] = Job("curve", "summary", {}, tmp_path / "predicted", 0, time.time())
    assert client.get("/cells/curve").status_code in (404, 410)
    assert client.get("/cells/none").status_code == 404


# --- similar cells ------------------------------------------------------------------------------


@pytest.mark.parametrize("run", ["parse", "predict", "extract"])
def test_similar_cells_of_any_run(client, run):
    page = get(client, run, similar=4, part="grid").text
    assert "Compare the cells" in page and rows_of(page) == []
    assert "Show similar cells" in client.post(f"/cells/{run}/4/similar").text
    scaled = (TRUTH.features - TRUTH.features.mean(0)) / TRUTH.features.std(0)
    order = np.argsort(np.linalg.norm(scaled - scaled[4], axis=1)).tolist()
    assert rows_of(get(client, run, similar=4, part="grid").text) == order[:48]
    page = get(client, run, similar=4, q="übung", part="grid").text
    assert rows_of(page) == [n for n in order if n >= 70][:48]
    assert "most similar to object 12 of Day 1/a,b.cif" in page


def test_without_features_it_is_told_what_to_do(client, jobs):
    del jobs.known["extract"]
    answer = client.get("/cells/predict?similar=4")
    assert answer.status_code == 409 and "run Feature extraction" in answer.json["error"]


# --- selections ---------------------------------------------------------------------------------


def keep(client, run, name, rows, **more):
    return client.post(f"/cells/{run}/selections", json={"name": name, "rows": rows, **more})


@pytest.mark.parametrize("run", ["parse", "predict", "extract"])
def test_ticked_cells_are_kept_shown_saved_and_deleted(client, run):
    assert "3 cells" in keep(client, run, "Odd ones", [75, 4, 80]).text
    page = get(client, run, selection="Odd ones", order="file").text
    assert rows_of(page) == [4, 75, 80] and "of the selection Odd ones" in page
    table = pd.read_csv(io.BytesIO(get(client, f"{run}/selections/Odd ones.csv").data))
    assert list(zip(table["source"], table["object"].astype(str), strict=True)) == [
        TRUTH.cells[n] for n in (4, 75, 80)
    ]
    taken = keep(client, run, "Odd ones", [1])
    assert taken.status_code == 409 and taken.json["used"]
    assert "1 cell<" in keep(client, run, "Odd ones", [1], replace=True).text
    assert "Odd ones" not in client.post(f"/cells/{run}/selections/Odd ones/delete").text
    assert client.get(f"/cells/{run}?selection=Odd ones").status_code == 404


def test_names_that_differ_in_capitals_only_are_one_selection(client, tmp_path):
    folder = tmp_path / "predicted" / "selections"
    keep(client, "predict", "odd", [75, 4])
    colour = get(client, "predict/selections.json").json[0]["colour"]
    taken = keep(client, "predict", "Odd", [1])
    assert taken.status_code == 409 and taken.json["used"]
    assert "There is a selection odd: replace it" in taken.json["error"]
    keep(client, "predict", "Even", [2])
    change = "/cells/predict/selections/Even/change"
    assert "There is a selection odd already" in client.post(change, data={"name": "ODD"}).text
    assert keep(client, "predict", "Odd", [1], replace=True).status_code == 200
    assert sorted(path.name for path in folder.glob("*.csv")) == ["Even.csv", "Odd.csv"]
    kept = {each["name"]: each for each in get(client, "predict/selections.json").json}
    assert (kept["Odd"]["cells"], kept["Odd"]["colour"]) == (1, colour)
    assert "EVEN" in client.post(change, data={"name": "EVEN"}).text
    assert sorted(path.name for path in folder.glob("*.csv")) == ["EVEN.csv", "Odd.csv"]


def test_a_selection_may_be_written_by_hand(client, tmp_path):
    keep(client, "predict", "Odd", [75, 4, 80])
    (path,) = (tmp_path / "predicted" / "selections").glob("*.csv")
    head, *lines = path.read_text("utf-8").splitlines()
    path.write_text("\n".join([head, *reversed(lines), "none.cif,1", ""]), "utf-8")
    page = get(client, "predict", selection="Odd", order="file", part="grid").text
    assert rows_of(page) == [4, 75, 80]


def test_selections_that_cannot_be_kept(client):
    for name, rows, told in (
        ("", [1], "found"),
        ("../a", [1], "may stand in a folder name"),
        ("a", [], "No cell is ticked"),
        ("a", [140], "There is no cell 140"),
    ):
        assert told in keep(client, "predict", name, rows).get_data(as_text=True), name


@pytest.mark.parametrize("run", ["parse", "predict"])
def test_a_selection_becomes_a_set_or_an_export(client, run, jobs, tmp_path):
    keep(client, run, "Odd", [75, 4, 80])

    def act(action):
        return client.post(f"/cells/{run}/selections/Odd/do", data={"action": action})

    page = act("set").text
    assert "Copied 3 cells" in page
    place = tmp_path / {"parse": "parsed_selections", "predict": "predicted"}[run] / "sets/parsed"
    names = {(source, name) for _, source, name in open_dataset(place).identities()}
    assert names == {TRUTH.cells[n] for n in (75, 4, 80)}
    assert "Copied 137 cells" in act("others").text
    act("set")  # again: the first one stays
    sets = json.loads((place / "parse.json").read_text("utf-8"))["sets"]
    assert {name: each["cells"] for name, each in sets.items()} == {
        "Odd": 3, "all but Odd": 137, "Odd 2": 3,
    }  # fmt: skip
    assert "Written" in act("csv").text
    table = pd.read_csv([*jobs.known.values()][-1].output)
    assert len(table) == 3
    assert act("everything").status_code == 404


# --- the image file -----------------------------------------------------------------------------


def test_masks_and_pixel_sizes_come_from_the_image_file(tmp_path):
    cells = np.zeros((20, 24, 2), np.uint16) + 100
    mask = np.zeros(cells.shape, bool)
    mask[5:12, 8:20, 1] = True
    (tmp_path / "images" / "Day 1").mkdir(parents=True)
    with CifWriter(tmp_path / "images" / "Day 1" / "a.cif", channels=(3, 6)) as file:
        file.add(cells, mask, object_id=7)
    write_parsed(tmp_path / "parsed", make_truth(2))
    record(tmp_path / "parsed", "parse", options={"input": str(tmp_path / "images")})
    dataset = open_dataset(tmp_path / "parsed")
    origin = find_origin(dataset, "Day 1/a.cif", "7")
    assert origin.mask.shape == (FRAME, FRAME, 2)
    assert (origin.mask == mask[2:18, 4:20]).all() and origin.mask[..., 1].any()
    with pytest.raises(Exception, match="is not there"):
        find_origin(dataset, "Day 1/b.cif", "7")


def test_the_size_of_a_pixel():
    amnis = {"Instrument": "ImageStreamX MkII", "Magnification": "60x"}
    assert pixel_size(amnis) == 0.3
    assert pixel_size({"Instrument": "Synthetic cells", "Magnification": "60x"}) == 0.3
    assert pixel_size({"Magnification": "60x"}) == 0
    assert pixel_size({"Pixel size": "0.34 um"}) == 0.34
