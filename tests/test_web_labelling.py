"""The labelling page as its scripts use it: cells chosen, labels sent, classes, several people."""

from __future__ import annotations

import re
from shutil import copytree, ignore_patterns

import numpy as np
import pytest

from deepometry.cells.dataset import open_dataset
from deepometry.cells.hand_labels import open_hand_labels
from deepometry.web import create_app
from tests.labelled import write_labels
from tests.parsed import blobs, write_record, write_stack

CELLS = 60  # of each of two folders, one of them held out


@pytest.fixture
def parsed(tmp_path):
    root = tmp_path / "parsed"
    write_record(root, names={"3": "BF", "6": "DNA"})
    for kind, side in enumerate(("Train", "Hold-out")):
        write_stack(root / side / "Day 1", blobs(CELLS, kind), source=f"{side}.cif")
    return root


@pytest.fixture
def labels(parsed):
    made = open_hand_labels(parsed, "Phase", make=True)
    made.add_class("Mitosis")
    made.add_class("Rest")
    return made


@pytest.fixture
def client(tmp_path):
    app = create_app({"HOME": tmp_path / "home", "TESTING": True, "WTF_CSRF_ENABLED": False})
    return app.test_client()


class Page:
    """Asks as the page of some labels does, for an annotator."""

    def __init__(self, client, parsed, who="Anna", name="Phase"):
        self.client, self.who = client, who
        self.address = {"cells": str(parsed), "name": name}

    def get(self, path, **asked):
        """Ask for something that is there."""
        query = {**self.address, "who": self.who, **asked}
        return self.client.get(f"/labelling/{path}", query_string=query)

    def send(self, path, **sent):
        """Send a change."""
        body = {"who": self.who, **sent}
        return self.client.post(f"/labelling/{path}", query_string=self.address, json=body)

    def cells(self, **asked):
        """Ask for a screenful."""
        answer = self.get("cells.json", **({"count": 10} | asked))
        assert answer.status_code == 200, answer.text
        return answer.json

    def give(self, cells, label, **more):
        """Label cells; return the answer."""
        keys = [each["key"] for each in cells]
        answer = self.send("give", cells=keys, label=label, **more)
        assert answer.status_code == 200, answer.text
        return answer.json


@pytest.fixture
def page(client, parsed, labels):
    return Page(client, parsed)


def names(shown) -> list[tuple[str, str]]:
    return [(each["source"], each["object"]) for each in shown]


# --- the page itself ----------------------------------------------------------------------------


def test_labels_are_begun_with_their_classes(client, parsed):
    offered = client.get("/labelling", query_string={"cells": parsed / "Train"}).text
    assert 'value="Hand labels"' in offered and "Go on labelling" not in offered
    sent = {"cells": str(parsed), "name": "Phase", "classes": "Mitosis, Rest,, mitosis"}
    begun = client.post("/labelling", data=sent)
    page = client.get(begun.location)
    assert page.status_code == 200 and "Label cells: Phase" in page.text
    assert open_hand_labels(parsed, "Phase").classes == ("Mitosis", "Rest")
    assert "Go on labelling" in client.get("/labelling", query_string={"cells": parsed}).text


def test_labels_of_a_name_that_is_taken_are_refused_on_the_page(client, parsed):
    write_stack(parsed / "Train" / "Day 2", blobs(3, 0), source="c.cif")
    sent = {"cells": str(parsed), "name": "day", "classes": "x"}
    refused = client.post("/labelling", data=sent).text
    assert "day is a target already (folder names)" in refused and 'value="day"' in refused


def test_the_form_of_labels_leads_to_the_page(client, parsed):
    assert "Label cells by hand" in client.get("/").text
    answer = client.post("/labelling/by-hand", data={"input": str(parsed)})
    assert client.get(answer.location).status_code == 200
    sent = client.post("/labelling/by-hand", data={"input": ""}, headers={"HX-Request": "true"})
    assert client.get(sent.headers["HX-Redirect"]).status_code == 409


