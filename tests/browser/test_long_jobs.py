"""The end of a long job is told by the system and by a sound, if the user has chosen that."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from deepometry.cells.parse_result import ParseResult
from deepometry.core.options.parse import ParseOptions
from deepometry.web.jobs.queue import Jobs
from tests.browser.conftest import close_context, make_context
from tests.browser.server import Server
from tests.browser.watch import assert_accessible

# The browser's own, which write down what they are asked for
_LISTEN = """
window.told = [];
window.tones = 0;
window.Notification = class extends Notification {
  constructor(title, more) { super(title, more); window.told.push([title, more.body]); }
};
const start = OscillatorNode.prototype.start;
OscillatorNode.prototype.start = function (...when) { window.tones += 1; start.apply(this, when); };
"""


@pytest.fixture(scope="module")
def server(chromium: Browser, make_server: Callable[[], Server]) -> Server:
    """A server of its own, whose jobs are made up."""
    return make_server()


@pytest.fixture
def context(chromium: Browser, clean: None) -> Iterator[BrowserContext]:
    context = make_context(chromium)
    context.add_init_script(_LISTEN)
    yield context
    close_context(context)


@pytest.fixture
def page(context: BrowserContext, server: Server) -> Page:
    page = context.new_page()
    page.goto(server.place())
    return page


def end_job(server: Server, seconds: float) -> str:
    """End a job of so many seconds, as the process of another page would."""
    jobs, now = Jobs(server.state / "jobs"), time.time()
    options = ParseOptions(input=server.user, output=server.user / "out")
    said = {"cells": 1, "problems": 0, "channels": (1,), "sides": {}}
    result = ParseResult(output=server.user, stacks=(), montages=(), **said)
    return jobs.record(options, result, now - seconds, now).id


def test_nothing_is_asked_for_or_told_before_it_is_switched_on(page: Page, server: Server):
    expect(page.get_by_role("checkbox", name="Show a notification")).not_to_be_checked()
    expect(page.get_by_role("checkbox", name="Play a quiet sound")).not_to_be_checked()
    id = end_job(server, 600)
    expect(page.locator(f"#past [data-job='{id}']")).to_have_count(1)
    assert page.evaluate("[told.length, tones]") == [0, 0]
    assert_accessible(page)


def test_a_long_job_is_told_and_a_short_one_is_not(context, page: Page, server: Server):
    context.grant_permissions(["notifications"])
    page.get_by_role("checkbox", name="Show a notification").check()
    expect(page.get_by_role("checkbox", name="Show a notification")).to_be_checked()
    short = end_job(server, 30)
    expect(page.locator(f"#past [data-job='{short}']")).to_have_count(1)
    end_job(server, 600)
    page.wait_for_function("() => told.length === 1")
    ((title, body),) = page.evaluate("told")
    assert title == "Preprocessing, Done"
    assert body.endswith(", after 10 min 00 s")
    assert page.evaluate("tones") == 0
    page.reload()  # where the end is heard again, and the switch is as it was
    expect(page.get_by_role("checkbox", name="Show a notification")).to_be_checked()
    end_job(server, 90)
    page.wait_for_function("() => told.length > 0")
    assert [body[-18:] for _, body in page.evaluate("told")] == [", after 1 min 30 s"]


def test_a_browser_that_blocks_notifications_is_told_of(page: Page):
    box = page.get_by_role("checkbox", name="Show a notification")
    box.click()  # without a permission, browsers without a window refuse
    expect(page.locator("#told-notify")).to_contain_text("allow them in its settings")
    expect(box).not_to_be_checked()


def test_the_sound_is_played_when_switched_on_and_at_the_end(page: Page, server: Server):
    page.get_by_role("checkbox", name="Play a quiet sound").check()
    page.wait_for_function("() => tones === 2")
    end_job(server, 61)
    page.wait_for_function("() => tones === 4")
    assert page.evaluate("told.length") == 0
