"""Projects on the page: first visit, forms that are filled in, and the list of runs."""

from __future__ import annotations

import html
import json
import re
from dataclasses import replace
from unittest.mock import patch

import pytest

from deepometry.core.options.summary import SummaryOptions
from deepometry.core.steps import STEPS
from deepometry.projects.project import open_project
from deepometry.projects.recent import current_project, remember_project
from deepometry.projects.run import rename_run
from deepometry.projects.runs import list_runs
from deepometry.web import create_app
from deepometry.web.forms.steps import FORMS
from tests.project_runs import by_step, write_step

HTMX = {"HX-Request": "true"}


@pytest.fixture
def app(tmp_path, monkeypatch):
    """The application; its jobs wait, since nothing starts them."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    return create_app({"HOME": tmp_path / "home", "TESTING": True, "WTF_CSRF_ENABLED": False})


@pytest.fixture
def browser(app):
    return app.test_client()


@pytest.fixture
def opened(app, made, tmp_path):
    """The project of a whole protocol, open on the page."""
    remember_project(tmp_path / "home", made)
    return made


def form_of(page: str, verb: str) -> str:
    return re.search(rf'<form id="form-{verb}".*?</form>', page, re.DOTALL)[0]


def value_of(page: str, verb: str, name: str) -> str:
    field = re.search(rf'<input [^>]*id="{verb}-{name}"[^>]*>', form_of(page, verb))[0]
    return html.unescape(re.search(r'value="([^"]*)"', field)[1])


def told(page: str) -> str:
    """Return the text of a page in one line."""
    return html.unescape(" ".join(re.sub("<[^>]+>", " ", page).split()))


def test_a_first_visit_offers_a_project_or_the_example(browser):
    page = browser.get("/").text
    assert 'id="form-new"' in page and 'id="form-example"' in page
    assert 'value="Experiment 1"' in page
    assert "Other locations" not in page


def test_a_new_project_needs_one_typed_path(browser, tmp_path):
    (tmp_path / "images").mkdir()
    values = {"name": "X", "folder": str(tmp_path / "X"), "images": str(tmp_path / "images")}
    assert browser.post("/projects", data=values).location == "/"
    page = browser.get("/").text
    assert "X" in re.search(r'<details class="switcher">.*?</summary>', page, re.DOTALL)[0]
    assert value_of(page, "parse", "input") == str(tmp_path / "images")
    assert value_of(page, "parse", "output") == str(tmp_path / "X" / "parsed" / "parsed_1")
    assert "images → parsed_1" in told(form_of(page, "parse")).replace(" , then", "")
    assert "no model yet" in told(form_of(page, "predict"))


def test_the_example_is_a_project(browser, tmp_path):
    place = tmp_path / "Deepometry example"
    answer = browser.post("/example", data={"folder": str(place)}, headers=HTMX)
    assert answer.headers["HX-Redirect"] == "/"
    page = browser.get("/").text
    assert "Deepometry example" in re.search(r'class="switcher">.*?</summary>', page, re.DOTALL)[0]
    assert value_of(page, "parse", "input") == str(place / "images")
    assert value_of(page, "train", "run_name") == "model_1"
    assert 'class="offer"' not in page


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("folder", "X", "Expected a whole path"),
        ("images", "/not/there", "does not exist"),
        ("name", "..", "expected the name of a project"),
        ("name", "x" * 101, "expected at most 100 characters"),
        ("folder", "{made}/..", "expected the name of a project"),
        ("folder", "{made}", "is a project already"),
    ],
)
def test_a_project_that_cannot_be_made(browser, made, tmp_path, name, text, words):
    values = {"name": "X", "folder": str(tmp_path / "X"), "images": ""}
    page = browser.post("/projects", data={**values, name: text.format(made=made.folder)}).text
    assert words in told(page)
    assert f'id="error-new-{name}"' in page
    assert current_project(tmp_path / "home") is None


def test_a_damaged_project_is_made_again_on_the_page(browser, made, tmp_path):
    (made.folder / "deepometry.json").write_text("{")
    page = browser.post("/projects/open", data={"open": str(made.folder)}).text
    assert "on the page with New project" in told(page)
    values = {"name": "X", "folder": str(made.folder), "images": ""}
    assert browser.post("/projects", data=values).location == "/"
    assert current_project(tmp_path / "home").name == "X"


def test_forms_are_filled_in_from_the_project(browser, opened):
    page = browser.get("/").text
    model = str(opened.folder / "model")
    assert value_of(page, "train", "input") == str(opened.folder / "parsed" / "Train")
    assert value_of(page, "predict", "model") == value_of(page, "extract", "model") == model
    assert value_of(page, "predict", "run_name") == "predictions_1"
    assert value_of(page, "classify", "run_name") == "classified_1"
    assert value_of(page, "classify", "input") == ""  # the images of the project are not new
    in_sight = form_of(page, "classify").partition("Other locations")[0]
    assert 'name="input"' in in_sight and 'name="model"' not in in_sight
    assert value_of(page, "classify", "output") == str(opened.folder / "predictions/classified_1")
    assert value_of(page, "predict", "target") == "Class"  # of a model that no job made
    uses = told(re.search(r'<p class="uses[^>]*id="uses-predict".*?</p>', page, re.DOTALL)[0])
    assert re.findall(r"[\w-]+(?= →)|\w+$", uses) == ["images", "parsed", "model", "predictions_1"]
    ids = re.findall(r'\sid="([^"]+)"', page)
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("verb", FORMS)
def test_every_field_of_the_protocol_is_in_the_form_of_a_project(browser, opened, verb):
    form = form_of(browser.get("/").text, verb)
    labels = [setting.label for setting, _ in FORMS[verb].fields.values()]
    assert [label for label in labels if label not in html.unescape(form)] == []
    places = form.partition("Other locations")[2].partition("</details>")[0]
    assert ('name="output"' in places) == ("output" in FORMS[verb].fields)


def test_a_run_gets_the_name_that_was_typed_and_the_next_one_another(browser, app, opened):
    page = browser.get("/").text
    names = [name for name in FORMS["summary"].kinds if name != "output"]
    values = {name: value_of(page, "summary", name) for name in names}
    values |= {"output": value_of(page, "summary", "output"), "run_name": "All samples"}
    answer = browser.post("/run/summary", data=values, headers=HTMX).text
    (job,) = app.extensions["jobs"].list()
    assert job.output == opened.folder / "summaries" / "All samples"
    assert value_of(answer, "summary", "run_name") == "summary_1"
    answer = browser.post("/run/summary", data=values, headers=HTMX).text
    assert "no run is written over" in told(answer)
    assert len(app.extensions["jobs"].list()) == 1
    elsewhere = str(opened.folder.parent / "elsewhere")
    browser.post("/run/summary", data={**values, "output": elsewhere}, headers=HTMX)
    assert str(app.extensions["jobs"].list()[0].output) == elsewhere


@pytest.mark.parametrize("end", ["", "/"])
def test_a_blank_name_is_the_proposed_one(browser, app, opened, end):
    values = {"input": str(opened.folder / "parsed" / "Train"), "target": "Class", "run_name": " "}
    for verb, folder in (("train", "models"), ("learning-curve", "learning_curves")):
        output = f"{opened.folder / 'models'}{end}"  # as the page writes it while a name is typed
        browser.post(f"/run/{verb}", data={**values, "output": output}, headers=HTMX)
        job = app.extensions["jobs"].list()[0]
        assert (job.verb, job.output.parent) == (verb, opened.folder / folder)


def test_a_training_goes_on_in_its_own_folder(browser, app, opened):
    values = {"input": str(opened.folder / "parsed" / "Train"), "target": "Class"}
    values |= {"output": str(opened.folder / "models" / "begun"), "run_name": "begun"}
    (opened.folder / "models" / "begun").mkdir(parents=True)
    assert "no run is written over" in browser.post("/run/train", data=values).text
    browser.post("/run/train", data={**values, "resume": "true"})
    assert app.extensions["jobs"].list()[0].output == opened.folder / "models" / "begun"


def test_a_further_button_writes_to_a_folder_of_its_own(browser, app, opened):
    page = browser.get("/").text
    values = {n: value_of(page, "train", n) for n in ("input", "output", "run_name")}
    for verb in ("baseline", "learning-curve"):
        browser.post(f"/run/{verb}", data={**values, "target": "Class"}, headers=HTMX)
    outputs = {job.verb: job.output for job in app.extensions["jobs"].list()}
    assert outputs["baseline"] == opened.folder / "model"
    assert outputs["learning-curve"].parent == opened.folder / "learning_curves"


def test_jobs_of_other_projects_are_not_mixed_in(browser, app, opened, tmp_path):
    options = SummaryOptions(input=opened.folder / "parsed", output=tmp_path / "other" / "summary")
    job = app.extensions["jobs"].submit(options)
    assert f"job-{job.id}" not in browser.get("/").text
    browser.post("/projects/close")
    assert f"job-{job.id}" in browser.get("/").text


def test_values_stay_with_their_project(browser, app, opened, tmp_path):
    page = browser.get("/").text
    values = {n: value_of(page, "train", n) for n in ("input", "output", "run_name")}
    browser.post("/run/train", data={**values, "target": "Class", "epochs": "7"})
    assert value_of(browser.get("/").text, "train", "epochs") == "7"
    (tmp_path / "results").mkdir()
    browser.post("/projects/open", data={"open": str(tmp_path / "results")})
    page = browser.get("/").text
    assert (value_of(page, "train", "epochs"), value_of(page, "train", "target")) == ("", "")
    assert opened.name in page  # in the switcher
    browser.post("/projects/open", data={"open": str(opened.folder / "model")})
    assert current_project(tmp_path / "home") == open_project(opened.folder)


def test_projects_of_the_same_name_are_told_apart_by_their_folders(browser, opened, tmp_path):
    for name, folder in (("Same", "a"), ("same", "b"), ("Other", "c"), (opened.name, "d")):
        values = {"name": name, "folder": str(tmp_path / folder), "images": ""}
        assert browser.post("/projects", data=values).status_code == 302
    browser.post("/projects/open", data={"open": str(opened.folder)})
    page = browser.get("/").text
    switcher = re.search(r'<details class="switcher">.*?</details>', page, re.DOTALL)[0]
    buttons = re.findall(r'aria-description="Opens this project.">(.*?)</button>', switcher)
    assert [told(each) for each in buttons] == [
        f"{opened.name} {tmp_path / 'd'}",
        "Other",
        f"same {tmp_path / 'b'}",
        f"Same {tmp_path / 'a'}",
    ]


def test_the_newest_run_of_each_step_is_shown_whoever_started_it(browser, opened):
    page = browser.get("/").text
    for step, run in by_step(opened).items():
        assert f'hx-get="/runs/{run.id}/line"' in page, step


# --- the list of runs --------------------------------------------------------------------------


def names(page: str) -> list[str]:
    rows = re.findall(r'<th scope="row">(.*?)</th>', page, re.DOTALL)
    return [told(row.split("<br>")[0]) for row in rows]


def test_runs_are_listed_sorted_filtered_and_searched(browser, opened):
    page = browser.get("/runs").text
    assert names(page) == ["predictions", "model", "parsed"]
    assert "accuracy 80.0 %" in told(page) and "1,400 cells" in told(page)
    assert names(browser.get("/runs?sort=score").text) == ["model", "predictions", "parsed"]
    assert names(browser.get("/runs?step=train").text) == ["model"]
    assert names(browser.get("/runs?q=parsed").text) == ["predictions", "model", "parsed"]
    assert names(browser.get("/runs?q=prediction+mod").text) == ["predictions"]
    assert names(browser.get("/runs?state=outdated").text) == []
    write_step(opened.folder / "parsed", "parse", 4, {"input": str(opened.images)})
    assert names(browser.get("/runs?state=outdated").text) == ["predictions", "model"]


def test_runs_are_renamed_noted_and_pinned(browser, opened):
    run = by_step(opened)["parse"]
    values = {"name": "All & more", "note": "frame 48", "back": "/runs?sort=name"}
    assert browser.post(f"/runs/{run.id}/about", data=values).location == "/runs?sort=name"
    browser.post(f"/runs/{run.id}/pin", data={"back": "https://elsewhere.example/runs"})
    page = browser.get("/runs").text
    assert names(page)[0] == "All & more"
    assert "frame 48" in page


@pytest.mark.parametrize(
    "wrong",
    [
        {"inputs": 3},
        {"inputs": {"input": 3}},
        {"inputs": {"input": {}}},
        {"inputs": {"input": {"path": 3}}},
        {"inputs": {"input": {"path": "parsed", "run": []}}},
        {"id": 3},
        {"name": None},
        {"note": {}},
        {"created": 5},
        {"seconds": "long"},
        {"state": []},
    ],
)
def test_a_damaged_record_of_a_run_is_passed_over(browser, opened, wrong):
    run = rename_run(by_step(opened)["train"], "Night run")
    path = run.folder / "run.json"
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | wrong), "utf-8")
    assert names(browser.get("/runs").text) == ["predictions", "model", "parsed"]
    assert browser.get("/").status_code == 200
    id = by_step(opened)["train"].id
    browser.post(f"/runs/{id}/about", data={"name": "Mended", "note": ""})
    assert "Mended" in names(browser.get("/runs").text)


def test_an_old_tab_wipes_no_changes_of_another_one(browser, opened):
    run = by_step(opened)["parse"]
    address, shown = f"/runs/{run.id}/about", {"shown_name": run.name, "shown_note": ""}
    page = browser.get("/runs").text
    assert f'name="shown_name" value="{run.name}"' in page and 'name="shown_note" value=""' in page
    browser.post(address, data={"name": run.name, "note": "frame 48", **shown})
    browser.post(address, data={"name": "Two days", "note": "", **shown})  # of an old tab
    run = by_step(opened)["parse"]
    assert (run.name, run.note) == ("Two days", "frame 48")
    answer = browser.post(address, data={"name": run.name, "note": "frame 55", **shown})
    assert answer.status_code == 400
    assert "Note: it has become 'frame 48' elsewhere" in told(answer.text)
    assert by_step(opened)["parse"] == run
    now = {"shown_name": run.name, "shown_note": run.note}
    browser.post(address, data={"name": run.name, "note": "", **now})
    assert by_step(opened)["parse"].note == ""
    assert "expected a name" in told(browser.post(address, data={**now, "name": " "}).text)


def test_a_run_is_deleted_with_its_files_once_that_was_asked(browser, opened):
    run = by_step(opened)["predict"]
    assert "Deletes 2 files" in told(browser.get(f"/runs/{run.id}/delete").text)
    assert run.folder.exists()
    browser.post(f"/runs/{run.id}/delete")
    assert len(list_runs(opened)) == 2
    assert browser.get(f"/runs/{run.id}/delete").status_code == 404


@pytest.mark.parametrize(("step", "does"), [("parse", "reads it"), ("train", "writes there")])
def test_a_run_that_a_waiting_job_needs_is_not_deleted(browser, app, opened, step, does):
    run, jobs = by_step(opened)[step], app.extensions["jobs"]
    kind = STEPS["train" if step == "parse" else "baseline"]
    output = opened.folder / ("models/model_7" if step == "parse" else "model")
    cells = opened.folder / "parsed" / "Train"
    job = jobs.submit(kind.options(input=cells, output=output, target="Class"))
    words = f"{run.name} is not deleted: {kind.title} {output.name} (waiting) {does}"
    page = browser.get(f"/runs/{run.id}/delete").text
    assert words in told(page) and "<form" not in page
    assert words in told(browser.post(f"/runs/{run.id}/delete").text)
    assert run in list_runs(opened)
    jobs.cancel(job.id)
    browser.post(f"/runs/{run.id}/delete")
    assert run not in list_runs(opened)


@pytest.mark.parametrize("path", ["/runs/{}", "/runs/{}/cells", "/explore/{}", "/cells/{}"])
def test_links_to_a_run_that_was_deleted_say_so_and_lead_to_the_others(browser, opened, path):
    id = by_step(opened)["predict"].id
    browser.post(f"/runs/{id}/delete")
    answer = browser.get(path.format(id), headers={"Accept": "text/html"})
    assert answer.status_code == 404
    assert "This run was deleted or belongs to another project. " in told(answer.text)
    main = answer.text.partition("<main")[2]
    assert f'<a href="/runs">Runs of {opened.name}</a>' in main
    browser.post("/projects/close")
    answer = browser.get(path.format(id), headers={"Accept": "text/html"})
    assert '<a href="/projects">Projects</a>' in answer.text.partition("<main")[2]


def test_a_comparison_with_a_run_that_was_deleted_names_it(browser, opened):
    there, gone = by_step(opened)["train"].id, by_step(opened)["predict"].id
    browser.post(f"/runs/{gone}/delete")
    answer = browser.get(f"/compare?runs={there},{gone}", headers={"Accept": "text/html"})
    assert answer.status_code == 404
    assert f"Run {gone}: expected a prediction" in told(answer.text)
    assert "it was deleted or moved, or belongs to another project" in told(answer.text)
    assert '<a href="/runs">' in answer.text.partition("<main")[2]


def test_a_run_is_made_again_with_changes(browser, opened):
    run = by_step(opened)["train"]
    page = browser.get(f"/?again={run.id}").text
    assert value_of(page, "train", "target") == "Class"
    assert value_of(page, "train", "run_name") == "model_1"
    assert value_of(page, "train", "output") == str(opened.folder / "models" / "model_1")


def test_a_run_is_made_again_with_its_own_options_only(browser, opened):
    """Not with those of newer runs, nor with what was entered last; what was blank stays so."""
    run, place = by_step(opened)["predict"], opened.folder
    newer = {"input": str(place / "parsed" / "Train"), "target": "Sample", "epochs": 3}
    write_step(place / "models" / "model_9", "train", 5, newer)
    read = {"input": str(place / "parsed"), "model": str(place / "model")}
    drawn = write_step(place / "features" / "features_1", "extract", 6, read)
    embedded = {"input": str(drawn), "predictions": None, "method": "pca"}
    write_step(place / "maps" / "map_1", "embed", 7, embedded)
    values = {"output": str(place / "models" / "x"), "run_name": "x", **newer, "epochs": "7"}
    browser.post("/run/train", data=values)

    page = browser.get("/").text
    assert value_of(page, "train", "epochs") == "7"
    assert value_of(page, "predict", "target") == "Sample"
    assert value_of(page, "embed", "predictions") == str(place / "predictions")
    page = browser.get(f"/?again={run.id}").text
    assert value_of(page, "predict", "model") == str(place / "model")
    assert value_of(page, "predict", "target") == "Class"
    page = browser.get(f"/?again={by_step(opened)['embed'].id}").text
    assert value_of(page, "embed", "predictions") == ""
    assert value_of(page, "embed", "input") == str(drawn)
    page = browser.get(f"/?again={by_step(opened)['train'].id}").text
    assert (value_of(page, "train", "epochs"), value_of(page, "train", "target")) == ("", "Class")


def test_a_past_job_is_used_again_with_the_target_of_its_model(app, browser, opened):
    place = opened.folder
    write_step(place / "models" / "model_9", "train", 5, {"target": "Sample"})
    options = {"input": place / "parsed", "model": place / "model", "output": place / "p2"}
    app.extensions["jobs"].submit(STEPS["predict"].options(**options))
    (again,) = re.findall(r'data-fill="([^"]*)">Use again', browser.get("/jobs").text)
    assert json.loads(html.unescape(again))["predict"]["target"] == "Class"


def test_cards_and_titles_have_the_names_of_their_runs(browser, app, opened):
    cells, jobs = opened.folder / "parsed" / "Train", app.extensions["jobs"]
    for name in ("quick", "long & late"):
        place = opened.folder / "models" / name
        jobs.submit(STEPS["train"].options(input=cells, output=place, target="Class"))
    cards = re.findall(r'<article class="job.*?</article>', browser.get("/").text, re.DOTALL)
    assert [told(card).split(" since")[0] for card in cards] == [
        "Waiting long & late",
        "Waiting quick",
    ]
    run = rename_run(by_step(opened)["parse"], "Two days")
    page = browser.get(f"/runs/{run.id}", follow_redirects=True).text
    assert "<title>Overview: Two days, Preprocessing, " in page


def test_a_job_without_results_is_in_the_list(browser, app, opened):
    place = opened.folder / "summaries" / "waiting"
    app.extensions["jobs"].submit(SummaryOptions(input=opened.folder / "parsed", output=place))
    page = browser.get("/runs").text
    assert names(page)[0] == "waiting"
    assert STEPS["summary"].title in page


def test_a_job_that_asks_is_answered_in_the_list_also_after_a_later_one(browser, app, opened):
    jobs = app.extensions["jobs"]
    places = [opened.folder / "summaries" / name for name in ("asks", "later")]
    options = [SummaryOptions(input=opened.folder / "parsed", output=place) for place in places]
    first, later = map(jobs.submit, options)
    choice = {"value": "true", "label": "Replace", "detail": "", "picture": ""}
    question = {"option": "overwrite", "choices": [choice]}
    asking = replace(first, state="failed", error="Is it to be replaced?", question=question)
    with patch.object(jobs, "list", return_value=[later, asking]):
        for address in ("/runs", "/jobs"):
            page = browser.get(address).text
            assert f'action="/jobs/{first.id}/answer"' in page
            assert "Is it to be replaced? Replace" in told(page)
    with patch.object(jobs, "get", return_value=asking):
        answer = browser.post(f"/jobs/{first.id}/answer", data={"answer": "true"})
    assert answer.location == "/"
    assert [job.output for job in jobs.list()] == [places[0], places[1]]
    assert jobs.list()[0].options["overwrite"] is True


def test_a_run_that_the_page_did_not_start_has_its_results_and_its_name(browser, opened):
    run = rename_run(by_step(opened)["parse"], "Two days")
    page = browser.get(f"/runs/{run.id}", follow_redirects=True).text
    assert "<h1>Preprocessing: Two days</h1>" in page
    assert str(run.folder) in browser.get(f"/runs/{run.id}/files").text


# --- forms that are folded into the line of their results --------------------------------------


def unfolded(page: str) -> list[str]:
    return re.findall(r'<details class="fold" id="fold-([\w-]+)" open>', page)


def test_forms_of_steps_that_have_run_are_folded(browser, opened):
    page = browser.get("/").text
    ran = {"parse", "train", "predict"}
    below = {verb for verb, spec in FORMS.items() if spec.form.below}
    assert unfolded(page) == [verb for verb in FORMS if verb not in ran | below]
    summaries = re.findall(r'id="fold-([\w-]+)"[^>]*>\s*<summary>', page)
    assert set(summaries) == ran | below  # those of the others are hidden
    assert page.count("Fill in<") == len(below)


def test_a_form_to_run_again_with_changes_is_open(browser, opened):
    id = by_step(opened)["train"].id
    assert "train" in unfolded(browser.get(f"/?again={id}").text)


def test_a_form_whose_job_goes_on_or_failed_is_open(app, browser, opened):
    jobs = app.extensions["jobs"]
    options = SummaryOptions(input=opened.folder / "parsed", output=opened.folder / "summary_1")
    parse = STEPS["parse"].options(input=opened.images, output=opened.folder / "parsed" / "p2")
    jobs.submit(options)
    waiting = jobs.submit(parse)
    assert {"parse", "summary"} <= set(unfolded(browser.get("/").text))
    jobs.cancel(waiting.id)
    assert "parse" in unfolded(browser.get("/").text)
    jobs.forget(waiting.id)
    assert "parse" not in unfolded(browser.get("/").text)


def test_a_form_with_mistakes_is_open(browser, opened):
    page = browser.post("/run/train", data={"input": "", "output": "", "target": ""}).text
    assert "train" in unfolded(page) and "parse" not in unfolded(page)


def test_without_a_project_no_step_is_folded(browser, opened):
    browser.post("/projects/close")
    page = browser.get("/").text
    steps = [verb for verb, spec in FORMS.items() if not spec.form.below]
    assert unfolded(page) == steps
    assert page.count("<summary hidden>") == len(steps)


def test_the_line_of_a_run_begins_with_its_name(browser, opened):
    run = rename_run(by_step(opened)["train"], "Night run")
    assert "Night run, 2026-01-02 10:00" in told(browser.get(f"/runs/{run.id}/line").text)
    run = by_step(opened)["predict"]
    assert "predictions, 2026-01-03 10:00" in told(browser.get(f"/runs/{run.id}/line").text)


# --- very many runs ------------------------------------------------------------------------------


@pytest.fixture
def many(opened):
    """The project with 250 predictions more, the last of which is the best."""
    for number in range(250):
        place = opened.folder / "more" / f"p{number:03}"
        options = {"input": str(opened.folder / "parsed"), "model": str(opened.folder / "model")}
        write_step(place, "predict", 4, options, scores={"accuracy": number / 250}, cells=1)
    return opened


def test_very_many_runs_are_shown_page_by_page(browser, many):
    first = browser.get("/runs?sort=name").text
    assert first.count("data-run=") == 100 and "253 of 253 runs" in first
    assert "Page 1 of 3" in first and "Previous" not in first
    (following,) = re.findall(r'<a [^>]*href="([^"]+)"[^>]*>Next</a>', first)
    second = browser.get(html.unescape(following)).text
    assert "Page 2 of 3" in second and "Previous" in second
    last = browser.get("/runs?sort=name&page=3").text
    assert last.count("data-run=") == 53 and ">Next</a>" not in last
    assert sorted(names(first) + names(second) + names(last)) == sorted(
        run.name for run in list_runs(many)
    )
    assert names(browser.get("/runs?page=99&sort=name").text) == names(last)
    assert names(browser.get("/runs?sort=score").text)[0] == "p249"


def test_all_pages_are_searched_and_changes_lead_back_to_the_page(browser, many):
    found = browser.get("/runs?q=p249").text
    assert names(found) == ["p249"] and "1 of 253 runs" in found and 'class="pages"' not in found
    page = browser.get("/runs?sort=name&page=2").text
    back = html.unescape(re.search(r'name="back" value="([^"]+)"', page)[1])
    assert "page=2" in back
    id = re.search(r'data-run="([^"]+)"', page)[1]
    assert browser.post(f"/runs/{id}/pin", data={"back": back}).location == back


def test_a_record_that_changes_is_read_again(browser, many):
    place = many.folder / "more" / "p007"
    assert "accuracy 2.8" in told(browser.get("/runs?q=p007").text)
    write_step(place, "predict", 4, {}, scores={"accuracy": 0.5555}, cells=1)
    assert "accuracy 55.5" in told(browser.get("/runs?q=p007").text)
    (run,) = [run for run in list_runs(many) if run.folder == place]
    rename_run(run, "better")
    assert names(browser.get("/runs?q=better").text) == ["better"]
    (place / "predict.json").unlink()
    assert names(browser.get("/runs?q=better").text) == []
