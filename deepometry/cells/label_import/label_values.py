"""What the labels of a table are: classes, or numbers of one unit."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from deepometry.core.errors import OptionsError
from deepometry.core.folder_names import CLASSES, NUMBER
from deepometry.core.label_numbers import read_number
from deepometry.core.text import counted, shortened

_FEW = 20  # different whole numbers that are rather classes
_NAMED = 4  # in a sentence
_MISSING = frozenset(
    {"nan", "na", "n/a", "#n/a", "#nv", "<na>", "none", "null", "nil", "inf", "-inf", "+inf", "-"}
)
"""What programs write where there is no number."""
_DECIMAL_COMMA = re.compile(r"[-+]?(0|0?,\d+|\d+,(\d{1,2}|\d{4,}))\D*")

_Number = tuple[float, str]


@dataclass(frozen=True)
class LabelValues:
    """The labels of rows, as they are kept.

    Attributes
    ----------
    texts : list of str
        One a row; blank for none.
    kind : str
        `CLASSES` or `NUMBER`.
    notes : tuple of str
        Sentences on what a reader should look at.
    """

    texts: list[str]
    kind: str
    notes: tuple[str, ...]


def label_values(texts: Sequence[str], learn: str, commas: bool) -> LabelValues:
    """Decide whether labels are classes or numbers.

    Parameters
    ----------
    texts : sequence of str
        As they stand in a table; none is blank.
    learn : str
        `classes`, `number`, or `auto`: numbers where all are, and they are many or have decimals.
    commas : bool
        Whether commas are known to be decimal points.

    Raises
    ------
    OptionsError
        Labels that are to be numbers are none, or have several units.
    """
    counts = Counter(texts)
    read = _read([*counts], commas)
    wrong = [text for text, number in read.items() if number is None and not _missing(text)]
    numbers = {text: number for text, number in read.items() if number}
    if learn == NUMBER or (learn == "auto" and _look_like_numbers(numbers, wrong)):
        return _as_numbers(texts, numbers, wrong, counts)
    notes = _doubts(counts, read)
    if learn == "auto" and wrong and _look_like_numbers(numbers, []):
        notes.insert(0, f"They are classes, since {_quoted(wrong)} cannot be read as a number.")
    return LabelValues([*texts], CLASSES, tuple(notes))


def _read(texts: Sequence[str], commas: bool) -> dict[str, _Number | None]:
    """Read texts as numbers and units, with points or commas for decimals; None for no number."""
    commas = commas or any("," in text and _DECIMAL_COMMA.fullmatch(text) for text in texts)
    read = {text: read_number(_with_points(text, commas)) for text in texts}
    return {
        text: number if number and math.isfinite(number[0]) else None
        for text, number in read.items()
    }


def _with_points(text: str, commas: bool) -> str:
    """Write a number with a decimal point and nothing between thousands."""
    if "," in text and "." in text:
        thousands = "." if text.rindex(",") > text.rindex(".") else ","
        return text.replace(thousands, "").replace(",", ".")
    return text.replace(",", ".") if commas and text.count(",") == 1 else text


def _missing(text: str) -> bool:
    """Return whether a text says that there is no number, or none that can be learnt."""
    plain = text.casefold()
    if plain in _MISSING:
        return True
    number = read_number(text)
    return number is not None and not math.isfinite(number[0])


def _look_like_numbers(numbers: dict[str, _Number], wrong: Sequence[str]) -> bool:
    values = [value for value, _ in numbers.values()]
    many = len(values) > _FEW or any(not value.is_integer() for value in values)
    return bool(values) and not wrong and many


def _as_numbers(
    texts: Sequence[str], numbers: dict[str, _Number], wrong: Sequence[str], counts: Counter[str]
) -> LabelValues:
    """Write labels as numbers; raise `OptionsError` if they are none, or of several units."""
    units = list(dict.fromkeys(unit for _, unit in numbers.values()))
    if wrong or not numbers:
        found = repr((wrong or [*counts])[0])
        raise _refused(f"expected numbers, found {found}; choose classes, or clear it in the table")
    if len(units) > 1:
        named = " and ".join(f"the unit {unit}" if unit else "no unit" for unit in units[:2])
        raise _refused(f"expected numbers of one unit, found {named}; write all in one unit")
    kept = {text: f"{value:.15g}" for text, (value, _) in numbers.items()}
    missing = [text for text in counts if text not in numbers]
    rows = sum(counts[text] for text in missing)
    notes = f"{counted(rows, 'row')} without a number ({_quoted(missing)}) left out."
    return LabelValues([kept.get(t, "") for t in texts], NUMBER, (notes,) * bool(missing))


def _refused(what: str) -> OptionsError:
    return OptionsError({"learn": f"Labels are: {what}."})


def _doubts(counts: Counter[str], read: dict[str, _Number | None]) -> list[str]:
    """Return sentences on classes that may not be meant."""
    notes = []
    empty = [text for text in counts if text.casefold() in _MISSING]
    if empty:
        notes.append(
            f"{_quoted(empty)} {'is a class' if len(empty) == 1 else 'are classes'} here: clear "
            "such labels in the table if they mean that a cell has none."
        )
    alike: dict[str | float, list[str]] = {}
    for text in counts:
        number = read[text]
        alike.setdefault(number[0] if number and not number[1] else text.casefold(), []).append(
            text
        )
    if twins := [" and ".join(map(_quote, same)) for same in alike.values() if len(same) > 1]:
        notes.append(f"Classes that are spelled almost alike: {shortened(twins, _NAMED)}.")
    return notes


def _quote(text: str) -> str:
    return f"“{text}”"


def _quoted(texts: Sequence[str]) -> str:
    return shortened([*map(_quote, texts)], _NAMED)
