"""Cells labelled by hand in a browser: by keys and mouse, with the server gone, and trained on."""

from __future__ import annotations

import re
import time

import pytest
from playwright.sync_api import Page, Route, expect

import deepometry
from deepometry.cells.dataset import open_dataset
from deepometry.cells.hand_labels import open_hand_labels
from deepometry.cells.labels.hand_files import find_hand_labels
from deepometry.cells.model_description import find_model, read_description
from deepometry.cells.parse import parse
from deepometry.core.options.parse import ParseOptions
from deepometry.web.jobs.queue import Jobs
from tests.browser.conftest import watch_of
from tests.browser.labelling import (
    FRAMED,
    READY,
    TILE,
    begin,
    label_by_keys,
    note,
    saved,
    wait_for_next,
)
from tests.browser.protocol import card, field
from tests.browser.test_keyboard import walk
from tests.browser.watch import assert_accessible

CELLS = 280
AWAY = "ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE|status of 400"
JOB = 240_000  # milliseconds


@pytest.fixture(scope="module")
def server(make_server):
    """A server beside parsed example cells."""
    made = make_server()
    images, parsed = made.user / "images", made.user / "parsed"
    deepometry.example(output=images, cells=CELLS)
    options, start = ParseOptions(input=images, output=parsed, frame=24, split="80/20"), time.time()
    job = Jobs(made.state / "jobs").record(options, parse(options), start, time.time())
    made.__dict__ |= {"parsed": parsed, "run": f"runs/{job.id}"}
    return made


@pytest.fixture
def page(server, visit):
    return visit(server, f"labelling?cells={server.parsed}")


def classes_of(server) -> list[str]:
    return [*open_dataset(server.parsed).labels("Class").classes]


def test_cells_are_labelled_by_keys_and_trained_on(server, page: Page):
    names = classes_of(server)
    begin(page, "Shape", names)
    assert_accessible(page)
    keys = {name: str(number) for number, name in enumerate(names, 1)}

    label_by_keys(page, keys, 200)
    saved(page)
    expect(page.locator("[data-of=progress]")).to_have_text("200 of 280 cells labelled")
    labels = find_hand_labels(server.parsed, "Shape")
    assert _right(labels) == 200

    for _ in range(25):
        page.keyboard.press("Control+z")
    for _ in range(5):
        page.keyboard.press("Control+y")
    saved(page)
    expect(page.locator("[data-of=progress]")).to_have_text("180 of 280 cells labelled")
    assert _right(labels) == 180

    server.kill()
    watch_of(page).expect(AWAY)
    wait_for_next(page)
    for key in "12345":
        page.keyboard.press(key)
    expect(page.locator("[data-of=saved]")).to_contain_text("5 changes not saved yet")
    expect(page.locator(".b-tile.is-labelled")).not_to_have_count(0)
    server.start()
    saved(page)
    assert len(labels.table()) == 185

    server.kill()
    server.start()
    page.reload()
    expect(page.locator(READY)).to_be_attached()
    expect(page.locator("[data-of=progress]")).to_have_text("185 of 280 cells labelled")
    for _ in range(5):
        page.keyboard.press("Control+z")
    expect(page.locator("[data-of=progress]")).to_have_text("180 of 280 cells labelled")
    saved(page)
    assert _right(labels) == 180

    page.get_by_role("button", name="Train with these labels").click()
    expect(field(page, "train", "target")).to_have_value("Shape")
    expect(field(page, "train", "input")).to_have_value(str(server.parsed / "Train"))
    model = server.user / "model"
    for name, value in {"output": str(model), "epochs": "1", "batch_size": "32"}.items():
        _fill(page, name, value)
    field(page, "train", "network").select_option("small10")
    page.locator("#go-train").click()
    expect(card(page, "train")).to_have_attribute("data-state", "done", timeout=JOB)
    description = read_description(find_model(model))
    assert description.target == "Shape" and {*description.labels} == {*names}
    assert server.job("train").state == "done"


def _right(labels) -> int:
    """Count the labels, all of which must be those of the folders."""
    table = labels.table()
    folders = table["source"].str.extract(r"Class ([^/]+)/")[0]
    assert (table["label"] == folders).all()
    return len(table)


def _fill(page: Page, name: str, value: str) -> None:
    more = page.locator("#form-train details.more")
    if not field(page, "train", name).is_visible() and more.get_attribute("open") is None:
        more.locator("summary").first.click()
    field(page, "train", name).fill(value)


