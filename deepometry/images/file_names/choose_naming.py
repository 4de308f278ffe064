"""The choice of how the file names of an input are read."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from deepometry.core.errors import Choice, OptionsError, Question
from deepometry.core.file_types import suffix_of
from deepometry.core.folder_names import natural_key
from deepometry.core.name_pattern import CELL, NamePattern, parse_pattern, stem_of
from deepometry.core.options.fields import settings
from deepometry.core.options.parse import ParseOptions
from deepometry.core.text import counted
from deepometry.images.file_names.cell_counts import count_cells
from deepometry.images.file_names.field_readings import Reading, fit
from deepometry.images.file_names.folder_channels import (
    FOLDERS_ARE_CELLS,
    FOLDERS_ARE_CHANNELS,
    are_cells,
    are_channels,
)
from deepometry.images.file_names.marked_names import have_marks
from deepometry.images.file_names.naming import Folders, Naming
from deepometry.images.file_names.recognise import (
    Candidates,
    IdeasReading,
    patterns_of,
    recognise,
)
from deepometry.images.file_names.unmarked import with_unmarked

_IDEAS = IdeasReading()
_LABEL = settings(ParseOptions)["pattern"][0].label
_MOST_CHOICES = 4
_LABELS = {FOLDERS_ARE_CHANNELS: "Folders are channels", FOLDERS_ARE_CELLS: "Folders are cells"}
_EXAMPLES = 3
_MOST_COMPARED = 5_000
_GAPS = re.compile(r"[\W_]+")
_IDS = (
    re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE),
    re.compile(
        r"(?<!\d)\d{4}-\d\d-\d\d[-_ T]+\d\d[-_.]?\d\d[-_.]?\d\d(?!\d)|(?<!\d)\d{6,17}(?!\d)"
    ),
)


@dataclass(frozen=True)
class _WithoutIds:
    """Reads names without the random numbers or times that some programs add to each file."""

    reading: Reading
    ids: re.Pattern[str]

    def key(self, stem: str) -> tuple[str, str] | None:
        """Return cell and channel."""
        return self.split(stem)

    def split(self, stem: str) -> tuple[str, str] | None:
        """Return cell and channel."""
        return self.reading.split(self.ids.sub("", stem))


def choose_naming(folders: Folders, pattern: str | None = None) -> Naming:
    """Find how the file names of an input are to be read.

    Parameters
    ----------
    folders : mapping of tuple of str to sequence of str
        The names of the files in each folder below the input.
    pattern : str, optional
        What the user entered; None to recognise it.

    Raises
    ------
    Question
        The names can be read in more than one way.
    OptionsError
        The pattern matches no file, or gives two files the same cell and channel.
    """
    if pattern:
        return _by_pattern(folders, pattern)
    stems = [[stem_of(name) for name in names] for names in folders.values()]
    readings, possible = _recognise(stems)
    texts: list[str] = []
    if not readings:
        texts += [FOLDERS_ARE_CHANNELS] * are_channels(folders)
        texts += [FOLDERS_ARE_CELLS] * are_cells(folders)
    texts = [text + _suffix(folders) for text in [*texts, *_patterns(possible, stems)]]
    if texts or possible:
        raise _question(folders, texts)
    return _learnt(Naming(readings), folders)


_Stems = Sequence[Sequence[str]]


def _recognise(stems: _Stems) -> tuple[list[Reading], list[Reading]]:
    """Return the right readings of names, and others that may be right."""
    left = [[stem for stem in part if not _IDEAS.split(stem)] for part in stems]
    ideas: list[Reading] = [_IDEAS] if sum(map(len, left)) < sum(map(len, stems)) else []
    if ideas and not fit(_IDEAS, stems).joined and (both := recognise(stems).certain):
        return [both], []  # such as 001_DAPI_Ch1, 001_PE_Ch2
    found = recognise(left)
    if not found.certain and (reading := _without_ids(left)):
        found = Candidates(reading)
    if plain := with_unmarked(found.certain, left):
        found = Candidates(plain)
    certain = [found.certain] if found.certain else []
    return [*ideas, *certain], found.possible


def _without_ids(stems: _Stems) -> Reading | None:
    """Find the reading of names that hold random numbers; None if the cells need them."""
    first = next((stem for part in stems for stem in part), "")
    for ids in _IDS:
        found = None
        without = [[ids.sub("", s) for s in part] for part in stems] if ids.search(first) else []
        if have_marks(without):
            found = recognise(without).certain
        if found is not None:
            reading = _WithoutIds(found, ids)
            splits = [(n, reading.split(stem)) for n, part in enumerate(stems) for stem in part]
            if len(set(splits)) == len(splits):
                return reading
    return None


def checked_pattern(text: str | None) -> NamePattern | None:
    """Read what the user entered as a pattern; None where that is nothing.

    Raises
    ------
    OptionsError
        It is no pattern.
    """
    try:
        return parse_pattern(text) if text else None
    except ValueError as error:
        raise OptionsError({"pattern": f"{_LABEL}: {error}"}) from error


def _by_pattern(folders: Folders, text: str) -> Naming:
    naming = Naming(pattern=checked_pattern(text))
    names = [name for part in naming.regrouped(folders).values() for name in part]
    if names and not any(map(naming.split, names)):
        message = (
            f"{_LABEL}: expected one that the file names match, found {text!r}, which none of "
            f"the {counted(len(names), 'file')}, such as {min(names, key=natural_key)}, does; "
            "correct it."
        )
        raise OptionsError({"pattern": message})
    naming = _learnt(naming, folders)
    _check_unique(naming, folders)
    return naming


def _learnt(naming: Naming, folders: Folders) -> Naming:
    naming.learn(folders)
    return naming


def _check_unique(naming: Naming, folders: Folders) -> None:
    """Raise an error if a pattern makes two files the same cell and channel."""
    if naming.pattern is None or naming.pattern.text == CELL:
        return
    for folder, names in naming.regrouped(folders).items():
        seen: dict[tuple[str, str], str] = {}
        for name in names:
            if parts := naming.split(name):
                first = seen.setdefault((parts[0], parts[1].casefold()), name)
                if first is not name:
                    raise _same(naming.pattern, "/".join(folder), (first, name), parts)


def _same(
    pattern: NamePattern, folder: str, names: tuple[str, str], parts: tuple[str, str]
) -> OptionsError:
    what = f"cell {parts[0]}" + f", channel {parts[1]}" * bool(parts[1])
    place = f" in {folder}" if folder else ""
    message = (
        f"{_LABEL}: expected one that makes a cell and a channel of every file, found "
        f"{pattern.text!r}, which makes both {names[0]} and {names[1]}{place} {what}; put what "
        "differs into {cell} or {channel}."
    )
    return OptionsError({"pattern": message})


# --- questions and summaries -------------------------------------------------------------------


def _suffix(folders: Folders) -> str:
    """Return the suffix of the files for a pattern; blank if there are several."""
    suffixes = {suffix_of(name) for names in folders.values() for name in names}
    return suffixes.pop() if len(suffixes) == 1 else ""


def _patterns(readings: Sequence[Reading], stems: _Stems) -> list[str]:
    """Return patterns that mean the same as the readings, as far as there are any."""
    every = [stem for part in stems for stem in part]
    some = every[:: max(1, len(every) // _MOST_COMPARED)]
    texts = []
    for reading in readings:
        texts += [text for text in patterns_of(reading, stems) if _agree(reading, text, some)][:1]
    return texts[:_MOST_CHOICES]


def _agree(reading: Reading, text: str, stems: Sequence[str]) -> bool:
    """Return whether a pattern makes the same of names as a reading, but for separators."""
    try:
        pattern = parse_pattern(text)
    except ValueError:  # too many placeholders
        return False
    return all(_plain(reading.split(stem)) == _plain(pattern.split(stem)) for stem in stems)


def _plain(parts: tuple[str, str] | None) -> tuple[str, str] | None:
    return (_GAPS.sub("_", parts[0]), parts[1]) if parts else None


def _question(folders: Folders, texts: Sequence[str]) -> Question:
    names = sorted((name for part in folders.values() for name in part), key=natural_key)
    shown = ", ".join(list(dict.fromkeys(names))[:_EXAMPLES])
    choices = [_choice(folders, text) for text in dict.fromkeys(texts)]
    message = (
        f"{_LABEL}: the names of {counted(len(names), 'file')}, such as {shown}, can be read in "
        "more than one way; say which part of a name is the cell, and which the channel."
    )
    return Question("pattern", message, [*choices, _choice(folders, CELL)])


def _choice(folders: Folders, text: str) -> Choice:
    naming = _by_pattern(folders, text)
    if text == CELL:
        return Choice(text, "Every file is a cell by itself", count_cells(naming, folders))
    label = _LABELS.get(text.partition(".")[0]) or f"Channels named by {_example(naming)}"
    return Choice(text, label, count_cells(naming, folders))


def _example(naming: Naming) -> str:
    return ", ".join(naming.markers[:_EXAMPLES])
