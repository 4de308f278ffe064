"""The explorer in a browser: what is drawn, selected, listed and saved."""

from __future__ import annotations

import csv
import re
import time
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from deepometry.cells.dataset import open_dataset
from deepometry.core.options.embed import EmbedOptions
from deepometry.maps.embed import embed
from deepometry.web.jobs.queue import Jobs
from tests.browser.conftest import watch_of
from tests.browser.protocol import ENDED, JOB, card, field, unfold
from tests.browser.watch import assert_accessible
from tests.features_table import features_of, write_features, write_predictions
from tests.test_web_explore import CELLS, in_order, write_cells


@pytest.fixture(scope="module")
def maps(make_server, tmp_path_factory):
    """A server with a map in a plane and one in space, and where they lie."""
    place, server = tmp_path_factory.mktemp("maps"), make_server()
    parsed = write_cells(place / "parsed")
    folder = write_features(place / "features", features_of(CELLS), input=str(parsed))
    in_order(folder)
    partly = write_features(place / "partly", features_of(CELLS), input=str(parsed))
    in_order(partly)
    write_predictions(partly, range(24))  # of 30 cells
    jobs = Jobs(server.state / "jobs")
    wanted = {"gaps": (partly, 2), "map3": (folder, 3), "map2": (folder, 2)}
    for name, (features, dims) in wanted.items():  # the last one is shown on the page
        start, output = time.time(), place / name
        options = EmbedOptions(input=features, output=output, method="pca", dims=dims)
        job = jobs.record(options, embed(options), start, time.time())
        server.__dict__[name] = f"explore/{job.id}"
        time.sleep(0.01)  # so that they are told apart by their time
    server.maps_folder = place
    return server


@pytest.fixture
def page(maps, visit):
    return opened(visit(maps, maps.map2))


def opened(page: Page) -> Page:
    """Wait until the cells, the channels and the gallery are there."""
    expect(page.locator("#explore[data-ready][data-numbers]")).to_be_attached()
    expect(page.locator("[data-widget=gallery][data-ready]")).to_be_attached()
    return page


def lasso(
    page: Page, *around: tuple[float, float], tool: str = "Lasso", on: str = "[data-of=stage]"
) -> None:
    """Draw around a part of a plot, in shares of its width and height."""
    page.get_by_text(tool, exact=True).click()
    box = page.locator(f"{on} [data-of=cloud]").bounding_box()
    places = [(box["x"] + box["width"] * x, box["y"] + box["height"] * y) for x, y in around]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=3)
    page.mouse.up()


def by_class(page: Page) -> None:
    """Colour by the class of the folders."""
    page.locator("[data-of=colour]").select_option(label="Class")
    expect(page.locator("[data-of=legend] .r-count")).to_have_text(["10", "10", "10"])


def where(page: Page, cell: int) -> tuple[float, float]:
    """Give where a cell is drawn, in pixels of the window."""
    x, y = page.evaluate(
        "(cell) => window.deepometryExplorer.map.at(cell)",
        cell,
    )
    box = page.locator("[data-of=stage] [data-of=cloud]").bounding_box()
    return box["x"] + x, box["y"] + y


def shades(page: Page) -> int:
    """Count the colours that are really on the screen of the map."""
    return page.evaluate(
        """() => new Promise((done) => { const { cloud } = window.deepometryExplorer.map;
            const look = () => { if (!cloud.whole) return setTimeout(look, 50);
              const { gl } = cloud, size = gl.drawingBufferWidth * gl.drawingBufferHeight;
              const all = new Uint8Array(4 * size);
              gl.readPixels(0, 0, gl.drawingBufferWidth, gl.drawingBufferHeight, gl.RGBA,
                gl.UNSIGNED_BYTE, all);
              done(new Set(new Uint32Array(all.buffer)).size); };
            look(); })"""
    )


