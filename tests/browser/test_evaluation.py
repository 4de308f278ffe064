"""The results of a prediction clicked: plots, the report in a tab of its own, heat maps."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.protocol import ENDED, JOB, Protocol, card
from tests.browser.watch import assert_accessible


@pytest.fixture
def page(predicted: Protocol) -> Page:
    """The page with the results of a prediction."""
    return predicted.page


def test_scores_and_the_most_confident_errors_are_shown(page: Page, predicted: Protocol):
    expect(predicted.open("predict").locator("#main")).to_contain_text("bootstrap over cells")
    assert_accessible(page)
    for image in predicted.open("predict", "confusion").locator(".r-image").all():
        image.scroll_into_view_if_needed()
        page.wait_for_function("image => image.complete", arg=image.element_handle())
        assert image.evaluate("image => image.naturalWidth") > 300
    assert_accessible(page)


def test_the_report_opens_in_a_tab_and_asks_nobody_for_anything(page: Page, predicted: Protocol):
    predicted.open("predict", "report")
    with page.context.expect_page() as opened:
        page.locator("#main").get_by_role("link", name="Open the report").click()
    report = opened.value
    expect(report.locator("h1")).to_have_text("Prediction of Class")  # loaded, before it is again
    asked: list[str] = []
    report.on("request", lambda request: asked.append(request.url))
    report.reload()
    expect(report.locator("h1")).to_have_text("Prediction of Class")
    assert [url for url in asked if not url.startswith("data:")] == [report.url]
    assert report.evaluate("() => document.querySelectorAll('.plot svg').length") >= 4
    colour = "() => getComputedStyle(document.querySelector('section')).borderRadius"
    assert report.evaluate(colour) == "12px"  # its own style is let in
    width = "() => document.documentElement.scrollWidth <= innerWidth"
    assert report.evaluate(width)
    report.close()


def test_heat_maps_of_the_cells_named_are_drawn_below(page: Page, predicted: Protocol):
    results = predicted.open("predict", "heat-maps").locator("#main")
    form = results.locator(".r-heat")
    form.locator("[name=cells]").fill("2")
    form.locator("[name=layer]").select_option("res3")
    form.get_by_role("button", name="Draw heat maps").click()
    expect(form.locator(".r-answer")).to_contain_text("Started")
    expect(card(page, "gradcam")).to_have_attribute("data-state", ENDED, timeout=JOB)
    expect(card(page, "gradcam")).to_have_attribute("data-state", re.compile("done"))
    found = page.locator("#results-gradcam")
    found.get_by_role("link", name="Open").click(timeout=JOB)
    expect(results).to_contain_text("Heat maps: image regions that support the class")
    expect(results.locator(".r-image")).to_be_visible()
