"""What the scripts of the labelling page ask for, and the labels that they send."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import flask
from flask import Response, request
from flask_wtf.csrf import generate_csrf

from deepometry.cells.labels.hand_schema import NONE
from deepometry.core.errors import DeepometryError
from deepometry.web.cells.views import channels_told
from deepometry.web.labelling.board import Board, Look
from deepometry.web.labelling.opened import asked_board, asked_home, places_of
from deepometry.web.labelling.shown import MOST, choose_cells
from deepometry.web.labelling.views import blueprint
from deepometry.web.results.output import Unknown

if TYPE_CHECKING:
    from deepometry.cells.labels.hand_log import Change


@blueprint.get("/token")
def token() -> dict[str, str]:
    """Send what proves that a change comes from the page, after the server was started anew."""
    return {"token": generate_csrf()}


# --- what is shown ------------------------------------------------------------------------------


@blueprint.get("/about.json")
def about() -> dict[str, Any]:
    """Describe cells and labels, or how far the cells are read."""
    task = places_of(asked_home())
    if not task.over:
        done, total, text, _ = task.reported
        return {"opening": {"done": done, "total": total, "text": text or "Reading the cells"}}
    board = asked_board()
    cells = board.places.cells
    sides = sorted({part.side for part in cells.dataset.parts if part.side}, reverse=True)
    told = {"frame": cells.dataset.frame, "channels": channels_told(cells), "sides": sides}
    return told | _told(board, board.look(who_asks()))


def who_asks() -> str:
    """Return the name of the annotator who asks."""
    return " ".join(request.args.get("who", "").split())


def _told(board: Board, look: Look) -> dict[str, Any]:
    """Describe the labels as they stand."""
    undo, redo = board.labels.can_turn(look.annotators.get(look.me, ""))
    counts = look.counts()
    given = {number: look.number(labels != NONE) for number, labels in look.given.items()}
    return {
        "classes": [asdict(each) | {"cells": counts[each.id]} for each in look.classes],
        "annotators": [
            {"id": number, "name": look.annotators[number], "cells": cells}
            for number, cells in given.items()
        ],
        "me": look.me,
        "cells": len(board),
        "labelled": look.number(look.labelled),
        "open": look.number(look.open),
        "settled": look.number(look.settled != NONE),
        "undo": undo,
        "redo": redo,
    }


@blueprint.get("/cells.json")
def cells() -> dict[str, Any]:
    """Send a screenful of cells and their labels."""
    board = asked_board()
    look = board.look(who_asks())
    screen = choose_cells(board, look, request.args)
    return _told(board, look) | {
        "shown": _described(board, look, screen.rows),
        "next": screen.next,
        "total": screen.total,
        "stamp": screen.stamp,
        "lasting": screen.lasting,
        "note": screen.note,
    }


def _described(board: Board, look: Look, rows: Sequence[int]) -> list[dict[str, Any]]:
    named = ((row, *board.places.rows.name(row)) for row in rows)
    return [{"row": row, "source": s, "object": o, **look.told(row)} for row, s, o in named]


@blueprint.get("/pixels.bin")
def pixels() -> Response:
    """Send the counts of some cells: float32, cell after cell, channel after channel."""
    cells = asked_board().places.cells
    rows = _numbers("rows", len(cells))
    columns = _numbers("channels", cells.dataset.depth)
    planes = cells.planes(rows, columns).astype("<f4")
    return Response(planes.tobytes(), mimetype="application/octet-stream")


def _numbers(name: str, below: int) -> list[int]:
    """Read numbers of an address, all of them below a limit."""
    texts = request.args.get(name, "").split(",")
    if len(texts) > MOST or not all(t.isdecimal() and int(t) < below for t in texts):
        raise Unknown(f"{name}: expected up to {MOST} numbers below {below}, found {texts[:5]}.")
    return [*map(int, texts)]


@blueprint.get("/agreement.json")
def agreement() -> dict[str, Any]:
    """Compare the annotators."""
    from deepometry.cells.labels.agreement import agreement_of

    told = agreement_of(asked_board().labels)
    return {"pairs": [vars(pair) for pair in told.pairs], "open": told.open}


# --- what is changed ----------------------------------------------------------------------------


def sent_json() -> dict[str, Any]:
    """Read what a script sent; raise `DeepometryError` if it is no object."""
    sent = request.get_json()
    if not isinstance(sent, dict):
        raise DeepometryError("Expected a JSON object; reload the page.")
    return sent


@blueprint.post("/give")
def give() -> dict[str, Any]:
    """Label cells, or take their labels away."""
    board, sent = asked_board(), sent_json()
    keys, label = _keys_of(sent), sent.get("label")
    change = board.labels.give(
        board.places.named(keys),
        None if label is None else int(label),
        _name_of(sent),
        bool(sent.get("settles")),
        _mark_of(sent),
    )
    return _changed(board, sent, change, keys)


@blueprint.post("/<any(undo, redo):turn>")
def turn(turn: str) -> dict[str, Any]:
    """Take back what an annotator did last, or do again what was taken back."""
    board, sent = asked_board(), sent_json()
    labels = board.labels
    change = (labels.undo if turn == "undo" else labels.redo)(_name_of(sent), _mark_of(sent))
    # the page took what it knew for the last change; another window may have made a later one
    return _changed(board, sent, change, _keys_of(sent))


def _keys_of(sent: dict[str, Any]) -> list[int]:
    return [int(key) for key in sent.get("cells", ())]


def _name_of(sent: dict[str, Any]) -> str:
    return str(sent.get("who", ""))


def _mark_of(sent: dict[str, Any]) -> str | None:
    return str(sent.get("mark", ""))[:64] or None


def _changed(
    board: Board, sent: dict[str, Any], change: Change, keys: Sequence[int]
) -> dict[str, Any]:
    """Describe the cells whose labels changed, and those that were asked about."""
    import numpy as np

    from deepometry.cells.identity import cell_keys

    look = board.look(_name_of(sent))
    own = cell_keys(*zip(*change.cells, strict=True)) if change.cells else np.zeros(0, np.uint64)
    all_keys = np.unique(np.concatenate([own, np.array(keys, np.uint64)]))
    _, rows = board.places.find(all_keys)
    shown = _described(board, look, rows[:MOST].tolist())
    return _told(board, look) | {"changed": len(change.cells), "shown": shown}


@blueprint.post("/classes")
def classes() -> dict[str, Any]:
    """Add, change, order or delete classes."""
    board, sent = asked_board(), sent_json()
    labels, id = board.labels, int(sent.get("id") or 0)
    what = sent.get("do")
    if what == "add":
        labels.add_class(str(sent.get("name", "")))
    elif what == "change":
        changes = {n: str(sent[n]) for n in ("name", "colour", "key") if n in sent}
        labels.change_class(id, **changes)
    elif what == "order":
        labels.order_classes([int(each) for each in sent.get("ids", ())])
    elif what == "delete":
        labels.delete_class(id)
    else:
        flask.abort(400)
    return _told(board, board.look(_name_of(sent)))
