"""The page on a phone and on a wide screen, in light and dark, empty and with results."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest
from playwright.sync_api import Page, expect

from deepometry.projects.recent import remember_project
from deepometry.projects.run import rename_run
from deepometry.projects.runs import list_runs
from tests.browser.protocol import Protocol
from tests.browser.server import Server
from tests.browser.watch import assert_accessible
from tests.project_runs import adopted

PHONE = {"width": 375, "height": 800}
WIDE = {"width": 1600, "height": 1000}
# Shown parts that stick out to the right of the window, where nothing scrolls them into sight
_OUTSIDE = """() => [...document.querySelectorAll("body *")].filter((each) => {
    const box = each.getBoundingClientRect();
    if (!box.width || !box.height || box.right <= innerWidth + 1) return false;
    if (!each.checkVisibility()) return false; // in closed details, whose boxes are of earlier
    for (let above = each; above !== document.body; above = above.parentElement) {
        if (getComputedStyle(above).overflowX !== "visible") return false;
        if (getComputedStyle(above).clipPath !== "none") return false;
    }
    return true;
}).map((each) => each.outerHTML.slice(0, 150))"""


def assert_fits(page: Page) -> None:
    """Nothing is wider than the window."""
    width = page.evaluate("() => document.documentElement.scrollWidth")
    assert width <= page.viewport_size["width"], page.evaluate(_OUTSIDE)
    assert page.evaluate(_OUTSIDE) == []


def columns(page: Page) -> list[dict]:
    return [step.bounding_box() for step in page.locator(".step").all()]


def assert_side_by_side(page: Page) -> None:
    boxes = columns(page)
    assert len({round(box["y"]) for box in boxes}) == 1
    assert all(a["x"] + a["width"] <= b["x"] for a, b in pairwise(boxes))


def assert_stacked(page: Page) -> None:
    boxes = columns(page)
    assert len({round(box["x"]) for box in boxes}) == 1
    assert all(a["y"] + a["height"] <= b["y"] for a, b in pairwise(boxes))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_empty_page_fits(fresh: Server, visit, scheme):
    page = visit(fresh, color_scheme=scheme)
    assert_fits(page)
    assert_side_by_side(page)
    page.set_viewport_size(PHONE)
    for summaries in (".under > .fold > summary", "details.more summary"):
        for each in page.locator(summaries).all():
            each.click()
    assert_fits(page)
    assert_stacked(page)


def test_the_page_with_results_fits(extracted: Protocol, visit):
    page = visit(extracted.server)
    expect(page.locator("#results-extract [data-results]")).to_be_visible()
    expect(page.locator("#results-parse [data-results]")).to_be_visible()
    page.locator("#past-jobs summary").click()
    assert_fits(page)
    assert_side_by_side(page)
    page.set_viewport_size(PHONE)
    for each in page.locator(".under > .fold").all():
        if each.get_attribute("open") is None:
            each.locator("> summary").click()
    for more in page.locator("details.more summary:visible, details.aside summary:visible").all():
        more.click()
    assert_fits(page)
    assert_stacked(page)
    assert_accessible(page, ("light",))


def test_every_tab_of_every_run_fits(extracted: Protocol, visit):
    page = visit(extracted.server)
    for verb in ("parse", "train", "predict", "extract"):
        page.goto(extracted.server.place(f"runs/{extracted.server.job(verb).id}"))
        links = page.get_by_role("navigation", name="Results").get_by_role("link").all()
        for address in [link.get_attribute("href") for link in links]:
            page.goto(extracted.server.place(address.lstrip("/")))
            for width in (375, 1280, 1920):
                page.set_viewport_size({"width": width, "height": 900})
                assert_fits(page)


def test_a_matrix_that_is_cut_fades_until_it_is_scrolled(extracted: Protocol, visit):
    job = extracted.server.job("predict")
    page = visit(extracted.server, f"runs/{job.id}/confusion")
    matrix = page.locator(".r-scroll:has(> .r-matrix)")
    fades = "(matrix) => getComputedStyle(matrix).getPropertyValue('--r-fade')"
    cut = "(matrix) => matrix.scrollWidth - matrix.clientWidth"
    assert (matrix.evaluate(cut), matrix.evaluate(fades)) == (0, "0px")
    page.set_viewport_size({"width": 200, "height": 800})
    page.wait_for_function(f"() => ({fades})({_MATRIX}) === '40px'")
    assert matrix.evaluate(cut) > 0
    matrix.evaluate("(matrix) => matrix.scrollTo(9999, 0)")
    page.wait_for_function(f"() => ({fades})({_MATRIX}) === '0px'")


@pytest.fixture(scope="module")
def long_names(chromium, make_server: Callable[[], Server]) -> Server:
    """A server with a project and runs whose names are long, without a space to break them."""
    server = make_server()
    project = adopted(server.user / f"Experiment{'x' * 190}")  # a folder, which has no limit
    for run in list_runs(project):
        rename_run(run, f"{run.name}{'x' * 80}")
    remember_project(server.state, project)
    return server


# Parts of the table whose text is drawn over what stands beside them
_OVER = """() => [...document.querySelectorAll(".runs :is(td, th)")].filter((each) =>
    each.scrollWidth > each.clientWidth + 1).map((each) => each.outerHTML.slice(0, 150))"""


_MATRIX = "document.querySelector('.r-scroll:has(> .r-matrix)')"
# On how many lines the first word stands that tells what a run comes from: images
_LINES_OF_IMAGES = """() => [...document.querySelectorAll(".runs .from")].map((each) => {
    const word = document.createRange();
    word.setStart(each.firstChild, 0);
    word.setEnd(each.firstChild, "images".length);
    return word.getClientRects().length;
})"""


@pytest.mark.parametrize("width", [375, 1280, 1920])
def test_long_names_fit(long_names: Server, visit, width: int):
    page = visit(long_names, "projects", viewport={"width": width, "height": 900})
    assert_fits(page)
    page.locator(".switcher summary").click()
    assert_fits(page)
    page.goto(long_names.place("runs"))
    assert_fits(page)
    assert page.evaluate(_OVER) == []
    assert page.evaluate(_LINES_OF_IMAGES) == [1, 1, 1]
    page.goto(long_names.place())
    assert_fits(page)


def test_light_and_dark(fresh: Server, visit):
    page = visit(fresh)
    shades = {}
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        shades[scheme] = page.evaluate(
            "() => [document.body, document.querySelector('.step'), document.querySelector('.go')]"
            ".map((each) => getComputedStyle(each).backgroundColor)"
        )
    assert all(a != b for a, b in zip(shades["light"], shades["dark"], strict=True))
