"""Likely mislabelled cells of a run: their labels corrected, or confirmed, one after another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import flask
from flask import request

from deepometry.cells.labels.hand_schema import NONE
from deepometry.cells.labels.label_folder import parsed_home
from deepometry.core.user_folders import user_name
from deepometry.web.cells.cell_rows import CellRows, rows_of
from deepometry.web.cells.label_doubts import has_doubts
from deepometry.web.cells.views import run_of
from deepometry.web.labelling.answers import sent_json
from deepometry.web.labelling.views import blueprint
from deepometry.web.results.output import Gone, Output
from deepometry.web.results.shared import is_here

if TYPE_CHECKING:
    from deepometry.cells.dataset import Dataset
    from deepometry.cells.labels.hands import HandLabels

_SHOWN = 240  # cells


@blueprint.get("/check/<id>.json")
def check(id: str) -> dict[str, Any]:
    """Say what some cells of a run are labelled and predicted as, and what was decided."""
    from deepometry.cells.label_corrections import find_corrections

    output, rows, dataset = _asked(id)
    asked = [int(text) for text in request.args.get("rows", "").split(",") if text.isdecimal()]
    labels = find_corrections(dataset, _target(output))
    return _told(rows, dataset, labels, asked[:_SHOWN])


@blueprint.post("/check/<id>")
def decide(id: str) -> dict[str, Any]:
    """Decide what the label of a cell is; the first time, begin the labels that have decisions.

    Without a label, the decision is taken back.
    """
    from deepometry.cells.hand_labels import names_at_home
    from deepometry.cells.label_corrections import open_corrections, settle

    output, rows, dataset = _asked(id)
    sent = sent_json()
    row, label, who = int(sent.get("row", -1)), str(sent.get("label", "")), str(sent.get("who", ""))
    (cell,) = names_at_home(dataset, [rows.name(row)])
    labels = open_corrections(dataset, _target(output))
    if label:
        settle(labels, {cell: label}, who)
    else:
        labels.give([cell], None, who, settles=True)
    return _told(rows, dataset, labels, [row])


def _asked(id: str) -> tuple[Output, CellRows, Dataset]:
    output = run_of(id)
    if not has_doubts(output):
        flask.abort(404)
    rows = rows_of(output)
    if isinstance(rows.cells, str):
        raise Gone(rows.cells)
    return output, rows, rows.cells.dataset


def _target(output: Output) -> str:
    return str(output.record.get("target") or output.option("target"))


def _told(
    rows: CellRows, dataset: Dataset, labels: HandLabels | None, asked: list[int]
) -> dict[str, Any]:
    """Describe the cells of some rows, and the decisions so far."""
    lines = rows.table.rows(asked) if rows.table else []
    decided = _decided(rows, dataset, labels, asked)
    cells = {
        str(row): {
            "label": line["true_label"],
            "suggested": line[rows.predicted_column],
            "decided": decided.get(row, ""),
        }
        for row, line in zip(asked, lines, strict=True)
    }
    corrected, confirmed = labels.decisions() if labels else (0, 0)
    return {
        "cells": cells,
        "corrected": corrected,
        "confirmed": confirmed,
        "name": labels.name if labels else "",
        "home": str(parsed_home(dataset.root)),
        "who": user_name() if is_here() else "",
    }


def _decided(
    rows: CellRows, dataset: Dataset, labels: HandLabels | None, asked: list[int]
) -> dict[int, str]:
    """Return what was settled on, by row."""
    from deepometry.cells.hand_labels import names_at_home
    from deepometry.cells.identity import cell_key

    if labels is None or not asked:
        return {}
    keys = [cell_key(*name) for name in names_at_home(dataset, [rows.name(row) for row in asked])]
    names = {each.id: each.name for each in labels.class_list}
    standing = labels.standing_of(keys)
    settled = dict(zip(standing.keys.tolist(), standing.settled(names).tolist(), strict=True))
    pairs = zip(asked, (settled.get(key, NONE) for key in keys), strict=True)
    return {row: names[id] for row, id in pairs if id != NONE}
