"""Gates of elsewhere: one to take over, and limits that a model learnt under and cells lack."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from deepometry.cells.gates.gate import STEP, Gate, Limit, gates_of, read_gate
from deepometry.cells.labels.label_folder import parsed_home
from deepometry.cells.model_description import find_model, models_in, read_description
from deepometry.core.errors import DeepometryError
from deepometry.core.result_files import BASELINE_MODEL_SUFFIX, MODEL_SUFFIX, record_of
from deepometry.core.text import shortened


def gate_like(place: Path, name: str | None) -> Gate:
    """Find a gate to take over: a file, the results of the step, a model, or other parsed cells.

    All gates that a model learnt under are one, since a cell had to lie inside of all of them.

    Raises
    ------
    DeepometryError
        There is none, or there are several of parsed cells and no name.
    """
    if place.suffix in (MODEL_SUFFIX, BASELINE_MODEL_SUFFIX) and place.is_file():
        return _of_model(place)
    file = place / record_of(STEP) if place.is_dir() else place
    gates = [*filter(None, [read_gate(file)])]
    if not gates and place.is_dir() and models_in(place):
        return _of_model(find_model(place))
    gates = gates or gates_of(parsed_home(place))
    if name and len(gates) > 1:
        gates = [gate for gate in gates if gate.name.casefold() == name.casefold()] or gates
    if len(gates) != 1:
        found = shortened([gate.name for gate in gates]) if gates else "none"
        raise DeepometryError(
            f"Like {place}: expected one gate, {'of this Name, ' * bool(name)}found {found}; give "
            "the file of a gate, a model that learnt from gated cells, or parsed cells and the "
            "name of one of their gates (Gate)."
        )
    return gates[0]


def _of_model(path: Path) -> Gate:
    gates = read_description(path).learnt_gates
    if not gates:
        raise DeepometryError(
            f"Like {path}: expected a model that learnt from gated cells, found one that learnt "
            "from cells without a gate; give Limits, or other parsed cells."
        )
    return Gate(shortened([gate.name for gate in gates]), limits_of(gates), f"those of {path.name}")


def limits_of(gates: Sequence[Gate]) -> tuple[Limit, ...]:
    """Return the limits of all gates together, one of each feature: a cell is inside of all."""
    found: dict[str, Limit] = {}
    for limit in (limit for gate in gates for limit in gate.limits):
        name = limit.feature.casefold()
        other = found.get(name, limit)
        low, high = max(other.low, limit.low), min(other.high, limit.high)
        found[name] = Limit(other.feature, low, high)
    return tuple(found.values())


def lacking(wanted: Sequence[Gate], there: Sequence[Gate]) -> tuple[Limit, ...]:
    """Return the limits of gates that other gates do not keep cells to, or to narrower ones."""
    kept = {limit.feature.casefold(): limit for limit in limits_of(there)}
    every = Limit("")
    return tuple(
        limit
        for limit in limits_of(wanted)
        if limit.low > (own := kept.get(limit.feature.casefold(), every)).low
        or limit.high < own.high
    )
