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
from deepometry.core.safe_names import unique_name
from deepometry.exports.cell_table import CellTable, Piece
from deepometry.exports.job import ExportJob
from deepometry.exports.result_tables import GATED_OUT, YES

if TYPE_CHECKING:
    import pandas as pd

EXACT = 1 << 24
"""Largest number up to which float32 has every whole number."""

MOST_IN_HEADER = 99_999_999
"""Largest position that fits into the header; larger ones stand in the text only."""

_DELIMITER = "\f"  # in no value, so that none must be doubled
_TEXT_AT = 256
_ROOM = 20  # digits for a number that is known only at the end
_MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]


Values = Callable[[Piece], np.ndarray]


@dataclass(frozen=True)
class Parameter:
    """A column of events.

    Attributes
    ----------
    name, title : str
        $PnN, which programs want short and plain, and $PnS, which may be any text.
    of : callable
        Computes its values from the cells.
    """

    name: str
    title: str
    of: Values


def write_fcs(job: ExportJob, path: Path) -> list[str]:
    """Write an FCS file; notes name object numbers that are not exact, or missing.

    Notes
    -----
    Parameters: Row (of the table, from 1), Object (-1 where it is not a number), File and Class
    (numbers from 1; 0 for a cell without a class), TrueClass where known, a probability of each
    class, coordinates, features. The keywords DEEPOMETRY_FILE_<number> and
    DEEPOMETRY_CLASS_<number> name files and classes.
    """
    table, features = job.table, job.features
    columns = _parameters(table)
    names = _short_names([each.name for each in columns] + features.names)
    titles = [each.title for each in columns] + features.names
    watch = _Watch(len(names))
    with path.open("wb") as file:
        keywords = _keywords(table, job.options.output.name, titles, names)
        begin = _TEXT_AT + len(_text(_room(keywords)))
        file.seek(begin)
        with job.pieces("Writing events") as pieces:
            for piece in pieces:
                values = [each.of(piece) for each in columns]
                beside = features.of(piece.features)
                events = np.column_stack([*values, beside]).astype("<f4")
                watch.add(events, piece.cells["object"])
                file.write(events.tobytes())
        _finish(file, keywords, begin, watch)
    return watch.notes(len(table))


class _Watch:
    """Finds the largest value of each parameter, and objects whose numbers are not exact."""

    def __init__(self, width: int) -> None:
        self.low, self.high = np.zeros(width), np.zeros(width)
        self.rounded = self.unnumbered = 0

    def add(self, events: np.ndarray, objects: pd.Series) -> None:
        if len(events):
            filled = np.where(np.isfinite(events), events, 0)
            self.low = np.minimum(self.low, filled.min(0))
            self.high = np.maximum(self.high, filled.max(0))
        numbers = _object_numbers(objects)
        self.unnumbered += int((numbers < 0).sum())
        self.rounded += int((numbers.astype(np.float32).astype(np.float64) != numbers).sum())

    def range_of(self, place: int) -> str:
        """Return $PnR: more than every value."""
        return str(max(1, int(np.floor(self.high[place])) + 1))

    def notes(self, cells: int) -> list[str]:
        """Return what users should know, one sentence each."""
        notes = []
        if self.rounded or cells > EXACT:
            notes.append(
                f"FCS keeps whole numbers up to {EXACT:,} exactly; {self.rounded:,} object numbers "
                "are larger and were rounded: take them from a .csv or .parquet export."
            )
        if self.unnumbered:
            notes.append(
                f"{self.unnumbered:,} cells have a name in place of an object number: Object is -1 "
                "for them; Row is the row of the table."
            )
        return notes


def _object_numbers(objects: pd.Series) -> np.ndarray:
    """Read object numbers; -1 where the object has a name."""
    return np.array([int(o) if o.isdecimal() and len(o) < 19 else -1 for o in objects], np.float64)


def _parameters(table: CellTable) -> list[Parameter]:
    first = [
        Parameter("Row", "Row of the table", _rows),
        Parameter("Object", "Object number", lambda piece: _object_numbers(piece.cells["object"])),
        Parameter("File", "Number of the source file", _coder("source", table.sources)),
    ]
    for name, title, column in (
        ("Class", "Number of the predicted class", table.label),
        ("TrueClass", "Number of the true class", "true_label"),
    ):
        if column in table.texts and column is not None:
            first.append(Parameter(name, title, _coder(column, table.classes)))
    if GATED_OUT in table.texts:
        first.append(Parameter("GatedOut", "1 where a gate leaves it out", _gated))
    for label, column in table.probabilities.items():
        first.append(Parameter(f"P_{label}", f"Probability of {label}", _filled(column)))
    drawn = {name for names in table.embeddings.values() for name in names}
    others = [n for n in table.numbers if n not in drawn | {*table.probabilities.values()}]
    return first + [Parameter(n, n, _plain(n)) for n in [*others, *sorted(drawn)]]


