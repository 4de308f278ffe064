"""What the runs of a comparison are called in its tables and legends."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from deepometry.core.steps import STEPS
from deepometry.projects.run_facts import own_facts


def names_of(runs: Sequence[tuple[Path, str]]) -> list[str]:
    """Name runs, given by folder and step, as lists do; add the folder where several are equal."""
    names = [str(own_facts(place, STEPS[step]).get("name") or place.name) for place, step in runs]
    folders = [place for place, _ in runs]
    paths = _paths(folders)
    told = [
        name if names.count(name) == 1 else path if name == folder.name else f"{name} ({path})"
        for name, folder, path in zip(names, folders, paths, strict=True)
    ]
    return told if len(set(told)) == len(told) else paths


def _paths(folders: Sequence[Path]) -> list[str]:
    """Return the name of each folder, with as many above as make it unlike the others."""
    parts = [folder.absolute().parts for folder in folders]
    for depth in range(1, 1 + max(map(len, parts))):
        names = ["/".join(each[-depth:]) for each in parts]
        if len(set(names)) == len(names):
            return names
    return [*map(str, folders)]
