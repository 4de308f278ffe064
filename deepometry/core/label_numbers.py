"""Labels that are numbers: `1`, `-20`, `0.5`, `1e-3`, or `10 uM` where all have one unit."""

from __future__ import annotations

import re
from collections.abc import Sequence

from deepometry.core.errors import OptionsError
from deepometry.core.text import shortened

_NUMBER = re.compile(
    r"(?P<number>[-+]?(?:\d+(?:[.,]\d+)?|\.\d+)(?:[eE][-+]?\d+)?)\s*(?P<unit>[^\d\s.,+-][^\d]*)?"
)
_THOUSANDS = re.compile(r"[-+]?\d{1,3},\d{3}")  # or a fraction: nobody can tell
_NAMED = 3  # labels in a message


def read_number(label: str) -> tuple[float, str] | None:
    """Read a label as a number and its unit; None where it is none.

    A comma is a decimal point, but for `1,000`, which may mean two numbers and is none.
    """
    match = _NUMBER.fullmatch(label.strip())
    if match is None or _THOUSANDS.fullmatch(match["number"]):
        return None
    return float(match["number"].replace(",", ".")), (match["unit"] or "").strip()


def read_numbers(labels: Sequence[str], target: str, learn_as: str) -> tuple[list[float], str]:
    """Read all labels of a target as numbers, and their unit.

    Parameters
    ----------
    labels : sequence of str
    target, learn_as : str
        Name of the target and what it is to be learnt as, for messages.

    Raises
    ------
    OptionsError
        A label is no number, or they have several units.
    """
    numbers = [read_number(label) for label in labels]
    wrong = [label for label, number in zip(labels, numbers, strict=True) if number is None]
    if wrong:
        raise _wrong(f"values of {target} that are numbers", shortened(wrong, _NAMED), learn_as)
    units = list(dict.fromkeys(number[1] for number in numbers if number is not None))
    if len(units) > 1:
        named = " and ".join(f"the unit {unit}" if unit else "no unit" for unit in units[:2])
        raise _wrong(f"values of {target} in one unit", named, learn_as)
    return [number[0] for number in numbers if number is not None], (units or [""])[0]


def _wrong(expected: str, found: str, learn_as: str) -> OptionsError:
    advice = "rename the folders, or learn them as classes"
    text = f"Learn as {learn_as}: expected {expected}, found {found}; {advice}."
    return OptionsError({"learn_as": text})