count = "[data-of=selected-count]"
gallery = "[data-of=gallery] .c-grid li"
UPPER = ((0.01, 0.02), (0.99, 0.02), (0.99, 0.6), (0.01, 0.6))
WHOLE = ((0.01, 0.02), (0.99, 0.02), (0.99, 0.98), (0.01, 0.98))


def test_the_card_of_a_map_leads_to_the_explorer(maps, visit):
    page = visit(maps)
    page.locator("#results-embed").get_by_role("link", name="Open").click()
    card = page.locator("#main")
    expect(card.locator(".r-map img").first).to_be_visible()
    card.locator("[data-of=map]").select_option(label="Day")
    expect(card.locator(".r-map[data-map='2'] img")).to_be_visible()
    assert_accessible(page)
    card.get_by_role("link", name="Explore the cells").click()
    opened(page)
    expect(page.locator("[data-of=legend] .r-name")).to_have_text(["A", "B", "C"])
    assert shades(page) >= 4  # three groups and what lies behind


def test_a_map_is_drawn_from_the_form(maps, visit):
    page = visit(maps)
    unfold(page, "embed")
    page.locator("#go-embed").click()
    expect(page.locator("#form-embed .problem")).to_contain_text("2 fields need attention")
    field(page, "embed", "input").fill(str(maps.maps_folder / "features"))
    field(page, "embed", "output").fill(str(maps.maps_folder / "map"))
    field(page, "embed", "method").select_option(label="PCA")
    field(page, "embed", "color").fill("Class")
    before = card(page, "embed").get_attribute("data-id")
    page.locator("#go-embed").click()
    expect(card(page, "embed")).not_to_have_attribute("data-id", before)
    expect(card(page, "embed")).to_have_attribute("data-state", ENDED, timeout=JOB)
    assert card(page, "embed").get_attribute("data-state") == "done", maps.job("embed")
    expect(page.locator("#notice")).to_contain_text("Map of cells is done")
    page.locator("#results-embed").get_by_role("link", name="Open").click()
    results = page.locator("#main")
    expect(results.locator(".r-map img")).to_have_count(1)
    expect(results).to_contain_text("PCA, 2-D")


def test_a_lasso_selects_cells_and_shows_their_composition(page: Page, maps):
    lasso(page, *WHOLE)
    expect(page.locator(count)).to_have_text(f"{CELLS} of {CELLS}")
    tables = page.locator("[data-of=parts] table")
    expect(tables).to_have_count(3)
    assert tables.first.locator("tbody th").all_inner_texts() == ["A", "B", "C"]
    expect(tables.first.locator("tbody tr").first).to_contain_text("33 %")
    expect(page.locator("[data-of=gallery] .c-found")).to_contain_text("selected on the map")
    pictures = page.locator(f"{gallery} img")
    expect(pictures).to_have_count(CELLS)
    expect(pictures.first).to_have_js_property("naturalWidth", 16)
    page.get_by_label("Picture").select_option(label="Ch6")
    expect(pictures.first).to_have_attribute("src", re.compile("/1.png"))
    lasso(page, *UPPER)
    expect(pictures).to_have_count(10)
    assert_accessible(page)


def test_cells_of_which_nothing_is_known_are_counted_too(maps, visit):
    page = opened(visit(maps, maps.gaps))
    lasso(page, *WHOLE)
    table = page.locator("[data-of=parts] table", has_text="prediction")
    expect(table.locator("tbody th")).to_have_text(["A", "B", "C", "unknown"])
    expect(table.locator("tbody tr").last).to_contain_text("20 %")


def test_shift_and_alt_add_and_remove_cells(page: Page):
    for cell, how, number in ((5, "Shift", 1), (25, "Shift", 2), (5, "Alt", 1), (14, "Shift", 2)):
        page.keyboard.down(how)
        page.mouse.click(*where(page, cell))
        page.keyboard.up(how)
        expect(page.locator(count)).to_have_text(f"{number} of {CELLS}")
    assert page.evaluate("() => window.deepometryExplorer.selection.flags[14]") == 1
    page.locator("[data-of=cloud]").press("Escape")
    expect(page.locator(count)).to_have_text("none")


