"""Labels given by hand wherever cells are shown: in the gallery of any run, and on a map."""

from __future__ import annotations

import numpy as np
import pytest

from deepometry.cells.dataset import open_dataset
from deepometry.cells.hand_labels import names_at_home, open_hand_labels
from deepometry.web import labelling
from tests.parsed import blobs, write_record
from tests.results_runs import make_app
from tests.test_web_cells import TRUTH, jobs  # noqa: F401


@pytest.fixture
def labels(jobs):  # noqa: F811
    made = open_hand_labels(jobs.get("parse").output, "Phase", make=True)
    made.add_class("Mitosis")
    made.add_class("Rest")
    return made


@pytest.fixture
def client(jobs, labels):  # noqa: F811
    app = make_app(jobs)
    app.register_blueprint(labelling.blueprint)
    return app.test_client()


def give(client, run, rows, label, who="Anna"):
    sent = {"name": "Phase", "rows": rows, "label": label, "who": who}
    return client.post(f"/labelling/of/{run}/give", json=sent)


def counting(client, run, rows):
    asked = {"name": "Phase", "rows": ",".join(map(str, rows))}
    return client.get(f"/labelling/of/{run}/labels.json", query_string=asked).json


@pytest.mark.parametrize("run", ["parse", "predict", "extract"])
def test_cells_of_every_run_are_labelled(client, labels, run):
    offered = client.get(f"/labelling/of/{run}.json").json["sets"]
    assert [(each["name"], len(each["classes"])) for each in offered] == [("Phase", 2)]
    mitosis, rest = (each["id"] for each in offered[0]["classes"])
    assert give(client, run, [75, 3], mitosis).json == {"changed": 2}
    assert give(client, run, [3], rest).json == {"changed": 1}
    told = counting(client, run, [3, 4, 75])
    assert told == {"labels": {"3": rest, "4": 0, "75": mitosis}, "differs": []}
    table = labels.table()[["source", "object", "label"]].to_numpy().tolist()
    cells = list(open_dataset(labels.path.parents[1]).identities())
    (_, first, object), (_, second, other) = cells[3], cells[75]
    assert sorted(table) == sorted([[first, object, "Rest"], [second, other, "Mitosis"]])


def test_what_was_given_is_taken_back(client, labels):
    rest = labels.class_list[1].id
    give(client, "predict", [3, 4], rest)
    sent = {"name": "Phase", "who": "Anna"}
    assert client.post("/labelling/of/predict/undo", json=sent).json == {"changed": 2}
    assert counting(client, "predict", [3])["labels"] == {"3": 0}
    give(client, "predict", [3], rest)
    assert give(client, "predict", [3], 0).json == {"changed": 1}
    assert counting(client, "predict", [3])["labels"] == {"3": 0}


def test_cells_that_annotators_differ_on_are_told(client, labels):
    mitosis, rest = (each.id for each in labels.class_list)
    give(client, "predict", [3], mitosis)
    give(client, "predict", [3], rest, who="Ben")
    assert counting(client, "predict", [3, 4]) == {"labels": {"3": 0, "4": 0}, "differs": [3]}


def test_cells_that_are_selected_on_a_map_are_labelled_at_once(client, labels):
    flags = np.arange(len(TRUTH.codes)) % 3 == 0
    asked = {"name": "Phase", "label": labels.class_list[0].id, "who": "Anna"}
    bits = np.packbits(flags, bitorder="little").tobytes()
    answer = client.post(
        "/labelling/of/predict/give",
        query_string=asked,
        data=bits,
        content_type="application/octet-stream",
    )
    assert answer.json == {"changed": int(flags.sum())} and len(labels.table()) == flags.sum()


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        ({"name": "Other"}, "Other.sqlite does not exist"),
        ({"label": 99}, "There is no class 99"),
        ({"who": ""}, "Annotator: expected a name"),
        ({"rows": [9999]}, "There is no cell 9999"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(client, labels, sent, told):
    whole = {"name": "Phase", "rows": [1], "label": labels.class_list[0].id, "who": "Anna"}
    answer = client.post("/labelling/of/predict/give", json=whole | sent)
    assert answer.status_code in (404, 409) and told in answer.json["error"]
    assert len(labels.table()) == 0


def test_the_galleries_have_a_menu(client):
    page = client.get("/cells/predict").text
    assert page.count('data-labels="/labelling/of/predict"') == 2  # of ticked cells, and of one


def test_arrays_without_a_table_have_the_name_that_they_have_at_home(tmp_path):
    write_record(tmp_path)
    folder = tmp_path / "Hold-out" / "Day 1"
    folder.mkdir(parents=True)
    np.save(folder / "a.npy", blobs(1, 0)[0])
    part, whole = open_dataset(tmp_path / "Hold-out"), open_dataset(tmp_path)
    names = [(source, name) for _, source, name in part.identities()]
    at_home = [(source, name) for _, source, name in whole.identities()]
    assert names != at_home and names_at_home(part, names) == at_home
    assert names_at_home(whole, at_home) == at_home
