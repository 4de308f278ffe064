"""The forms: the protocol's fields, made from the options, and what they remember and offer."""

from __future__ import annotations

import json
import re
import zipfile
from dataclasses import MISSING, replace
from pathlib import Path

import pytest

from deepometry.core.options.fields import settings
from deepometry.core.options.parse import ParseOptions
from deepometry.core.options.train import TrainOptions
from deepometry.core.result_files import PARSE_RECORD
from deepometry.core.run_records import write_json
from deepometry.core.step_options import plain
from deepometry.core.steps import STEPS
from deepometry.training.recipes import STANDARD, choice_of, epochs_for
from deepometry.web import create_app
from deepometry.web.forms import prefill as flow
from deepometry.web.forms.build import empty_form, filled_form
from deepometry.web.forms.last_values import remember, remembered
from deepometry.web.forms.steps import FORMS
from deepometry.web.jobs.job import Job


@pytest.fixture
def app(tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "cells.npy").touch()  # where tests give this folder, it is one of parsed cells
    return create_app({"HOME": tmp_path / "home", "TESTING": True, "WTF_CSRF_ENABLED": False})


def filled(app, verb, **values):
    """Give the form of a step, as sent with these values."""
    with app.test_request_context("/", method="POST", data=values):
        form = filled_form(verb)
        return form, form.options()


def test_what_cannot_go_well_is_said_before_it_is_a_job(app, tmp_path):
    raw = tmp_path / "images" / "Class A"
    raw.mkdir(parents=True)
    (raw / "c.cif").write_bytes(b"")
    inside = str(tmp_path / "images" / "out")
    form, options = filled(app, "parse", input=str(tmp_path / "images"), output=inside)
    assert options is None and "lies in the input" in errors(form)["output"]
    found = {"input": str(tmp_path / "images"), "output": str(tmp_path / "m"), "target": "Class"}
    form, options = filled(app, "train", **found)
    assert options is None and "Run Parse first" in errors(form)["input"]


def errors(form) -> dict[str, str]:
    return {name: found[0] for name, found in form.errors.items()}


