"""How sure it is that a reading of file names is right: certain, possible, or none."""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import IntEnum

from deepometry.images.file_names.field_readings import MOST_CHANNELS, FieldReading, Fit
from deepometry.images.file_names.marked_names import LETTER, NAMED, MarkReading
from deepometry.images.file_names.marker_words import (
    WAVELENGTHS,
    counts_others,
    is_marker,
    is_other,
    may_be_cells,
)

MOST_UNKNOWN = 16
"""Channels whose names nobody knows."""

_MOST_NUMBERED, _MOST_LETTERED = 12, 16
_CELL = r"(?<![^\W\d_])(?:cells?|ev|evt|events?|obj|objects?|roi|zelle|cellule|celula)[-_ .#]?\d"
_IMAGE = r"(?<![^\W\d_])(?:img|image|f|xy|t|z|fov|fields?|site|n|no|nr|id|idx)[-_ .#]?\d"
_CELL_ITSELF = re.compile(_CELL, re.IGNORECASE)
_CELL_WORD = re.compile(f"{_CELL}|{_IMAGE}|_ORG$", re.IGNORECASE)  # ZEN adds _ORG to its exports
_GROUP_WORD = re.compile(
    r"(?<![^\W\d_])(?:plate|well|sample|donor|patient|slide|day|exp|experiment|batch|dish|mouse|rep"
    r"|replicate|group|class|run|tube|p|d|s)[-_ .#]?\w",
    re.IGNORECASE,
)
_SITE = re.compile(r"(?<![^\W\d_])s\d", re.IGNORECASE)
_WELL = re.compile(r"[A-Pa-p](?:0?[1-9]|1\d|2[0-4])")
_LAST_WORD = re.compile(r"[^\W\d_]\W*_*$")
_DATE = re.compile(r"(?<!\d)(?:19|20)\d\d[-_. ]?\d\d[-_. ]?\d\d(?!\d)")
_TIME = re.compile(r"(?<!\d)\d\d[-_. ]\d\d[-_. ]\d\d$")
_MOST_OF_GROUP, _MOST_OF_IMAGE = 4, 6
_COLOUR_LETTERS = {"r", "g", "b"}
_PART_OF = re.compile(r"\d+of\d+")
_DIGITS = re.compile(r"\d+")
_DOSE = re.compile(r"\d+(?:[.,]\d+)?[-_ ]?(?:[munpµμ]M|[munpµμ]g|ng)")  # nM is no wavelength


class Verdict(IntEnum):
    """Whether a reading is right."""

    NO = 0
    POSSIBLE = 1
    CERTAIN = 2


def judge_marks(reading: MarkReading, fit: Fit, example: str) -> Verdict:
    """Judge a reading by marks; `example` is the name of a file with one."""
    if not fit.joined or len(fit.values) > MOST_CHANNELS:
        return Verdict.NO
    if reading.kind == LETTER:
        return _judge_letters(reading, fit, example)
    few = fit.joined < fit.files / 2 or (fit.cells > 2 and fit.complete < 0.6)
    if reading.kind == NAMED:
        in_front = reading.chosen(example)[0].start == 0
        cells = in_front and all(map(may_be_cells, fit.values))
        return Verdict.POSSIBLE if few or cells else Verdict.CERTAIN
    if fit.most == 1 and len(fit.values) > MOST_UNKNOWN:
        return Verdict.POSSIBLE
    return Verdict.POSSIBLE if few else Verdict.CERTAIN


def _judge_letters(reading: MarkReading, fit: Fit, example: str) -> Verdict:
    """Judge `c0`, `w1`, `d2`: the number may also be that of a cell, a well or a day."""
    numbers = sorted(int(_DIGITS.findall(value)[-1]) for value in fit.values)
    (mark,) = reading.chosen(example)
    text = example[mark.start : mark.end].casefold()
    rest = f"{example[: mark.start]} {example[mark.end :]}"
    if not re.search(r"\w", rest) or len(numbers) > _MOST_LETTERED or fit.joined < fit.files / 4:
        return Verdict.NO
    if mark.start == 0 and text.startswith("d"):
        return Verdict.NO
    of_imagej = mark.start == 0 and example[mark.end : mark.end + 1] == "-"
    in_front = mark.start == 0 and not of_imagej
    doubtful = (
        fit.joined < fit.files / 2
        or (fit.cells > 2 and fit.complete < 0.6)
        or numbers != list(range(numbers[0], numbers[0] + len(numbers)))
        or numbers[0] > 1
        or (text.startswith("d") and (numbers[0] != 0 or not _follows_digit(example, mark.start)))
        or (fit.most == 1 and not of_imagej)
        or not re.search(r"\d", rest)
    )
    of_site = text.startswith("w") or _follows_digit(example, mark.start)
    if _CELL_WORD.search(rest) or (of_site and _SITE.search(rest)):
        may_be_cells_of_image = len(numbers) > _MOST_OF_IMAGE and not _CELL_ITSELF.search(rest)
        return Verdict.POSSIBLE if doubtful or may_be_cells_of_image else Verdict.CERTAIN
    sure = (
        fit.most >= max(3, len(numbers) - 1)
        and len(_DIGITS.findall(text)[-1]) < 3
        and not in_front
        and not _GROUP_WORD.search(rest)
    )
    return Verdict.CERTAIN if sure and not doubtful else Verdict.POSSIBLE


