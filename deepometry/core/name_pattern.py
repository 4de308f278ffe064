"""Patterns of file names, such as `{cell}_{channel}.tif`: what names the cell, what the channel."""

from __future__ import annotations

import re
from dataclasses import dataclass

from deepometry.core.file_types import PLAIN_IMAGES

CELL, CHANNEL = "{cell}", "{channel}"
EXAMPLE = "{cell}_{channel}.tif"
_MOST_PARTS = 8  # placeholders: more of them can take very long to match
_SAME_KINDS = {"tiff": "tif", "jpeg": "jpg"}
_PART = re.compile(r"(\{[^{}]*\}|\*)")
_SEPARATORS = r"[\W_]+"
_BEHIND, _BEFORE = re.compile(f"{_SEPARATORS}$"), re.compile(f"^{_SEPARATORS}")


def stem_of(name: str) -> str:
    """Return a file name without the suffix of an image: `a` of `a.ome.tif`."""
    return _split_suffix(name)[0]


def _split_suffix(name: str) -> tuple[str, str]:
    """Split a file name into its stem and the kind of image, as `tif`; blank for another kind."""
    dot = name.rfind(".")
    kind = name[dot + 1 :].lower()
    if dot < 1 or not (kind == "*" or f".{kind}" in PLAIN_IMAGES):
        return name, ""
    end = dot - 4 if dot > 4 and name[dot - 4 : dot].lower() == ".ome" else dot
    return name[:end], _SAME_KINDS.get(kind, kind)


def join_parts(before: str, behind: str) -> str:
    """Join what stands before and behind the channel to the name of the cell.

    Separators beside the channel are left out: `cell_01` of `C1-cell_01`, `a_000` of `a_DAPI_000`.
    """
    first, last = _BEHIND.sub("", before), _BEFORE.sub("", behind)
    if not first or not last:
        return first or last
    gap = before[len(first) :] or behind[: len(behind) - len(last)]
    return f"{first}{gap[:1] or '_' * (first[-1].isdigit() and last[0].isdigit())}{last}"


@dataclass(frozen=True)
class NamePattern:
    """A pattern that was checked.

    Attributes
    ----------
    text : str
        As it was entered.
    depth : int
        Folders in front of the file name that it describes.
    has_channel : bool
        Whether a file is one channel of its cell, and not all of it.
    """

    text: str
    depth: int
    has_channel: bool
    kind: str
    _regex: re.Pattern[str]
    _cells: tuple[str, ...]

    def split(self, path: str) -> tuple[str, str] | None:
        """Split a path into cell and channel, which may be blank; None where it does not match.

        Parameters
        ----------
        path : str
            The file name, with the folders of `depth` in front of it.
        """
        stem, kind = _split_suffix(path)
        if self.kind not in ("", "*", kind):
            return None
        match = self._regex.fullmatch(stem)
        if match is None:
            return None
        parts = [match[name] for name in self._cells]
        cell = parts[0]
        for part in parts[1:]:
            cell = join_parts(f"{cell}_", part)
        return cell, match["channel"].strip() if self.has_channel else ""


def read_pattern(value: object) -> str:
    """Check the text of a pattern, as the reader of an option.

    Raises
    ------
    ValueError
        It cannot be used; the message says why.
    """
    return parse_pattern(str(value).strip()).text


def parse_pattern(text: str) -> NamePattern:
    """Read a pattern.

    Parameters
    ----------
    text : str
        `{cell}` takes as much of a name as it can, and may stand several times; `{channel}` takes
        as little as it can; `*`, or any other word in braces, is left out. Case and the spellings
        of a suffix (`.tif`, `.TIFF`, `.ome.tif`) do not matter; without a suffix all kinds match.

    Raises
    ------
    ValueError
        It has no `{cell}`, more than one `{channel}`, or too many placeholders.
    """
    body, kind = _split_suffix(text.strip().strip("\"'").replace("\\", "/"))
    parts = [part for part in _PART.split(body) if part]
    words = [part.lower() for part in parts if _PART.fullmatch(part)]
    _check_words(text, words)
    cells: list[str] = []
    regex = ""
    for part in parts:
        word = part.lower()
        if word == CELL:
            cells.append(f"cell{len(cells)}")
            regex += f"(?P<{cells[-1]}>[^/]+)"
        elif word == CHANNEL:
            regex += "(?P<channel>[^/]+?)"
        else:
            regex += "[^/]*?" if _PART.fullmatch(part) else re.escape(part)
    compiled = re.compile(regex, re.IGNORECASE | re.DOTALL)
    return NamePattern(text, body.count("/"), CHANNEL in words, kind, compiled, tuple(cells))


def _check_words(text: str, words: list[str]) -> None:
    if CELL not in words:
        raise ValueError(
            f"expected {CELL} in it for the name of the cell, such as {EXAMPLE}, found {text!r}."
        )
    if words.count(CHANNEL) > 1:
        raise ValueError(f"expected {CHANNEL} once, found it {words.count(CHANNEL)} times.")
    if len(words) > _MOST_PARTS:
        raise ValueError(f"expected at most {_MOST_PARTS} placeholders, found {len(words)}.")