def test_labels_of_another_parse_beside_these_cells_are_offered_and_copied(client, page, parsed):
    shown = page.cells()["shown"]
    page.give(shown[:3], 1)
    again = parsed.with_name("again")
    copytree(parsed, again, ignore=ignore_patterns("labels"))
    offered = client.get("/labelling", query_string={"cells": again}).text
    assert "Copy Phase of parsed</button>" in offered and "Mitosis, Rest" in offered
    sent = {"cells": str(again), "labels": str(parsed / "labels" / "Phase.sqlite")}
    assert "3 of " in client.post("/labelling/bring", data=sent).text
    assert Page(client, again).cells(show="class:1")["total"] == 3
    twice = client.post("/labelling/bring", data=sent).text
    assert "never replaced" in twice and "Copy Phase" not in twice


def test_the_classes_of_targets_are_offered(client, parsed):
    rows = [("Train.cif", "0", "G1"), ("Train.cif", "1", "<S>")]
    write_labels(parsed, "Gate", rows)
    text = client.get("/labelling/classes", query_string={"cells": parsed}).text
    assert '<option value="G1, &lt;S&gt;">Gate</option>' in text


@pytest.mark.parametrize("cells", ["", "relative", "/no/such/folder"])
def test_a_path_without_cells_is_said_in_a_sentence(client, cells):
    answer = client.get(
        "/labelling", query_string={"cells": cells}, headers={"Accept": "text/html"}
    )
    assert answer.status_code in (404, 409) and "Traceback" not in answer.text


def test_one_button_leads_to_training_with_cells_and_target_entered(client, page, parsed):
    sent = {"cells": str(parsed), "name": "Phase"}
    answer = client.post("/labelling/train", data=sent)
    assert answer.location.endswith("/#step-train")
    form = client.get("/").text.partition('id="form-train"')[2].partition("</form>")[0]
    assert f'value="{parsed / "Train"}"' in form and 'value="Phase"' in form
    assert 'value="Phase"' not in client.get("/").text  # once only


# --- what is shown ------------------------------------------------------------------------------


def test_cells_channels_and_classes_are_described(page):
    about = page.get("about.json").json
    assert (about["cells"], about["labelled"], about["frame"]) == (2 * CELLS, 0, 16)
    assert [each["name"] for each in about["channels"]] == ["Ch3 BF", "Ch6 DNA"]
    assert about["sides"] == ["Train", "Hold-out"]
    assert [(each["name"], each["key"], each["cells"]) for each in about["classes"]] == [
        ("Mitosis", "1", 0),
        ("Rest", "2", 0),
    ]


@pytest.mark.parametrize("order", ["random", "parsed"])
def test_screenfuls_show_every_cell_once(page, order):
    seen, after = [], 0
    while after is not None:
        screen = page.cells(order=order, after=after)
        seen += names(screen["shown"])
        after = screen["next"]
    assert len(seen) == len(set(seen)) == screen["total"] == 2 * CELLS
    in_order = [(f"{side}.cif", str(n)) for side in ("Hold-out", "Train") for n in range(CELLS)]
    assert (seen == in_order) == (order == "parsed")
    assert names(page.cells(order=order)["shown"]) == seen[:10]  # the same again


def test_cells_are_filtered_by_side_and_name(page):
    assert page.cells(side="Train")["total"] == CELLS
    assert page.cells(q="Hold-out.cif")["total"] == CELLS
    assert names(page.cells(q="7 of Train.cif")["shown"]) == [("Train.cif", "7")]


def test_cells_that_were_skipped_do_not_come_again_at_once(page):
    first = page.cells(order="parsed")["shown"]
    skipped = ",".join(str(each["row"]) for each in first[:4])
    screen = page.cells(order="parsed", skip=skipped)
    assert names(screen["shown"])[:6] == names(first)[4:] and screen["total"] == 2 * CELLS


def test_counts_of_cells_are_those_of_the_arrays(page, parsed):
    shown = page.cells()["shown"][:3]
    rows = [each["row"] for each in shown]
    sent = page.get("pixels.bin", rows=",".join(map(str, rows)), channels="1,0").data
    counts = np.frombuffer(sent, "<f4").reshape(3, 2, 16, 16)
    expected = open_dataset(parsed).read(np.array(rows))[..., [1, 0]].transpose(0, 3, 1, 2)
    assert (counts == expected).all()
    for wrong in ({"rows": "120", "channels": "0"}, {"rows": "0", "channels": "2"}):
        assert page.get("pixels.bin", **wrong).status_code == 404


