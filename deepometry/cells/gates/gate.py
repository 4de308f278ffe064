"""A gate: limits of features, all of which a cell has to keep to."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from deepometry.core.errors import DeepometryError, explain_os_error
from deepometry.core.folder_names import natural_key
from deepometry.core.result_files import GATES_FOLDER
from deepometry.core.run_records import own_record, provenance, write_json
from deepometry.core.safe_names import safe_name
from deepometry.core.text import shortened

STEP = "gate"


@dataclass(frozen=True)
class Limit:
    """The range of one feature.

    Attributes
    ----------
    feature : str
        Its name among the features of the parsed cells, such as `Area Ch1`.
    low, high : float
        The least and the largest value that a cell may have; -inf or inf where there is no limit.
    """

    feature: str
    low: float = -math.inf
    high: float = math.inf

    def __str__(self) -> str:
        ends = ("" if math.isinf(end) else f"{end:.6g}" for end in (self.low, self.high))
        return f"{self.feature} = {'..'.join(ends)}"

    def leaves_out(self, values: np.ndarray) -> np.ndarray:
        """Return which values lie outside, bool; one that is not known (NaN) does not."""
        return np.asarray((values < self.low) | (values > self.high))

    def plain(self) -> dict[str, Any]:
        """Return the limit as JSON has it."""
        ends = {"low": self.low, "high": self.high}
        return {"feature": self.feature, **{n: v for n, v in ends.items() if math.isfinite(v)}}


@dataclass(frozen=True)
class Gate:
    """A gate.

    Attributes
    ----------
    name : str
    limits : tuple of Limit
        A cell is inside where it keeps to all of them.
    origin : str
        Where the limits come from, in words, such as `proposed from the data`.
    """

    name: str
    limits: tuple[Limit, ...]
    origin: str

    def __str__(self) -> str:
        return f"{self.name}: {'; '.join(map(str, self.limits))}"

    def plain(self) -> dict[str, Any]:
        """Return the gate as JSON has it."""
        limits = [limit.plain() for limit in self.limits]
        return {"name": self.name, "origin": self.origin, "limits": limits}


def gate_path(home: Path, name: str) -> Path:
    """Return where a gate of parsed cells lies."""
    return home / GATES_FOLDER / f"{safe_name(name)}.json"


def write_gate(home: Path, gate: Gate, options: object) -> Path:
    """Write a gate to the folder that Parse wrote."""
    path = gate_path(home, gate.name)
    path.parent.mkdir(exist_ok=True)
    write_json(path, provenance(STEP, options) | gate.plain())
    return path


def remove_gate(home: Path, name: str) -> None:
    """Remove a gate of parsed cells; one that is gone already is no mistake."""
    path = gate_path(home, name)
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise explain_os_error(error, path) from error


def read_gate(path: Path) -> Gate | None:
    """Read a gate; None for a file of somebody else.

    Raises
    ------
    DeepometryError
        It is damaged.
    """
    record = own_record(path, STEP)
    if not record:
        return None
    try:
        return gate_of(record)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DeepometryError(
            f"{path}: expected name, origin and limits of a gate, each with feature, low and high, "
            f"found another content ({error}); make the gate again, or delete the file."
        ) from error


def gate_of(plain: Mapping[str, Any]) -> Gate:
    """Make a gate of what `Gate.plain` returned."""
    limits = (
        Limit(str(each["feature"]), _end(each, "low"), _end(each, "high"))
        for each in plain["limits"]
    )
    return Gate(str(plain["name"]), tuple(limits), str(plain["origin"]))


def _end(limit: dict[str, Any], name: str) -> float:
    return float(limit.get(name, -math.inf if name == "low" else math.inf))


def gates_of(home: Path) -> list[Gate]:
    """Read all gates of the folder that Parse wrote, by name."""
    place = home / GATES_FOLDER
    if not place.is_dir():
        return []
    files = (p for p in place.iterdir() if p.suffix == ".json" and not p.name.startswith("."))
    found = (read_gate(path) for path in sorted(files))
    return sorted((gate for gate in found if gate), key=lambda gate: natural_key(gate.name))


def named(gates: Sequence[Gate]) -> str:
    """Name gates in a sentence."""
    names = shortened([gate.name for gate in gates])
    return f"{'gate' if len(gates) == 1 else 'gates'} {names}"
