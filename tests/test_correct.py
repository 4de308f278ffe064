"""Labels corrected by a table: as a target of its own, whole or not at all, told by training."""

from __future__ import annotations

import csv

import pandas as pd
import pytest

import deepometry
from deepometry.cells.dataset import open_dataset
from deepometry.cells.hand_labels import open_hand_labels
from deepometry.cells.label_corrections import open_corrections, settle
from deepometry.core.errors import DeepometryError
from deepometry.core.options.train import BaselineOptions
from deepometry.core.progress import Progress
from deepometry.training.baseline import baseline
from deepometry.training.gather import gather_cells
from tests.labelled import write_labels
from tests.parsed import blobs, write_classes, write_stack
from tests.results_runs import Jobs, make_app


@pytest.fixture
def parsed(tmp_path):
    root = write_classes(tmp_path / "parsed", {})
    for side, count in (("Train", 12), ("Hold-out", 4)):
        for kind, name in enumerate(("Class A", "Class B")):
            source = f"{side} {name}.cif"
            write_stack(root / side / name, blobs(count, kind), source)
    return root


def write_table(path, rows, columns=("source", "object", "label", "correct_label")):
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([columns, *rows])
    return path


ROWS = [
    ("Train Class A.cif", "3", "A", "B"),
    ("Train Class A.cif", "4", "A", "A"),
    ("Train Class B.cif", "1", "B", ""),
    ("Hold-out Class B.cif", "0", "B", " A "),
]


def test_a_table_corrects_and_confirms_labels_of_folders(parsed, tmp_path):
    table = write_table(tmp_path / "t.csv", ROWS)
    result = deepometry.correct(input=parsed / "Train", target="class", table=table, who="Anna")
    assert (result.target, result.corrected, result.confirmed) == ("Class corrected", 2, 1)
    assert "2 labels corrected, 1 confirmed" in str(result)
    dataset = open_dataset(parsed)
    before, after = dataset.labels("Class"), dataset.labels("Class corrected")
    assert before.classes == after.classes and after.labelled.all()
    names = [pair[1:] for pair in dataset.identities()]
    changed = {names[n] for n in (before.values != after.values).nonzero()[0]}
    assert changed == {("Train Class A.cif", "3"), ("Hold-out Class B.cif", "0")}
    assert after.origin == "labels of folder names, 2 corrected and 1 confirmed by hand"


def test_a_second_table_adds_to_the_first_and_the_training_says_so(parsed, tmp_path):
    table = write_table(tmp_path / "t.csv", ROWS)
    options = {"input": parsed, "target": "Class", "table": table}
    deepometry.correct(**options)
    write_table(table, [("Train Class B.cif", "1", "B", "A"), ("Train Class A.cif", "3", "", "A")])
    result = deepometry.correct(**options, who="Ben")
    assert (result.corrected, result.confirmed) == (2, 2)
    said: list[str] = []
    training = BaselineOptions(input=parsed, output=tmp_path / "m", target="Class corrected")
    cells = gather_cells(training, Progress(on_say=said.append))
    assert cells.labels == ("A", "B")
    assert "Class corrected: labels of folder names, 2 corrected and 2 confirmed by hand." in said


def test_on_corrected_labels_what_a_person_gives_counts(parsed):
    labels = open_corrections(open_dataset(parsed), "Class")
    labels.give([ROWS[0][:2], ROWS[2][:2]], "B", "Anna")
    assert (
        labels.decisions() == (1, 1)
        and open_dataset(parsed).labels("Class corrected").labelled.all()
    )
    table = labels.table().set_index(["source", "object"])
    assert table.loc[ROWS[0][:2], ["label", "folder names"]].tolist() == ["B", "A"]
    labels.give([ROWS[0][:2]], "A", "Ben")  # now people differ
    assert labels.table(disputed=True)["object"].tolist() == ["3"]
    labels.undo("Anna")
    assert labels.decisions() == (0, 1)


def test_labels_given_by_hand_keep_their_name(parsed, tmp_path):
    labels = open_hand_labels(parsed, "Phase", make=True)
    labels.add_class("A")
    labels.add_class("B")
    labels.give([row[:2] for row in ROWS], "A", "Anna")
    table = write_table(tmp_path / "t.csv", [(*ROWS[0][:2], "", "B")])
    result = deepometry.correct(input=parsed, target="Phase", table=table, who="Ben")
    assert (result.target, result.corrected, result.confirmed) == ("Phase", 1, 0)
    assert labels.origin == "labels of Anna, 1 corrected and 0 confirmed by hand"


def test_labels_of_a_table_are_corrected_where_cells_have_one(parsed, tmp_path):
    write_labels(parsed, "Gate", [(*ROWS[0][:2], "in"), (*ROWS[1][:2], "out")], origin="long " * 20)
    table = write_table(tmp_path / "t.csv", [(*ROWS[0][:2], "", "out")])
    assert deepometry.correct(input=parsed, target="Gate", table=table).corrected == 1
    assert open_dataset(parsed).labels("Gate corrected").labelled.sum() == 2


