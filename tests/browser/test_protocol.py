"""The whole protocol on example cells: each step offers what it wrote to the next one."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.browser.protocol import Protocol, card, field
from tests.browser.watch import assert_accessible


def test_the_example_fills_in_the_forms(example: Protocol):
    place = example.place
    assert "press Parse, then Train" in example.told["example"]
    shown = example.offered["example"]
    assert shown["parse:input"] == str(place / "images")
    assert shown["train:target"] == "Class"
    assert shown["train:epochs"] == "12"
    assert shown["train:output"] == str(place / "models" / "model_1")
    assert shown["extract:model"] == ""
    assert len(list((place / "images").rglob("*.cif"))) == 56


def test_the_images_are_looked_into(parsed: Protocol):
    parsed.unfold("parse")
    look = parsed.page.locator("#look")
    told = f"{parsed.cells['all']:,} cells in 56 .cif files"
    expect(look.get_by_role("heading", name=told)).to_be_visible()
    expect(look.get_by_role("checkbox", checked=True)).to_have_count(2)
    expect(look).to_contain_text("Brightfield")
    gallery = look.locator("[data-look=gallery]")
    expect(gallery).to_have_attribute("src", re.compile("frame=24"))
    parsed.page.wait_for_function("image => image.complete", arg=gallery.element_handle())
    assert gallery.evaluate("image => image.naturalWidth") > 300


def test_parse_offers_its_output(parsed: Protocol):
    place = parsed.place / "parsed" / "parsed_1"
    shown = parsed.offered["parse"]
    assert shown["train:input"] == str(place / "Train")
    assert shown["predict:input"] == shown["extract:input"] == str(place / "Hold-out")
    assert (place / "parse.json").is_file()
    expect(parsed.home().locator("#results-parse")).to_contain_text(
        f"{parsed.cells['all']:,} cells"
    )
    results = parsed.open("parse").locator("#main")
    expect(results).to_contain_text(f"{parsed.cells['Hold-out']:,}")
    expect(results).to_contain_text("24 px")


def test_retrieve_shows_targets_and_keeps_the_fields(trained: Protocol):
    cells = trained.cells["Train"]
    choices = trained.home().locator("#targets-train .target")
    if choices.count() == 0:  # the page was left since
        trained.retrieve()
    expect(choices).to_have_count(3)
    labels = choices.filter(has_text=f"Class (7 labels, {cells:,} cells)")
    expect(labels).to_have_count(1)
    expect(labels.get_by_role("row")).to_have_count(7)
    counts = labels.locator(".target-count").all_inner_texts()
    assert sum(map(int, counts)) == cells
    expect(labels.get_by_role("radio")).to_be_checked()
    kept = trained.offered["parse"]
    for name in ("train:input", "predict:output", "parse:frame", "predict:input"):
        assert trained.offered["train"][name] == kept[name]
    assert trained.offered["train"]["train:target"] == "Class"


def test_train_offers_its_model(trained: Protocol):
    place = trained.place / "models" / "model_1"
    shown = trained.offered["train"]
    assert shown["predict:model"] == shown["extract:model"] == str(place)
    assert shown["predict:target"] == "Class"
    assert (place / "model_7-Class_categories.keras").is_file()
    assert trained.server.job("train").options["epochs"] == 2
    expect(trained.home().locator("#results-train")).to_contain_text("validation accuracy")
    results = trained.open("train").locator("#main")
    expect(results).to_contain_text("Validation accuracy")
    expect(trained.open("train", "learning-curve").locator("#main")).to_contain_text(
        "which was selected"
    )


def test_the_steps_end_with_results(extracted: Protocol):
    place = extracted.place
    assert (place / "predictions" / "predictions_1" / "predicted.csv").is_file()
    assert (place / "features" / "features_1" / "features_extracted_by_pool5.txt").is_file()
    matrix = extracted.open("predict", "confusion").locator("#main")
    expect(matrix).to_contain_text("Confusion matrix")
    cells = extracted.open("extract").locator(".r-facts dd").first
    expect(cells).to_have_text(f"{extracted.cells['Hold-out']:,}")
    extracted.home()
    for verb in ("parse", "train", "predict", "extract"):
        expect(card(extracted.page, verb)).to_have_attribute("data-state", "done")


def test_past_jobs_can_be_used_again(extracted: Protocol):
    page = extracted.home()
    page.get_by_role("navigation", name="Page").get_by_text("Past jobs").click()
    rows = page.locator("#past tbody tr")
    for verb in ("parse", "train", "predict", "extract"):
        expect(rows.filter(has_text=f"deepometry {verb} ")).to_have_count(1)
    extracted.unfold("parse")
    field(page, "parse", "frame").fill("99")
    rows.filter(has_text="deepometry parse").get_by_role("button", name="Use again").click()
    expect(field(page, "parse", "frame")).to_have_value("24")
    expect(page.locator("#notice")).to_contain_text("Nothing has been started")


def test_results_are_accessible(extracted: Protocol):
    assert_accessible(extracted.home())
