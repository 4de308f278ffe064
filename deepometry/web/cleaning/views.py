"""Blueprint `cleaning`: the histograms below the form Cleaning, and what limits on them do."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, redirect, render_template, request, session, url_for
from werkzeug.wrappers import Response as AnyResponse

from deepometry.core.errors import DeepometryError
from deepometry.core.options.fields import whole
from deepometry.core.text import counted, percent
from deepometry.web.browse.histogram import histogram_of
from deepometry.web.cleaning.edges import edges_of
from deepometry.web.cleaning.gates import gates_told
from deepometry.web.cleaning.measured import Measured
from deepometry.web.cleaning.opened import asked_features, asked_home, opening, prepare
from deepometry.web.results.output import Unknown
from deepometry.web.results.shared import answer_error, picture

blueprint = Blueprint("cleaning", __name__, url_prefix="/cleaning")
blueprint.register_error_handler(DeepometryError, answer_error)
blueprint.record_once(lambda state: prepare(state.app))

_channel = whole(1, 9999)


@blueprint.get("/panel")
def panel() -> str:
    """Show a feature, the limits and the gates; while they are not known, ask again."""
    asked = {name: request.args.get(name, "") for name in ("path", "limits", "feature", "page")}
    try:
        if not asked["path"].strip():
            raise DeepometryError("Fill in Input location first, then press Histograms.")
        home = asked_home()
        task = opening(home)
        if not task.over:
            return render_template("cleaning/panel.html", **asked, reported=task.reported)
        if task.error:
            raise DeepometryError(task.error)
        return render_template("cleaning/panel.html", **{**asked, **_shown(task.found, asked)})
    except DeepometryError as error:
        return render_template("cleaning/panel.html", **asked, error=str(error))


def _shown(measured: Measured, asked: dict[str, str]) -> dict[str, Any]:
    """Choose the feature that is shown: as asked, that of the first limit, or the first one."""
    try:
        limited = [limit.feature for limit in measured.limits(asked["limits"])]
    except ValueError:  # the counts below say so
        limited = []
    wanted = [name for name in (asked["feature"], *limited) if name in measured.every]
    feature = (wanted or measured.every)[0]
    return {
        "measured": measured,
        "gates": gates_told(measured),
        **_drawn(measured, feature, asked["limits"]),
    }


@blueprint.get("/feature")
def feature() -> str:
    """Show the histogram of a feature."""
    measured, name = asked_features(), _asked_feature()
    drawn = _drawn(measured, name, request.args.get("limits", ""))
    return render_template("cleaning/feature.html", **drawn)


@blueprint.get("/counts")
def counts() -> str:
    """Show what the limits leave out, and cells on both sides of those of a feature."""
    found = _counts(asked_features(), _asked_feature(), request.args.get("limits", ""))
    return render_template("cleaning/counts.html", **found)


def _asked_feature() -> str:
    return request.args.get("feature", "")


def _drawn(measured: Measured, feature: str, text: str) -> dict[str, Any]:
    """Draw a feature, with its limits, and count."""
    found = _counts(measured, feature, text)
    ends = [end for limit, _ in found["limits"] if limit.feature == feature
            for end in (limit.low, limit.high)]  # fmt: skip
    return found | {"histogram": histogram_of(measured.column(feature), ends)}


def _counts(measured: Measured, feature: str, text: str) -> dict[str, Any]:
    """Count the cells outside of limits, each and all."""
    import numpy as np

    from deepometry.cells.gates.gate import Limit

    home = measured.home
    told: dict[str, Any] = {"path": home, "feature": feature, "column": measured.channel(feature)}
    try:
        limits = measured.limits(text)
    except ValueError as error:
        return told | {"wrong": str(error), "limits": [], "edges": []}
    each = [limit.leaves_out(measured.column(limit.feature)) for limit in limits]
    out = int(np.any([np.zeros(len(measured), bool), *each], 0).sum())
    own = next((limit for limit in limits if limit.feature == feature), Limit(feature))
    cells = counted(len(measured), "cell")
    return told | {
        "limits": [(limit, int(a.sum())) for limit, a in zip(limits, each, strict=True)],
        "all": f"{out:,} of {cells} ({percent(out / len(measured))})" if limits else "",
        "sampled": "" if measured.whole else f"{cells} of {len(measured.cells):,}, evenly chosen",
        "edges": edges_of(measured, own),
    }


@blueprint.get("/cell/<int:row>.png")
def cell(row: int) -> Response:
    """Draw a cell in one channel."""
    cells = asked_features().cells
    column = request.args.get("column", 0, type=int)
    if row >= len(cells) or column not in range(cells.dataset.depth):
        raise Unknown(f"There is no cell {row} with a channel {column}.")
    return picture(cells.picture(row, column))


@blueprint.get("/proposal.json")
def proposal() -> dict[str, str]:
    """Propose limits as the step does, of the cells that are measured."""
    from deepometry.classical.cleaning.propose import folders_of, proposal_channel, propose

    measured, asked = asked_features(), request.args.get("channel", "").strip()
    dataset = measured.cells.dataset
    try:
        channel = proposal_channel(dataset, _channel(asked) if asked else None)
    except ValueError as error:
        raise DeepometryError(f"Channel: {error}") from error
    folders = folders_of(dataset)[1][measured.rows]
    limits = propose(measured.column, measured.own, channel, folders)
    return {"limits": "; ".join(map(str, limits))}


# --- gates --------------------------------------------------------------------------------------


@blueprint.post("/remove")
def remove() -> str:
    """Remove a gate, and show those that are left."""
    from deepometry.cells.gates.gate import remove_gate

    measured = asked_features()
    remove_gate(measured.home, request.form.get("name", ""))
    return render_template(
        "cleaning/gates.html", gates=gates_told(measured), path=measured.home, removed=True
    )


@blueprint.get("/form")
def form() -> AnyResponse:
    """Open the form Cleaning with cells, limits and a name filled in."""
    asked = request.args
    entered = {"input": asked.get("path", ""), "limits": asked.get("limits", ""), "like": ""}
    if asked.get("gate"):
        entered["gate"] = asked["gate"]
    session["entered"] = {"gate": entered}
    return redirect(url_for("pages.index", _anchor="step-gate"))
