"""The questions that names of files raise, and what would come of each answer."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from deepometry.core.errors import Choice, OptionsError, Question
from deepometry.core.file_types import suffix_of
from deepometry.core.folder_names import natural_key
from deepometry.core.name_pattern import CELL, CHANNEL, parse_pattern, stem_of
from deepometry.core.text import counted
from deepometry.images.file_names.by_pattern import LABEL, by_pattern
from deepometry.images.file_names.cell_counts import count_cells
from deepometry.images.file_names.field_readings import Reading
from deepometry.images.file_names.folder_channels import FOLDERS_ARE_CELLS, FOLDERS_ARE_CHANNELS
from deepometry.images.file_names.naming import Folders, Naming
from deepometry.images.file_names.recognise import patterns_of
from deepometry.images.file_names.variants import (
    Variant,
    pattern_of,
    pattern_of_all,
    pattern_of_channels,
)

_MOST_CHOICES = 4
_LABELS = {FOLDERS_ARE_CHANNELS: "Folders are channels", FOLDERS_ARE_CELLS: "Folders are cells"}
_EXAMPLES = 3
_MOST_COMPARED = 5_000
_GAPS = re.compile(r"[\W_]+")
_Names = dict[str, tuple[str, tuple[str, str]]]
_Stems = Sequence[Sequence[str]]


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


def question_of_readings(
    folders: Folders, texts: Sequence[str], readings: Sequence[Reading], stems: _Stems
) -> Question:
    """Ask which part of the names is the cell, and which the channel.

    Parameters
    ----------
    folders : mapping of tuple of str to sequence of str
        The names of the files in each folder below the input.
    texts : sequence of str
        Patterns of folders that may be right, without a suffix.
    readings : sequence of Reading
        Of names, which may be right; `stems` are the names without suffixes.
    """
    texts = [text + _suffix(folders) for text in [*texts, *_patterns(readings, stems)]]
    names = sorted((name for part in folders.values() for name in part), key=natural_key)
    shown = ", ".join(list(dict.fromkeys(names))[:_EXAMPLES])
    choices = [_choice(folders, text) for text in dict.fromkeys(texts)]
    message = (
        f"{LABEL}: the names of {counted(len(names), 'file')}, such as {shown}, can be read in "
        "more than one way; say which part of a name is the cell, and which the channel."
    )
    return Question("pattern", message, [*choices, _choice(folders, CELL)])


def question_of_variants(folders: Folders, naming: Naming, variants: Sequence[Variant]) -> Question:
    """Ask which of several images of a cell to take, or whether they are cells of their own."""
    names: _Names = {}  # of one file of each image
    for stem in (stem_of(name) for part in folders.values() for name in part):
        if parts := naming.split(stem):
            names.setdefault(parts[0], (stem, parts))
    images = [(each.value, pattern_of(each, *names[each.cell])) for each in variants]
    suffix, choices = _suffix(folders), []
    for value, text in images[: _MOST_CHOICES - 1]:
        if value and (choice := _usable(folders, f"{text}{suffix}")):
            choices.append(replace(choice, label=f"Only {value}: one image of each cell"))
    text = pattern_of_channels(variants, *names[variants[-1].cell])
    if CHANNEL in text and (choice := _usable(folders, f"{text}{suffix}")):
        choices.append(replace(choice, label="All are channels of one cell"))
    return Question("pattern", _about(variants), [*choices, _apart(folders, names, suffix)])


def _about(variants: Sequence[Variant]) -> str:
    shown = ", ".join(each.cell for each in variants[:_EXAMPLES])
    bare = (
        ""
        if all(each.value for each in variants)
        else (" (to take only those without an addition, move the others to another place)")
    )
    return (
        f"{LABEL}: names such as {shown} may be several images of one cell. As cells of their own "
        "they stand on both sides of every split, and scores are too good; say which images to "
        f"take{bare}."
    )


def _usable(folders: Folders, text: str) -> Choice | None:
    try:
        return _choice(folders, text)
    except OptionsError:  # it makes one cell of several files
        return None


def _apart(folders: Folders, names: _Names, suffix: str) -> Choice:
    """Return the choice of images as cells of their own, with the channels where they have some."""
    stem, parts = next(iter(names.values()))
    text = f"{pattern_of_all(stem, parts)}{suffix}"
    pattern = parse_pattern(text.removesuffix(suffix)) if parts[1] and CELL in text else None
    if pattern and all(_plain(pattern.split(s)) == _plain(p) for s, p in names.values()):
        return replace(_choice(folders, text), label="Every image is a cell by itself")
    return _choice(folders, CELL)


def _choice(folders: Folders, text: str) -> Choice:
    naming = by_pattern(folders, text)
    if text == CELL:
        return Choice(text, "Every file is a cell by itself", count_cells(naming, folders))
    label = _LABELS.get(text.partition(".")[0]) or f"Channels named by {_example(naming)}"
    return Choice(text, label, count_cells(naming, folders))


def _example(naming: Naming) -> str:
    return ", ".join(naming.markers[:_EXAMPLES])
