"""Take the screenshots of the README: a first visit, a training, and the results of all steps.

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
from tests.browser.protocol import Protocol, card
from tests.browser.server import Server

HERE = Path(__file__).parent
SIZE = {"width": 1600, "height": 1000}
EPOCHS = 5  # of the learning curve, when the training is pictured
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
    """Go through the protocol, and take the three pictures on the way."""
    protocol = Protocol(page, server)
    page.goto(server.address)
    save(page, "page_empty.png", page.locator("body"), 1200)
    protocol.make_example()
    expect(page.locator("#look [data-look=gallery]")).to_be_visible(timeout=PATIENCE)
    protocol.run("parse")
    protocol.retrieve()
    train(page)
    protocol.wait("train")
    protocol.run("predict")
    protocol.run("extract")
    page.locator("#results-extract canvas").first.hover(position={"x": 120, "y": 120})
    page.wait_for_timeout(1000)  # for the picture of the cell under the mouse
    save(page, "page_results.png", page.locator(".steps"), 2300)


def train(page: Page) -> None:
    """Start the training, and take its picture when there is something of a curve."""
    page.locator("#go-train").click()
    page.locator("#form-train details.more").evaluate("more => { more.open = false; }")
    epoch = card(page, "train").locator(".curve figcaption")
    expect(epoch).to_contain_text(f"Epoch {EPOCHS}:", timeout=PATIENCE)
    page.mouse.move(0, 0)
    save(page, "page_training.png", page.locator(".steps"), 1450)


def save(page: Page, name: str, part: Locator, height: int) -> None:
    """Save the upper part of an element, in few colours."""
    box = part.bounding_box()
    page.evaluate("() => document.activeElement.blur()")
    top = box["y"] + page.evaluate("() => scrollY")
    clip = {"x": 0, "y": max(top - 16, 0), "width": SIZE["width"]}
    clip["height"] = min(height, box["height"] + 32)
    drawn = Image.open(io.BytesIO(page.screenshot(full_page=True, clip=clip)))
    drawn.convert("RGB").quantize(COLOURS).save(HERE / name, optimize=True)


if __name__ == "__main__":
    main()
