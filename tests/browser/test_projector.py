"""TensorBoard's projector in a browser, through the page's own address."""

from __future__ import annotations

import socket

from playwright.sync_api import Browser, expect

from deepometry.web import create_app
from deepometry.web.http_server import Server
from tests.browser.conftest import find_chromium
from tests.test_web_tensorboard import settled, write_features

# draws in 3-D where there is no graphics card
_DRAWING = ["--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist"]


def test_the_projector_draws_the_cells(chromium: Browser, tmp_path):
    app = create_app({"HOME": tmp_path / "home", "TESTING": True})
    server = Server(app, [socket.create_server(("127.0.0.1", 0))], threads=8)
    server.start()
    projectors, folder = app.extensions["projectors"], write_features(tmp_path / "features")
    projectors.start(folder)
    view = settled(projectors, folder)
    browser = chromium.browser_type.launch(executable_path=find_chromium(), args=_DRAWING)
    try:
        page = browser.new_page()
        violated: list[str] = []
        page.on("console", lambda said: violated.append(said.text))
        page.goto(f"http://localhost:{server.port}{view.url}")
        projector = page.frame_locator("iframe").frame_locator("iframe")
        expect(projector.get_by_text("Points: 60")).to_be_visible()
        assert not [text for text in violated if "Content Security Policy" in text]
    finally:
        browser.close()
        projectors.stop_all()
        app.extensions["jobs"].stop()
        assert server.close()
