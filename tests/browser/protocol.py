"""The protocol as a user clicks it through."""

from __future__ import annotations

import json
import re
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

from tests.browser.server import Server

JOB = 240_000  # milliseconds for a job: a training of seconds, on machines that are busy
ENDED = re.compile("done|failed|cancelled|lost")


class Protocol:
    """One page of one server, and what it said on the way.

    Attributes
    ----------
    page : Page
    server : Server
    told : dict of str to str
        For every step, the notice at its end.
    offered : dict of str to dict
        For every step, what stood in all forms at its end.
    """

    def __init__(self, page: Page, server: Server) -> None:
        self.page, self.server = page, server
        self.told: dict[str, str] = {}
        self.offered: dict[str, dict[str, str]] = {}

    def make_example(self) -> None:
        """Press "Try it with example cells", and wait until the forms are filled in."""
        self.page.goto(self.server.place())
        self.page.get_by_role("button", name="Try it with example cells").click()
        self.wait("example")

    def parse(self) -> None:
        """Parse with a small frame, which the look draws anew."""
        expect(self.page.locator("#look [data-look=gallery]")).to_be_visible(timeout=JOB)
        field(self.page, "parse", "frame").fill("24")
        field(self.page, "parse", "split").fill("80/20")
        field(self.page, "parse", "montage").fill("15")
        self.run("parse")

    def unfold(self, verb: str) -> None:
        """Open the form of a step that has run, as a user does: by its line."""
        unfold(self.home(), verb)

    def retrieve(self) -> None:
        """Press Retrieve of the training, with the target left blank."""
        self.unfold("train")
        field(self.page, "train", "target").fill("")
        self.page.locator("#form-train .retrieve").click()
        expect(self.page.locator("#targets-train .target").first).to_be_visible(timeout=JOB)

    def train(self) -> None:
        """Train shortly, with what "More options" holds for it."""
        self.unfold("train")
        more = self.page.locator("#form-train details.more")
        if more.get_attribute("open") is None:
            more.locator("summary").click()
        field(self.page, "train", "epochs").fill("2")
        field(self.page, "train", "batch_size").fill("64")
        field(self.page, "train", "network").select_option("small10")
        self.run("train")

    def run(self, verb: str) -> None:
        """Press the button of a step, and wait for the line of its results."""
        self.unfold(verb)
        self.page.locator(f"#go-{verb}").click()
        self.wait(verb)
        expect(self.page.locator(f"#results-{verb} [data-results]")).to_be_visible(timeout=JOB)

    def open(self, verb: str, tab: str = "overview", asked: str = "") -> Page:
        """Go to a tab of the newest results of a step, unless it is shown."""
        path = f"runs/{self.server.job(verb).id}/{tab}{asked}"
        if path not in self.page.url:
            self.page.goto(self.server.place(path))
        return self.page

    def home(self) -> Page:
        """Go to the page of the forms, unless it is shown."""
        if self.page.locator("#form-parse").count() == 0:
            self.page.goto(self.server.place())
        return self.page

    @property
    def place(self) -> Path:
        """Folder of the example and all that is made of it."""
        return self.server.user / "Deepometry example"

    @property
    def cells(self) -> dict[str, int]:
        """Number of cells in all, in Train and in Hold-out."""
        told = json.loads((self.place / "parsed" / "parsed_1" / "parse.json").read_text("utf-8"))
        return {"all": told["cells"], **told["sides"]}

    def wait(self, verb: str) -> None:
        """Wait for the end of a job, and write down what the page says then."""
        expect(card(self.page, verb)).to_have_attribute("data-state", ENDED, timeout=JOB)
        assert card(self.page, verb).get_attribute("data-state") == "done", self.server.job(verb)
        expect(self.page.locator("#notice")).to_contain_text(DONE[verb])
        self.told[verb] = self.page.locator("#notice").inner_text()
        self.offered[verb] = values(self.page)


DONE = {
    "example": "The example cells are ready",
    "parse": "Preprocessing is done",
    "train": "Model training is done",
    "predict": "Prediction is done",
    "extract": "Feature extraction is done",
}


def card(page: Page, verb: str) -> Locator:
    """The card of the newest job of a step."""
    return page.locator(f"#jobs-{verb} .job").first


def unfold(page: Page, verb: str) -> None:
    """Open the form of a step, if it is folded."""
    fold = page.locator(f"#fold-{verb}")
    if fold.get_attribute("open") is None:
        fold.locator("> summary").click()


def field(page: Page, verb: str, name: str) -> Locator:
    """A field of a form."""
    return page.locator(f"#form-{verb} [name={name}]")


def values(page: Page) -> dict[str, str]:
    """What stands in the text fields and choices of all forms, as "parse:input"."""
    return page.evaluate(
        """() => Object.fromEntries(
            [...document.querySelectorAll(".form input[type=text], .form select")]
            .map((each) => [each.form.id.replace("form-", "") + ":" + each.name, each.value]))"""
    )
