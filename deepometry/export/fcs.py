"""Flow Cytometry Standard 3.1: one event a cell, written piece by piece.

Spidlen J, Moore W, Parks D, et al. Data File Standard for Flow Cytometry, version FCS 3.1.
Cytometry A 77, 97-100 (2010). https://doi.org/10.1002/cyto.a.20825
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from deepometry import __version__
from deepometry.export.select import Selection
from deepometry.export.table import CellTable
from deepometry.progress import Progress
from deepometry.stacks import unique_name

if TYPE_CHECKING:
    import pandas as pd

EXACT = 1 << 24
"""Largest number up to which float32 has every whole number."""

_DELIMITER = "\f"  # in no value, so that none must be doubled
_TEXT_AT = 256
_MOST_IN_HEADER = 99_999_999
_ROOM = 20  # digits of a number that is known at the end only
_MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]


@dataclass(frozen=True)
class Parameter:
    """A column of events.

    Attributes
    ----------
    name, title : str
        $PnN, which programs want short and plain, and $PnS, which may say anything.
    of : callable
        Gives its values out of the cells.
    """

    name: str
    title: str
    of: Callable[[pd.DataFrame], np.ndarray]


def write_fcs(
    path: Path, table: CellTable, features: Selection, name: str, progress: Progress
) -> list[str]:
    """Write an FCS file.

    Parameters
    ----------
    path : Path
        Where it is written.
    table : CellTable
    features : Selection
        Those that become parameters.
    name : str
        Of the file, as $FIL.
    progress : Progress
        Told about the cells; may cancel.

    Returns
    -------
    list of str
        What users should know of this file, a sentence each.

    Notes
    -----
    Parameters: Row (of the table, from 1), Object (-1 where it is not a number), File and Class
    (numbers from 1; 0 for a cell without a class), TrueClass where known, a probability of each
    class, coordinates, features. The keywords DEEPOMETRY_FILE_<number> and
    DEEPOMETRY_CLASS_<number> name files and classes.
    """
    columns = _parameters(table)
    names = _short_names([each.name for each in columns] + features.names)
    titles = [each.title for each in columns] + features.names
    watch = _Watch(len(names))
    with path.open("wb") as file:
        keywords = _keywords(table, name, titles, names)
        begin = _TEXT_AT + len(_text(_room(keywords)))
        file.seek(begin)
        with table.pieces(progress, "Writing events", features=bool(features)) as pieces:
            for piece in pieces:
                told = [each.of(piece.cells) for each in columns]
                beside = features.of(piece.features)
                events = np.column_stack([*told, beside]).astype("<f4")
                watch.see(events, piece.cells["object"])
                file.write(events.tobytes())
        _finish(file, keywords, begin, watch)
    return watch.notes(len(table))


class _Watch:
    """Remembers the largest value of each parameter, and which objects are told badly."""

    def __init__(self, width: int) -> None:
        self.low, self.high = np.zeros(width), np.zeros(width)
        self.rounded = self.unnumbered = 0

    def see(self, events: np.ndarray, objects: pd.Series) -> None:
        if len(events):
            filled = np.where(np.isfinite(events), events, 0)
            self.low = np.minimum(self.low, filled.min(0))
            self.high = np.maximum(self.high, filled.max(0))
        numbers = _object_numbers(objects)
        self.unnumbered += int((numbers < 0).sum())
        self.rounded += int((numbers.astype(np.float32).astype(np.float64) != numbers).sum())

    def range_of(self, place: int) -> str:
        """Give $PnR: more than every value."""
        return str(max(1, int(np.floor(self.high[place])) + 1))

    def notes(self, cells: int) -> list[str]:
        """Say what users should know."""
        told = []
        if self.rounded or cells > EXACT:
            told.append(
                f"FCS keeps whole numbers up to {EXACT:,} exactly; {self.rounded:,} object numbers "
                "are larger and were rounded: take them from a .csv or .parquet export."
            )
        if self.unnumbered:
            told.append(
                f"{self.unnumbered:,} cells have a name in place of an object number: Object is -1 "
                "for them; Row is the row of the table."
            )
        return told


def _object_numbers(objects: pd.Series) -> np.ndarray:
    """Read object numbers; -1 where the object has a name."""
    return np.array([int(o) if o.isdecimal() and len(o) < 19 else -1 for o in objects], np.float64)


def _parameters(table: CellTable) -> list[Parameter]:
    first = [
        Parameter("Row", "Row of the table", _Rows()),
        Parameter("Object", "Object number", lambda cells: _object_numbers(cells["object"])),
        Parameter("File", "Number of the source file", _coder("source", table.sources)),
    ]
    for name, title, column in (
        ("Class", "Number of the class given", table.label),
        ("TrueClass", "Number of the true class", "true_label"),
    ):
        if column in table.texts and column is not None:
            first.append(Parameter(name, title, _coder(column, table.classes)))
    for label, column in table.probabilities.items():
        first.append(Parameter(f"P_{label}", f"Probability of {label}", _filled(column)))
    drawn = {name for names in table.embeddings.values() for name in names}
    others = [n for n in table.numbers if n not in drawn | {*table.probabilities.values()}]
    return first + [Parameter(n, n, _plain(n)) for n in [*others, *sorted(drawn)]]


class _Rows:
    """Counts the cells from 1."""

    def __init__(self) -> None:
        self._done = 0

    def __call__(self, cells: pd.DataFrame) -> np.ndarray:
        found = np.arange(self._done + 1, self._done + len(cells) + 1, dtype=np.float64)
        self._done += len(cells)
        return found


def _coder(column: str, values: Sequence[str]) -> Callable[[pd.DataFrame], np.ndarray]:
    codes = {value: code for code, value in enumerate(values, 1)}
    return lambda cells: np.array([codes.get(value, 0) for value in cells[column]], np.float64)


def _plain(column: str) -> Callable[[pd.DataFrame], np.ndarray]:
    return lambda cells: cells[column].to_numpy(np.float64)


def _filled(column: str) -> Callable[[pd.DataFrame], np.ndarray]:
    """Give probabilities; 0 for a cell that was not predicted."""
    return lambda cells: np.nan_to_num(cells[column].to_numpy(np.float64))


def _short_names(names: Sequence[str]) -> list[str]:
    """Write names so that every program takes them: plain ASCII, no comma, each once."""
    used: set[str] = set()
    return [unique_name(_ascii(name), used) for name in names]


def _ascii(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9 ._-]+", "_", plain).strip() or "unnamed"


def _clean(value: str) -> str:
    """Write a value on one line, without control characters, and never empty."""
    return "".join(c if c.isprintable() else " " for c in value).strip() or " "


def _keywords(
    table: CellTable, name: str, titles: Sequence[str], names: Sequence[str]
) -> dict[str, str]:
    """Give the keywords; those that are known only at the end have room for what comes."""
    now = datetime.now()
    found = {
        "$BEGINANALYSIS": "0",
        "$ENDANALYSIS": "0",
        "$BEGINSTEXT": "0",
        "$ENDSTEXT": "0",
        "$BEGINDATA": "",
        "$ENDDATA": "",
        "$BYTEORD": "1,2,3,4",
        "$DATATYPE": "F",
        "$MODE": "L",
        "$NEXTDATA": "0",
        "$PAR": str(len(names)),
        "$TOT": str(len(table)),
        "$CYT": "Deepometry",
        "$DATE": f"{now.day:02}-{_MONTHS[now.month - 1]}-{now.year}",
        "$FIL": name,
        "$SYS": f"Deepometry {__version__}",
    }
    for number, (title, short) in enumerate(zip(titles, names, strict=True), 1):
        part = {"B": "32", "E": "0,0", "N": short, "S": title, "R": "", "G": "1"}
        found |= {f"$P{number}{letter}": value for letter, value in part.items()}
    found |= {f"DEEPOMETRY_FILE_{n}": each for n, each in enumerate(table.sources, 1)}
    found |= {f"DEEPOMETRY_CLASS_{n}": each for n, each in enumerate(table.classes, 1)}
    found["DEEPOMETRY_FOLDER"] = str(table.folder.absolute())
    return {key: _clean(value) for key, value in found.items()}


def _room(keywords: Mapping[str, str]) -> dict[str, str]:
    """Fill in what is not known yet, as long as it can become."""
    late = re.compile(r"\$(P\d+R|BEGINDATA|ENDDATA)")
    return {key: "0" * _ROOM if late.fullmatch(key) else told for key, told in keywords.items()}


def _text(keywords: Mapping[str, str]) -> bytes:
    """Write the TEXT segment."""
    parts = (f"{key}{_DELIMITER}{value}{_DELIMITER}" for key, value in keywords.items())
    return (_DELIMITER + "".join(parts)).encode("utf-8")


def _finish(file: BinaryIO, keywords: Mapping[str, str], begin: int, watch: _Watch) -> None:
    """Write the header and the text, now that all is known."""
    end = file.tell() - 1
    small = end <= _MOST_IN_HEADER
    told = dict(keywords) | {"$BEGINDATA": str(begin), "$ENDDATA": str(end)}
    told |= {f"$P{place + 1}R": watch.range_of(place) for place in range(len(watch.high))}
    text = _text(told)
    places = [_TEXT_AT, _TEXT_AT + len(text) - 1, *((begin, end) if small else (0, 0)), 0, 0]
    header = b"FCS3.1    " + b"".join(f"{place:>8}".encode() for place in places)
    file.seek(0)
    file.write((header.ljust(_TEXT_AT) + text).ljust(begin))