def _follows_digit(text: str, place: int) -> bool:
    """Return whether a letter stands right behind a number, as in `A01f00d0`; `_d0` is a day."""
    return text[max(0, place - 1) : place].isdigit()


def judge_field(reading: FieldReading, fit: Fit, example: str) -> Verdict:
    """Judge a reading by the place in the name; `example` is the name of a file with a channel."""
    parts = reading.parts(example)
    if not fit.joined or not parts or fit.complete < 0.5 or fit.joined < fit.files / 2:
        return Verdict.NO
    if _DOSE.fullmatch(parts[1]):
        return Verdict.NO
    if all(value.isdecimal() for value in fit.values):
        return _judge_numbers(fit, parts, example)
    known = sum(map(is_marker, fit.values))
    if reading.in_front and (2 * known < len(fit.values) or all(map(may_be_cells, fit.values))):
        return Verdict.POSSIBLE if known else _judge_words(reading, fit)
    if set(fit.values) == _COLOUR_LETTERS:
        known = len(fit.values)
    if known and (2 * known >= len(fit.values) or fit.complete >= 0.75):
        return Verdict.CERTAIN
    if known:
        return Verdict.POSSIBLE
    return _judge_words(reading, fit)


def _judge_words(reading: FieldReading, fit: Fit) -> Verdict:
    """Judge names that nobody knows, such as `tumour`: they may also be types of cells."""
    if len(fit.values) > MOST_UNKNOWN or any(map(is_other, fit.values)) or fit.cells < 2:
        return Verdict.NO
    words = {_DIGITS.sub("", value).strip("_-. ") for value in fit.values}
    if len(words) == 1 and not all(map(_PART_OF.fullmatch, fit.values)):
        return _judge_counted(reading, fit, words.pop())
    letters = min(len(re.sub(r"[\W\d_]", "", value)) for value in fit.values)
    if letters == 0 or (letters == 1 and not reading.at_end):
        return Verdict.NO
    likely = fit.exact or (reading.at_end and fit.complete >= 0.75)
    return Verdict.POSSIBLE if likely else Verdict.NO


def _judge_counted(reading: FieldReading, fit: Fit, word: str) -> Verdict:
    """Judge words with numbers, such as `image1`, `image2`: all but their word is the same."""
    numbers = sorted(int(found[-1]) for value in fit.values if (found := _DIGITS.findall(value)))
    likely = (
        fit.exact
        and fit.most > 1
        and reading.at_end
        and word.isalpha()
        and not counts_others(word)
        and _are_in_turn(numbers)
    )
    return Verdict.POSSIBLE if likely else Verdict.NO


def _are_in_turn(numbers: Sequence[int]) -> bool:
    """Return whether numbers count few channels, from 0 or 1."""
    first, number = min(numbers, default=2), len(numbers)
    return first < 2 and number <= _MOST_NUMBERED and [*numbers] == [*range(first, first + number)]


def is_of_group(name: str) -> bool:
    """Return whether a name is that of a sample or a field, such as `donor1`, and not of a cell."""
    return bool(_GROUP_WORD.search(name)) and not _CELL_WORD.search(name)


def _judge_numbers(fit: Fit, parts: Sequence[str], example: str) -> Verdict:
    """Judge plain numbers: of lasers and filters, or counted from 0 or 1."""
    before, behind = parts[0], parts[2]
    if all(value in WAVELENGTHS for value in fit.values):
        return Verdict.CERTAIN if fit.exact and fit.most > 1 else Verdict.POSSIBLE
    numbers = sorted({int(value) for value in fit.values})
    padded = max(map(len, fit.values)) > 2
    if not _are_in_turn(numbers) or fit.most < 2 or (padded and not fit.exact):
        return Verdict.NO
    if not before and (padded or len(numbers) > fit.most):  # such as 001_a, 002_a, 003_a
        return Verdict.NO
    if _DATE.search(example) and (_TIME.search(example) or _DATE.search(before + parts[1])):
        return Verdict.NO
    if is_of_group(example) and len(numbers) > _MOST_OF_GROUP:
        return Verdict.NO
    # A number behind a word counts what the word says: `sample_1_007`
    of_word = _LAST_WORD.search(before) is not None
    of_well = _WELL.fullmatch(before.rstrip("_-. ")) is not None and not behind
    return Verdict.NO if of_word or of_well else Verdict.POSSIBLE
