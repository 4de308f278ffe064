"""Take the picture of a report: its first two screens, side by side.

python -m docs.make_report FOLDER    FOLDER is what `deepometry demo --output FOLDER` wrote; needs
                                     the extra `test`, and Chromium
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from tests.browser.conftest import find_chromium

HERE = Path(__file__).parent
SIZE = {"width": 900, "height": 1060}
COLOURS = 256


def main() -> None:
    report = (Path(sys.argv[1]) / "predictions" / "report.html").absolute()
    with sync_playwright() as use:
        browser = use.chromium.launch(executable_path=find_chromium())
        page = browser.new_page(viewport=SIZE)
        page.goto(report.as_uri())
        page.locator(".path").evaluate("path => { path.textContent = 'deepometry_demo'; }")
        columns = [screen(page, number) for number in range(2)]
    picture = Image.new("RGB", (2 * SIZE["width"], SIZE["height"]), "white")
    for number, column in enumerate(columns):
        picture.paste(column, (number * SIZE["width"], 0))
    few = picture.quantize(COLOURS)
    few.save(HERE / "pictures" / "report.png", optimize=True)


def screen(page: Page, number: int) -> Image.Image:
    """Return one screen of the page."""
    clip = {"x": 0, "y": number * SIZE["height"], **SIZE}
    return Image.open(io.BytesIO(page.screenshot(full_page=True, clip=clip)))


if __name__ == "__main__":
    main()
