"""How names are read by a pattern that the user entered."""

from __future__ import annotations

from deepometry.core.errors import OptionsError
from deepometry.core.folder_names import natural_key
from deepometry.core.name_pattern import CELL, NamePattern, parse_pattern
from deepometry.core.options.fields import settings
from deepometry.core.options.parse import ParseOptions
from deepometry.core.text import counted
from deepometry.images.file_names.naming import Folders, Naming

LABEL = settings(ParseOptions)["pattern"][0].label
"""What the page calls the option."""


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
        raise OptionsError({"pattern": f"{LABEL}: {error}"}) from error


def by_pattern(folders: Folders, text: str) -> Naming:
    """Read the names of an input by a pattern.

    Raises
    ------
    OptionsError
        It is no pattern, matches no file, or gives two files the same cell and channel.
    """
    naming = Naming(pattern=checked_pattern(text))
    names = [name for part in naming.regrouped(folders).values() for name in part]
    if names and not any(map(naming.split, names)):
        message = (
            f"{LABEL}: expected one that the file names match, found {text!r}, which none of "
            f"the {counted(len(names), 'file')}, such as {min(names, key=natural_key)}, does; "
            "correct it."
        )
        raise OptionsError({"pattern": message})
    naming.learn(folders)
    _check_unique(naming, folders)
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
        f"{LABEL}: expected one that makes a cell and a channel of every file, found "
        f"{pattern.text!r}, which makes both {names[0]} and {names[1]}{place} {what}; put what "
        "differs into {cell} or {channel}."
    )
    return OptionsError({"pattern": message})
