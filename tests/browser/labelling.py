"""The labelling page as a user works on it."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page, expect

READY = "#labelling[data-ready]"
FRAMED = "#cells .is-framed"
TILE = "#cells .b-tile"


def begin(page: Page, name: str, classes: list[str]) -> None:
    """Begin new labels on the page that offers some."""
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("Classes", exact=True).fill(", ".join(classes))
    page.get_by_role("button", name="Begin").click()
    expect(page.locator(READY)).to_be_attached()


def label_by_keys(page: Page, keys: dict[str, str], count: int) -> None:
    """Press for every framed cell the key of the class that its folder names."""
    for _ in range(count):
        wait_for_next(page)
        page.keyboard.press(keys[folder_of(page)])


def wait_for_next(page: Page) -> None:
    """Wait until a cell without a label is framed."""
    unlabelled = f"() => document.querySelector('{FRAMED}')?.matches(':not(.is-labelled)')"
    page.wait_for_function(unlabelled)


def folder_of(page: Page) -> str:
    """Return the class in the name of the folder of the framed cell."""
    source = page.locator(f"{FRAMED} .sr").text_content().split(" of ", 1)[1]
    return Path(source.split(",")[0]).parent.name.removeprefix("Class ")


def saved(page: Page) -> None:
    """Wait until all labels are saved."""
    expect(page.locator("[data-of=saved]")).to_have_text("All labels saved")


def note(page: Page):
    """The line above the cells."""
    return page.locator("[data-of=note]")