def test_the_cell_under_the_mouse_is_shown(maps, visit):
    page = opened(visit(maps, maps.gaps))
    page.mouse.move(*where(page, 12), steps=2)
    hover = page.locator("[data-of=hover]")
    lines = ["Class B.cif", "object 2", "Class: B", "Day: 2", "prediction: B", "confidence: 0.8"]
    expect(hover.locator("figcaption span")).to_have_text(lines)
    expect(hover.locator("img")).to_have_js_property("naturalWidth", 16)


def test_a_click_enlarges_the_cell(page: Page):
    page.mouse.click(*where(page, 12))
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Object 2 of Class B.cif")
    expect(dialog.locator("canvas")).to_have_count(3)  # two channels, and the composite
    assert_accessible(page, ("dark",))
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(page.locator(count)).to_have_text("none")
    page.mouse.click(*where(page, 12))
    expect(dialog).to_be_visible()
    page.go_back()
    expect(dialog).to_be_hidden()
    expect(page.locator("[data-of=cloud]")).to_be_focused()


@pytest.mark.parametrize(("width", "height"), [(1280, 900), (1920, 1000)])
def test_the_map_covers_nothing_of_the_gallery(maps, visit, width: int, height: int):
    page = opened(visit(maps, maps.map2, viewport={"width": width, "height": height}))
    find = page.locator("[data-of=gallery]").get_by_label("Find a cell")
    find.click(timeout=5000)
    expect(find).to_be_focused()
    page.mouse.wheel(0, 10_000)
    page.locator(gallery).last.locator(".c-open").click(timeout=5000)
    expect(page.get_by_role("dialog")).to_contain_text("Object")


def keep(page: Page, name: str) -> None:
    """Keep the selected cells under a name."""
    form = page.locator("[data-of=keep]")
    form.get_by_label("Name of the selection").fill(name)
    form.get_by_role("button", name="Keep as a selection").click()
    expect(page.locator("[data-of=kept-answer]")).to_contain_text(f"Kept as {name}")


def test_selections_have_names_and_colours(maps, visit):
    page = opened(visit(maps, maps.map2))
    by_class(page)
    for label, name in (("A", "Round ones"), ("B", "Rings")):
        page.get_by_role("button", name=f"Select {label}", exact=True).click()
        keep(page, name)
    kept = page.locator(".c-kept li")
    expect(kept).to_contain_text(["Rings", "Round ones"])
    page.locator("[data-of=colour]").select_option(label="selections")
    legend = page.locator("[data-of=legend] .r-group")
    expect(legend).to_have_text(["Rings10", "Round ones10", "in none of them10"])
    kept.first.get_by_label("Colour of Rings").fill("#ff0000")
    expect(page.locator("[data-of=legend] .r-name").first).to_have_text("Rings")
    page.get_by_role("button", name="Clear selection").click()
    assert has_colour(page, (255, 0, 0))
    page.get_by_label("Show Rings on the map").uncheck()
    expect(legend).to_have_text(["Round ones10", "in none of them20"])
    assert not has_colour(page, (255, 0, 0))
    kept.nth(1).get_by_role("button", name="Round ones", exact=True).click()
    expect(page.locator(count)).to_have_text(f"10 of {CELLS}")
    expect(page.locator("[data-of=parts] tbody th").first).to_have_text("A")
    kept.nth(1).locator("summary").click()
    assert_accessible(page)
    kept.nth(1).get_by_label("Name of Round ones").fill("Discs")
    kept.nth(1).get_by_role("button", name="Rename").click()
    expect(kept).to_contain_text(["Discs", "Rings"])
    expect(legend.first).to_have_text("Discs10")
    for _ in range(2):
        page.on("dialog", lambda dialog: dialog.accept())
        kept.first.locator("summary").click()
        kept.first.get_by_role("button", name="Delete").click()
    expect(kept).to_have_count(0)


