"""The search among "More options", and what the recipe would choose."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.protocol import field
from tests.browser.server import Server
from tests.browser.watch import assert_accessible


@pytest.fixture
def more(fresh: Server, visit) -> Locator:
    """More options of the training, open."""
    more = visit(fresh).locator("#form-train details.more")
    more.locator("summary").click()
    return more


def shown(more: Locator) -> list[str]:
    return more.locator(".field:visible").evaluate_all("all => all.map((f) => f.dataset.name)")


def find(more: Locator, text: str) -> None:
    more.get_by_role("searchbox", name="Find an option").fill(text)


def test_options_are_found_by_name_explanation_and_command(more: Locator):
    every = shown(more)
    find(more, "decay")
    assert shown(more) == ["weight_decay"]
    expect(more.get_by_role("status")).to_have_text("One option fits.")
    expect(more.get_by_role("group", name="Training")).to_be_visible()
    expect(more.get_by_role("group", name="Images")).to_be_hidden()
    find(more, "--batch-size")
    assert shown(more) == ["batch_size"]
    find(more, "CARD bfloat16")  # of its explanation
    assert shown(more) == ["precision"]
    find(more, "one pass")  # of the meaning of a term in it
    assert shown(more) == []
    find(more, "no such thing")
    assert shown(more) == []
    expect(more.get_by_role("status")).to_have_text("No option fits.")
    assert_accessible(more.page)
    find(more, "")
    assert shown(more) == every
    expect(more.get_by_role("status")).to_be_empty()


def test_a_search_neither_sends_nor_spoils_the_form(more: Locator):
    page = more.page
    find(more, "decay")
    page.keyboard.press("Enter")
    expect(page.locator("#form-train .problem")).to_have_count(0)
    page.reload()
    expect(page.locator("#find-train")).to_have_value("")


def test_what_the_recipe_chooses_is_shown_where_an_option_is_open(more: Locator):
    page: Page = more.page
    rate, network = (
        page.locator("#recipe-train-learning_rate"),
        page.locator("#recipe-train-network"),
    )
    expect(rate).to_have_text("Recipe: 0.003")
    expect(network).to_have_text("Recipe: small18")
    field(page, "train", "recipe").select_option("protocol")
    expect(rate).to_have_text("Recipe: 0.0001")
    expect(page.locator("#recipe-train-epochs")).to_have_text("Recipe: 512")
    field(page, "train", "learning_rate").fill("0.01")
    expect(rate).to_be_hidden()
    field(page, "train", "network").select_option("small10")
    expect(network).to_be_hidden()
    field(page, "train", "network").select_option("auto")
    expect(network).to_have_text("Recipe: resnet50")
    described = field(page, "train", "network").get_attribute("aria-describedby")
    assert "recipe-train-network" in described.split()
