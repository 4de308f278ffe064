"""The gates that parsed cells have, as the form Cleaning lists them."""

from __future__ import annotations

from dataclasses import dataclass

from deepometry.web.cleaning.measured import Measured


@dataclass(frozen=True)
class GateTold:
    """A gate in words.

    Attributes
    ----------
    name, origin : str
    limits : str
        As the field Limits takes them.
    gated_out : int or None
        Cells that it leaves out; None where that is not known until the step runs again.
    """

    name: str
    origin: str
    limits: str
    gated_out: int | None


def gates_told(measured: Measured) -> list[GateTold]:
    """List the gates of parsed cells."""
    import numpy as np

    from deepometry.cells.gates.gate import gates_of

    told = []
    for gate in gates_of(measured.home):
        known = measured.whole and {limit.feature for limit in gate.limits} <= {*measured.every}
        each = [limit.leaves_out(measured.column(limit.feature)) for limit in gate.limits * known]
        out = int(np.any(each, 0).sum()) if each else None
        told.append(GateTold(gate.name, gate.origin, "; ".join(map(str, gate.limits)), out))
    return told
