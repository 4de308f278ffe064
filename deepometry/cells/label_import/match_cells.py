"""Which cell a row of a foreign table is about: by whole names, never by parts of them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TypeVar

import numpy as np

from deepometry.core.errors import DeepometryError
from deepometry.core.folder_names import parse_name
from deepometry.core.name_pattern import stem_of
from deepometry.core.safe_names import safe_name
from deepometry.core.text import shortened

_EXAMPLES = 3
_NUMBER = re.compile(r"0*(\d+)(?:\.0+)?")

_Key = TypeVar("_Key", str, tuple[str, str])
Identities = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Match:
    """Where the cells of a table are.

    Attributes
    ----------
    cells : ndarray of int64, shape (rows,)
        Index of the cell of each row; -1 where there is none, -2 where it might be several.
    unmatched : tuple of str
        Examples of rows without a cell.
    ambiguous : tuple of str
        Examples of rows that might be several cells.
    """

    cells: np.ndarray
    unmatched: tuple[str, ...]
    ambiguous: tuple[str, ...]


class Files:
    """Finds a source by the name of its file, or the end of its path.

    Parameters
    ----------
    sources : iterable of str
        Paths, with forward slashes, as parsed cells name them.
    """

    def __init__(self, sources: Iterable[str]) -> None:
        self._by_name: dict[str, list[str]] = {}
        self._by_path: dict[tuple[str, ...], list[str]] = {}
        for source in dict.fromkeys(sources):
            whole = tuple(part.casefold() for part in _parts(source))
            self._by_path.setdefault(whole, []).append(source)
            last = _parts(source)[-1]
            names = (last, stem_of(last), last.rpartition(".")[0] or last, safe_name(source))
            for name in dict.fromkeys(names):  # the last one as Export calls lists for FlowJo
                self._by_name.setdefault(name.casefold(), []).append(source)
        self._found: dict[str, list[str]] = {}
        depths = {len(whole) for whole in self._by_path}
        self._depth = depths.pop() if len(depths) == 1 else 0  # 0: they have several

    def find(self, text: str) -> list[str]:
        """Return the sources that a path may mean: those whose ends agree with it furthest."""
        if text not in self._found:
            self._found[text] = self._look(text)
        return self._found[text]

    def _look(self, text: str) -> list[str]:
        parts = _parts(text)
        if not parts:
            return []
        ending = tuple(part.casefold() for part in parts[-self._depth :])
        if self._depth and len(same := self._by_path.get(ending, [])) == 1:
            return same  # all of its folders agree: the usual case, and no other can agree further
        wanted = [
            source
            for source in self._by_name.get(parts[-1].casefold(), ())
            if not _contradict(_parts(source), parts)
        ]
        agreeing = {source: _agreeing(_parts(source), parts) for source in wanted}
        most = max(agreeing.values(), default=0)
        return [source for source, number in agreeing.items() if number == most]

    def belonging(self, texts: Iterable[str], base: Sequence[str]) -> set[str]:
        """Return the paths that may stay, of those that mean the same source though they differ.

        Of `plate 1/a.cif` and `plate 2/a.cif`, where `a.cif` was parsed, it is the one that agrees
        with the folders above (`base`); neither, if both agree equally well.
        """
        claims: dict[str, list[str]] = {}
        for text in texts:
            if len(found := self.find(text)) == 1:
                claims.setdefault(found[0], []).append(text)
        kept: set[str] = set()
        for source, several in claims.items():
            own = [*base, *_parts(source)]
            each = {text: _agreeing(own, _parts(text))[0] for text in several}
            best = [text for text in several if each[text] == max(each.values())]
            for text in several:
                rivals = [other for other in best if not _same_file(other, text)]
                if not rivals:
                    kept.add(text)
        return kept


def _contradict(source: Sequence[str], path: Sequence[str]) -> bool:
    """Return whether two paths have different values of a prefix, as `Day 1` and `Day 2`."""
    values: dict[str, str] = {}
    for name in source[:-1]:
        if parsed := _prefix(name):
            values[parsed[0]] = parsed[1]
    theirs = filter(None, map(_prefix, path[:-1]))
    return any(values.get(prefix, value) != value for prefix, value in theirs)


@lru_cache(4096)
def _prefix(name: str) -> tuple[str, str] | None:
    return parse_name(name.casefold())


def _same_file(one: str, other: str) -> bool:
    """Return whether two paths may be of one file: the shorter is the end of the longer."""
    a, b = ([part.casefold() for part in _parts(each)[-2::-1]] for each in (one, other))
    return all(x == y for x, y in zip(a, b, strict=False))


def _parts(path: str) -> list[str]:
    return [part for part in re.split(r"[\\/]+", _composed(path)) if part not in ("", ".", "..")]


def _composed(text: str) -> str:
    """Spell accents as one letter: macOS has them apart in names of files."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def _agreeing(source: Sequence[str], path: Sequence[str]) -> tuple[int, bool]:
    """Count folders that agree, from the file upwards; and whether the file has the same ending."""
    same = 0
    for mine, theirs in zip(source[-2::-1], path[-2::-1], strict=False):
        if mine.casefold() != theirs.casefold():
            break
        same += 1
    return same, source[-1].casefold() == path[-1].casefold()


