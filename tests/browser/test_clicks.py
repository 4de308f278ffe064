"""From one's own images to their confusion matrix: few clicks, and one path."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser import protocol
from tests.browser.conftest import close_context, make_context
from tests.browser.protocol import ENDED, JOB, card
from tests.browser.server import Server
from tests.builders import write_channel_tiffs
from tests.parsed import blobs

CLASSES, CELLS = ("A", "B"), 20


@dataclass
class Hand:
    """A user, whose clicks and typed texts are counted."""

    page: Page
    clicks: int = 0
    typed: list[str] = field(default_factory=list)

    def click(self, what: Locator) -> None:
        self.clicks += 1
        what.click()

    def type(self, what: Locator, text: str) -> None:
        self.typed.append(text)
        what.fill(text)

    def run(self, step: str) -> None:
        """Press the button of a step and wait for its end."""
        self.click(self.page.locator(f"#go-{step}"))
        expect(card(self.page, step)).to_have_attribute("data-state", ENDED, timeout=JOB)
        expect(card(self.page, step)).to_have_attribute("data-state", "done")


@pytest.fixture
def server(make_server: Callable[[], Server]) -> Server:
    server = make_server()
    for kind, label in enumerate(CLASSES):
        for number, cell in enumerate(blobs(CELLS, kind)):
            place = server.user / "my images" / f"Class {label}"
            write_channel_tiffs(place, f"c{number}", cell, (1, 2))
    return server


@pytest.fixture
def hand(chromium: Browser) -> Iterator[Hand]:
    context = make_context(chromium)
    yield Hand(context.new_page())
    close_context(context)


def test_own_images_to_their_matrix_in_seven_clicks_and_one_path(server: Server, hand: Hand):
    page = hand.page
    page.goto(server.place())
    hand.type(page.get_by_label("Project name", exact=True), "Mine")
    hand.type(page.get_by_label("Images", exact=True), str(server.user / "my images"))
    hand.click(page.get_by_role("button", name="New project"))
    hand.type(protocol.field(page, "parse", "split"), "80/20")
    hand.run("parse")
    shorten(page)
    hand.click(page.locator("#form-train .retrieve"))
    expect(protocol.field(page, "train", "target")).to_have_value("Class", timeout=JOB)
    hand.run("train")
    hand.run("predict")
    hand.click(page.locator("#results-predict").get_by_role("link", name="Open"))
    hand.click(page.get_by_role("navigation", name="Results").get_by_text("Confusion"))
    numbers = page.locator(".r-matrix a")
    expect(numbers.first).to_have_text(re.compile(r"^\d+$"))
    assert sum(map(int, numbers.all_inner_texts())) == len(CLASSES) * CELLS // 5
    assert hand.clicks == 7
    assert [text for text in hand.typed if "/" in text.replace("80/20", "") or "\\" in text] == [
        str(server.user / "my images")
    ]


def shorten(page: Page) -> None:
    """Let the training be short; a user presses Train. Nothing of it is counted."""
    more = page.locator("#form-train details.more")
    more.locator("summary").first.click()
    protocol.field(page, "train", "epochs").fill("1")
    protocol.field(page, "train", "network").select_option("small10")
