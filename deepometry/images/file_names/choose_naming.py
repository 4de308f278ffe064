"""The choice of how the file names of an input are read."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from deepometry.core.name_pattern import stem_of
from deepometry.images.file_names.by_pattern import by_pattern
from deepometry.images.file_names.field_readings import Reading, fit
from deepometry.images.file_names.folder_channels import (
    FOLDERS_ARE_CELLS,
    FOLDERS_ARE_CHANNELS,
    are_cells,
    are_channels,
)
from deepometry.images.file_names.marked_names import have_marks
from deepometry.images.file_names.naming import Folders, Naming
from deepometry.images.file_names.questions import question_of_readings, question_of_variants
from deepometry.images.file_names.recognise import Candidates, IdeasReading, recognise
from deepometry.images.file_names.unmarked import with_unmarked
from deepometry.images.file_names.variants import find_variants

_IDEAS = IdeasReading()
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
        return by_pattern(folders, pattern)
    stems = [[stem_of(name) for name in names] for names in folders.values()]
    readings, possible = _recognise(stems)
    texts: list[str] = []
    if not readings:
        texts += [FOLDERS_ARE_CHANNELS] * are_channels(folders)
        texts += [FOLDERS_ARE_CELLS] * are_cells(folders)
    if texts or possible:
        raise question_of_readings(folders, texts, possible, stems)
    naming = Naming(readings)
    naming.learn(folders)
    if variants := find_variants(naming.cell_names(folders), bool(readings)):
        raise question_of_variants(folders, naming, variants)
    return naming


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
