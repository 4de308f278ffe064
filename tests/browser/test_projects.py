"""Three experiments one after the other, each in a project of its own."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import close_context, make_context
from tests.browser.protocol import ENDED, JOB, card, field, values
from tests.browser.server import Server
from tests.browser.watch import assert_accessible
from tests.builders import random_cells, write_channel_tiffs

NAMES = ("One", "Two", "Three")


@pytest.fixture(scope="module")
def three(chromium: Browser, make_server: Callable[[], Server]) -> Iterator[Page]:
    """The page after three experiments; only the paths of their images were typed."""
    server, context = make_server(), make_context(chromium)
    page = context.new_page()
    for number, name in enumerate(NAMES):
        images = server.user / f"images {name}"
        for label in "AB":
            cells = random_cells([(20 + number, 18)] * 2)
            for each, pixels in enumerate(cells):
                write_channel_tiffs(images / f"Class {label}", f"c{each}", pixels, (1, 2))
        begin(page, server, name, images)
        parse(page)
    yield page
    close_context(context)


def begin(page: Page, server: Server, name: str, images: Path) -> None:
    """Make a project: a name, the images, and one click."""
    page.goto(server.place("projects" if name != NAMES[0] else ""))
    page.get_by_label("Project name", exact=True).fill(name)
    page.get_by_label("Images", exact=True).fill(str(images))
    page.get_by_role("button", name="New project").click()
    expect(page.locator(".switcher summary")).to_contain_text(name)


def parse(page: Page) -> None:
    """Press Parse, with what the form holds."""
    page.locator("#go-parse").click()
    expect(card(page, "parse")).to_have_attribute("data-state", ENDED, timeout=JOB)
    assert card(page, "parse").get_attribute("data-state") == "done"
    expect(page.locator("#uses-train")).to_contain_text("parsed_1")


def test_no_experiment_shows_another(three: Page):
    expect(field(three, "parse", "run_name")).to_have_value("parsed_2")
    held = values(three)
    paths = {text for name, text in held.items() if "/" in text or "\\" in text}
    places = [Path(text) for text in paths]
    assert {place.name for place in places if "images" in place.name} == {"images Three"}
    assert all("Three" in str(place) for place in places), paths
    assert held["train:input"].endswith("parsed_1")
    assert held["parse:run_name"] == "parsed_2"
    assert len(three.locator(".job").all()) == 1


def test_the_switcher_leads_back(three: Page):
    size = three.viewport_size
    three.set_viewport_size({"width": 375, "height": 800})
    three.locator(".switcher summary").click()
    place = three.locator(".switcher .menu").bounding_box()
    assert place["x"] >= 0 and place["x"] + place["width"] <= 375
    three.set_viewport_size(size)
    three.locator(".switcher").get_by_role("button", name="One").click()
    expect(three.locator(".switcher summary")).to_contain_text("One")
    assert values(three)["parse:input"].endswith("images One")
    assert_accessible(three)


def test_a_run_is_renamed_made_again_and_deleted(three: Page):
    three.get_by_role("link", name="Runs").click()
    rows = three.locator("[data-run]")
    expect(rows).to_have_count(1)
    rows.first.get_by_text("Rename").click()
    rows.first.get_by_label("Name").fill("First")
    rows.first.get_by_label("Note").fill("as it came")
    rows.first.get_by_role("button", name="Save").click()
    expect(rows.first).to_contain_text("as it came")
    assert_accessible(three)
    rows.first.get_by_role("link", name="Re-run").click()
    expect(field(three, "parse", "run_name")).to_have_value("parsed_2")
    field(three, "parse", "montage").fill("7")
    three.reload()
    expect(field(three, "parse", "montage")).to_have_value("7")  # typed, so it is shown again
    three.get_by_role("link", name="Runs").click()
    rows.first.get_by_role("link", name="Re-run").click()
    expect(field(three, "parse", "run_name")).to_have_value("parsed_2")
    expect(field(three, "parse", "montage")).not_to_have_value("7")  # which that run had not
    three.get_by_role("link", name="Runs").click()
    expect(three).to_have_url(re.compile("/runs$"))
    three.wait_for_load_state()
    three.get_by_label("Search").fill("nothing like it")
    expect(rows).to_have_count(0)
    three.get_by_label("Search").fill("first")
    expect(rows).to_have_count(1)
    expect(three).to_have_url(re.compile(r"\?q=first"))
    rows.first.get_by_text("Delete", exact=True).click()
    rows.first.get_by_role("button", name="Delete First and its files").click()
    expect(rows).to_have_count(0)
    assert "q=first" in three.url
