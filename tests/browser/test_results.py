"""Results clicked: montages, learning curve, confusion matrix, scatter, downloads."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Download, Locator, Page, expect

from tests.browser.protocol import Protocol
from tests.browser.watch import assert_accessible


@pytest.fixture
def page(extracted: Protocol) -> Page:
    """The page with the results of all steps."""
    return extracted.page


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


def test_every_button_tells_what_it_does(page: Page):
    bare = page.evaluate(
        """() => [...document.querySelectorAll("button, a.plain")]
            .filter((each) => !each.dataset.tip && !each.hasAttribute("aria-description"))
            .filter((each) => ["", each.textContent.trim()].includes(each.ariaLabel ?? ""))
            .map((each) => each.outerHTML)"""
    )
    assert bare == []
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


# --- montages ----------------------------------------------------------------------------------


def test_a_montage_sheet_is_zoomed_and_moved(page: Page):
    sheet = page.locator("#results-parse [data-widget=sheet]")
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


def test_a_montage_is_chosen_by_folder_and_channel(page: Page):
    results = page.locator("#results-parse")
    button = results.locator("[data-sheet-folder*='Class Side']").last
    folder = button.get_attribute("data-sheet-folder")
    unfold(button)
    button.click()
    picture = results.locator(".r-view img")
    expect(picture).to_have_attribute("alt", re.compile("Class Side"))
    results.locator("select[data-of=channel]").select_option(index=1)
    expect(picture).to_have_attribute("src", re.compile("channel=12"))
    assert drawn(picture) >= 24
    found = download(page, results.get_by_role("link", name="This sheet as .tif"))
    assert found.suggested_filename.endswith("_ch12_1.tif")
    assert folder.split("/")[-1].replace(" ", "") in found.url.replace("%20", "")


# --- learning curve ----------------------------------------------------------------------------


def test_the_learning_curve_is_drawn(page: Page):
    block = page.locator("#results-train [data-widget=curve]")
    expect(block).to_contain_text("which was kept")
    for name in ("loss", "accuracy"):
        points = block.locator(f"canvas[data-of={name}]").evaluate(
            "canvas => Chart.getChart(canvas).data.datasets.map((each) => each.data.length)"
        )
        assert points == [2, 2]


# --- confusion matrix --------------------------------------------------------------------------


def test_a_number_of_the_matrix_shows_its_cells(page: Page, extracted: Protocol):
    results = page.locator("#results-predict")
    buttons = results.locator(".r-matrix button")
    counts = [int(text) for text in buttons.all_inner_texts()]
    assert sum(counts) == extracted.cells["Hold-out"]
    for index in (0, len(counts) - 1):
        told = buttons.nth(index).get_attribute("aria-label")
        real, named = re.match("True (.*), predicted (.*): ", told).groups()
        buttons.nth(index).click()
        title = real + (", named rightly" if real == named else f", taken for {named}")
        expect(results.locator(".r-found h5")).to_contain_text(title)
        expect(results.locator(".r-found h5")).to_contain_text(f": {counts[index]} cell")
        pictures = results.locator(".r-grid img")
        expect(pictures).to_have_count(min(counts[index], pictures.count()))
        assert drawn(pictures.first) >= 16
        source = results.locator(".r-grid .r-file").first.get_attribute("title")
        assert f"Class {real}" in source
    assert_accessible(page, ("dark",))


def test_the_matrix_shows_percent(page: Page):
    results = page.locator("#results-predict")
    results.get_by_label("percent of the true class").check()
    expect(results.locator(".r-matrix button").first).to_have_text(re.compile("^<?[0-9]+ %$"))
    expect(results.locator(".r-zero").first).to_have_text("0 %")
    results.get_by_label("counts").check()
    expect(results.locator(".r-matrix button").first).to_have_text(re.compile("^[0-9]+$"))


def test_a_block_is_enlarged(page: Page):
    block = page.locator("#results-predict .r-block").first
    button = page.get_by_role("button", name="Enlarge: Confusion matrix")
    button.click()
    dialog = page.get_by_role("dialog", name="Confusion matrix")
    expect(dialog).to_be_visible()
    dialog.locator(".r-matrix button").first.click()
    expect(dialog.locator(".r-grid img").first).to_be_visible()
    assert_accessible(page, ("light",))
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(block).to_contain_text("Confusion matrix")
    expect(button).to_be_focused()


# --- features ----------------------------------------------------------------------------------


def point_at_cells(page: Page, canvas: Locator, seen: Locator) -> None:
    """Move the mouse over the plane, line by line, until it comes upon a cell."""
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    for down in range(12, int(box["height"]) - 40, 12):
        for across in range(48, int(box["width"]) - 10, 12):
            page.mouse.move(box["x"] + across, box["y"] + down)
        if seen.is_visible():
            return
    raise AssertionError("no cell under the mouse")


def test_a_cell_is_seen_under_the_mouse_and_by_keys(page: Page):
    results = page.locator("#results-extract")
    canvas = results.locator("canvas[role=application]")
    picture, told = results.locator(".r-cell img"), results.locator(".r-cell .r-file")
    point_at_cells(page, canvas, told)
    assert drawn(picture) >= 16
    expect(told).to_have_text(re.compile(r"Class .*cells\.cif"))
    before = picture.get_attribute("src")
    canvas.focus()
    # the cell under the mouse may be the outermost of its side
    for key in ("ArrowLeft", "ArrowRight"):
        page.keyboard.press(key)
        if moved(picture, before):
            break
    expect(picture).not_to_have_attribute("src", before)
    assert drawn(picture) >= 16


def moved(picture: Locator, before: str) -> bool:
    """Tell whether another cell is shown within a second."""
    try:
        expect(picture).not_to_have_attribute("src", before, timeout=1000)
    except AssertionError:
        return False
    return True


def test_the_scatter_is_coloured_by_a_folder_level(page: Page):
    results = page.locator("#results-extract")
    groups = results.locator(".r-legend button")
    results.get_by_label("Colour by").select_option("Day")
    expect(groups).to_have_count(4)
    groups.first.click()
    expect(groups.first).to_have_attribute("aria-pressed", "false")
    results.get_by_text("The groups as a table").click()
    expect(results.locator("[data-of=summary] tbody tr")).to_have_count(4)
    results.get_by_label("Colour by").select_option("Class")
    expect(groups).to_have_count(7)


# --- files -------------------------------------------------------------------------------------


def test_files_are_downloaded(page: Page, extracted: Protocol, tmp_path):
    results = page.locator("#results-predict")
    link = results.locator("a", has_text=re.compile(r"predicted\.csv")).first  # in a closed list
    unfold(link)
    found = download(page, link)
    found.save_as(tmp_path / "predicted.csv")
    rows = (tmp_path / "predicted.csv").read_text("utf-8").splitlines()
    assert len(rows) == 1 + extracted.cells["Hold-out"]
