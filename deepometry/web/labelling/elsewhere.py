"""Labels of the cells of any run, wherever they are shown: read, given and taken back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from flask import request

from deepometry.cells.labels.hand_schema import NONE
from deepometry.cells.labels.label_folder import parsed_home
from deepometry.web.cells.cell_rows import CellRows, rows_of
from deepometry.web.cells.marked import read_bits
from deepometry.web.cells.views import run_of
from deepometry.web.labelling.views import blueprint
from deepometry.web.results.cell_pictures import Cells
from deepometry.web.results.output import Gone

if TYPE_CHECKING:
    from deepometry.cells.labels.hands import HandLabels

_BITS = "application/octet-stream"
_SHOWN = 240  # cells


@blueprint.get("/of/<id>.json")
def of_run(id: str) -> dict[str, Any]:
    """List the labels that the cells of a run can be given; none where its cells are not there."""
    from deepometry.cells.labels.hand_files import list_hand_labels

    cells = rows_of(run_of(id)).cells
    if isinstance(cells, str):
        return {"cells": "", "sets": []}
    home = parsed_home(cells.dataset.root)
    sets = [
        {"name": labels.name, "classes": [asdict(each) for each in labels.class_list]}
        for labels in list_hand_labels(home)
    ]
    return {"cells": str(home), "sets": sets}


@blueprint.get("/of/<id>/labels.json")
def labels_of_run(id: str) -> dict[str, Any]:
    """Send the labels of some cells of a run: the class that counts, by row; 0 for none."""
    rows = rows_of(run_of(id))
    asked = [text for text in request.args.get("rows", "").split(",") if text.isdecimal()]
    return _counted(rows, _labels(rows, request.args.get("name", "")), [*map(int, asked)][:_SHOWN])


def _labels(rows: CellRows, name: str) -> HandLabels:
    from deepometry.cells.labels.hand_files import find_hand_labels

    return find_hand_labels(parsed_home(_cells(rows).dataset.root), name)


def _cells(rows: CellRows) -> Cells:
    if isinstance(rows.cells, str):
        raise Gone(rows.cells)
    return rows.cells


def _counted(rows: CellRows, labels: HandLabels, chosen: Sequence[int]) -> dict[str, Any]:
    """Return which class counts of some cells."""
    from deepometry.cells.hand_labels import names_at_home
    from deepometry.cells.identity import cell_key

    named = names_at_home(_cells(rows).dataset, [rows.name(row) for row in chosen])
    keys = [cell_key(*each) for each in named]
    standing = labels.standing_of(keys)
    classes = [each.id for each in labels.class_list]
    counted = dict(zip(standing.keys.tolist(), standing.counted(classes).tolist(), strict=True))
    differs = dict(zip(standing.keys.tolist(), standing.differs(classes).tolist(), strict=True))
    return {
        "labels": {str(row): counted.get(key, NONE) for row, key in zip(chosen, keys, strict=True)},
        "differs": [row for row, key in zip(chosen, keys, strict=True) if differs.get(key, False)],
    }


@blueprint.post("/of/<id>/give")
def give_run(id: str) -> dict[str, Any]:
    """Label cells of a run: rows in JSON, or one bit a cell with all else in the address."""
    from deepometry.cells.hand_labels import names_at_home

    rows = rows_of(run_of(id))
    sent, named = _sent(rows)
    labels = _labels(rows, str(sent.get("name", "")))
    label = int(sent.get("label") or NONE) or None
    cells = names_at_home(_cells(rows).dataset, named)
    change = labels.give(cells, label, str(sent.get("who", "")))
    return {"changed": len(change.cells)}


def _sent(rows: CellRows) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """Read what was sent, and source and object of the chosen cells."""
    if request.mimetype == _BITS:
        return dict(request.args), rows.names.at(read_bits(request.get_data(), len(rows)))
    sent = request.get_json()
    return sent, rows.named([int(row) for row in sent.get("rows", ())])


@blueprint.post("/of/<id>/undo")
def undo_run(id: str) -> dict[str, Any]:
    """Take back what an annotator did last."""
    sent = request.get_json()
    labels = _labels(rows_of(run_of(id)), str(sent.get("name", "")))
    return {"changed": len(labels.undo(str(sent.get("who", ""))).cells)}
