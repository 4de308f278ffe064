"""Tables of text that spreadsheets open: no formulas, and every alphabet.

Names of files and folders come from anybody. A cell that begins with `=` is a formula to Excel and
LibreOffice, so that text which could be one is written behind an apostrophe, as OWASP recommends
(https://owasp.org/www-community/attacks/CSV_Injection); readers take the apostrophe off again.
"""

from __future__ import annotations

import csv
import re
from codecs import BOM_UTF8
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import copyfileobj
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    import pandas as pd

_MARK = "'"
_BEGINS = frozenset("=+-@\t\r\n\0 '\u00a0\u3000\uff1d\uff0b\uff0d\uff20")
_FORMULA = re.compile(r"'*[\s\0]*[=+\-@\uff1d\uff0b\uff0d\uff20]|'*[\t\r\n\0]")
# Where the comma is for decimals, Excel takes semicolons for the borders of cells
_INSIDE = re.compile(r";('*[\s\0]*[=+\-@\uff1d\uff0b\uff0d\uff20])")
_MARKED = re.compile(_INSIDE.pattern.replace(";", f";{_MARK}", 1))
_NUMBER = re.compile(
    r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-](inf|infinity|nan)?", re.IGNORECASE
)
_TABS: dict[str, Any] = {"delimiter": "\t", "quoting": csv.QUOTE_NONE, "quotechar": None}
_PIECE = 1 << 20


def escaped(text: str) -> str:
    """Write text so that no spreadsheet takes it for a formula; numbers stay as they are."""
    if ";" in text:
        text = _INSIDE.sub(rf";{_MARK}\1", text)
    return _MARK + text if text[:1] in _BEGINS and _is_formula(text) else text


def restored(text: str) -> str:
    """Return what `escaped` was given."""
    if ";" in text:
        text = _MARKED.sub(r";\1", text)
    return text[1:] if text[:1] == _MARK and _is_formula(text) else text


def _is_formula(text: str) -> bool:
    """Return whether text, or text behind apostrophes, could be a formula."""
    return bool(_FORMULA.match(text)) and not _NUMBER.fullmatch(text)


class SafeWriter:
    """Writes rows as `csv.writer` does, with every text escaped."""

    def __init__(self, file: TextIO, tabs: bool = False, lineterminator: str = "\r\n") -> None:
        self._writer: Any = _writer(file, tabs, lineterminator)

    def writerow(self, row: Iterable[Any]) -> None:
        """Write a row."""
        self._writer.writerow([escaped(v) if isinstance(v, str) else v for v in row])

    def writerows(self, rows: Iterable[Iterable[Any]]) -> None:
        """Write rows."""
        self._writer.writerows(
            [escaped(v) if isinstance(v, str) else v for v in row] for row in rows
        )


def _writer(file: Any, tabs: bool, lineterminator: str) -> Any:
    if tabs:
        return csv.writer(file, lineterminator=lineterminator, **_TABS)
    # csv.writer quotes the characters that end its own lines only, but readers end a row at both
    lines = file if lineterminator == "\r\n" else _OtherEnds(file, lineterminator)
    return csv.writer(lines)


class _OtherEnds:
    """Writes rows that end in a carriage return and a line feed with another ending."""

    def __init__(self, file: Any, lineterminator: str) -> None:
        self._file, self._end = file, lineterminator

    def write(self, row: str) -> None:
        self._file.write(row[:-2] + self._end)


def safe_reader(lines: Iterable[str], tabs: bool = False) -> Iterator[list[str]]:
    """Read rows as `csv.reader` does, with every text restored."""
    rows = csv.reader(lines, **_TABS) if tabs else csv.reader(lines)
    return (row if _MARK not in "".join(row) else list(map(restored, row)) for row in rows)


def safe_records(lines: Iterable[str]) -> Iterator[dict[str, str]]:
    """Read rows by the names of their columns, with every text restored; a short row lacks some."""
    rows = safe_reader(lines)
    header = next(rows, [])
    return (dict(zip(header, row, strict=False)) for row in rows if row)


def write_frame(
    file: TextIO, table: pd.DataFrame, header: bool = True, float_format: str | None = None
) -> None:
    """Write a table without its index, with all text in it and its column names escaped."""
    style: dict[str, Any] = {"index": False, "header": header, "float_format": float_format}
    safe_frame(table).to_csv(_OtherEnds(file, "\n"), lineterminator="\r\n", **style)


def safe_frame(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table with all text in it, and the names of its columns, escaped."""
    import pandas as pd

    safe = table.copy(deep=False)
    for place, kind in enumerate(table.dtypes):
        if kind.kind not in "biufc":
            values = [escaped(v) if isinstance(v, str) else v for v in table.iloc[:, place]]
            safe.isetitem(place, pd.Series(values, table.index, dtype=object))
    safe.columns = [escaped(str(name)) for name in table.columns]
    return safe


@contextmanager
def table_file(path: Path) -> Iterator[TextIO]:
    """Open a new .csv for writing; once it is written, let Excel know that it is UTF-8.

    Bytes of names that are no text are written as escapes.
    """
    with path.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
        yield file
    mark_encoding(path)


def mark_encoding(path: Path) -> None:
    """Put the mark of UTF-8 in front of a table that has more than plain ASCII.

    Excel takes a .csv without it for the alphabet of its country. Plain tables stay without: some
    programs take the mark for a part of the first name.
    """
    if _is_plain(path):
        return
    marked = path.with_name(f"{path.name}.marked")
    with path.open("rb") as source, marked.open("wb") as target:
        target.write(BOM_UTF8)
        copyfileobj(source, target, _PIECE)
    marked.replace(path)


def _is_plain(path: Path) -> bool:
    with path.open("rb") as file:
        return all(piece.isascii() for piece in iter(lambda: file.read(_PIECE), b""))


def marked_bytes(text: str) -> bytes:
    """Encode a table that is in memory, as `mark_encoding` does a file."""
    return text.encode("ascii" if text.isascii() else "utf-8-sig")