def has_colour(page: Page, wanted: tuple[int, int, int]) -> bool:
    """Return whether a colour, or one near to it, is on the screen of the map."""
    return page.evaluate(
        """(wanted) => new Promise((done) => { const { cloud } = window.deepometryExplorer.map;
            const look = () => { if (!cloud.whole) return setTimeout(look, 50);
              const { gl } = cloud, [w, h] = [gl.drawingBufferWidth, gl.drawingBufferHeight];
              const all = new Uint8Array(4 * w * h);
              gl.readPixels(0, 0, w, h, gl.RGBA, gl.UNSIGNED_BYTE, all);
              const near = (n) => wanted.every((value, at) => Math.abs(all[n + at] - value) < 60);
              for (let n = 0; n < all.length; n += 4) if (near(n)) return done(true);
              done(false); };
            setTimeout(look, 200); })""",
        wanted,
    )


def test_a_name_that_is_taken_is_asked_about(page: Page):
    by_class(page)
    watch_of(page).expect("409")
    page.get_by_role("button", name="Select A", exact=True).click()
    keep(page, "Twice")
    form = page.locator("[data-of=keep]")
    form.get_by_label("Name of the selection").fill("a/b")
    form.get_by_role("button", name="Keep as a selection").click()
    page.get_by_text("that may stand in a folder name").wait_for()
    form.get_by_label("Name of the selection").fill("Twice")
    form.get_by_role("button", name="Keep as a selection").click()
    page.get_by_role("button", name="Replace it").click()
    expect(page.locator("[data-of=kept-answer]")).to_contain_text("Kept as Twice")


def test_the_selection_is_undone_and_redone(page: Page):
    undo, redo = (page.get_by_role("button", name=name) for name in ("Undo", "Redo"))
    expect(undo).to_be_disabled()
    by_class(page)
    for label in ("A", "B"):
        page.get_by_role("button", name=f"Select {label}", exact=True).click()
    page.get_by_role("button", name="Invert").click()
    expect(page.locator(count)).to_have_text(f"20 of {CELLS}")
    undo.click()
    page.keyboard.press("Control+z")
    expect(page.locator("[data-of=parts] tbody th").first).to_have_text("A")
    page.keyboard.press("Control+z")
    expect(page.locator(count)).to_have_text("none")
    expect(undo).to_be_disabled()
    page.keyboard.press("Control+Shift+z")
    page.keyboard.press("Control+y")
    expect(page.locator("[data-of=parts] tbody th").first).to_have_text("B")
    redo.click()
    expect(page.locator(count)).to_have_text(f"20 of {CELLS}")
    expect(redo).to_be_disabled()
    page.locator("[data-of=keep] [name=name]").fill("ab")
    page.keyboard.press("Control+z")  # of the text
    expect(page.locator(count)).to_have_text(f"20 of {CELLS}")


def test_it_is_used_by_keyboard(page: Page):
    cloud = page.locator("[data-of=cloud]")
    before = where(page, 3)
    cloud.press("ArrowRight")
    assert where(page, 3)[0] == pytest.approx(before[0] - 60, abs=0.5)
    for _ in range(12):
        cloud.press("+")
    page.get_by_role("button", name="Select all in view").press("Enter")
    expect(page.locator(count)).to_have_text("none")  # enlarged so far that no cell is in view
    cloud.press("0")
    assert where(page, 3) == pytest.approx(before, abs=0.5)
    by_class(page)
    page.locator("[data-of=legend] .r-group").first.press("Enter")
    page.get_by_role("button", name="Select all in view").press("Enter")
    expect(page.locator(count)).to_have_text(f"20 of {CELLS}")  # of hidden groups none
    page.get_by_role("button", name="Select B", exact=True).press("Enter")
    expect(page.locator(count)).to_have_text(f"10 of {CELLS}")


