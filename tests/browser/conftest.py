"""One browser for all of these tests, and three servers: with no jobs, with results, at work."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.browser.protocol import Protocol
from tests.browser.server import Server
from tests.browser.watch import Watch

WIDE = {"width": 1600, "height": 1000}
# The window of the browser itself draws nothing; the rest is what Playwright switches off, too
WITHOUT = (
    *("WebUIOmniboxAimPopup", "WebUIOmniboxPopup", "AimEnabled", "LensOverlay", "MediaRouter"),
    *("HttpsUpgrades", "HttpsFirstBalancedModeAutoEnable", "OptimizationHints", "PaintHolding"),
    *("NetworkTimeServiceQuerying", "PreconnectToSearch", "AvoidUnnecessaryBeforeUnloadCheckSync"),
)
PATIENCE = 30  # seconds for what the page does by itself, on machines that are busy
_NAMES = ("chromium", "chromium-browser", "google-chrome")
_watches: dict[BrowserContext, Watch] = {}
_servers: list[Server] = []
_opened: list[BrowserContext] = []  # for one test, which has ended


def find_chromium() -> str | None:
    """Find the browser: the one that is asked for, or one of the system."""
    if chosen := os.environ.get("DEEPOMETRY_CHROMIUM"):
        return chosen
    return next(filter(None, map(shutil.which, _NAMES)), None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of a browser as slow."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """The browser."""
    found = find_chromium()
    if found is None:
        told = "no Chromium: install it, or name it in DEEPOMETRY_CHROMIUM"
        if os.environ.get("DEEPOMETRY_REQUIRE_BROWSER") == "1":
            pytest.fail(told)
        pytest.skip(told)
    expect.set_options(timeout=1000 * PATIENCE)
    with sync_playwright() as playwright:
        without = f"--disable-features={','.join(WITHOUT)}"
        browser = playwright.chromium.launch(executable_path=found, args=[without])
        yield browser
        browser.close()


def make_context(browser: Browser, **more) -> BrowserContext:
    """Make a window of a user, watched; see `clean`."""
    context = browser.new_context(**{"viewport": WIDE, "reduced_motion": "reduce", **more})
    context.set_default_timeout(1000 * PATIENCE)
    _watches[context] = Watch(context)
    return context


def close_context(context: BrowserContext) -> None:
    """Close a window."""
    context.close()
    del _watches[context]


def watch_of(page: Page) -> Watch:
    """Give what watches a page."""
    return _watches[page.context]


@pytest.fixture
def visit(chromium: Browser, clean: None) -> Iterator[Callable[..., Page]]:
    """Open the page of a server in a new window, which lasts as long as the test."""
    opened: list[BrowserContext] = []

    def open_page(server: Server, path: str = "", **more) -> Page:
        opened.append(make_context(chromium, **more))
        page = opened[-1].new_page()
        page.goto(server.place(path))
        return page

    yield open_page
    _opened.extend(opened)


@pytest.fixture(autouse=True)
def clean(request: pytest.FixtureRequest) -> Iterator[None]:
    """Hold every page that is open at the end of a test to what must hold on every page."""
    yield
    found = [told for watch in _watches.values() for told in watch.verdict()]
    pictures = _save_pages(_place_of(request.node)) if found else ()
    told = "\n".join([*found, *map(str, pictures)])
    while _opened:
        close_context(_opened.pop())
    assert not found, told


# --- servers -----------------------------------------------------------------------------------


@pytest.fixture(scope="package")
def make_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Server]]:
    """Start servers, each with a home of its own; they and their jobs end with the tests."""

    def make() -> Server:
        server = Server(tmp_path_factory.mktemp("server"))
        server.start()
        _servers.append(server)
        return server

    yield make
    while _servers:
        _servers.pop().end()


@pytest.fixture(scope="package")
def fresh(chromium: Browser, make_server: Callable[[], Server]) -> Server:
    """A server that no job was ever given to."""
    return make_server()


# --- the protocol, clicked through once --------------------------------------------------------


@pytest.fixture(scope="package")
def protocol(chromium: Browser, make_server: Callable[[], Server]) -> Iterator[Protocol]:
    """A page on which the protocol is clicked through, as far as tests ask for it."""
    context = make_context(chromium)
    yield Protocol(context.new_page(), make_server())
    close_context(context)


@pytest.fixture(scope="package")
def example(protocol: Protocol) -> Protocol:
    """The page once the example cells are made."""
    protocol.make_example()
    return protocol


@pytest.fixture(scope="package")
def parsed(example: Protocol) -> Protocol:
    """The page once the cells are parsed."""
    example.parse()
    return example


@pytest.fixture(scope="package")
def trained(parsed: Protocol) -> Protocol:
    """The page once a target is retrieved and a network trained."""
    parsed.retrieve()
    parsed.train()
    return parsed


@pytest.fixture(scope="package")
def predicted(trained: Protocol) -> Protocol:
    """The page once the cells held out are predicted."""
    trained.run("predict")
    return trained


@pytest.fixture(scope="package")
def extracted(predicted: Protocol) -> Protocol:
    """The page once their features are extracted, with the results of all steps."""
    predicted.run("extract")
    return predicted


# --- what is left to look at when a test fails -------------------------------------------------


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo):
    """Save what every open page shows, and the logs of the servers; say where they are."""
    report = yield
    if report.failed and _watches:
        place = _place_of(item)
        told = [*_save_pages(place), *_save_logs(place), *_tell_jobs()]
        report.sections.append(("what the browser showed", "\n".join(map(str, told))))
    return report


def _place_of(item: pytest.Item) -> Path:
    funcargs = getattr(item, "funcargs", {})
    if place := funcargs.get("tmp_path"):
        return place
    return item.session.config._tmp_path_factory.mktemp(re.sub(r"\W", "_", item.name)[:30])


def _save_pages(place: Path) -> Iterator[Path]:
    pages = [page for context in _watches for page in context.pages]
    for number, page in enumerate(pages):
        path = place / f"page_{number}.png"
        try:
            page.screenshot(path=path, full_page=True, timeout=10_000)
        except Exception as error:  # noqa: BLE001 - the failure itself is what must be told
            path = Path(f"(no picture of {page.url}: {error})")
        yield path


def _save_logs(place: Path) -> Iterator[Path]:
    for number, server in enumerate(_servers):
        yield Path(shutil.copy(server.log, place / f"server_{number}.log"))


def _tell_jobs() -> Iterator[str]:
    """Say how the last jobs of every server stand: what is not shown may not have happened."""
    for number, server in enumerate(_servers):
        for job in server.jobs()[:3]:
            yield f"server {number}: {job.verb} {job.state}, {job.text or job.error!r}"
