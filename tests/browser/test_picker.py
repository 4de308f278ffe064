"""The folder picker, by keyboard, and names that would be scripts."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.protocol import field
from tests.browser.server import Server
from tests.browser.test_layout import PHONE, assert_fits
from tests.browser.watch import assert_accessible
from tests.builders import random_cells, write_channel_tiffs

WILD = ("<script>window.ran = 1", "<img src=x onerror='window.ran = 2'>", '"><b>&amp;')


@pytest.fixture(scope="module")
def disk(fresh: Server) -> Path:
    """Folders to choose from, in the home of the user."""
    place = fresh.user / "Experiment"
    for name in ("Day 1", "Day 2", *WILD):
        write_channel_tiffs(place / name / "Class A", "cell", random_cells([(20, 18)])[0], (1, 2))
    return place


def open_picker(page: Page, name: str = "input"):
    page.locator(f"[data-field='form-parse:{name}']").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#picker-path")).to_be_focused()
    return page.locator("#picker")


def test_a_folder_is_chosen_by_keyboard(fresh: Server, visit, disk: Path):
    page = visit(fresh)
    picker = open_picker(page)
    page.keyboard.type(f"{disk.parent}/Exp")
    expect(picker.get_by_role("option")).to_have_count(1)
    page.keyboard.press("Tab")
    expect(picker.locator("#picker-path")).to_have_value(f"{disk}/")
    expect(picker.get_by_role("option")).to_have_count(2 + len(WILD))
    expect(picker.get_by_role("option", name="Day 2")).to_contain_text("2 image files")
    page.keyboard.type("Day")
    expect(picker.get_by_role("option")).to_have_count(2)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(picker.get_by_role("option", selected=True)).to_contain_text("Day 2")
    page.keyboard.press("Enter")
    expect(picker.locator("#picker-path")).to_have_value(f"{disk / 'Day 2'}/")
    expect(picker.locator("#picker-status")).to_have_text(f"Use {disk / 'Day 2'}")
    page.keyboard.press("Enter")
    expect(picker).to_be_hidden()
    expect(field(page, "parse", "input")).to_have_value(str(disk / "Day 2"))
    expect(field(page, "parse", "input")).to_be_focused()
    expect(page.locator("#look h3")).to_contain_text("1 cell")


def test_escape_leaves_the_field_as_it_was(fresh: Server, visit, disk: Path):
    page = visit(fresh)
    field(page, "parse", "input").fill(str(disk))
    picker = open_picker(page)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Escape")
    expect(picker).to_be_hidden()
    expect(field(page, "parse", "input")).to_have_value(str(disk))


def test_a_new_folder_is_made(fresh: Server, visit, disk: Path):
    page = visit(fresh)
    field(page, "parse", "output").fill(str(disk))
    picker = open_picker(page, "output")
    picker.get_by_role("button", name="New folder").press("Enter")
    page.keyboard.type("parsed here")
    page.keyboard.press("Enter")
    expect(picker.locator("#picker-path")).to_have_value(f"{disk / 'parsed here'}/")
    picker.get_by_role("button", name="Use this folder").press("Enter")
    expect(field(page, "parse", "output")).to_have_value(str(disk / "parsed here"))
    (disk / "parsed here").rmdir()


@pytest.mark.parametrize("name", WILD)
def test_names_of_folders_are_text(fresh: Server, visit, disk: Path, name: str):
    page = visit(fresh)
    field(page, "parse", "input").fill(f"{disk}/")
    picker = open_picker(page)
    picker.locator(".picker-name", has_text=name).click()
    expect(picker.locator("[aria-current=location]")).to_have_text(name)
    picker.get_by_role("button", name="Use this folder").click()
    expect(field(page, "parse", "input")).to_have_value(str(disk / name))
    expect(page.locator("#look h3")).to_contain_text("1 cell")
    expect(page.locator(".path-status").first).to_be_visible()
    field(page, "train", "input").fill(str(disk / name))
    page.locator("#form-train .retrieve").click()
    expect(page.locator("#targets-train [role=alert]")).to_contain_text(name)
    page.locator("#go-train").click()
    expect(page.locator("#form-train .problem")).to_be_visible()
    assert page.evaluate("() => window.ran") is None
    assert page.locator("main b:has-text('&'), img[src=x], main script").count() == 0


def test_the_open_picker_is_accessible_and_fits(fresh: Server, visit, disk: Path):
    page = visit(fresh)
    field(page, "parse", "input").fill(f"{disk}/")
    open_picker(page)
    expect(page.locator("#picker [role=option]").first).to_be_visible()
    page.keyboard.press("ArrowDown")
    assert_accessible(page)
    page.set_viewport_size(PHONE)
    assert_fits(page)
    use = page.get_by_role("button", name="Use this folder").bounding_box()
    assert use["y"] + use["height"] <= PHONE["height"]