def plain_object(text: str) -> str:
    """Write an object number as parsed cells do: 7 for `007` and `7.0`; names as they are."""
    match = _NUMBER.fullmatch(text)
    return match[1] if match else _composed(text)


class CellFinder:
    """Finds parsed cells by file and object, by the path of the image, or by object alone.

    Parameters
    ----------
    identities : sequence of (str, str)
        Source and object of each cell, all different.
    images : Path, optional
        Folder that was parsed, or the only file.
    """

    def __init__(self, identities: Identities, images: Path | None = None) -> None:
        self._identities = identities
        folder = images.parent if images and images.suffix and not images.is_dir() else images
        self._base = _parts(folder.as_posix()) if folder else []
        self._files = Files(source for source, _ in identities)
        self._examples = [f"{source}, object {name}" for source, name in identities[:_EXAMPLES]]

    @cached_property
    def _cells(self) -> dict[tuple[str, str], list[int]]:
        return _places((source, plain_object(name)) for source, name in self._identities)

    @cached_property
    def _objects(self) -> dict[str, list[int]]:
        return _places(plain_object(name) for _, name in self._identities)

    @cached_property
    def _of_source(self) -> dict[str, list[int]]:
        return _places(source for source, _ in self._identities)

    def by_both(self, file: str, name: str) -> list[int]:
        """Return the cells of a file and object."""
        found = self._files.find(file)
        return [cell for s in found for cell in self._cells.get((s, plain_object(name)), ())]

    def by_path(self, path: str) -> list[int]:
        """Return the cells of an image: of its file, or of the object that is named after it."""
        of_file = [cell for source in self._files.find(path) for cell in self._of_source[source]]
        if of_file:
            return of_file
        parts = _parts(path)
        named = self._objects.get(stem_of(parts[-1]), []) if parts else []
        return [c for c in named if not _contradict(_parts(self._identities[c][0]), parts)]

    def by_object(self, name: str) -> list[int]:
        """Return the cells with an object number, in whichever file."""
        return self._objects.get(plain_object(name), [])

    def match(self, columns: Mapping[str, Sequence[str]], how: str) -> Match:
        """Find the cells of all rows.

        Parameters
        ----------
        columns : dict of str to sequence of str
            `file` and `object`, as far as there are such columns.
        how : str
            `both`, `path` or `object`.
        """
        finders: dict[str, Callable[..., list[int]]] = {
            "both": self.by_both,
            "path": self.by_path,
            "object": self.by_object,
        }
        names = {"both": ("file", "object"), "path": ("file",), "object": ("object",)}[how]
        files = columns["file"] if how != "object" else ()
        known = {*files} - {text for text in {*files} if len(self._files.find(text)) == 1}
        known |= self._files.belonging({*files}, self._base)
        cells: list[int] = []
        lost: list[str] = []
        doubtful: list[str] = []
        for row in zip(*(columns[name] for name in names), strict=True):
            found = finders[how](*row) if how == "object" or row[0] in known else []
            cells.append(found[0] if len(found) == 1 else -2 if found else -1)
            if len(found) != 1:
                (doubtful if found else lost).append(", object ".join(row))
        return Match(np.array(cells, np.int64), _examples(lost), _examples(doubtful))

    def nothing_found(self, what: str, match: Match) -> DeepometryError:
        """Say that no row is about a parsed cell, with examples of both."""
        if match.ambiguous:
            return DeepometryError(
                f"{what}: expected rows that name one cell each, found rows that could be several, "
                f"such as {shortened(match.ambiguous)}; add a column with the file, or with its "
                "folders."
            )
        return DeepometryError(
            f"{what}: expected rows about the parsed cells, such as {_quoted(self._examples)}, "
            f"found none, only such as {_quoted(match.unmatched) or 'empty rows'}; name the File "
            "column and the Object column, or give the labels of these cells."
        )


def _places(keys: Iterable[_Key]) -> dict[_Key, list[int]]:
    places: dict[_Key, list[int]] = {}
    for place, key in enumerate(keys):
        places.setdefault(key, []).append(place)
    return places


def _quoted(names: Sequence[str]) -> str:
    return shortened([f"“{name}”" for name in names])


def _examples(rows: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(rows))[:_EXAMPLES]
