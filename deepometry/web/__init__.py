"""The page on the user's own computer: one form per step, one job per run, and its results.

Nothing here imports Keras or TensorFlow: every run is a process of its own.
"""

from __future__ import annotations

import mimetypes
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flask import Flask

from deepometry import __version__
from deepometry.web.http_server import LARGEST_BODY

_HERE = Path(__file__).resolve().parent
# Windows takes these from its registry, where other programs may have changed them; with the
# header `nosniff` a browser then refuses the page's own scripts and styles
_TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}


def _place(name: str) -> Path:
    """Find a folder of the page: inside the installed package, or at the top of a checkout."""
    installed = _HERE / name
    return installed if installed.is_dir() else _HERE.parents[1] / name


def create_app(config: Mapping[str, Any] | None = None) -> Flask:
    """Make the web application.

    Parameters
    ----------
    config : mapping, optional
        `HOME` (Path): folder of the user's state, by default that of the platform. `TOKEN` (str):
        what the opened address must carry, unless the connection is proven to be the user's; a
        random one by default, none for tests. `SHARED` (bool): whether the token lets in other
        accounts of this computer, too. `ON_UNKNOWN` (callable): called when somebody without the
        token was refused. `HOSTS` (iterable of str) and `PORT` (int): what the browser may call
        this server, by default this computer and any port. Anything else is for Flask.

    Returns
    -------
    Flask
        `app.extensions["jobs"]` runs the jobs; call its `start()` before serving.
    """
    app = Flask(__name__, template_folder=str(_place("templates")), static_folder=None)
    app.static_folder = str(_place("static"))
    for suffix, kind in _TYPES.items():
        mimetypes.add_type(kind, suffix)
    app.add_url_rule("/static/<path:filename>", "static", app.send_static_file)
    app.config.from_mapping(
        SECRET_KEY=secrets.token_bytes(32),
        MAX_CONTENT_LENGTH=LARGEST_BODY,
        SESSION_COOKIE_SAMESITE="Strict",
        WTF_CSRF_TIME_LIMIT=None,  # a page may stay open for days
        TOKEN=None,
        SHARED=False,
        ON_UNKNOWN=lambda: None,
        PORT=None,
    )
    app.config.update(config or {})
    if app.config["TOKEN"] is None and not app.config["TESTING"]:
        app.config["TOKEN"] = secrets.token_urlsafe()  # nobody unknown comes in by omission
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.context_processor(lambda: {"version": __version__})
    _assemble(app)
    return app


def _assemble(app: Flask) -> None:
    from deepometry.core.user_folders import state_folder
    from deepometry.web import (
        cells,
        cleaning,
        compare,
        error_pages,
        explorer,
        labelling,
        page,
        results,
        security,
        text_filters,
    )
    from deepometry.web.browse import cell_views  # noqa: F401  adds its addresses to the blueprint
    from deepometry.web.browse import views as browse
    from deepometry.web.jobs import event_stream
    from deepometry.web.jobs.queue import Jobs
    from deepometry.web.projects import views as projects

    home = Path(app.config.get("HOME") or state_folder())
    app.extensions["home"] = home
    app.extensions["jobs"] = Jobs(home / "jobs")
    security.protect(app)
    error_pages.register(app)
    text_filters.register(app)
    for module in (
        page,
        event_stream,
        browse,
        projects,
        results,
        compare,
        explorer,
        cells,
        labelling,
        cleaning,
    ):
        app.register_blueprint(module.blueprint)


def main(port: int = 5000, browser: bool = True, host: str = "127.0.0.1") -> None:
    """Serve the page until Ctrl-C, and open it in the browser.

    Parameters
    ----------
    port : int
        The first port to try; the next free one is taken when another program has it.
    browser : bool
        Whether to open the page.
    host : str
        Address to listen on. Beyond this computer (anything but loopback), and where the system
        does not tell whose a connection is (Windows, macOS), the address that is printed carries
        a token, without which nothing is served to anybody but the user.

    Raises
    ------
    DeepometryError
        The address is not one of this computer, or no port is free.
    """
    from deepometry.web.serve import serve

    serve(port, browser, host)