def _rows(piece: Piece) -> np.ndarray:
    return np.arange(piece.first + 1, piece.first + len(piece.cells) + 1, dtype=np.float64)


def _gated(piece: Piece) -> np.ndarray:
    out: np.ndarray = (piece.cells[GATED_OUT] == YES).to_numpy(np.float64)
    return out


def _coder(column: str, values: Sequence[str]) -> Values:
    codes = {value: code for code, value in enumerate(values, 1)}
    return lambda piece: np.array([codes.get(v, 0) for v in piece.cells[column]], np.float64)


def _plain(column: str) -> Values:
    return lambda piece: piece.cells[column].to_numpy(np.float64)


def _filled(column: str) -> Values:
    """Read probabilities; 0 for a cell that was not predicted."""
    return lambda piece: np.nan_to_num(piece.cells[column].to_numpy(np.float64))


def _short_names(names: Sequence[str]) -> list[str]:
    """Write names so that every program takes them: plain ASCII, no comma, each once."""
    used: set[str] = set()
    return [unique_name(_ascii(name), used) for name in names]


def _ascii(name: str) -> str:
    """Write a name in Latin letters, as far as Unicode's names of its letters go."""
    latin = "".join(map(_latin, unicodedata.normalize("NFC", name)))
    return re.sub(r"[^A-Za-z0-9 ._+-]+", "_", latin).strip() or "unnamed"


_LETTERS = "абвгдежзийклмнопрстуфхцчшщъыьэюяßæœøłđðþµ"
_SOUNDS = (
    "a b v g d e zh z i i k l m n o p r s t u f kh ts ch sh shch - y - e iu ia "
    "ss ae oe o l d d th u"
)
_SPOKEN = dict(zip(_LETTERS, _SOUNDS.replace("-", "").split(" "), strict=True))


def _latin(letter: str) -> str:
    """Write a letter in Latin ones: `e` for `é`, `zh` for `ж`, `ga` for `が`, `u7D30` for `細`."""
    if letter.isascii():
        return letter
    if (spoken := _SPOKEN.get(letter.lower())) is not None:
        return spoken.capitalize() if letter.isupper() else spoken
    if plain := unicodedata.normalize("NFKD", letter).encode("ascii", "ignore").decode():
        return plain
    name = unicodedata.name(letter, "")
    if said := re.search(r"(?:LETTER|SYLLABLE)(?: SMALL)? ([A-Z ]+?)(?: WITH .*)?$", name):
        return said[1].replace(" ", "").lower()
    return f"u{ord(letter):X}" if letter.isalnum() else "_"


def _clean(value: str) -> str:
    """Write a value on one line, without control characters, and never empty."""
    return "".join(c if c.isprintable() else " " for c in value).strip() or " "


def _keywords(
    table: CellTable, name: str, titles: Sequence[str], names: Sequence[str]
) -> dict[str, str]:
    """Return the keywords; those that are known only at the end are empty."""
    now = datetime.now()
    keywords = {
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
        keywords |= {f"$P{number}{letter}": value for letter, value in part.items()}
    keywords |= {f"DEEPOMETRY_FILE_{n}": each for n, each in enumerate(table.sources, 1)}
    keywords |= {f"DEEPOMETRY_CLASS_{n}": each for n, each in enumerate(table.classes, 1)}
    keywords["DEEPOMETRY_FOLDER"] = str(table.folder.absolute())
    return {key: _clean(value) for key, value in keywords.items()}


def _room(keywords: Mapping[str, str]) -> dict[str, str]:
    """Fill in what is not known yet, as long as it can become at most."""
    late = re.compile(r"\$(P\d+R|BEGINDATA|ENDDATA)")
    return {key: "0" * _ROOM if late.fullmatch(key) else text for key, text in keywords.items()}


def _text(keywords: Mapping[str, str]) -> bytes:
    """Write the TEXT segment."""
    parts = (f"{key}{_DELIMITER}{value}{_DELIMITER}" for key, value in keywords.items())
    return (_DELIMITER + "".join(parts)).encode("utf-8")


def _finish(file: BinaryIO, keywords: Mapping[str, str], begin: int, watch: _Watch) -> None:
    """Write the header and the text, now that all is known."""
    end = file.tell() - 1
    small = end <= MOST_IN_HEADER
    final = dict(keywords) | {"$BEGINDATA": str(begin), "$ENDDATA": str(end)}
    final |= {f"$P{place + 1}R": watch.range_of(place) for place in range(len(watch.high))}
    text = _text(final)
    places = [_TEXT_AT, _TEXT_AT + len(text) - 1, *((begin, end) if small else (0, 0)), 0, 0]
    header = b"FCS3.1    " + b"".join(f"{place:>8}".encode() for place in places)
    file.seek(0)
    file.write((header.ljust(_TEXT_AT) + text).ljust(begin))
