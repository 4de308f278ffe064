"""Which reading of file names is right, where that is clear; a question where it is not."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from deepometry.core.name_pattern import join_parts
from deepometry.images.file_names.field_readings import (
    FieldReading,
    Fit,
    Reading,
    field_readings,
    fit,
)
from deepometry.images.file_names.judge import Verdict, judge_field, judge_marks
from deepometry.images.file_names.marked_names import NAMED, MarkReading, mark_readings

_MOST_FOLDERS = 200
"""Folders that are looked at one by one, where their names have nothing in common."""

_IDEAS = re.compile(
    r"(?:(?P<base>.+)[_\- .])?(?P<channel>(?:ch|channel)0*[0-9]{1,4})", re.IGNORECASE | re.DOTALL
)

Folders = Sequence[Sequence[str]]


@dataclass(frozen=True)
class IdeasReading:
    """Names that end in the number of a channel, such as `cell_12_Ch3`, or are nothing else."""

    def key(self, stem: str) -> tuple[str, str] | None:
        """Return cell and channel."""
        return self.split(stem)

    def split(self, stem: str) -> tuple[str, str] | None:
        """Return cell, which may be blank, and channel."""
        match = _IDEAS.fullmatch(stem) if stem[-1:].isdigit() else None
        return (match["base"] or "", match["channel"]) if match else None


@dataclass
class Candidates:
    """What the names may mean.

    Attributes
    ----------
    certain : Reading or None
        The right reading.
    possible : list of Reading
        Others, the likeliest first; a question where none is certain.
    """

    certain: Reading | None = None
    possible: list[Reading] = field(default_factory=list)


@dataclass(frozen=True)
class _Judged:
    reading: Reading
    fit: Fit
    verdict: Verdict


def recognise(folders: Folders) -> Candidates:
    """Find the right reading of names, given without suffixes, folder by folder."""
    marked = list(_marked(folders))
    files = sum(map(len, folders))
    best = _best(marked)
    if best and best.fit.files >= 0.95 * files:
        return _choose(best, marked)
    fields = list(_fields(folders))
    if not fields and not best and 1 < len(folders) <= _MOST_FOLDERS:
        fields = [each for stems in folders for each in _fields([stems])]
    better = _best(fields)
    if better and (best is None or better.fit.joined > best.fit.joined):
        return Candidates(better.reading)
    if best:
        return _choose(best, marked)
    return Candidates(possible=_distinct([*marked, *fields]))


def _best(judged: Sequence[_Judged]) -> _Judged | None:
    certain = [each for each in judged if each.verdict == Verdict.CERTAIN]
    return max(certain, key=_rank, default=None)


def _rank(judged: _Judged) -> int:
    """Rank by the files that are explained; of equals the first counts."""
    return judged.fit.joined


def _choose(best: _Judged, marked: Sequence[_Judged]) -> Candidates:
    """Take the best reading, unless another one by known names explains the files as well."""
    rivals = [
        each
        for each in marked
        if each.verdict == Verdict.CERTAIN
        and _kind(each) == _kind(best) == NAMED
        and each.fit.joined == best.fit.joined
    ]
    possible = _distinct([best, *rivals])
    return Candidates(best.reading) if len(possible) == 1 else Candidates(possible=possible)


def _kind(judged: _Judged) -> str:
    return judged.reading.kind if isinstance(judged.reading, MarkReading) else ""


def _distinct(judged: Sequence[_Judged]) -> list[Reading]:
    """Return the possible readings that make different cells, those of most files first."""
    different: dict[frozenset[int], _Judged] = {}
    for each in judged:
        if each.verdict > Verdict.NO:
            different.setdefault(each.fit.groups, each)
    return [each.reading for each in sorted(different.values(), key=lambda each: -_rank(each))]


def _marked(folders: Folders) -> Iterator[_Judged]:
    for reading in mark_readings(folders):
        if example := _example(reading, folders):
            found = fit(reading, folders)
            yield _Judged(reading, found, judge_marks(reading, found, example))


def _fields(folders: Folders) -> Iterator[_Judged]:
    seen: set[frozenset[int]] = set()
    for reading in field_readings(folders):
        found = fit(reading, folders)
        if found.groups in seen or not (example := _example(reading, folders)):
            continue
        seen.add(found.groups)
        verdict = judge_field(reading, found, example)
        if verdict > Verdict.NO:
            yield _Judged(reading.limited(found.values), found, verdict)


def _example(reading: Reading, folders: Folders) -> str:
    """Return a name that has a channel; blank if there is none."""
    names = (stem for stems in folders for stem in stems if reading.key(stem))
    return next(names, "")


# --- the pattern of a reading --------------------------------------------------------------------


def patterns_of(reading: Reading, folders: Folders) -> Iterator[str]:
    """Yield patterns that may mean the same as a reading, the simplest first."""
    stem = _example(reading, folders)
    found = _around(reading, stem)
    if found is None:
        return
    before, behind = found
    yield _pattern("{cell}", before, behind)
    for fields in (True, False):
        first, last = _by_fields(before) if fields else "{cell}", _by_fields(behind)
        yield _pattern("{cell}", before, behind, first, last)
    yield _pattern("{cell}", before, behind, _by_fields(before), "{cell}")


def _around(reading: Reading, stem: str) -> tuple[str, str] | None:
    """Return what stands before and behind the channel in a name."""
    if isinstance(reading, FieldReading):
        parts = reading.parts(stem)
        return (parts[0], parts[2]) if parts else None
    if isinstance(reading, MarkReading):
        marks = reading.chosen(stem)
        return (stem[: marks[0].start], stem[marks[-1].end :]) if marks else None
    return None


def _pattern(cell: str, before: str, behind: str, first: str = "", last: str = "") -> str:
    """Write a pattern with the separators of a name on both sides of the channel."""
    start, end = join_parts(before, ""), join_parts("", behind)
    front = (first or cell) + before[len(start) :] if start else before
    back = behind[: len(behind) - len(end)] + (last or cell) if end else behind
    return f"{front}{{channel}}{back}"


def _by_fields(text: str) -> str:
    """Write `{cell}` for every field between separators."""
    fields = re.split(r"([\W_]+)", join_parts("", join_parts(text, "")))
    return "".join("{cell}" if n % 2 == 0 else gap for n, gap in enumerate(fields))