def test_keys_go_from_cell_to_cell(page: Page):
    cloud, hover = page.locator("[data-of=cloud]"), page.locator("[data-of=hover]")
    cloud.press("Enter")
    expect(hover).to_contain_text(".cif")
    expect(hover.locator("img")).to_have_js_property("naturalWidth", 16)
    first = shown(page)
    steps = {"ArrowLeft": first, "ArrowRight": first}
    for key in steps:  # the cell in the middle may be the outermost of its side
        cloud.press(key)
        steps[key] = shown(page)
    assert set(steps.values()) != {first}
    expect(hover.locator("img")).to_have_attribute("src", re.compile(f"/cells/.*/{shown(page)}/"))
    cloud.press("Shift+Enter")
    expect(page.locator(count)).to_have_text(f"1 of {CELLS}")
    cloud.press("ArrowDown")
    cloud.press("Shift+Enter")
    assert (
        page.evaluate("(cell) => window.deepometryExplorer.selection.flags[cell]", shown(page)) == 1
    )
    cloud.press("Escape")
    expect(hover).to_be_hidden()
    expect(page.locator(count)).not_to_have_text("none")
    cloud.press("Escape")
    expect(page.locator(count)).to_have_text("none")
    cloud.press("Enter")
    expect(hover).to_be_visible()
    cloud.press("Enter")
    expect(page.get_by_role("dialog")).to_contain_text("Object")
    page.keyboard.press("Escape")
    expect(cloud).to_be_focused()


def shown(page: Page) -> int:
    """Return the number of the cell that is shown beside the map."""
    return page.evaluate("() => window.deepometryExplorer.map.pointer.shown")


def test_colours_follow_numbers_too(page: Page):
    page.locator("[data-of=colour]").select_option(label="mean intensity of Ch3 Brightfield")
    expect(page.locator("[data-of=scale]")).to_be_visible()
    expect(page.locator("[data-of=low]")).to_contain_text("and less")
    assert shades(page) > 6


