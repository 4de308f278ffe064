"""Projects: their runs, what follows from what, and what a new run reads."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass

import pytest

from deepometry.cli import main
from deepometry.core.errors import DeepometryError, OptionsError
from deepometry.core.options.classify import ClassifyOptions
from deepometry.core.options.summary import SummaryOptions
from deepometry.core.run_records import read_json
from deepometry.core.step import Step
from deepometry.core.steps import STEPS
from deepometry.projects.chain import chain, out_of_date
from deepometry.projects.delete import delete_run, doomed_by
from deepometry.projects.inputs import fingerprint, has_changed
from deepometry.projects.new_run import fill, propose
from deepometry.projects.project import change_project, create_project, find_project, open_project
from deepometry.projects.recent import current_project, recent_projects, remember_project
from deepometry.projects.record import begin_run
from deepometry.projects.run import change_run, rename_run
from deepometry.projects.runs import find_run, list_runs
from tests.project_runs import by_step, write_step


def test_a_folder_without_a_project_is_adopted_as_it_is(made):
    before = sorted(made.folder.rglob("*"))
    runs = list_runs(made)
    assert [(run.step, run.name) for run in runs] == [
        ("predict", "predictions"),
        ("train", "model"),
        ("parse", "parsed"),
    ]
    assert runs[0].score == {"name": "accuracy", "value": 0.8}
    assert runs[1].score == {"name": "validation accuracy", "value": 0.9}
    assert runs[2].cells == 1400
    assert [run.id for run in runs] == [run.id for run in list_runs(made)]
    assert sorted(made.folder.rglob("*")) == before
    assert open_project(made.folder) == made
    assert find_project(made.folder / "model" / "new") == made


def test_a_project_can_be_moved(made, tmp_path):
    made.folder.rename(tmp_path / "moved")
    moved = open_project(tmp_path / "moved")
    assert moved.images == tmp_path / "moved" / "images"
    links = chain(by_step(moved)["predict"])
    assert [link.path.parent for link in links] == [moved.folder] * 4


@pytest.mark.parametrize("folder", ["Experiment X", "Experiment X/images/a.cif"])
def test_no_project_replaces_another_or_a_file(made, tmp_path, folder):
    with pytest.raises(DeepometryError, match=r"is a (project|file)"):
        create_project(tmp_path / folder)


def test_a_project_among_its_images_is_refused(made):
    with pytest.raises(DeepometryError, match="choose a folder outside"):
        create_project(made.images / "project", images=made.images)


def test_a_renamed_run_keeps_its_folder_and_what_was_made_of_it(made):
    run = by_step(made)["train"]
    rename_run(run, " First: try ")
    change_run(by_step(made)["train"], note="Sample 3 left out", pinned=True)
    renamed = by_step(made)["train"]
    assert (renamed.name, renamed.note, renamed.pinned) == (
        "First: try",
        "Sample 3 left out",
        True,
    )
    assert (renamed.folder, renamed.id) == (run.folder, run.id)
    assert by_step(made)["predict"].inputs["model"]["run"] == run.id
    assert find_run(made, "First: try") == find_run(made, "model") == renamed
    with pytest.raises(DeepometryError, match="expected a name"):
        rename_run(renamed, " ")


def test_names_have_at_most_100_characters(run, made, tmp_path):
    told = "Name: expected at most 100 characters, found 101; shorten it."
    train = by_step(made)["train"]
    assert rename_run(train, f" {'x' * 100} ").name == "x" * 100
    assert change_project(made, name="x" * 100).name == "x" * 100
    for act in (
        lambda: rename_run(train, "x" * 101),
        lambda: change_project(made, name="x" * 101),
        lambda: create_project(tmp_path / "new", "x" * 101),
        lambda: propose(made, STEPS["summary"], "x" * 101),
    ):
        with pytest.raises(DeepometryError) as refused:
            act()
        assert str(refused.value) == told
    assert not (tmp_path / "new").exists()
    code, _, said = run("project", "new", tmp_path / "new", "--name", "x" * 101)
    assert code != 0 and told in said


@pytest.mark.parametrize(("place", "name"), [("new", ".."), ("new", " . "), ("new/..", "X")])
def test_no_project_is_named_by_dots(run, tmp_path, place, name):
    code, _, told = run("project", "new", tmp_path / place, "--name", name)
    assert code != 0 and "expected the name of a project" in told
    assert not [*tmp_path.rglob("deepometry.json")]


def test_the_chain_leads_from_the_images_to_the_run(made):
    links = chain(by_step(made)["predict"])
    assert [link.name for link in links] == ["images", "parsed", "model", "predictions"]
    assert links[0].title == "Images"


def test_a_run_is_out_of_date_once_its_input_was_made_again(made):
    assert [out_of_date(run) for run in list_runs(made)] == ["", "", ""]
    write_step(made.folder / "parsed", "parse", 4, {"input": str(made.images)}, cells=1300)
    assert "parsed, which this run used, has changed since" in out_of_date(by_step(made)["train"])


@dataclass
class Result:
    """Of a step that ended well."""

    stopped: bool = False


@pytest.fixture
def summed(made):
    """A run that was made in the project, by the hook that every step has."""
    place = propose(made, STEPS["summary"])
    options = SummaryOptions(input=made.folder / "parsed", output=place)
    finish = begin_run(STEPS["summary"], options, "20260105-100000-000000-abcd")
    write_step(place, "summary", 5, {"input": str(options.input)})
    finish(Result(), None)
    return find_run(made, place.name)


def test_a_run_in_a_project_leaves_its_record(summed, made):
    record = read_json(summed.folder / "run.json")
    assert record["id"] == summed.id == "20260105-100000-000000-abcd"
    assert record["inputs"]["input"]["path"] == "parsed"
    assert record["inputs"]["input"]["run"] == by_step(made)["parse"].id
    assert summed.place == "summaries/summary_1"
    assert out_of_date(summed) == ""


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda parsed: (parsed / "table.csv").write_text("another"), "has changed since"),
        (lambda parsed: parsed.rename(parsed.with_name("gone")), "was deleted or moved since"),
    ],
)
def test_what_a_run_read_is_watched(summed, made, change, words):
    change(made.folder / "parsed")
    assert words in out_of_date(summed)


def test_a_copy_of_a_project_is_not_out_of_date_but_for_what_was_changed_in_it(summed, made):
    shutil.copytree(made.folder, made.folder.parent / "copy", copy_function=shutil.copyfile)
    copy = open_project(made.folder.parent / "copy")
    for path in copy.folder.rglob("*"):
        os.utime(path, (1e9, 1e9))
    assert [out_of_date(run) for run in list_runs(copy)] == [""] * 4
    table = copy.folder / "parsed" / "table.csv"
    table.write_text(table.read_text().replace("object", "Object"))  # of the same size
    os.utime(table, (2e9, 2e9))
    run = find_run(copy, summed.name)
    assert "parsed, which this run used, has changed since" in out_of_date(run)


@pytest.mark.parametrize("place", [0, -1])
def test_a_large_file_of_another_content_has_changed(tmp_path, place):
    path, content = tmp_path / "weights.bin", bytearray(1 << 20)
    path.write_bytes(content)
    before = fingerprint(path)
    os.utime(path, (1e9, 1e9))
    assert not has_changed(path, before)
    content[place] = 1
    path.write_bytes(content)
    os.utime(path, (2e9, 2e9))
    assert has_changed(path, before)
    path.unlink()
    assert has_changed(path, before)


def test_a_new_run_gets_the_next_number_and_replaces_none(summed, made):
    assert propose(made, STEPS["summary"]).name == "summary_2"
    assert propose(made, STEPS["train"], "Two: drugs?").name == "Two_ drugs_"
    with pytest.raises(DeepometryError, match="such as summary_1_1"):
        propose(made, STEPS["summary"], "summary_1")


def test_a_classification_takes_the_model_and_asks_for_its_new_files(made):
    filled = fill(made, STEPS["classify"], {"input": None, "model": None, "output": None})
    assert filled.values == {
        "input": None,
        "model": made.folder / "model",
        "output": made.folder / "predictions" / "classified_1",
    }
    with pytest.raises(OptionsError, match="Please fill this in"):
        ClassifyOptions(**filled.values)


def test_a_new_run_reads_the_newest_that_fits(made):
    blank = {"input": None, "output": None, "model": "", "batch_size": 256}
    filled = fill(made, STEPS["predict"], blank)
    assert filled.values == {
        "input": made.folder / "parsed" / "Hold-out",
        "output": made.folder / "predictions" / "predictions_1",
        "model": made.folder / "model",
        "batch_size": 256,
    }
    assert filled.told == ()
    write_step(made.folder / "parsed_new", "parse", 6, {"input": str(made.images)})
    filled = fill(made, STEPS["predict"], {**blank, "model": "mine.keras"})
    assert filled.values["input"] == made.folder / "parsed_new"
    assert filled.values["model"] == "mine.keras"
    assert filled.told == ("Input location: parsed_new, the newest of 2.",)


def test_a_baseline_stands_beside_its_network(made):
    values = {"input": None, "output": None, "model": None}
    filled = fill(made, STEPS["baseline"], values).values
    assert filled["output"] == made.folder / "model"
    assert filled["model"] is None


def test_what_there_is_nothing_for_is_told(tmp_path):
    project = create_project(tmp_path / "new")
    with pytest.raises(DeepometryError, match="found none yet; run train first"):
        fill(project, STEPS["predict"], {"model": None})
    with pytest.raises(DeepometryError, match="has no images yet"):
        fill(project, STEPS["parse"], {"input": None})


def test_a_run_is_deleted_with_its_folder(summed, made):
    assert "2 files" not in str(doomed_by(summed))  # table, record, run.json
    assert delete_run(summed).size > 0
    assert not summed.folder.exists()
    assert "summary" not in by_step(made)


def test_labels_given_by_hand_are_named_before_they_are_deleted(summed):
    assert doomed_by(summed).labels == ()
    (summed.folder / "labels").mkdir()
    (summed.folder / "labels" / "Phase.sqlite").write_bytes(b"labels")
    (summed.folder / "labels" / "Gate.csv").write_bytes(b"labels")
    assert doomed_by(summed).labels == ("Phase",)
    assert str(doomed_by(summed)).endswith("; with labels given by hand: Phase")


def test_of_an_adopted_folder_only_the_runs_files_are_deleted(made):
    run = by_step(made)["train"]
    (run.folder / "mine.txt").write_text("notes")
    assert "used by predictions, which stays" in str(doomed_by(run))
    delete_run(run)
    assert {path.name for path in run.folder.iterdir()} == {"mine.txt", "table.csv"}
    assert "was deleted or moved" not in out_of_date(by_step(made)["parse"])


def test_recent_projects_are_those_that_are_still_there(made, tmp_path):
    home, other = tmp_path / "home", create_project(tmp_path / "other")
    for project in (made, other):
        remember_project(home, project)
    assert current_project(home) == other
    assert recent_projects(home) == [other, made]
    remember_project(home, None)
    (other.folder / "deepometry.json").unlink()
    assert current_project(home) is None
    assert recent_projects(home) == [made]


@pytest.mark.parametrize("text", ["", "{", "[1]", '{"name": 3}'])
def test_a_project_with_a_damaged_record_is_made_again(made, text):
    record = made.folder / "deepometry.json"
    for kept in ("deepometry.damaged.json", "deepometry.damaged_2.json"):
        record.write_text(text)
        with pytest.raises(DeepometryError, match="project again"):
            open_project(made.folder)
        again = create_project(made.folder, "Again", made.images)
        assert (made.folder / kept).read_text() == text
        assert open_project(made.folder) == again and len(list_runs(again)) == 3


def test_a_project_of_a_later_version_is_not_made_again(made):
    record = made.folder / "deepometry.json"
    record.write_text(json.dumps({"format_version": 99, "name": "X"}))
    with pytest.raises(DeepometryError, match="is a project already"):
        create_project(made.folder)
    assert "99" in record.read_text()


# --- the commands ----------------------------------------------------------------------------


@pytest.fixture
def run(capsys, tmp_path, monkeypatch):
    """Run the program, and return its exit code, output and errors."""
    monkeypatch.setenv("DEEPOMETRY_HOME", str(tmp_path / "home"))

    def run(*arguments) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main([str(each) for each in arguments])
        return ended.value.code, *capsys.readouterr()

    return run


def test_a_project_from_the_command_line(run, tmp_path):
    (tmp_path / "images").mkdir()
    place = tmp_path / "Experiment Y"
    assert run("project", "new", place, "--images", tmp_path / "images")[0] == 0
    assert str(place) in run("project", "list")[1]
    assert "No runs yet." in run("project", "runs", place)[1]
    assert run("project", "show", place, "--name", "Y")[1].splitlines()[0] == "Name    Y"
    assert "is no project" in run("project", "runs", tmp_path)[2]


def test_runs_from_the_command_line(run, made, monkeypatch):
    monkeypatch.chdir(made.folder)
    assert run("project", "rename", "model", "Best")[0] == 0
    assert run("project", "note", "Best", "12 epochs")[0] == 0
    assert run("project", "pin", "Best")[0] == 0
    lines = run("project", "runs")[1].splitlines()
    assert [line.split()[0] for line in lines] == ["Name", "predictions", "*", "parsed"]
    assert "Best" in lines[2] and "12 epochs" in lines[2]
    shown = json.loads(run("project", "runs", "--step", "train", "--json")[1])
    assert [each["name"] for each in shown] == ["Best"]
    assert run("project", "delete", "predictions", "--yes")[0] == 0
    assert len(list_runs(made)) == 2


def test_a_command_takes_its_paths_from_a_project(run, made, monkeypatch):
    taken = []

    def ran(self, options, progress=None, id=""):
        taken.append(options)
        return "Done."

    monkeypatch.setattr(Step, "run", ran)
    assert run("predict", "--project", made.folder, "--name", "First")[0] == 0
    assert run("train", "--project", made.folder, "--target", "Class")[0] == 0
    assert run("targets", "--project", made.folder)[0] == 0
    assert run("show", "3 of a.cif", "--project", made.folder)[0] == 0
    assert run("label", "gates.csv", "--project", made.folder)[0] == 0
    assert run("correct", "Class", "table.csv", "--project", made.folder)[0] == 0
    assert [getattr(options, "output", None) for options in taken] == [
        made.folder / "predictions" / "First",
        made.folder / "models" / "model_1",
        *[None] * 4,
    ]
    assert taken[0].model == made.folder / "model"
    assert taken[1].input == taken[2].input == made.folder / "parsed" / "Train"
    assert (taken[3].source, taken[3].object) == (made.images, "3 of a.cif")
    assert taken[4].input.parent == made.folder and taken[4].labels.name == "gates.csv"
    assert (taken[5].target, taken[5].table.name) == ("Class", "table.csv")


def test_without_a_project_paths_are_asked_for_as_ever(run):
    assert "Missing argument 'INPUT'" in run("predict")[2]
    code, _, error = run("summary", "a", "b", "--name", "c")
    assert (code, error) == (2, "Error: --name: expected --project as well, found none.\n")
