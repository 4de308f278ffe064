"""Take the picture of the explorer for the documentation.

python -m docs.make_explorer FOLDER    FOLDER is what `deepometry demo --output FOLDER` wrote; needs
                                       the extra `test`, and Chromium
"""

from __future__ import annotations

import io
import sys
import tempfile
import time
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from deepometry.core.options.embed import EmbedOptions
from deepometry.maps.embed import embed
from deepometry.web.jobs.queue import Jobs
from tests.browser.conftest import find_chromium
from tests.browser.server import Server

HERE = Path(__file__).parent
SIZE = {"width": 1500, "height": 1340}
ROUND = ((0.03, 0.02), (0.97, 0.02), (0.97, 0.3), (0.5, 0.42), (0.03, 0.3))  # of the stage


def main() -> None:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name, sync_playwright() as use:
        place, start = Path(name), time.time()
        options = EmbedOptions(input=Path(sys.argv[1]) / "features", output=place / "map")
        result = embed(options)
        server = Server(place / "server")
        job = Jobs(server.state / "jobs").record(options, result, start, time.time())
        server.start()
        try:
            browser = use.chromium.launch(executable_path=find_chromium())
            page = browser.new_page(viewport=SIZE, reduced_motion="reduce")
            page.goto(server.place(f"explore/{job.id}"))
            picture(page)
        finally:
            server.end()


def picture(page: Page) -> None:
    """Draw around some cells, hover over another, and take the picture."""
    page.locator("#explore[data-ready]").wait_for(timeout=60_000)
    page.locator("[data-widget=gallery][data-ready]").wait_for(timeout=60_000)
    page.get_by_text("Lasso", exact=True).click()
    box = page.locator("[data-of=cloud]").bounding_box()
    places = [(box["x"] + box["width"] * x, box["y"] + box["height"] * y) for x, y in ROUND]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=4)
    page.mouse.up()
    page.wait_for_timeout(3000)
    drawn = Image.open(io.BytesIO(page.screenshot()))
    drawn.convert("RGB").quantize(256, Image.Quantize.MAXCOVERAGE).save(
        HERE / "pictures" / "explorer.png", optimize=True
    )


if __name__ == "__main__":
    main()
