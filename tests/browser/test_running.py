"""A training at work: live, found again after a reload and after the server's end, cancelled.

One training serves all tests of this file, in their order; the last ones end it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from deepometry.cells.model_description import read_description
from deepometry.web.jobs.job import Job
from deepometry.web.text_filters import moment
from tests.browser.conftest import close_context, make_context, watch_of
from tests.browser.protocol import ENDED, JOB, card, field
from tests.browser.server import Server
from tests.browser.watch import assert_accessible
from tests.parsed import write_classes

EPOCHS = 9999  # more than any test waits for
# What the console says of requests that no server answers
NO_SERVER = (
    "ERR_(CONNECTION|SOCKET|EMPTY_RESPONSE|INCOMPLETE_CHUNKED|CONTENT_LENGTH_MISMATCH)"
    "|htmx:(afterRequest|sendError)"
)


@dataclass
class Training:
    """A page, the server behind it, and the training that goes on."""

    page: Page
    server: Server

    @property
    def job(self) -> Job:
        """The training, as its home tells."""
        return next(job for job in self.server.jobs() if job.options.get("epochs") == EPOCHS)

    @property
    def output(self) -> Path:
        """Where the model goes."""
        return self.server.user / "model"


def fill(page: Page, verb: str, **texts: object) -> None:
    more = page.locator(f"#form-{verb} details.more")
    if more.get_attribute("open") is None:
        more.locator("summary").click()
    for name, text in texts.items():
        field(page, verb, name).fill(str(text))


@pytest.fixture(scope="module")
def training(chromium: Browser, make_server: Callable[[], Server]) -> Iterator[Training]:
    """A training that would take hours, after its second epoch."""
    server, context = make_server(), make_context(chromium)
    server_cells = write_classes(server.user / "cells", {"Class A": 40, "Class B": 40})
    page = context.new_page()
    page.goto(server.place())
    found = Training(page, server)
    options = {"epochs": EPOCHS, "batch_size": 8, "patience": 0}
    fill(page, "train", input=server_cells, output=found.output, target="Class", **options)
    field(page, "train", "network").select_option("small10")
    page.locator("#go-train").click()
    wait_for_epoch(page, 2)
    yield found
    server.end()
    close_context(context)


def epochs(page: Page) -> int:
    """Count the epochs of the learning curve."""
    return len(json.loads(page.locator("#jobs-train .curve").get_attribute("data-metrics")))


def wait_for_epoch(page: Page, number: int) -> None:
    page.wait_for_function(
        """(number) => {
            const told = document.querySelector("#jobs-train .curve")?.dataset.metrics;
            return told && JSON.parse(told).length >= number;
        }""",
        arg=number,
        timeout=JOB,
    )


def test_progress_is_live(training: Training):
    page, shown = training.page, card(training.page, "train")
    expect(shown).to_have_attribute("data-state", "running")
    expect(shown.locator("progress")).to_have_attribute("value", re.compile("[1-9]"))
    expect(shown.locator(".count")).to_contain_text(" of ")
    expect(shown.locator(".left")).to_contain_text(" left")
    expect(shown.locator(".text")).to_contain_text("Epoch")
    shown.locator("details.log summary").click()
    expect(shown.locator("[data-log]")).to_contain_text("Epoch 1: loss")
    wait_for_epoch(page, epochs(page) + 2)
    points = shown.locator("canvas.loss").evaluate(
        "canvas => Chart.getChart(canvas).data.datasets.map((each) => each.data.length)"
    )
    assert min(points) > 2
    shown.get_by_text("Equivalent command").click()
    expect(shown.locator("pre").first).to_contain_text("deepometry train")
    assert_accessible(page)


def test_a_reload_picks_up_where_it_was(training: Training):
    page = training.page
    before = epochs(page)
    page.reload()
    expect(card(page, "train")).to_have_attribute("data-state", "running")
    assert epochs(page) >= before
    expect(page.locator("#jobs-train canvas.loss")).to_be_visible()
    wait_for_epoch(page, before + 2)


def test_another_window_shows_the_same(training: Training, visit):
    other = visit(training.server)
    wait_for_epoch(other, epochs(training.page) + 1)
    assert card(other, "train").get_attribute("id") == f"job-{training.job.id}"


def test_a_job_waits_behind_it_and_is_cancelled(training: Training):
    page, output = training.page, training.server.user / "second model"
    fill(page, "train", output=output, epochs=3)
    page.locator("#go-train").click()
    expect(page.locator("#jobs-train .job")).to_have_count(2)
    waiting = page.locator("#jobs-train .job[data-state=queued]")
    expect(waiting).to_contain_text("when the job before it has ended: Model training, of ")
    waiting.get_by_role("button", name="Cancel").click()
    waiting.get_by_role("button", name="Press again to cancel").click()
    expect(page.locator("#jobs-train .job.is-cancelled")).to_contain_text("Stopped by you.")
    assert not output.exists()
    expect(page.locator("#jobs-train .job.is-running")).to_have_count(1)


def test_the_server_is_killed_and_started_again(training: Training):
    page, server, notice = training.page, training.server, training.page.locator("#notice")
    watch_of(page).expect(NO_SERVER)
    page.reload(
        wait_until="domcontentloaded"
    )  # before the page has everything, its worker above all
    server.kill()
    expect(notice).to_contain_text("The connection to Deepometry was lost")
    field(page, "parse", "frame").fill("77")
    page.locator("#go-parse").click()
    expect(notice).to_contain_text("Deepometry does not answer")
    assert server.works(training.job)
    before = epochs(page)
    server.start()
    expect(notice).to_have_text("")
    wait_for_epoch(page, before + 2)
    assert training.job.state == "running"
    expect(field(page, "parse", "frame")).to_have_value("77")


def test_what_was_typed_outlives_a_new_start_of_the_server(training: Training):
    page, server, notice = training.page, training.server, training.page.locator("#notice")
    watch_of(page).expect(NO_SERVER)
    server.kill()
    server.start()
    fill(page, "parse", input=server.user / "cells", frame=76, seed=5)
    page.locator("#go-parse").click()
    expect(notice).to_contain_text("was restarted after this page was loaded")
    expect(field(page, "parse", "frame")).to_have_value("76")
    expect(field(page, "parse", "seed")).to_have_value("5")
    page.locator("#go-parse").click()
    expect(page.locator("#form-parse .problem")).to_contain_text("One field needs attention")


def test_a_training_is_cancelled_and_keeps_its_best_model(training: Training):
    page, output = training.page, training.output
    wait_for_epoch(page, epochs(page) + 1)
    shown = page.locator(f"#job-{training.job.id}")
    shown.get_by_role("button", name="Cancel").click()
    shown.get_by_role("button", name="Press again to cancel").click()
    expect(shown).to_have_attribute("data-state", ENDED)
    expect(shown).to_have_attribute("data-state", "cancelled")
    expect(shown).to_contain_text("The best model so far was saved")
    assert not training.server.works(training.job)
    assert not list(output.rglob(".deepometry-*"))
    model = output / "model_2-Class_categories.keras"
    assert read_description(model).labels == ("A", "B")
    expect(page.locator("#results-train")).to_contain_text("validation accuracy")
    results = page.context.new_page()
    results.goto(training.server.place(f"runs/{training.job.id}"))
    expect(results.locator("#main")).to_contain_text("You stopped this training")
    results.close()
    expect(field(page, "predict", "model")).to_have_value(str(output))


def test_a_step_that_is_cancelled_leaves_nothing(training: Training):
    page, output = training.page, training.server.user / "predictions"
    cells = training.server.user / "cells"
    fill(page, "predict", input=cells, output=output, model=training.output)
    page.locator("#go-predict").click()
    expect(card(page, "predict")).to_have_attribute("data-state", "running")
    card(page, "predict").get_by_role("button", name="Cancel").click()
    card(page, "predict").get_by_role("button", name="Press again to cancel").click()
    expect(card(page, "predict")).to_have_attribute("data-state", "cancelled")
    expect(card(page, "predict")).to_contain_text("No incomplete files were left behind")
    assert not output.exists()
    assert not training.server.works(training.server.job("predict"))


def test_results_stay_below_a_run_without_any_until_their_run_is_forgotten(training: Training):
    page, results = training.page, training.page.locator("#results-train .r-line")
    fill(page, "train", output=training.server.user / "third", target="Nothing")
    page.locator("#go-train").click()
    expect(card(page, "train")).to_have_attribute("data-state", "failed")
    expect(card(page, "train").get_by_role("button", name="to go on")).to_have_count(0)
    expect(results).to_contain_text(f"Model training, {moment(training.job.finished)}")
    page.reload()
    expect(results).to_contain_text("validation accuracy")
    page.locator("#past-jobs summary").click()
    for job in (training.server.job("train"), training.job):
        row = page.locator(f"#past tr[data-job='{job.id}']")
        row.get_by_role("button", name="Forget").click()
        row.get_by_role("button", name="Press again to forget").click()
        expect(row).to_have_count(0)
    expect(page.locator("#jobs-train .job")).to_have_count(0)
    expect(results).to_have_count(0)
