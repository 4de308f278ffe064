"""New files classified from the page, and runs that are ticked and compared."""

from __future__ import annotations

import csv
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.protocol import ENDED, JOB, Protocol, card, field, unfold
from tests.browser.test_layout import PHONE, assert_fits
from tests.browser.test_results import download
from tests.browser.watch import assert_accessible

_EVERY = 7  # of the cells, one is predicted as another class by the second run


@dataclass(frozen=True)
class Differing:
    """How many cells two predictions label differently, and of these, the first correctly."""

    cells: int
    first_correct: int


@pytest.fixture(scope="module")
def second(extracted: Protocol) -> Iterator[Differing]:
    """A second prediction, which no job made, and in what it differs from the first."""
    first = extracted.place / "predictions" / "predictions_1"
    place = Path(shutil.copytree(first, first.with_name("by another model")))
    (place / "run.json").unlink()
    table = place / "predicted.csv"
    with table.open(encoding="utf-8-sig", newline="") as file:
        header, *rows = csv.reader(file)
    label, begin = header.index("label"), header.index("label") + 1
    classes = [name.removeprefix("probability_") for name in header[begin:]][:7]
    changed, true = rows[::_EVERY], header.index("true_label")
    correct = sum(row[label] == row[true] for row in changed)
    for row in changed:
        row[label] = classes[(classes.index(row[label]) + 1) % len(classes)]
        end = begin + len(classes)
        row[begin:end] = [row[end - 1], *row[begin : end - 1]]
    with table.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([header, *rows])
    yield Differing(len(changed), correct)
    shutil.rmtree(place)


def compare(page: Page) -> None:
    """Tick the two predictions in the list of runs, and compare them."""
    page.get_by_label("Compare predictions_1", exact=True).check()
    page.get_by_label("Compare by another model", exact=True).check()
    page.get_by_role("button", name="Compare the ticked runs").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Comparison of 2 runs")
    expect(page.locator("#tests tbody tr")).to_have_count(1)


def test_two_runs_are_ticked_and_compared(extracted: Protocol, second: Differing, visit):
    page = visit(extracted.server, "runs")
    compare(page)
    for part in ("scores", "agreement", "confusion", "cells", "files"):
        expect(page.locator(f"#{part}")).to_be_visible()
    expect(page.locator(".cmp-body [data-drawn]").first).to_be_visible()
    matrices = page.locator("#confusion .cmp-matrix")
    expect(matrices).to_have_count(3)  # one, the other, and their difference
    one, other = (matrices.nth(n).bounding_box() for n in (0, 1))
    assert one["y"] == other["y"] and one["x"] + one["width"] <= other["x"]
    shared = extracted.cells["Hold-out"]
    same = f"{shared - second.cells} of {shared}"
    expect(page.locator("#agreement tbody").first).to_contain_text(same)
    page.locator("#agreement summary").click()
    expect(page.locator("#agreement .r-matrix")).to_be_visible()
    assert_accessible(page)
    page.go_back()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Runs of")


def test_cells_that_differ_are_enlarged(extracted: Protocol, second: Differing, visit):
    page = visit(extracted.server, "runs")
    compare(page)
    cells = page.locator("#cells")
    expect(cells.get_by_role("status")).to_have_text(f"{second.cells} cells")
    expect(cells.locator(".r-grid img").first).to_be_visible(timeout=JOB)
    cells.get_by_label("Show").select_option(label="only predictions_1 is correct")
    expect(cells.get_by_role("status")).to_have_text(f"{second.first_correct} cells")
    for told in cells.locator(".r-yes").all_inner_texts():
        assert told.startswith("predictions_1")
    first = cells.locator(".r-grid a").first
    name = first.get_attribute("aria-label").removeprefix("Enlarge object ").partition(" of ")[0]
    first.focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name=re.compile(rf"\b{name}\b"))
    expect(dialog.locator("canvas").first).to_be_visible(timeout=JOB)
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    page.go_back()
    expect(page.locator("#cells .r-grid img").first).to_be_visible(timeout=JOB)


def test_a_comparison_fits_a_phone(extracted: Protocol, second: Differing, visit):
    page = visit(extracted.server, "runs", viewport=PHONE)
    compare(page)
    expect(page.locator("#cells .r-grid img").first).to_be_visible(timeout=JOB)
    assert_fits(page)


@pytest.fixture(scope="module")
def new_files(extracted: Protocol) -> Path:
    """Two samples that were not parsed here."""
    sources = sorted((extracted.place / "images").rglob("*.cif"))[:2]
    for number, source in enumerate(sources, 1):
        sample = extracted.server.user / "new files" / f"Sample {number}"
        sample.mkdir(parents=True)
        shutil.copy(source, sample / "cells.cif")
    return sample.parent


def test_new_files_are_classified_and_exported(
    extracted: Protocol, new_files: Path, visit, tmp_path
):
    page = visit(extracted.server)
    unfold(page, "classify")
    choose(page, new_files)
    expect(field(page, "classify", "run_name")).to_have_value("classified_1")
    expect(field(page, "predict", "run_name")).to_have_value(re.compile(r"predictions_\d+"))
    assert field(page, "classify", "model").input_value().endswith("model_1")
    page.locator("#form-classify details.more > summary").click()
    field(page, "classify", "export").select_option("csv")
    page.locator("#go-classify").click()
    expect(card(page, "classify")).to_have_attribute("data-state", ENDED, timeout=JOB)
    assert card(page, "classify").get_attribute("data-state") == "done"
    line = page.locator("#results-classify [data-results]")
    line.get_by_role("link", name="Open").click(timeout=JOB)
    tabs, results = page.get_by_role("navigation", name="Results"), page.locator("#main")
    tabs.get_by_role("link", name="Samples").click()
    results.locator("summary", has_text="Table").click()
    for name in ("Sample 1", "Sample 2"):
        expect(results.locator("details tbody")).to_contain_text(name)
    tabs.get_by_role("link", name="Cells").click()
    expect(results.locator(".c-grid img").first).to_be_visible(timeout=JOB)
    assert_accessible(page)
    tabs.get_by_role("link", name="Export").click()
    folder = extracted.place / "predictions" / "classified_1"
    predicted = rows_of(folder / "predicted.csv")
    assert {row["source"].split("/")[0] for row in predicted} == {"Sample 1", "Sample 2"}
    assert len(rows_of(folder / "cells.csv")) == len(predicted)
    summary = [r for r in rows_of(folder / "sample_summary.csv") if r["level"] == "Sample"]
    assert {row["value"] for row in summary} == {"1", "2"}
    link = results.get_by_role("link", name="predicted.csv", exact=True)
    download(page, link).save_as(tmp_path / "predicted.csv")
    assert (tmp_path / "predicted.csv").read_bytes() == (folder / "predicted.csv").read_bytes()


def choose(page: Page, place: Path) -> None:
    """Choose a folder with the picker of the form."""
    page.locator("[data-field='form-classify:input']").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#picker-path")).to_be_focused()
    page.keyboard.type(f"{place.parent}/new")
    picker = page.locator("#picker")
    expect(picker.get_by_role("option")).to_have_text([re.compile(place.name)])
    page.keyboard.press("Tab")
    expect(picker.locator("#picker-path")).to_have_value(f"{place}/")
    expect(picker.get_by_role("option")).to_have_count(2)
    page.keyboard.press("Enter")
    expect(picker).to_be_hidden()
    expect(field(page, "classify", "input")).to_have_value(str(place))


def rows_of(path: Path) -> list[dict[str, str]]:
    """Read a table."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))