@pytest.mark.parametrize("asked", [{"show": "nothing"}, {"order": "nothing"}, {"show": "by:x"}])
def test_what_is_not_on_offer_is_refused(page, asked):
    assert page.get("cells.json", count=5, **asked).status_code == 404


# --- labels -------------------------------------------------------------------------------------


def test_labels_are_given_undone_and_given_again(page, labels):
    mitosis, rest = (each.id for each in labels.class_list)
    shown = page.cells()["shown"]
    answer = page.give(shown[:3], mitosis)
    assert (answer["labelled"], answer["undo"], answer["redo"], answer["changed"]) == (
        3,
        True,
        False,
        3,
    )
    assert {each["mine"] for each in answer["shown"]} == {mitosis}
    page.give(shown[:1], rest)
    assert [each["cells"] for each in page.get("about.json").json["classes"]] == [2, 1]
    undone = page.send("undo").json
    assert names(undone["shown"]) == names(shown[:1]) and undone["shown"][0]["mine"] == mitosis
    page.send("undo")
    assert page.get("about.json").json["labelled"] == 0
    assert page.send("undo").json["changed"] == 0
    page.send("redo")
    assert page.send("redo").json["redo"] is False
    table = labels.table().set_index(["source", "object"])["Anna"]
    assert [table[each] for each in names(shown[:3])] == ["Rest", "Mitosis", "Mitosis"]


def test_an_undo_tells_of_the_cells_that_the_page_took_for_the_last(page, labels):
    mitosis = labels.class_list[0].id
    first, second = page.cells()["shown"][:2]
    page.give([first], mitosis)
    page.give([second], mitosis)  # from another window
    told = page.send("undo", cells=[first["key"]]).json["shown"]
    mine = {(each["source"], each["object"]): each["mine"] for each in told}
    assert [mine[each] for each in names([first, second])] == [mitosis, 0]


def test_labelled_cells_are_not_shown_as_unlabelled_ones(page, labels):
    mitosis = labels.class_list[0].id
    first = page.cells()["shown"]
    page.give(first[:4], mitosis)
    again = page.cells()
    assert names(again["shown"])[:6] == names(first)[4:] and again["total"] == 2 * CELLS - 4
    assert names(page.cells(show=f"class:{mitosis}")["shown"]) == names(first[:4])
    page.give(first[:4], None)
    assert page.cells(show="labelled")["total"] == 0


def test_a_change_that_is_sent_twice_counts_once(page, labels):
    mitosis, rest = (each.id for each in labels.class_list)
    shown = page.cells()["shown"]
    page.give(shown[:2], mitosis, mark="a")
    page.give(shown[:2], rest, mark="b")
    answer = page.give(shown[:2], mitosis, mark="a")
    assert [each["mine"] for each in answer["shown"]] == [rest, rest]


def test_cells_that_are_not_there_and_classes_that_are_gone_are_refused(page, labels):
    shown = page.cells()["shown"]
    answer = page.send("give", cells=["17"], label=labels.class_list[0].id)
    assert answer.status_code == 404 and "no longer among the parsed cells" in answer.json["error"]
    answer = page.send("give", cells=[shown[0]["key"]], label=99)
    assert answer.status_code == 409 and "There is no class 99" in answer.json["error"]


def test_cells_that_were_parsed_anew_are_read_anew(page, parsed, labels):
    shown = page.cells(order="parsed")["shown"]
    page.give(shown[:2], labels.class_list[0].id)
    write_stack(parsed / "Hold-out" / "Day 0", blobs(5, 2), source="new.cif")
    write_stack(parsed / "Hold-out" / "Day 1", blobs(CELLS, 3), source="Hold-out.cif")
    page.get("about.json")
    again = page.cells(show="labelled", order="parsed")
    assert names(again["shown"]) == names(shown[:2]) and again["cells"] == 2 * CELLS + 5
    assert again["shown"][0]["row"] == shown[0]["row"] + 5


def test_a_cell_that_is_there_twice_has_one_label(page, parsed, labels):
    write_stack(parsed / "Train" / "Day 2", blobs(4, 0), source="Train.cif")
    shown = page.cells(q="3 of Train.cif", side="Train", count=60)["shown"]
    shown = [each for each in shown if each["object"] == "3"]
    assert len(shown) == 2 and shown[0]["key"] == shown[1]["key"]
    assert page.give(shown[:1], labels.class_list[0].id)["labelled"] == 2


