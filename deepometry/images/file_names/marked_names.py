"""The markers in file names: where `DAPI`, `Ch3`, `c0` stand, and readings that go by them."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from deepometry.core.name_pattern import join_parts
from deepometry.images.file_names.marker_words import MARKER, NUMBERED

WORD, LETTER, NAMED = "word", "letter", "named"
"""Kinds of marks: a number behind a word (`Ch3`) or a letter (`c0`), and a known name (`DAPI`)."""

_SAMPLE = 2_000
_MOST_FORMS = 2_000  # more of them are random names, of which only the ends are looked at
_AS_FORM = str.maketrans("123456789", "000000000")
_ENDS = re.compile(r"(?P<front>[^\W_]*)[\W_].*?(?P<end>[^\W_]*)", re.DOTALL)
_JOINING = re.compile(r"[-+/ ]|")  # between the two parts of one marker: PE-Cy7, CD3-FITC
_WORD_BEFORE = re.compile(r"(?<![^\W\d_])(?:channel|chan|ch|wv)[-_ ]?$", re.IGNORECASE)
_WORD_IN_FRONT = re.compile(r"(?:channel|chan|ch|wv)[-_ ]?(?=[^\W\d_])", re.IGNORECASE)
_OPEN, _CLOSED = "([{", ")]}"
_GAP = "\0"  # in place of a mark; no file name has it


class Span(NamedTuple):
    """Where a mark stands in a name."""

    kind: str
    start: int
    end: int


Spans = tuple[Span, ...]


class Marks:
    """Finds the marks of names. Names that differ in digits alone have them in the same places."""

    def __init__(self) -> None:
        self._forms: dict[str, Spans] = {}
        self._ends: dict[str, Spans] = {}

    def find(self, stem: str) -> Spans:
        """Return where the marks of a name are, from left to right."""
        form = stem.translate(_AS_FORM)
        spans = self._forms.get(form)
        if spans is None:
            few = len(self._forms) < _MOST_FORMS
            spans = self._forms[form] = find_spans(stem) if few else self._at_ends(stem)
        return spans

    def _at_ends(self, stem: str) -> Spans:
        match = _ENDS.fullmatch(stem)
        if match is None:
            return ()
        spans: Spans = ()
        for group in ("front", "end"):
            text, at = match[group], match.start(group)
            if text not in self._ends and len(self._ends) < _MOST_FORMS:
                self._ends[text] = find_spans(text)
            found = self._ends.get(text, ())
            spans += tuple(Span(kind, at + start, at + end) for kind, start, end in found)
        return spans


def find_spans(text: str) -> Spans:
    """Find the marks in a text; where they overlap, known markers count."""
    named = _merged([_with_word(match) for match in MARKER.finditer(text)], text)
    spans = [Span(NAMED, *_with_brackets(text, start, end)) for start, end in named]
    for match in NUMBERED.finditer(text):
        if all(match.end() <= start or match.start() >= end for _, start, end in spans):
            kind = WORD if match["word"] else LETTER
            spans.append(Span(kind, *_with_brackets(text, *match.span())))
    return tuple(sorted(spans, key=lambda span: span.start))


def _with_word(match: re.Match[str]) -> tuple[int, int]:
    """Add a word that says that it is a channel: `channel_DAPI`."""
    word = _WORD_BEFORE.search(match.string, 0, match.start())
    return (word.start() if word else match.start()), match.end()


def _merged(spans: Sequence[tuple[int, int]], text: str) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for start, end in spans:
        if merged and _JOINING.fullmatch(text[merged[-1][1] : start]):
            merged[-1] = (merged[-1][0], end)
        else:
            merged.append((start, end))
    return merged


def _with_brackets(text: str, start: int, end: int) -> tuple[int, int]:
    before, behind = text[start - 1 : start], text[end : end + 1]
    around = before and behind and before in _OPEN and behind in _CLOSED
    return (start - 1, end + 1) if around else (start, end)


@dataclass(frozen=True)
class MarkReading:
    """A reading of names by their marks.

    Attributes
    ----------
    kind : str
        Of the marks.
    only : str
        The kind of marks to choose from; blank for all.
    place : int or None
        Which of these is the channel: the first (0), the last (-1), or all of them together.
    ignored : set of str
        Marks, in lower case, that whole folders have in common: they are no channel.
    """

    kind: str
    only: str
    place: int | None
    ignored: frozenset[str]
    marks: Marks = field(repr=False)
    _chosen: dict[Spans, Spans] = field(default_factory=dict, repr=False)

    def chosen(self, stem: str) -> Spans:
        """Return the marks that are the channel."""
        spans = self.marks.find(stem)
        if self.ignored:
            spans = tuple(s for s in spans if stem[s.start : s.end].casefold() not in self.ignored)
        chosen = self._chosen.get(spans)
        if chosen is None:
            chosen = self._chosen[spans] = self._choose(spans)
        return chosen

    def _choose(self, spans: Spans) -> Spans:
        spans = tuple(span for span in spans if self.only in ("", span.kind))
        return spans if self.place is None or not spans else (spans[self.place],)

    def key(self, stem: str) -> tuple[str, str] | None:
        """Return what is the same for all channels of a cell, and the channel."""
        chosen = self.chosen(stem)
        if not chosen:
            return None
        rest, at = "", 0
        for _, start, end in chosen:
            rest += stem[at:start] + _GAP
            at = end
        return rest + stem[at:], _text_of(stem, chosen)

    def split(self, stem: str) -> tuple[str, str] | None:
        """Split a name into cell, which may be blank, and channel."""
        chosen = self.chosen(stem)
        if not chosen:
            return None
        cell, at = stem[: chosen[0].start], chosen[0].end
        for _, start, end in chosen[1:]:
            cell, at = join_parts(cell, stem[at:start]), end
        return join_parts(cell, stem[at:]), _text_of(stem, chosen)


def _text_of(stem: str, spans: Spans) -> str:
    """Return the channel; where it has a number and a name, the number is first."""
    if len(spans) > 1:
        spans = tuple(sorted(spans, key=lambda span: span.kind == NAMED))
    if len(spans) == 1:
        return _name_of(stem, spans[0])
    return " ".join(dict.fromkeys(_name_of(stem, span) for span in spans))


def _name_of(stem: str, span: Span) -> str:
    text = stem[span.start : span.end]
    if text[0] in _OPEN and text[-1] in _CLOSED:
        text = text[1:-1]
    word = _WORD_IN_FRONT.match(text) if span.kind == NAMED else None
    return text[word.end() :] if word else text


# --- which readings there are --------------------------------------------------------------------

# The kinds and the texts, in lower case, of the marks of a name
_Found = tuple[tuple[str, ...], tuple[str, ...]]


def mark_readings(folders: Sequence[Sequence[str]]) -> list[MarkReading]:
    """Return all readings by marks that differ, the likeliest first.

    Parameters
    ----------
    folders : sequence of sequences of str
        The names in each folder, without their suffixes.
    """
    marks = Marks()
    counts = [Counter(_found(marks, stem) for stem in stems) for stems in folders]
    ignored = _common(counts)
    found = {_without(each, ignored) for folder in counts for each in folder} - {((), ())}
    kinds = {each for each, _ in found}
    choices: list[tuple[str, str, int | None]] = (
        [(NAMED, "", None)] if _go_together([texts for _, texts in found]) else []
    )
    for kind in (WORD, NAMED, LETTER):
        most = max((each.count(kind) for each in kinds), default=0)
        choices += [(kind, kind, place) for place in ((-1, 0) if most > 1 else (-1,) * most)]
    if any(NAMED in each for each in kinds) and any({WORD, LETTER} & {*each} for each in kinds):
        choices.append((NAMED, "", -1))
    return [MarkReading(*choice, ignored, marks) for choice in choices]


def have_marks(folders: Sequence[Sequence[str]]) -> bool:
    """Return whether some names have marks, as far as a sample shows."""
    marks, number = Marks(), sum(map(len, folders))
    sample = (stem for stems in folders for stem in stems[:: max(1, number // _SAMPLE)])
    return any(map(marks.find, sample))


def _found(marks: Marks, stem: str) -> _Found:
    spans = marks.find(stem)
    if not spans:
        return (), ()
    kinds = tuple(kind for kind, _, _ in spans)
    return kinds, tuple(stem[start:end].casefold() for _, start, end in spans)


def _without(found: _Found, ignored: frozenset[str]) -> _Found:
    pairs = [(kind, text) for kind, text in zip(*found, strict=True) if text not in ignored]
    return tuple(kind for kind, _ in pairs), tuple(text for _, text in pairs)


def _common(counts: Sequence[Counter[_Found]]) -> frozenset[str]:
    """Find the marks that, wherever they occur, all names of the folder have."""
    common: set[str] = set()
    others: set[str] = set()
    for folder in counts:
        numbers: Counter[str] = Counter()
        for (_, texts), number in folder.items():
            numbers.update(dict.fromkeys(texts, number))
        for text, number in numbers.items():
            (common if number == folder.total() else others).add(text)
    return frozenset(common - others)


def _go_together(found: Sequence[tuple[str, ...]]) -> bool:
    """Return whether names have several marks that stand for the same channel: `Ch1_DAPI`."""
    partners: dict[tuple[int, str], set[tuple[str, ...]]] = defaultdict(set)
    for texts in found:
        if len(texts) == 1:
            return False
        for place, text in enumerate(texts):
            partners[place, text].add(texts)
    return bool(partners) and all(len(each) == 1 for each in partners.values())
