"""What a prediction was made of, for those who must be sure of it: model, cells, versions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from deepometry.core.options.fields import settings
from deepometry.core.steps import STEPS
from deepometry.web.results.output import Output

Rows = list[tuple[str, str]]


def audit_of(output: Output) -> dict[str, Rows]:
    """Collect the origin, the options and the versions of a run, a row each."""
    record = output.record
    return {
        "Checks": _checks(record),
        "Options": option_rows(output),
        "Versions": [("Deepometry", str(record.get("deepometry", "")))]
        + [(str(name), str(value)) for name, value in (record.get("versions") or {}).items()]
        + [("Computer", str(record.get("platform", "")))],
    }


def _checks(record: Mapping[str, Any]) -> Rows:
    seen = record.get("seen") or {}
    rows = [("Model", record.get("model")), ("Intensities", record.get("likeness"))]
    if seen:
        rows += [
            ("Cells the model was trained on", f"{seen.get('training', 0):,}"),
            ("Cells it was validated on", f"{seen.get('validation', 0):,}"),
            ("Cells that are scored", f"{seen.get('scored', 0):,}"),
        ]
    gates = (record.get("gated_out") or {}).get("gates") or []
    rows += [("Gates of the model", gates_in_words(record.get("model_gates") or []))]
    rows += [("Gates of the cells", gates_in_words(gates))]
    temperature = record.get("temperature")
    if temperature is not None:
        rows.append(("Temperature of the probabilities", f"{temperature:.3f}"))
    rows.append(("Written", record.get("written")))
    return [(name, str(value)) for name, value in rows if value]


def gates_in_words(gates: Sequence[Mapping[str, Any]]) -> str:
    """Write gates that stand in a record; empty where there are none."""
    from deepometry.cells.gates.gate import gate_of  # NumPy takes long to load

    return ", and ".join(str(gate_of(gate)) for gate in gates)


def option_rows(output: Output, without: tuple[str, ...] = ()) -> Rows:
    """Return the options of a run by their labels, as text."""
    options: Mapping[str, Any] = output.record.get("options") or {}
    labels = {n: s.label for n, (s, _) in settings(STEPS[output.verb].options).items()}
    listed = [name for name in labels if name in options and name not in without]
    return [(labels[name], _in_words(options[name])) for name in listed]


def _in_words(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "not set" if value is None else str(value)
