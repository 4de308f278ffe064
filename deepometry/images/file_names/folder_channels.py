"""Folders that hold a channel each, as `DAPI/001.tif`, or a cell each, as `cell_1/c0.tif`."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from deepometry.core.name_pattern import stem_of
from deepometry.images.file_names.marker_words import is_marker

FOLDERS_ARE_CHANNELS = "{channel}/{cell}"

FOLDERS_ARE_CELLS = "{cell}/{channel}"

_CELL = re.compile(r"(?:cells?|ev|evt|event|obj|object|roi|id|no|n)?[-_ .#]*\d+", re.IGNORECASE)
_FEWEST_CELLS, _MOST_CHANNELS = 3, 12
_LETTER = re.compile(r"[cwd]\d{1,2}", re.IGNORECASE)
_SHARED = 0.8
"""Share of the file names that the folders must have in common."""


def are_channels(folders: Mapping[tuple[str, ...], Sequence[str]]) -> bool:
    """Return whether sister folders have names of channels, and hold the same file names.

    They may be: a folder may also be a class, such as cells stained by one dye alone.
    """
    sisters: dict[tuple[str, ...], list[set[str]]] = defaultdict(list)
    for folder, names in folders.items():
        if names:
            if not folder or not (is_marker(folder[-1]) or _LETTER.fullmatch(folder[-1])):
                return False
            sisters[folder[:-1]].append({stem_of(name) for name in names})
    return bool(sisters) and all(_are_alike(each) for each in sisters.values())


def are_cells(folders: Mapping[tuple[str, ...], Sequence[str]]) -> bool:
    """Return whether folders are numbered as cells are, and hold the same few file names."""
    sets = [(folder, frozenset(map(stem_of, names))) for folder, names in folders.items() if names]
    if len(sets) < _FEWEST_CELLS or not all(f and _CELL.fullmatch(f[-1]) for f, _ in sets):
        return False
    common, number = Counter(names for _, names in sets).most_common(1)[0]
    return 1 < len(common) <= _MOST_CHANNELS and number >= _SHARED * len(sets)


def _are_alike(names: Sequence[set[str]]) -> bool:
    shared, every = set.intersection(*names), set.union(*names)
    return len(names) > 1 and len(shared) >= _SHARED * len(every)
