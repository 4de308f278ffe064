"""Pages of results clicked: montages, learning curve, confusion matrix, map, downloads."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Download, Locator, Page, Route, expect

from tests.browser.conftest import WIDE
from tests.browser.protocol import JOB, Protocol, card
from tests.browser.watch import assert_accessible


@pytest.fixture
def page(extracted: Protocol) -> Page:
    """The page of the forms, with a line of results of all steps."""
    return extracted.home()


def drawn(picture: Locator) -> int:
    """Wait until a picture is there; give its width in pixels of its own."""
    picture.scroll_into_view_if_needed()
    expect(picture).to_be_visible()
    picture.page.wait_for_function("image => image.complete", arg=picture.element_handle())
    return picture.evaluate("image => image.naturalWidth")


def unfold(inner: Locator) -> None:
    """Open everything that hides a part of the page."""
    inner.evaluate("each => { for (let at = each; at; at = at.parentElement) at.open = true }")


def download(page: Page, link: Locator) -> Download:
    with page.expect_download() as found:
        link.click()
    return found.value


BARE = """() => [...document.querySelectorAll("button, a.plain")]
    .filter((each) => !each.dataset.tip && !each.hasAttribute("aria-description"))
    .filter((each) => ["", each.textContent.trim()].includes(each.ariaLabel ?? ""))
    .map((each) => each.outerHTML)"""


def test_every_button_tells_what_it_does(page: Page, extracted: Protocol):
    assert page.evaluate(BARE) == []
    for tab in ("overview", "confusion", "curves", "cells", "heat-maps", "audit", "report"):
        assert extracted.open("predict", tab).evaluate(BARE) == [], tab
    extracted.open("parse", "files")
    assert page.evaluate(BARE) == []
    told = page.locator("body > .floating")
    page.get_by_role("button", name="Show folder").first.hover()
    expect(told).to_have_text("Opens the folder in the file manager of this computer.")
    page.get_by_role("link", name="All as .zip").first.focus()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Tab")
    expect(told).to_have_text("Downloads all files of this run in one archive.")
    expect(told).to_be_in_viewport()
    page.keyboard.press("Escape")
    expect(told).to_be_hidden()


def test_a_line_of_the_forms_leads_to_the_results_and_back_leads_back(page: Page, extracted):
    line = page.locator("#results-predict [data-results]")
    expect(line).to_contain_text(re.compile(r"predictions_1, \d\d:\d\d\s+accuracy [0-9.]+.%"))
    line.get_by_role("link", name="Open").click()
    tabs = page.get_by_role("navigation", name="Results").get_by_role("link")
    names = ["Overview", "Confusion", "Classes", "Curves", "Calibration", "Cells", "Samples"]
    expect(tabs).to_have_text([*names, "Novel", "Heat maps", "Audit", "Report", "Export"])
    expect(page.locator("#main")).to_contain_text("What it means")
    expect(page.locator("#main")).to_contain_text("Accuracy: network alone")
    tabs.filter(has_text="Confusion").click()
    page.get_by_role("link", name="percent of the true class").click()
    page.locator(".r-matrix a").first.click()
    expect(page.locator(".c-grid img").first).to_be_visible()
    page.go_back()
    expect(page.locator(".r-matrix a").first).to_have_text(re.compile("%"))
    page.go_back()
    expect(page.locator(".r-matrix a").first).to_have_text(re.compile("^[0-9]+$"))
    page.go_back()
    expect(tabs.filter(has_text="Overview")).to_have_attribute("aria-current", "page")
    page.go_back()
    expect(page.locator("#results-predict [data-results]")).to_be_visible()


@pytest.mark.parametrize("tab", ["curves", "calibration", "classes", "samples"])
def test_charts_are_drawn_with_their_table_and_fit(extracted: Protocol, tab, tmp_path):
    page = extracted.open("predict", tab)
    charts = page.locator("[data-widget=chart]")
    expect(charts).not_to_have_count(0)
    for chart in charts.all():
        expect(chart).to_have_attribute("data-drawn", "yes")
        points = chart.locator("canvas").evaluate(
            "canvas => Chart.getChart(canvas).data.datasets.map((each) => each.data.length)"
        )
        chart.locator("summary").click()
        assert sum(points) > 0
        expect(chart.locator("tbody tr")).to_have_count(sum(points))
        chart.locator("summary").click()
    for chart in charts.all()[:1]:
        found = download(page, chart.get_by_role("button", name="PNG"))
        found.save_as(tmp_path / "chart.png")
        assert (tmp_path / "chart.png").read_bytes().startswith(b"\x89PNG")
    for width in (375, 1280, 1920):
        page.set_viewport_size({"width": width, "height": 900})
        # charts are fitted a moment after the window
        page.wait_for_function("() => document.documentElement.scrollWidth <= innerWidth")
    page.set_viewport_size(WIDE)
    assert_accessible(page)


def test_a_table_that_is_opened_before_its_numbers_came_is_filled(extracted: Protocol, visit):
    page, numbers = visit(extracted.server), re.compile(r"\.json$")
    came: list[Route] = []
    page.route(numbers, lambda route: came.append(route))
    page.goto(extracted.server.place(f"runs/{extracted.server.job('predict').id}/samples"))
    chart = page.locator("[data-widget=chart]").first
    while not came:  # asked for by what also listens to the press
        page.wait_for_timeout(20)
    chart.locator("summary").click()
    expect(chart.locator("details")).to_have_attribute("open", "")
    for route in came:
        route.continue_()
    expect(chart.locator("tbody tr")).not_to_have_count(0)


# --- montages ----------------------------------------------------------------------------------


def test_a_montage_sheet_is_zoomed_and_moved(page: Page, extracted: Protocol):
    sheet = extracted.open("parse", "montages").locator("[data-widget=sheet]")
    picture = sheet.locator(".r-view img")
    assert drawn(picture) >= 24
    fitting = picture.bounding_box()
    sheet.get_by_role("button", name="Zoom in").click()
    assert picture.bounding_box()["width"] == pytest.approx(1.5 * fitting["width"], rel=0.01)
    sheet.locator(".r-view").focus()
    page.keyboard.press("+")
    larger = picture.bounding_box()
    assert larger["width"] == pytest.approx(2.25 * fitting["width"], rel=0.01)
    page.keyboard.press("ArrowRight")
    assert picture.bounding_box()["x"] < larger["x"]
    sheet.locator(".r-view").hover()
    page.mouse.wheel(0, -300)
    width = "image => image.getBoundingClientRect().width"
    page.wait_for_function(
        f"([image, before]) => ({width})(image) > 2 * before",
        arg=[picture.element_handle(), larger["width"]],
    )
    page.keyboard.press("0")
    assert picture.bounding_box() == pytest.approx(fitting)


def test_a_montage_is_chosen_by_folder_and_channel(page: Page, extracted: Protocol):
    results = extracted.open("parse").locator("#main")
    link = results.get_by_role("link", name="Class Side", include_hidden=True).last
    folder = link.get_attribute("aria-label")
    unfold(link)
    link.click()
    picture = results.locator(".r-view img")
    expect(picture).to_have_attribute("alt", re.compile("Class Side"))
    results.locator("select[data-of=channel]").select_option(index=1)
    expect(picture).to_have_attribute("src", re.compile("channel=12"))
    assert drawn(picture) >= 24
    found = download(page, results.get_by_role("link", name="This sheet as .tif"))
    assert found.suggested_filename.endswith("_ch12_1.tif")
    assert folder.split("/")[-1].replace(" ", "") in found.url.replace("%20", "")
    page.reload()
    expect(picture).to_have_attribute("alt", re.compile("Class Side.*Ch12"))


# --- learning curve ----------------------------------------------------------------------------


def test_the_learning_curve_is_drawn(extracted: Protocol):
    page = extracted.open("train", "learning-curve")
    expect(page.locator("[data-widget=chart]").first).to_contain_text("which was selected")
    expect(page.locator("[data-drawn]")).to_have_count(2)
    for canvas in page.locator("canvas").all():
        points = canvas.evaluate(
            "canvas => Chart.getChart(canvas).data.datasets.map((each) => each.data.length)"
        )
        assert points == [2, 2]


# --- confusion matrix --------------------------------------------------------------------------


def test_a_number_of_the_matrix_shows_its_cells(page: Page, extracted: Protocol):
    numbers = extracted.open("predict", "confusion").locator(".r-matrix a")
    counts = [int(text) for text in numbers.all_inner_texts()]
    assert sum(counts) == extracted.cells["Hold-out"]
    for index in (0, len(counts) - 1):
        extracted.open("predict", "confusion")
        told = numbers.nth(index).get_attribute("aria-label")
        real, named = re.match("True (.*), predicted (.*): ", told).groups()
        numbers.nth(index).click()
        results = page.locator("#main")
        expect(results.locator(".c-found")).to_contain_text(f"{counts[index]} cell")
        expect(results.locator("[name=true] option:checked")).to_have_text(real)
        expect(results.locator("[name=predicted] option:checked")).to_have_text(named)
        pictures = results.locator(".c-grid img")
        expect(pictures).to_have_count(min(counts[index], pictures.count()))
        assert drawn(pictures.first) >= 16
        source = results.locator(".c-grid .r-file").first.get_attribute("title")
        assert f"Class {real}" in source
    assert_accessible(page, ("dark",))


def test_the_matrix_shows_percent(page: Page, extracted: Protocol):
    results = extracted.open("predict", "confusion").locator("#main")
    results.get_by_role("link", name="percent of the true class").click()
    expect(results.locator(".r-matrix a").first).to_have_text(re.compile("^<?[0-9]+ %$"))
    expect(results.locator(".r-zero").first).to_have_text("0 %")
    assert_accessible(page, ("light",))
    results.get_by_role("link", name="number of cells").click()
    expect(results.locator(".r-matrix a").first).to_have_text(re.compile("^[0-9]+$"))


# --- features ----------------------------------------------------------------------------------


def test_a_map_is_drawn_from_the_features_and_opens_the_explorer(page: Page, extracted: Protocol):
    results = extracted.open("extract", "map").locator("#main")
    results.get_by_role("button", name="Draw a PCA map").click()
    expect(card(page, "embed")).to_have_attribute("data-state", "done", timeout=JOB)
    picture = results.locator(".r-map-link img")
    assert drawn(picture) > 600
    expect(results.get_by_role("button", name="Draw a PCA map")).to_have_count(0)
    picture.click()
    expect(page.locator("#explore[data-ready]")).to_be_attached()
    page.locator("[data-of=colour]").select_option(label="Day")
    expect(page.locator("[data-of=legend] .r-group")).to_have_count(4)
    page.go_back()
    expect(results.locator(".r-map-link img")).to_be_visible()
    assert drawn(extracted.open("embed").locator(".r-map-link img").first) > 600
    home = extracted.home()
    for verb in ("parse", "train", "predict", "extract", "embed"):
        expect(home.locator(f"#results-{verb} [data-results]")).to_have_count(1)


# --- files -------------------------------------------------------------------------------------


def test_files_are_downloaded(page: Page, extracted: Protocol, tmp_path):
    results = extracted.open("predict", "export").locator("#main")
    link = results.locator("a", has_text=re.compile(r"predicted\.csv")).first  # in a closed list
    unfold(link)
    found = download(page, link)
    found.save_as(tmp_path / "predicted.csv")
    rows = (tmp_path / "predicted.csv").read_text("utf-8").splitlines()
    assert len(rows) == 1 + extracted.cells["Hold-out"]


# --- terms of the glossary ---------------------------------------------------------------------


def test_terms_are_explained_by_mouse_and_keyboard(extracted: Protocol):
    page = extracted.open("predict")
    term = page.locator(".term", has_text=re.compile("^Balanced$"))
    expect(term).to_have_count(1)
    bubble = page.locator(".bubble.floating")
    term.focus()
    page.keyboard.press("Shift")  # a key makes the focus visible
    term.blur()
    term.focus()
    expect(bubble).to_have_text(re.compile("^Mean of the recalls"))
    page.keyboard.press("Escape")
    expect(bubble).to_be_hidden()
    term.click()
    expect(bubble).to_be_visible()
    term.click()
    expect(bubble).to_be_hidden()
    assert_accessible(page)


def test_a_term_is_explained_by_a_tap(extracted: Protocol, visit):
    path = f"runs/{extracted.server.job('train').id}/overview"
    narrow = {"width": 375, "height": 700}
    page = visit(extracted.server, path, has_touch=True, is_mobile=True, viewport=narrow)
    page.locator(".term").first.tap()
    bubble = page.locator(".bubble.floating")
    expect(bubble).to_be_visible()
    box = bubble.bounding_box()
    assert box["x"] >= 0 and box["x"] + box["width"] <= narrow["width"]
