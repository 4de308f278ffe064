"""Results of a baseline: its scores beside the network's, and the features that matter."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from deepometry.core.result_files import (
    BASELINE_PREFIX,
    BASELINE_RECORD,
    CROSS_VALIDATION_RECORD,
    LABEL_ERRORS_TABLE,
    PREDICTED_TABLE,
    VALIDATION_TABLE,
)
from deepometry.core.run_records import own_record
from deepometry.web.jobs.job import Job
from deepometry.web.results.audit import gates_in_words
from deepometry.web.results.charts import Chart, Charts, Series
from deepometry.web.results.groups import GROUPS_TAB, groups_chart, groups_in_words
from deepometry.web.results.main_scores import pair_facts
from deepometry.web.results.numbers import (
    against_true,
    against_true_tab,
    of_numbers,
    unit_of,
)
from deepometry.web.results.output import Output
from deepometry.web.results.predict import mislabelled_tab
from deepometry.web.results.tabs import Tab, written

_MOST_FEATURES = 25  # drawn
_CELLS = tuple(f"{BASELINE_PREFIX}{name}" for name in (PREDICTED_TABLE, VALIDATION_TABLE))


def view(job: Job, output: Output) -> dict[str, Any]:
    """Return what the results of a baseline show."""
    record = output.record
    baseline = {
        "model": str(record.get("model", "")),
        "scores": record.get("scores") or {},
        "validation": int((record.get("cells") or {}).get("validation", 0)),
        "features": int(record.get("features", 0)),
        "important": _important(record.get("important") or []),
        "kinds": record.get("kinds") or {},
        "comparison": record.get("comparison") or {},
        "warnings": record.get("warnings") or [],
        "folds": int((record.get("cross_validation") or {}).get("folds", 0)),
        "groups": groups_in_words(output),
        "number": of_numbers(output),
        "gates": gates_in_words((record.get("gated_out") or {}).get("gates") or []),
    }
    return {"baseline": baseline | _in_words(baseline, unit_of(output))}


def _in_words(baseline: Mapping[str, Any], unit: str) -> dict[str, Any]:
    """Return the main scores of a baseline, and of the network beside it, with their names."""
    kind = "Cross-validated" if baseline["folds"] else "Validation"
    facts = pair_facts(baseline["scores"], unit=unit, kind=kind)
    sides = [baseline["comparison"].get(name) or {} for name in ("network", "baseline")]
    rows = [pair_facts(side, unit=unit) for side in sides] if all(sides) else []
    compared = [[*one, other[1]] for one, other in zip(*rows, strict=True)] if rows else []
    return {"facts": facts, "compared": compared}


TABS = (
    GROUPS_TAB,
    mislabelled_tab(f"{BASELINE_PREFIX}{LABEL_ERRORS_TABLE}"),
    against_true_tab(view),
    Tab("cells", "Cells", "results/find.html", there=written(*_CELLS)),
    Tab("features", "Features", "results/baseline_features.html", view),
    Tab("model", "Model", "results/baseline_model.html", view),
)


def _important(entries: list[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return name, importance beside the first one's (0 to 1) and description of each feature."""
    losses = [max(0.0, float(each["importance"])) for each in entries]
    most = max([1e-12, *losses])
    return [
        {
            "name": each["feature"],
            "share": loss / most,
            "text": each["told"].removeprefix(f"{each['feature']}: "),
        }
        for each, loss in zip(entries, losses, strict=True)
    ]


def crossed_beside(output: Output) -> dict[str, float]:
    """Return the scores of a baseline in the same folds as a network; empty if there is none."""
    network = own_record(output.root / CROSS_VALIDATION_RECORD, "cross-validation")
    record = _record_beside(output, network.get("fingerprint"), "folds")
    return dict((record.get("cross_validation") or {}).get("scores") or {})


def scores_beside(output: Output, fingerprint: str) -> dict[str, float]:
    """Return the scores of a baseline of the same cells as a network; empty if there is none."""
    return dict(_record_beside(output, fingerprint, "validation").get("scores") or {})


def _record_beside(output: Output, fingerprint: str | None, split: str) -> Mapping[str, Any]:
    """Return the record of a baseline of the same cells, split alike; empty if there is none."""
    record = own_record(output.root / BASELINE_RECORD, "baseline")
    options = record.get("options") or {}
    same = all(options.get(name) == output.option(name) for name in ("seed", split, "group_by"))
    return record if same and record.get("fingerprint") == fingerprint else {}


def _importance(output: Output) -> Chart:
    """Return the features that matter most, by what shuffling them costs."""
    rows = (output.record.get("important") or [])[:_MOST_FEATURES]
    bars = Series("Importance", [float(each["importance"]) for each in rows])
    names = [str(each["feature"]) for each in rows]
    number = of_numbers(output)
    title = (
        "Features that the number depends on" if number else "Features that separate the classes"
    )
    return Chart(title, "Feature", "Increase of the loss", [bars], names, sideways=True)


CHARTS: Charts = {
    "importance": _importance,
    "against-true": against_true,
    "groups": groups_chart,
}
