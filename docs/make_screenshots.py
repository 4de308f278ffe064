"""Take the screenshots of the page: a first visit, each step, and the results of all steps.

python -m docs.make_screenshots    needs the extra `test`, and Chromium

Serves the page to a user who has never been there, and clicks through the protocol as the tests
in a browser do, with the options that "Try it with example cells" fills in.
"""

from __future__ import annotations

import io
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Locator, Page, expect, sync_playwright

from tests.browser.conftest import find_chromium
from tests.browser.labelling import TILE, begin, label_by_keys, saved
from tests.browser.protocol import Protocol, card, field
from tests.browser.server import Server

HERE = Path(__file__).parent
SIZE = {"width": 1600, "height": 1000}
EPOCHS = 5  # of the learning curve, when the training is pictured
CLASSES = (
    "Smooth_Disc",
    "Smooth_Sphere",
    "Crenated_Disc",
    "Crenated_Discoid",
    "Crenated_Sphere",
    "Crenated_Spheroid",
    "Side",
)
PATIENCE = 20 * 60 * 1000  # milliseconds
COLOURS = 256  # of a picture: a third of its size, and nobody sees it


def main() -> None:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as place, sync_playwright() as use:
        server = Server(Path(place))
        server.start()
        try:
            browser = use.chromium.launch(executable_path=find_chromium())
            page = browser.new_page(viewport=SIZE, reduced_motion="reduce")
            picture(server, page)
        finally:
            server.end()


def picture(server: Server, page: Page) -> None:
    """Go through the protocol, and take the pictures on the way."""
    protocol = Protocol(page, server)
    page.goto(server.place())
    save(page, "page_empty.png", page.locator("body"), 1200)
    protocol.make_example()
    expect(page.locator("#look [data-look=gallery]")).to_be_visible(timeout=PATIENCE)
    protocol.run("parse")
    protocol.unfold("parse")
    save(page, "tutorial_parse.png", page.locator("#step-parse"), 1950, columns=2)
    clean(protocol)
    protocol.retrieve()
    train(page)
    protocol.wait("train")
    protocol.run("predict")
    save(protocol.open("predict"), "tutorial_predict.png", page.locator("#main"), 1200)
    for tab in ("confusion", "calibration", "cells"):
        save_tab(protocol, "predict", tab)
    save_tab(protocol, "train", "learning-curve")
    protocol.run("extract")
    protocol.open("extract", "map")
    page.get_by_role("button", name="Draw a PCA map").click()
    expect(page.locator("#main .r-map-link img")).to_be_visible(timeout=PATIENCE)
    protocol.home()
    save(page, "page_results.png", page.locator(".steps"), 2300)
    compare(protocol)
    label(protocol)


def clean(protocol: Protocol) -> None:
    """Show limits on a histogram of the parsed cells; no gate is made."""
    page = protocol.page
    protocol.unfold("gate")
    field(page, "gate", "limits").fill("Area Ch1 = 300..1100; Gradient RMS Ch1 = 8..")
    page.get_by_role("button", name="Histograms").click()
    expect(page.locator("#targets-gate .is-outside")).to_have_count(2, timeout=PATIENCE)
    page.wait_for_timeout(1000)  # until all pictures are drawn
    save(page, "cleaning.png", page.locator("#targets-gate"), 1200)
    field(page, "gate", "limits").fill("")


def compare(protocol: Protocol) -> None:
    """Train again for fewer epochs, predict, and compare both predictions."""
    page = protocol.page
    protocol.unfold("train")
    field(page, "train", "epochs").fill(str(EPOCHS))
    for step in ("train", "predict"):
        before = card(page, step).get_attribute("data-id")
        protocol.unfold(step)
        page.locator(f"#go-{step}").click()
        expect(card(page, step)).not_to_have_attribute("data-id", before)
        protocol.wait(step)
    page.get_by_role("link", name="Runs").click()
    for name in ("predictions_1", "predictions_2"):
        page.get_by_label(f"Compare {name}", exact=True).check()
    save(page, "runs.png", page.locator("main"), 1200)
    page.get_by_role("button", name="Compare the ticked runs").click()
    expect(page.locator("#tests tbody tr")).to_have_count(1, timeout=PATIENCE)
    page.wait_for_timeout(1000)  # until all pictures are drawn
    save(page, "compare.png", page.locator("main"), 1400)


def label(protocol: Protocol) -> None:
    """Label some cells by their keys, as their folders say, and select some more."""
    page = protocol.open("parse")
    page.get_by_role("link", name="Label cells by hand").click()
    begin(page, "Shape", [*CLASSES])
    page.locator("[data-of=who]").fill("Anna")
    page.locator("[data-of=who]").press("Enter")
    page.locator("#cells").focus()
    label_by_keys(page, {name: str(n) for n, name in enumerate(CLASSES, 1)}, 27)
    saved(page)
    page.locator(TILE).nth(30).click()
    page.locator(TILE).nth(33).click(modifiers=["Shift"])
    page.mouse.move(0, 0)
    page.wait_for_timeout(1000)  # until all pictures are drawn
    save(page, "labelling.png", page.locator("#labelling"), 900)


def save_tab(protocol: Protocol, verb: str, tab: str) -> None:
    """Take the picture of a tab of results once all of it is drawn."""
    page = protocol.open(verb, tab)
    page.wait_for_function(
        """() => ![...document.querySelectorAll("[data-chart]")].some((each) => !each.dataset.drawn)
            && !document.querySelector("#main .r-wait")"""
    )
    page.wait_for_timeout(1000)  # until all pictures are drawn
    save(page, f"results_{tab.replace('-', '_')}.png", page.locator("#main"), 1200)


def train(page: Page) -> None:
    """Start the training, and take its picture when there is something of a curve."""
    page.locator("#go-train").click()
    page.locator("#form-train details.more").evaluate("more => { more.open = false; }")
    epoch = card(page, "train").locator(".curve figcaption")
    expect(epoch).to_contain_text(f"Epoch {EPOCHS}:", timeout=PATIENCE)
    page.mouse.move(0, 0)
    save(page, "page_training.png", page.locator(".steps"), 1450)


def save(page: Page, name: str, part: Locator, height: int, columns: int = 1) -> None:
    """Save the upper part of an element, with a little of what is around it, in few colours."""
    page.evaluate("() => document.activeElement.blur()")
    box = part.bounding_box()
    left, top = box["x"] - 16, box["y"] + page.evaluate("() => scrollY") - 16
    clip = {"x": max(left, 0), "y": max(top, 0)}
    clip["width"] = min(box["width"] + 32, SIZE["width"] - clip["x"])
    clip["height"] = min(height, box["height"] + 32)
    drawn = Image.open(io.BytesIO(page.screenshot(full_page=True, clip=clip)))
    few = beside(drawn.convert("RGB"), columns).quantize(COLOURS)
    few.save(HERE / "pictures" / name, optimize=True)


def beside(picture: Image.Image, columns: int) -> Image.Image:
    """Cut a tall picture, and lay its parts side by side."""
    width, height = picture.width, -(-picture.height // columns)
    wide = Image.new("RGB", (columns * width, height), picture.getpixel((0, 0)))
    for number in range(columns):
        part = picture.crop((0, number * height, width, min((number + 1) * height, picture.height)))
        wide.paste(part, (number * width, 0))
    return wide


if __name__ == "__main__":
    main()