def model_file(folder: Path, target: str = "Class") -> Path:
    """Write what a model file says of itself, without the model."""
    path = folder / f"model_2-{target}_categories.keras"
    told = {
        "labels": ["A", "B"],
        "target": target,
        "channels": [1],
        "depth": 1,
        "channel_names": {},
        "frame": 48,
        "network": "resnet18",
        "scaling": "channel",
        "fingerprint": "",
        "cells": {},
    }
    folder.mkdir(exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("deepometry.json", json.dumps(told))
    return path


# --- fields ------------------------------------------------------------------------------------


def test_fields_in_sight_are_those_of_the_protocol_in_its_order(app):
    expected = {
        "parse": [
            "Input location",
            "Output location",
            "Frame size",
            "Channels",
            "Montage size",
            "Train/Hold-out split",
        ],
        "train": [
            "Input location",
            "Output location",
            "Target classification",
            "Learning iterations",
        ],
        "predict": [
            "Input location",
            "Output location",
            "Target classification",
            "Model location",
            "Unannotated data?",
        ],
        "extract": ["Input location", "Output location", "Model location", "Layer"],
    }
    with app.test_request_context():
        for verb, labels in expected.items():
            form = empty_form(verb, {})
            assert [form[name].label.text for name in form.spec.form.shown] == labels


@pytest.mark.parametrize("verb", FORMS)
def test_every_option_is_a_field_with_its_label_and_help(app, verb):
    known = settings(STEPS[verb].options)
    with app.test_request_context():
        form = empty_form(verb, {})
        assert set(form.spec.fields) - set(form.spec.extra) == set(known)
        for name, (setting, default) in known.items():
            assert form[name].label.text == setting.label
            assert form[name].description == setting.help
            assert form[name].render_kw["required"] == (default is MISSING)
            easy = setting.choices or isinstance(default, bool)
            assert easy or form.spec.example(name), f"{verb}: {name} has no example"


def test_defaults_are_those_of_the_protocol(app):
    with app.test_request_context():
        parse, train = empty_form("parse", {}), empty_form("train", {})
        assert (parse["frame"].data, parse["montage"].data) == ("48", "")
        assert (parse["split"].data, parse["channels"].data) == ("", "")
        assert (train["epochs"].data, train["recipe"].data) == ("", "standard")
        extract = empty_form("extract", {})
        assert extract["layer"].data == "pool5"
        labels = [label for _, label in extract["layer"].render_kw["choices"]]
        assert labels == ["Res4a_ReLU", "Res5a_ReLU", "pool5"]


# --- what was entered ----------------------------------------------------------------------------


def test_a_form_makes_the_very_options(app, tmp_path):
    raw = tmp_path / "images"
    values = {"input": str(raw), "output": f'"{tmp_path / "out"}"', "frame": "64"}
    form, options = filled(
        app, "parse", **values, channels="9,1", split="", masked="true", analyses="true"
    )
    assert not form.errors
    assert options == ParseOptions(
        input=raw, output=tmp_path / "out", frame=64, channels=(9, 1), masked=True
    )


def test_unticked_boxes_are_off(app, tmp_path):
    values = {"input": str(tmp_path), "output": str(tmp_path / "m"), "target": "Class"}
    _, options = filled(app, "train", **values)
    assert (options.flips, options.rotation, options.resume) == (False, False, False)


def test_all_errors_at_once_and_what_was_typed_kept(app, tmp_path):
    values = {"input": str(tmp_path / "no"), "output": "", "frame": "4x", "split": "80/30"}
    form, options = filled(app, "parse", **values)
    assert options is None
    found = errors(form)
    assert set(found) == {"input", "output", "frame", "split"}
    assert found["output"] == "Please fill this in."
    assert "does not exist" in found["input"]
    assert form.texts()["frame"] == "4x"
    assert form.texts()["split"] == "80/30"


def test_paths_must_be_whole_and_may_begin_at_home(app, tmp_path, monkeypatch):
    form, _ = filled(app, "parse", input="images", output="parsed")
    assert set(errors(form)) == {"input", "output"}
    assert "a whole path, such as" in errors(form)["output"]
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    form, options = filled(app, "parse", input="'~/images'", output="~/parsed")
    assert not form.errors
    assert options.input == tmp_path / "images"
    assert options.output == tmp_path / "parsed"


def test_a_file_in_place_of_a_folder_is_told(app, tmp_path):
    (tmp_path / "file").touch()
    values = {"input": str(tmp_path / "file"), "output": str(tmp_path / "file")}
    form, _ = filled(app, "train", **values, target="Class")
    assert "is a file" in errors(form)["input"]
    assert "is a file" in errors(form)["output"]


def test_the_model_is_looked_at_and_its_target_checked(app, tmp_path):
    values = {"input": str(tmp_path), "output": str(tmp_path / "out")}
    form, _ = filled(app, "predict", **values, model=str(tmp_path))
    assert "found none" in errors(form)["model"]
    path = model_file(tmp_path / "model", "Day")
    form, _ = filled(app, "predict", **values, model=str(path.parent), target="Class")
    assert errors(form)["target"].startswith("Expected Day, which model_2-Day")
    for target in ("", "day"):
        form, options = filled(app, "predict", **values, model=str(path), target=target)
        assert not form.errors
        assert options.model == path


def test_an_earlier_model_is_looked_at_before_a_training_starts(app, tmp_path):
    values = {"input": str(tmp_path), "output": str(tmp_path / "out"), "target": "Class"}
    form, options = filled(app, "train", **values)
    assert not form.errors and options.start_from is None
    form, _ = filled(app, "train", **values, start_from=str(tmp_path))
    assert "found none" in errors(form)["start_from"]
    form, _ = filled(app, "train", **values, start_from="model")
    assert "expected a whole path" in errors(form)["start_from"].lower()
    form, _ = filled(app, "train", **values, start_from=str(tmp_path / "gone"))
    assert "Not found" in errors(form)["start_from"]
    path = model_file(tmp_path / "model")
    (tmp_path / "old.h5").write_bytes(b"\x89HDF\r\n\x1a\n")
    for place in (path, path.parent, tmp_path / "old.h5"):
        form, options = filled(app, "train", **values, start_from=str(place))
        assert not form.errors
        assert options.start_from == place
    form, _ = filled(app, "train", **values, freeze="stem")
    assert "Expected an earlier model or weights" in errors(form)["freeze"]


def test_more_options_open_where_something_must_be_seen(app, tmp_path):
    with app.test_request_context():
        assert not empty_form("train", {}).opens_more()
        assert empty_form("train", {"network": "resnet18"}).opens_more()
    form, _ = filled(app, "train", batch_size="many")
    assert form.opens_more()


# --- what is remembered and offered --------------------------------------------------------------


def test_last_values_are_remembered(tmp_path):
    assert remembered(tmp_path) == {}
    remember(tmp_path, "parse", {"frame": "64", "masked": True})
    remember(tmp_path, "train", {"target": "Class"})
    assert remembered(tmp_path) == {
        "parse": {"frame": "64", "masked": True},
        "train": {"target": "Class"},
    }


def test_a_damaged_memory_is_no_reason_to_refuse_the_page(tmp_path):
    (tmp_path / "values.json").write_text("{", "utf-8")
    assert remembered(tmp_path) == {}
    remember(tmp_path, "parse", {"frame": "64"})
    assert remembered(tmp_path) == {"parse": {"frame": "64"}}


def job(verb, state="done", output=None, **options) -> Job:
    return Job(
        id="1",
        verb=verb,
        options=options,
        command="",
        state=state,
        created=0.0,
        started=None,
        finished=None,
        done=0,
        total=0,
        text="",
        seconds_left=None,
        error="",
        result=None,
        output=output,
    )


def test_what_a_step_wrote_is_offered_to_the_next(tmp_path):
    split, whole = flow.offered(job("parse", output=tmp_path, split=0.2)), tmp_path / "Train"
    assert split["train"] == {"input": str(whole)}
    assert split["predict"] == split["extract"] == {"input": str(tmp_path / "Hold-out")}
    unsplit = flow.offered(job("parse", output=tmp_path, split=None))
    assert unsplit["train"] == unsplit["predict"] == {"input": str(tmp_path)}
    trained = flow.offered(job("train", output=tmp_path, target="Day"))
    assert trained["predict"] == {"model": str(tmp_path), "target": "Day"}
    assert trained["extract"] == {"model": str(tmp_path)}
    assert flow.offered(job("train", "failed", output=tmp_path)) == {}
    stopped = job("train", "cancelled", output=tmp_path)
    assert flow.offered(stopped) == {}
    kept = replace(stopped, result={"model": str(tmp_path)})  # stopped, but kept a model
    assert flow.offered(kept)["extract"] == {"model": str(tmp_path)}


def test_no_hold_out_of_cells_without_labels_is_offered_in_place_of_all(tmp_path):
    stacks = [f"{side}/Patient {n}/cells.npy" for side in ("Train", "Hold-out") for n in (7, 8)]
    parsed = job("parse", output=tmp_path, split=0.2)
    without = replace(parsed, result={"stacks": ["Train/images/a.npy", "Hold-out/images/a.npy"]})
    assert flow.offered(without)["predict"] == {"input": str(tmp_path)}
    labelled = replace(parsed, result={"stacks": stacks})
    assert flow.offered(labelled)["predict"] == {"input": str(tmp_path / "Hold-out")}
    flat = replace(parsed, result={"stacks": ["Train/a.npy", "Hold-out/a.npy"]})
    assert flow.offered(flat)["predict"] == {"input": str(tmp_path)}


def test_the_split_of_other_cells_does_not_return():
    last = {"input": "/old", "frame": "56", "split": "80/20", "split_by": "Sample", "montage": "9"}
    start = flow.starting_values("parse", last, {})
    assert start == {"input": "/old", "frame": "56", "montage": "9"}


def test_the_example_fills_all_forms_with_options_of_a_short_training(tmp_path):
    found = flow.newest_offers([job("example", output=tmp_path / "images")])
    assert found["parse"]["input"] == str(tmp_path / "images")
    assert found["train"]["epochs"] == "12"
    assert (found["parse"]["split"], found["parse"]["montage"]) == ("80/20", "15")
    assert set(found) == set(FORMS)


def test_options_of_the_example_stay_with_its_cells(tmp_path):
    mine = job("parse", output=tmp_path / "mine", split=0.2)
    found = flow.newest_offers([mine, job("example", output=tmp_path / "images")])
    assert found["train"]["input"] == str(tmp_path / "mine" / "Train")
    assert "epochs" not in found["train"]


def test_what_was_entered_is_not_overwritten_by_offers():
    offers = {"input": "/new", "epochs": "20"}
    assert flow.starting_values("train", {}, offers) == offers
    last = {"input": "/old", "epochs": "100"}
    assert flow.starting_values("train", last, offers) == last
    assert flow.starting_values("train", {"input": "", "epochs": ""}, offers)["input"] == "/new"


def test_the_options_of_a_job_can_be_entered_again(app, tmp_path):
    raw, out = tmp_path / "images", tmp_path / "out"
    options = ParseOptions(input=raw, output=out, channels=(9, 1), split=0.3, masked=True)
    values = flow.entered(replace(job("parse"), options=plain(options)))
    sent = {name: value for name, value in values.items() if value is not False}
    assert filled(app, "parse", **sent)[1] == options
    training = TrainOptions(input=tmp_path, output=tmp_path, target="Day")
    assert flow.resumed(replace(job("train"), options=plain(training)))["resume"] is True


# --- more options, by what they are about ------------------------------------------------------


def test_every_option_among_more_options_has_a_group():
    bare = [
        f"{verb} {name}"
        for verb, spec in FORMS.items()
        for name in spec.more
        if spec.fields[name][0].group == "" and not spec.kinds.get(name)
    ]
    assert bare == []
    titles = list(FORMS["train"].groups())
    assert titles == ["Images", "Network", "Training", "Validation", "Speed and memory"]
    grouped = [name for names in FORMS["train"].groups().values() for name in names]
    assert sorted(grouped) == sorted(FORMS["train"].more)
    assert "channels" not in str(FORMS["train"].groups(elsewhere=["channels"]))


def test_the_page_shows_what_the_recipe_would_choose(app, tmp_path):
    browser = app.test_client()
    page = browser.get("/").text
    told = dict(re.findall(r'id="recipe-train-(\w+)"[^>]*>Recipe: <span>([^<]*)<', page))
    for name, text in told.items():
        assert text == choice_of("standard", name), name
    assert set(told) == {name for name in vars(STANDARD) if name in FORMS["train"].fields}
    assert 'id="recipe-predict-views"' not in page
    values = {"recipe": "protocol", "network": "small10"}
    page = browser.post("/run/train", data=values, headers={"HX-Request": "true"}).text
    assert "Recipe: <span>512<" in page
    assert re.search(r'id="recipe-train-network"[^>]* hidden>', page)


def test_epochs_are_those_for_the_cells_in_the_input(app, tmp_path):
    write_json(tmp_path / PARSE_RECORD, {"cells": 5000, "sides": {"Train": 4000, "Hold-out": 1000}})
    remember(tmp_path / "home", "train", {"input": str(tmp_path / "Train")})
    page = app.test_client().get("/").text
    assert f"Recipe: <span>{epochs_for(4000)} for 4,000 cells<" in page
    remember(tmp_path / "home", "train", {"input": str(tmp_path)})
    assert "for 5,000 cells<" in app.test_client().get("/").text
    (tmp_path / PARSE_RECORD).write_text("{")
    assert f"Recipe: <span>{choice_of('standard', 'epochs')}<" in app.test_client().get("/").text