def test_the_selected_cells_are_listed(page: Page, tmp_path: Path):
    by_class(page)
    page.get_by_role("button", name="Select C", exact=True).click()
    with page.expect_download() as found:
        page.get_by_role("button", name="Download table (.csv)").click()
    found.value.save_as(tmp_path / "cells.csv")
    with (tmp_path / "cells.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["object"] for row in rows] == [str(n) for n in range(10)]
    assert {row["source"] for row in rows} == {"Class C.cif"}


def test_a_second_plot_shows_the_same_selection(maps, visit):
    page = opened(visit(maps, maps.gaps))
    button = page.get_by_role("button", name="Second plot")
    button.click()
    second = page.locator("[data-of=second]")
    expect(second.locator("[data-of=second-status]")).to_contain_text("6 cells have no value")
    expect(second.locator("[data-of=second-axes]")).to_contain_text("probability of A: ")
    # on the right lie the cells whose probability of A is large
    right = ((0.6, 0.02), (0.98, 0.98))
    lasso(page, *right, tool="Box", on="[data-of=second-stage]")
    expect(page.locator(count)).to_have_text(f"8 of {CELLS}")
    expect(page.locator("[data-of=parts] tbody th").first).to_have_text("A")
    drawn = "() => window.deepometryExplorer.plots.map(({ cloud }) => cloud.content.any)"
    assert page.evaluate(drawn) == [True, True]
    lasso(page, *UPPER)  # on the map, which is shown in the plot
    expect(page.locator(count)).to_have_text(f"10 of {CELLS}")
    second.locator("[name=x]").select_option(label="mean intensity of Ch6")
    second.locator("[name=y]").select_option(label="pool5_2")
    expect(second.locator("[data-of=second-axes]")).to_contain_text("↑ pool5_2: ")
    expect(second.locator("[data-of=second-status]")).to_have_text("")
    second.get_by_role("button", name="Select all in view").click()
    expect(page.locator(count)).to_have_text(f"{CELLS} of {CELLS}")
    second.locator("canvas").first.press("Enter")
    expect(second.locator("[data-of=hover]")).to_contain_text("object")
    assert_accessible(page)
    second.get_by_role("button", name="Close").click()
    expect(second).to_have_count(0)
    expect(button).to_be_focused()


def test_the_view_survives_a_reload(maps, visit):
    page = opened(visit(maps, maps.gaps))
    by_class(page)
    page.get_by_role("button", name="Select A", exact=True).click()
    page.get_by_role("button", name="Second plot").click()
    second = page.locator("[data-of=second]")
    second.locator("[name=x]").select_option(label="pool5_2")
    axes = second.locator("[data-of=second-axes]")
    expect(axes).to_contain_text("→ pool5_2: ")
    second.get_by_role("button", name="Zoom into the second plot").click()
    page.get_by_role("button", name="Zoom in", exact=True).click()
    page.locator("[data-of=colour]").select_option(label="pool5_3")
    page.wait_for_url(re.compile(r"colour=feature.*camera=.*x=feature.*camera2="))
    before, text = where(page, 3), axes.inner_text()
    page.reload()
    opened(page)
    expect(page.locator("[data-of=colour]")).to_have_value("feature/2")
    expect(page.locator(count)).to_have_text(f"10 of {CELLS}")
    expect(axes).to_have_text(text)
    assert where(page, 3) == pytest.approx(before, abs=0.5)
    expect(page.locator(gallery)).to_have_count(10)
    expect(page.get_by_role("button", name="Undo")).to_be_disabled()
    page.get_by_role("button", name="Clear selection").click()
    page.reload()
    opened(page)
    expect(page.locator(count)).to_have_text("none")


@pytest.mark.parametrize("size", [(375, 800), (1280, 900), (1920, 1100)])
def test_it_fits_into_the_window(maps, visit, size):
    page = opened(
        visit(maps, maps.gaps, viewport=dict(zip(("width", "height"), size, strict=True)))
    )
    page.get_by_role("button", name="Second plot").click()
    lasso(page, *WHOLE)
    expect(page.locator(gallery)).to_have_count(CELLS)
    page.locator(".x-second").get_by_text("probability of A").first.wait_for(state="attached")
    assert page.evaluate("() => document.documentElement.scrollWidth") == size[0]


def test_a_selection_is_copied_to_a_set(page: Page, maps):
    by_class(page)
    page.get_by_role("button", name="Select A", exact=True).click()
    keep(page, "For training")
    button = page.get_by_role("button", name="For training", exact=True)
    kept = page.locator(".c-kept li", has=button)
    kept.locator("summary").click()
    kept.get_by_role("button", name="Start").click()
    expect(kept).to_contain_text("Copied 10 cells to a set", timeout=JOB)
    found = open_dataset(maps.maps_folder / "map2" / "sets" / "parsed")
    assert len(found) == 10 and found.parts[0].levels == ("Set For training", "Class A")


def test_in_space_dragging_turns_the_map(maps, visit):
    page = opened(visit(maps, maps.map3))
    expect(page.locator("[data-of=move]")).to_have_text("Turn")
    before, box = where(page, 3), page.locator("[data-of=cloud]").bounding_box()
    middle = (box["x"] + box["width"] / 2, box["y"] + 20)
    page.mouse.move(*middle)
    page.mouse.down()
    page.mouse.move(middle[0] + 90, middle[1] + 10, steps=4)
    page.mouse.up()
    assert where(page, 3) != pytest.approx(before, abs=3)
    assert shades(page) >= 4
    lasso(page, *WHOLE)
    expect(page.locator(count)).to_have_text(f"{CELLS} of {CELLS}")


def test_what_is_gone_is_said(maps, visit):
    path = maps.maps_folder / "map3" / "coordinates.npz"
    path.rename(path.with_suffix(".moved"))
    try:
        page = visit(maps, maps.map3)
        watch_of(page).expect("410")
        told = page.locator("[data-of=wait]")
        expect(told).to_contain_text("it was moved or deleted after this run")
    finally:
        path.with_suffix(".moved").rename(path)
