"""Results taken elsewhere from the page, and their cells found, enlarged and kept."""

from __future__ import annotations

import csv
import json
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from flowio import FlowData
from playwright.sync_api import Page, Route, expect

from deepometry.core.options.predict import PredictOptions
from deepometry.core.step_options import command_line, plain
from deepometry.web.jobs.queue import Jobs
from deepometry.web.jobs.store import JobStore
from tests.browser.conftest import watch_of
from tests.browser.protocol import JOB, Protocol, card
from tests.browser.server import Server
from tests.browser.test_results import download
from tests.browser.watch import assert_accessible
from tests.exported import make_truth, write_predicted


def test_a_prediction_is_exported_for_cytometry_programs(extracted: Protocol, tmp_path):
    results = extracted.open("predict", "export").locator("#main")
    results.get_by_label("Format").select_option("fcs")
    results.get_by_role("button", name="Export", exact=True).click()
    link = results.get_by_role("link", name=re.compile(r"\.fcs$"))
    expect(link).to_be_visible(timeout=JOB)
    download(extracted.page, link).save_as(tmp_path / "cells.fcs")
    found = FlowData(tmp_path / "cells.fcs")
    assert found.event_count == extracted.cells["Hold-out"]
    assert found.pnn_labels[:4] == ["Row", "Object", "File", "Class"]


def _sixth_cell(extracted: Protocol) -> dict[str, str]:
    """The sixth row of the predictions."""
    table = extracted.place / "predictions" / "predictions_1" / "predicted.csv"
    with table.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))[5]


def test_to_leave_the_field_draws_no_cells_anew(extracted: Protocol):
    row = _sixth_cell(extracted)
    extracted.open("predict")
    page = extracted.open("predict", "cells")
    cells = page.locator("#main .c-mount")
    expect(page.locator("#main [data-widget=gallery]")).to_have_attribute("data-ready", "yes")
    cells.get_by_label("Find a cell").fill(f"{row['object']} of {row['source']}")
    expect(cells.locator(".c-grid li")).to_have_count(1)
    count = (
        "() => { window.asked = 0; addEventListener('htmx:beforeRequest', () => window.asked++); }"
    )
    page.evaluate(count)
    cells.locator(".c-open").focus()
    assert page.evaluate("() => window.asked") == 0
    cells.get_by_label("Sort by").select_option(index=1)  # what is meant to ask does
    assert page.evaluate("() => window.asked") == 1


def test_back_closes_what_is_enlarged(extracted: Protocol):
    extracted.open("predict")
    page = extracted.open("predict", "cells")
    gallery, cells = page.url, page.locator("#main .c-mount")
    expect(page.locator("#main [data-widget=gallery]")).to_have_attribute("data-ready", "yes")
    dialog, entries = cells.get_by_role("dialog"), page.evaluate("() => history.length")
    cells.locator(".c-open").nth(1).click()
    page.wait_for_url(re.compile(r"[?&]cell=\d+"))
    first = page.url
    page.keyboard.press("ArrowRight")
    page.wait_for_url(lambda url: "cell=" in url and url != first)
    second = page.url
    page.go_back()
    expect(dialog).to_be_hidden()
    assert page.url == gallery
    expect(cells.locator(".c-open").nth(2)).to_be_focused()
    page.go_forward()
    expect(dialog).to_be_visible()
    expect(page).to_have_url(second)
    page.keyboard.press("Escape")
    expect(page).to_have_url(gallery)
    cells.locator(".c-open").nth(1).click()
    page.wait_for_url(first)
    dialog.get_by_role("button", name="Similar cells").click()
    expect(dialog).to_be_hidden()
    page.wait_for_url(re.compile("similar="))
    assert page.evaluate("() => history.length") == entries + 1
    page.goto(first)  # as it was sent to somebody: no cell was opened before
    expect(dialog).to_be_visible()
    page.keyboard.press("Escape")
    expect(page).to_have_url(gallery)