def test_the_page_is_reached_from_the_results_of_parse(server, visit):
    page = visit(server, server.run)
    page.get_by_role("link", name="Label cells by hand").click()
    expect(page.get_by_role("heading", name="Label cells by hand")).to_be_visible()


def test_cells_are_labelled_wherever_they_are_shown(server, visit):
    labels = open_hand_labels(server.parsed, "Elsewhere", make=True)
    for name in ("Round", "Flat"):
        labels.add_class(name)
    page = visit(server, f"{server.run}/cells")
    expect(page.locator("[data-widget=gallery][data-ready]")).to_be_attached()
    for number in (1, 2):
        page.locator(".c-grid input").nth(number).check()
    menu = page.locator(".c-bar form.c-labels")
    menu.locator("select").select_option(label="Elsewhere: Flat")
    menu.get_by_label("Your name").fill("Anna")
    menu.get_by_role("button", name="Label").click()
    expect(menu).to_contain_text("2 labelled.")
    expect(page.locator(".c-by-hand").nth(2)).to_have_text("Elsewhere: Flat")
    assert_accessible(page)
    page.locator(".c-open").nth(2).click()
    one = page.locator("dialog form.c-labels")
    expect(one.locator("[data-of=now]")).to_have_text("Elsewhere: Flat")
    one.locator("select").select_option(label="Elsewhere: Round")
    one.get_by_role("button", name="Label").click()
    expect(one.locator("[data-of=now]")).to_have_text("Elsewhere: Round")
    assert_accessible(page)
    one.get_by_role("button", name="Undo").click()
    expect(one.locator("[data-of=now]")).to_have_text("Elsewhere: Flat")
    assert [*labels.table()["label"]] == ["Flat", "Flat"]


def test_all_of_the_page_is_reached_by_the_keyboard(server, page: Page):
    begin(page, "Keys", ["Round", "Flat"])
    page.evaluate("() => document.querySelectorAll('details').forEach((each) => each.open = true)")
    walk(page)


# --- the mouse ----------------------------------------------------------------------------------


def labelled(page: Page):
    return page.locator(f"{TILE}.is-labelled")


def test_cells_are_selected_and_held_classes_painted(server, page: Page):
    begin(page, "Mouse", ["Round", "Flat"])
    tiles = page.locator(TILE)
    tiles.nth(2).click()
    tiles.nth(5).click(modifiers=["Shift"])
    expect(page.locator(f"{TILE}[aria-selected=true]")).to_have_count(4)
    page.get_by_role("button", name=re.compile("Flat")).click()
    expect(labelled(page)).to_have_count(4)
    expect(page.locator(f"{TILE}[aria-selected=true]")).to_have_count(0)

    one, other = tiles.nth(0).bounding_box(), tiles.nth(1).bounding_box()
    page.mouse.move(one["x"] + 4, one["y"] + 4)
    page.mouse.down()
    page.mouse.move(other["x"] + 30, other["y"] + 30, steps=4)
    expect(page.locator(".b-band")).to_be_visible()
    page.mouse.up()
    expect(page.locator(f"{TILE}[aria-selected=true]")).to_have_count(2)
    page.keyboard.press("Escape")

    page.get_by_role("button", name=re.compile("Round")).click()
    expect(note(page)).to_contain_text("Round is held")
    tiles.nth(9).click()
    expect(tiles.nth(9).locator(".b-label")).to_have_text("Round")
    tiles.nth(9).click()
    expect(tiles.nth(9).locator(".b-label")).to_have_text("")
    tiles.nth(2).click()
    expect(tiles.nth(2).locator(".b-label")).to_have_text("Round")
    page.keyboard.press("Escape")
    saved(page)
    table = find_hand_labels(server.parsed, "Mouse").table()
    assert sorted(table["label"]) == ["Flat", "Flat", "Flat", "Round"]


def test_one_cell_at_a_time_goes_on_to_the_next_cells(server, page: Page):
    begin(page, "Large", ["Round", "Flat"])
    page.locator("[name=size]").fill("240")
    page.locator("[name=side]").select_option("Train")
    expect(page.locator("[data-of=count]")).to_contain_text(re.compile(r"^\d+ of 22\d cells"))
    few = page.locator(TILE).count()
    page.locator("#cells").focus()
    page.keyboard.press("Enter")
    expect(page.locator("[data-of=focus-title]")).to_have_text(re.compile("^Object .* of .*cif$"))
    assert_accessible(page)
    for _ in range(few + 1):
        wait_for_next(page)
        page.keyboard.press("1")
    page.keyboard.press("Escape")
    expect(page.locator("[data-of=focus]")).to_be_hidden()
    saved(page)
    assert len(find_hand_labels(server.parsed, "Large").table()) == few + 1
    page.keyboard.press("PageUp")
    expect(labelled(page)).to_have_count(few)