@pytest.mark.parametrize(
    ("rows", "columns", "told"),
    [
        ([("x", "1", "A")], ("source", "object", "label"), "columns source, object and correct"),
        ([(*ROWS[0][:3], "C")], None, "expected one of A, B in correct_label, found C"),
        ([("x.cif", "1", "A", "B")], None, "found 1 other, such as 1 of x.cif"),
        ([(*ROWS[2][:3], " ")], None, "in the column correct_label, found none; fill it in"),
    ],
)
def test_tables_that_do_not_fit_are_refused_and_nothing_is_begun(
    parsed, tmp_path, rows, columns, told
):
    more = {"columns": columns} if columns else {}
    table = write_table(tmp_path / "t.csv", rows, **more)
    with pytest.raises(DeepometryError, match=told):
        deepometry.correct(input=parsed, target="Class", table=table)
    assert not (parsed / "labels").exists()
    with pytest.raises(DeepometryError, match="found none of this name"):
        deepometry.correct(input=parsed, target="Day", table=write_table(table, ROWS))


def test_tables_come_back_from_spreadsheets(parsed, tmp_path):
    table = tmp_path / "semicolons.csv"
    table.write_text("source;object;correct_label\nTrain Class A.cif;3;B\n", "cp1252")
    assert deepometry.correct(input=parsed, target="Class", table=table).corrected == 1
    table = tmp_path / "t.xlsx"
    rows = {"source": ["Train Class A.cif"] * 2, "object": [3, 4], "correct_label": ["B", None]}
    pd.DataFrame(rows).to_excel(table, index=False)
    assert deepometry.correct(input=parsed, target="Class", table=table).corrected == 1


def test_labels_are_begun_whole_or_not_at_all(parsed, monkeypatch):
    from deepometry.cells.labels.hands import HandLabels

    def fail(*given, **more):
        raise DeepometryError("No space left.")

    with monkeypatch.context() as broken:
        broken.setattr(HandLabels, "give", fail)
        with pytest.raises(DeepometryError, match="No space left"):
            open_corrections(open_dataset(parsed), "Class")
    assert list((parsed / "labels").iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize("target", ["Class", "Gate"])
def test_cells_are_decided_on_the_page_and_the_decisions_are_shown(parsed, tmp_path, target):
    jobs = Jobs()
    wrong = write_stack(parsed / "Train" / "Class B", blobs(3, 0, 1), "odd.cif", "odd")
    assert wrong.is_file()
    names = [cell for _, *cell in open_dataset(parsed / "Train").identities()]
    write_labels(parsed, "Gate", [(*c, "AB"["A" not in c[0]]) for c in names[2:]])  # of two, none
    options = BaselineOptions(input=parsed / "Train", output=tmp_path / "m", target=target, folds=3)
    jobs.run("b", "baseline", baseline, options)
    app = make_app(jobs)
    from deepometry.web.labelling import blueprint

    if "labelling" not in app.blueprints:
        app.register_blueprint(blueprint)
    client = app.test_client()
    page = client.get("/runs/b/mislabelled").text
    assert 'data-check="/labelling/check/b"' in page
    first = 24 - 2 * (target == "Gate")  # of those with a label
    rows = ",".join(str(first + n) for n in range(3))
    told = client.get(f"/labelling/check/b.json?rows={rows}").json
    assert {each["label"] for each in told["cells"].values()} == {"B"}
    assert (told["corrected"], told["name"]) == (0, "")
    assert [path.stem for path in (parsed / "labels").glob("*.sqlite")] == []
    sent = {"row": first, "label": "A", "who": "Anna"}
    told = client.post("/labelling/check/b", json=sent).json
    assert (told["corrected"], told["confirmed"], told["name"]) == (1, 0, f"{target} corrected")
    assert told["cells"][str(first)]["decided"] == "A"
    client.post("/labelling/check/b", json={**sent, "row": first + 1, "label": "B"})
    told = client.get(f"/labelling/check/b.json?rows={rows}").json
    assert [told["cells"][row]["decided"] for row in rows.split(",")] == ["A", "B", ""]
    assert (told["corrected"], told["confirmed"]) == (1, 1)
    told = client.post("/labelling/check/b", json={**sent, "row": first + 1, "label": ""}).json
    assert (told["corrected"], told["confirmed"]) == (1, 0)
    assert client.post("/labelling/check/b", json={**sent, "label": "Z"}).status_code == 409
    labels = open_corrections(open_dataset(parsed), target)
    settle(labels, {("odd.cif", "0"): "B"}, "Ben")
    assert labels.decisions() == (0, 1)