# --- several people -----------------------------------------------------------------------------


@pytest.fixture
def two(client, parsed, labels, page):
    """Anna and Ben, who labelled four cells each, two of them differently."""
    mitosis, rest = (each.id for each in labels.class_list)
    shown, ben = page.cells()["shown"], Page(client, parsed, "Ben")
    page.give(shown[:4], mitosis)
    ben.give(shown[:2], mitosis)
    ben.give(shown[2:4], rest)
    return page, ben


def test_each_annotator_sees_what_is_their_own_and_what_others_gave(two, labels):
    mitosis, rest = (each.id for each in labels.class_list)
    shown = two[1].cells(show="labelled")["shown"]
    assert [each["mine"] for each in shown] == [mitosis, mitosis, rest, rest]
    assert {each["others"]["Anna"] for each in shown} == {mitosis}
    assert [each["counted"] for each in shown] == [mitosis, mitosis, 0, 0]
    carl = Page(two[0].client, labels.path.parents[1], "Carl")
    assert carl.cells(show="own")["total"] == 2 * CELLS
    assert carl.cells(show="unlabelled")["total"] == 2 * CELLS - 4


def test_disagreements_are_listed_and_settled(two, labels):
    anna, _ = two
    rest = labels.class_list[1].id
    screen = anna.cells(show="open")
    assert screen["total"] == screen["open"] == 2
    pair = anna.get("agreement.json").json["pairs"][0]
    assert (pair["first"], pair["second"], pair["cells"], pair["same"]) == ("Anna", "Ben", 4, 2)
    answer = anna.give(screen["shown"][:1], rest, settles=True)
    assert (answer["open"], answer["settled"]) == (1, 1)
    assert [each["cells"] for each in answer["classes"]] == [2, 1]
    assert anna.cells(show="settled")["shown"][0]["settled"] == rest
    assert anna.send("undo").json["open"] == 2


def test_cells_of_an_annotator_are_shown(two):
    about = two[0].get("about.json").json
    ben = next(each for each in about["annotators"] if each["name"] == "Ben")
    assert ben["cells"] == 4 and two[0].cells(show=f"by:{ben['id']}")["total"] == 4


# --- classes ------------------------------------------------------------------------------------


def test_classes_are_changed_from_the_page(page, labels):
    told = page.send("classes", do="add", name="Debris").json["classes"]
    assert [(each["name"], each["key"]) for each in told][-1] == ("Debris", "3")
    mitosis, rest, debris = (each["id"] for each in told)
    page.send("classes", do="change", id=rest, name="Interphase", colour="#123456", key="i")
    page.send("classes", do="order", ids=[debris, rest, mitosis])
    told = page.send("classes", do="delete", id=mitosis).json["classes"]
    expected = [("Debris", "3"), ("Interphase", "i")]
    assert [(each["name"], each["key"]) for each in told] == expected
    refused = page.send("classes", do="add", name="debris")
    assert refused.status_code == 409 and "there is a class debris already" in refused.json["error"]


# --- the server ---------------------------------------------------------------------------------


def test_changes_need_the_token_of_the_page_and_a_new_one_is_given(tmp_path, parsed, labels):
    app = create_app({"HOME": tmp_path / "home", "TESTING": True})
    page = Page(app.test_client(), parsed)
    refused = page.send("undo")
    assert refused.status_code == 400
    token = page.get("token").json["token"]
    address = page.address
    answer = page.client.post(
        "/labelling/undo",
        query_string=address,
        json={"who": "Anna"},
        headers={"X-CSRFToken": token},
    )
    assert answer.status_code == 200


def test_the_page_is_reached_from_parsed_cells_and_from_the_targets(client, parsed):
    text = ""
    for _ in range(100):
        asked = {"path": str(parsed / "Train"), "form": "train"}
        text = client.get("/retrieve", query_string=asked).text
        if "Looking for parsed cells" not in text:
            break
    (address,) = re.findall(r'href="(/labelling[^"]+)"', text)
    assert client.get(address).status_code == 200