def test_cells_are_found_enlarged_and_kept(extracted: Protocol):
    row = _sixth_cell(extracted)
    page = extracted.open("predict", "cells")
    cells = page.locator("#main .c-mount")
    expect(page.locator("#main [data-widget=gallery]")).to_have_attribute("data-ready", "yes")
    cells.get_by_label("Find a cell").fill(f"{row['object']} of {row['source']}")
    expect(cells.locator(".c-grid li")).to_have_count(1)
    expect(cells.locator(".c-grid li")).to_contain_text(row["label"])
    cells.locator(".c-open").press("Enter")
    dialog = cells.get_by_role("dialog")
    expect(dialog.locator("canvas")).to_have_count(3)  # two channels, and the composite
    expect(dialog).to_contain_text(f"Object {row['object']} of {row['source']}")
    dialog.get_by_label("Outline of the mask").check()
    expect(dialog.locator("[data-of=origin]")).to_contain_text("0.3 µm per pixel")
    assert_accessible(page, ("dark",))
    page.keyboard.press("Escape")
    expect(cells.locator(".c-open")).to_be_focused()
    cells.get_by_label("Find a cell").fill("")
    cells.locator(".c-grid input").nth(1).click()
    cells.locator(".c-grid input").nth(3).click(modifiers=["Shift"])
    cells.get_by_label("Name of the selection").fill("Odd cells")
    cells.get_by_role("button", name="Keep as a selection").click()
    cells.get_by_role("button", name="Odd cells", exact=True).click()
    expect(cells.locator(".c-grid li")).to_have_count(3)
    assert_accessible(page, ("dark",))
    cells.get_by_label("Find a cell").fill("999999")
    expect(cells.locator(".c-found")).to_contain_text("0 cells")


# --- answers that come late, twice or not at all -------------------------------------------------


@pytest.fixture(scope="module")
def recorded(chromium, make_server: Callable[[], Server]) -> Server:
    """A server with a prediction that was not made by it, which takes no time."""
    server = make_server()
    folder, now = server.user / "predictions", time.time()
    write_predicted(folder, make_truth())
    record = json.loads((folder / "predict.json").read_text("utf-8"))
    record["written"] = datetime.now(UTC).isoformat(timespec="seconds")
    (folder / "predict.json").write_text(json.dumps(record), "utf-8")
    Jobs(server.state / "jobs").record(_prediction(folder), {}, now, now)
    return server


def _prediction(folder: Path) -> PredictOptions:
    return PredictOptions(input=folder, output=folder, model=folder)


def _export(page: Page) -> None:
    results = page.locator("#main")
    results.get_by_label("Format").select_option("fcs")
    results.get_by_role("button", name="Export", exact=True).click()


def exports(server: Server) -> str:
    """The address of the tab of exports of the prediction."""
    return f"runs/{next(job.id for job in server.jobs() if job.verb == 'predict')}/export"


def test_an_export_is_shown_in_results_that_were_drawn_anew_meanwhile(recorded: Server, visit):
    page = visit(recorded, exports(recorded))

    def answer_late(route: Route) -> None:
        tab = "() => fetch(location.href).then((answer) => answer.text())"
        drawn_before = page.evaluate(tab)
        answer = route.fetch()
        swap = "(text) => htmx.swap('#main', text, { swapStyle: 'outerHTML' }, { select: '#main' })"
        page.evaluate(swap, drawn_before)
        route.fulfill(response=answer)

    page.route("**/results/export", answer_late, times=1)
    _export(page)
    link = page.locator("#main").get_by_role("link", name=re.compile(r"\.fcs$"))
    expect(link).to_be_visible(timeout=JOB)


def test_an_export_is_shown_although_answers_were_lost(recorded: Server, visit):
    page = visit(recorded, exports(recorded))
    watch_of(page).expect("ERR_FAILED|htmx:(afterRequest|sendError)")
    page.route("**/results/export/*", lambda route: route.abort(), times=2)
    page.route("**/results/export?*", lambda route: route.abort())  # told of the job
    _export(page)
    link = page.locator("#main").get_by_role("link", name="predictions_2.fcs")
    expect(link).to_be_visible(timeout=JOB)
    expect(page.locator("#notice")).to_have_text("")


def test_a_card_is_fetched_once_when_its_job_has_ended(recorded: Server, visit):
    store, now = JobStore(recorded.state / "jobs"), time.time()
    options = _prediction(recorded.user / "other")
    about = {"id": "20990101", "verb": "predict", "command": command_line(options), "patience": 1}
    about |= {"options": json.dumps(plain(options)), "machine": "another computer", "pid": 1}
    store.add({**about, "state": "running", "created": now, "started": now})
    page = visit(recorded)
    expect(card(page, "predict")).to_have_attribute("data-state", "running")
    fetched: list[str] = []
    page.on("request", lambda request: fetched.append(request.url.rpartition("/")[2]))
    with page.expect_response("**/jobs?*"):  # half a second after the end
        store.finish("20990101", "running", "done", result="{}")
    expect(card(page, "predict")).to_have_attribute("data-state", "done")
    expect(page.locator("#notice")).to_have_text("Prediction is done.")
    assert fetched.count("20990101") == 1
