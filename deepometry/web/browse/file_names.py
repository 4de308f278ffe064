"""How the names of image files are read: the line under the pattern, while it is being typed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from deepometry.core.errors import DeepometryError, Question
from deepometry.core.options.fields import settings
from deepometry.core.options.parse import ParseOptions
from deepometry.web.browse.background import Task
from deepometry.web.browse.check_path import Finding

MOST_NAMES = 200_000
"""Files beyond which only the first ones are looked at."""

_LABEL = settings(ParseOptions)["pattern"][0].label


@dataclass(frozen=True)
class Names:
    """The names of the image files in each folder; `capped` if there may be more."""

    folders: Mapping[tuple[str, ...], Sequence[str]]
    capped: bool


def find_names(path: Path, task: Task) -> Names:
    """Read the names below a folder; no file is opened."""
    from deepometry.images.readers.archive import is_archive
    from deepometry.images.readers.find import image_names

    if path.is_file() and not is_archive(path):
        return Names({}, False)
    folders = image_names(path, task.progress, MOST_NAMES)
    return Names(folders, sum(map(len, folders.values())) >= MOST_NAMES)


def preview(names: Names, pattern: str, task: Task) -> Finding:
    """Describe how files are taken by a pattern, or without one, or what is wrong."""
    from deepometry.images.file_names.by_pattern import checked_pattern
    from deepometry.images.file_names.cell_counts import count_cells
    from deepometry.images.file_names.choose_naming import choose_naming
    from deepometry.images.file_names.masks import masks_left_out, split_masks
    from deepometry.images.readers.buckets import without_events

    if not any(names.folders.values()):
        return Finding("", "")
    try:
        images, masks = split_masks(names.folders, checked_pattern(pattern))
        folders = images if pattern else without_events(images)
        naming = choose_naming(folders, pattern)
    except DeepometryError as error:
        text = str(error).removeprefix(f"{_LABEL}: ")
        state = "warn" if isinstance(error, Question) else "bad"
        return Finding(state, text[:1].upper() + text[1:])
    text = count_cells(naming, images)
    first = f"Of the first {MOST_NAMES:,} files: " if names.capped else ""
    unmatched = naming.pattern and not all(
        naming.split(name) for part in naming.regrouped(images).values() for name in part
    )
    told = f"{first}{text}. {masks_left_out(masks)}".rstrip()
    return Finding("warn" if unmatched else "good", told)