def test_a_key_that_is_pressed_too_early_changes_no_label(server, visit):
    open_hand_labels(server.parsed, "Early", make=True).add_class("Round")
    find_hand_labels(server.parsed, "Early").add_class("Flat")
    # an order that is not fetched ahead
    page = visit(server, f"labelling?cells={server.parsed}&name=Early&order=uncertain")
    expect(page.locator(READY)).to_be_attached()
    few = page.locator(TILE).count()
    held: list[Route] = []
    page.route("**/cells.json?*", lambda route: held.append(route))
    page.keyboard.press("Control+a")
    page.keyboard.press("1")
    expect(page.locator("[data-of=wait]")).to_be_visible()
    page.keyboard.press("2")
    saved(page)
    held[0].continue_()
    wait_for_next(page)
    assert find_hand_labels(server.parsed, "Early").table()["label"].tolist() == ["Round"] * few


def test_classes_are_edited(server, page: Page):
    begin(page, "Edited", ["Round", "Flat"])
    page.keyboard.press("2")
    page.get_by_label("Name of a new class").fill("Debris")
    page.get_by_role("button", name="Add").click()
    page.get_by_role("button", name="Edit").click()
    assert_accessible(page)
    page.get_by_label("Name of Flat").fill("Plane")
    page.get_by_label("Key of Flat").fill("p")
    page.get_by_role("button", name="Move up Debris").click()
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Delete Round").click()
    page.get_by_role("button", name="Done").click()
    buttons = page.locator("[data-of=classes] .b-class")
    expect(buttons.nth(0)).to_have_text("3Debris0 cells")
    expect(buttons.nth(1)).to_have_text("pPlane1 cells")
    page.locator("#cells").focus()
    wait_for_next(page)
    page.keyboard.press("p")
    expect(buttons.nth(1)).to_have_text("pPlane2 cells")
    assert find_hand_labels(server.parsed, "Edited").classes == ("Debris", "Plane")


def test_two_annotators_differ_and_settle_it(server, visit, page: Page):
    begin(page, "Both", ["Round", "Flat"])
    page.locator("[data-of=who]").fill("Anna")
    page.locator("[data-of=who]").press("Enter")
    page.locator("#cells").focus()
    for key in "1122":
        page.keyboard.press(key)
    saved(page)
    other = visit(server, f"labelling?cells={server.parsed}&name=Both&show=own")
    other.locator("[data-of=who]").fill("Ben")
    other.locator("[data-of=who]").press("Enter")
    expect(other.locator(f"{TILE} .b-others").first).to_have_text("")
    other.locator("#cells").focus()
    for key in "1112":
        other.keyboard.press(key)
    saved(other)
    other.locator("[data-of=people] summary").click()
    expect(other.locator(".b-agreed")).to_contain_text("4 cells labelled by both, 3 the same")
    other.get_by_role("button", name="Settle 1 cell").click()
    expect(other.locator(TILE)).to_have_count(1)
    expect(other.locator(f"{TILE} .b-others")).to_have_text("Anna: Flat")
    assert_accessible(other)
    other.locator("#cells").focus()
    other.keyboard.press("2")
    expect(other.locator(f"{TILE} .b-label")).to_have_text("Flat (settled)")
    saved(other)
    counts = find_hand_labels(server.parsed, "Both").table()["label"].value_counts()
    assert counts.to_dict() == {"Round": 2, "Flat": 2}


def test_the_page_works_when_it_is_narrow(server, visit):
    size = {"width": 380, "height": 740}
    page = visit(server, f"labelling?cells={server.parsed}", viewport=size, has_touch=True)
    begin(page, "Narrow", ["Round", "Flat"])
    wide = page.evaluate("() => document.documentElement.scrollWidth")
    assert wide <= size["width"]
    page.locator(TILE).nth(1).tap()
    page.get_by_role("button", name=re.compile("Flat")).tap()
    expect(labelled(page)).to_have_count(1)
    expect(page.locator(FRAMED)).to_be_visible()
    assert_accessible(page)
