"""Answers of the blueprint `browse`: partials of the page, and work that is asked for again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, current_app, render_template, request

from deepometry.web.browse.background import MOMENT, Task

blueprint = Blueprint("browse", __name__)


def answer(template: str, **values: Any) -> Response:
    """Render a partial; names that are no valid text are spelled out, not a reason to fail."""
    text = render_template(template, page=page_id(), **values)
    response = Response(text.encode("utf-8", "backslashreplace"), mimetype="text/html")
    response.headers["Cache-Control"] = "no-store"
    return response


def page_id() -> str:
    return request.args.get("page", "")[:64]


def ask(
    key: tuple[Any, ...],
    work: Callable[[Task], Any],
    keep: float,
    watcher: str = "",
    tasks: str = "browse",
) -> Task:
    """Return the work of a key a moment after it was asked for.

    Each open page has one question of a sort, or of a watcher, at a time.
    """
    asking = f"{watcher or key[0]} {page_id()}"
    task: Task = current_app.extensions[tasks].ask(key, work, asking, keep)
    task.wait(MOMENT)
    return task
