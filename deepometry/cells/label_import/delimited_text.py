"""Tables as text of other programs: any alphabet, any separator."""

from __future__ import annotations

import csv
import io
import re
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from typing import TYPE_CHECKING

from deepometry.core.errors import DeepometryError
from deepometry.core.spreadsheet import restored

if TYPE_CHECKING:
    import pandas as pd

_SEPARATORS = ",;\t|"
_RARE = "^~: "  # only where none of the others separates anything
_SNIFFED = 1 << 16  # characters
_TOLD = re.compile(r"sep=(.)\r?\n", re.IGNORECASE)  # what Excel reads and writes
_REMARKS = re.compile(r"(\s*\n|#[# ][^\n]*\n)+")  # `#file` may be the name of a column


def read_delimited(content: bytes, what: str) -> tuple[pd.DataFrame, bool]:
    """Read a table, all text.

    Returns
    -------
    rows : DataFrame
        Text without blanks around it.
    commas : bool
        Whether commas are decimal points: where Excel writes semicolons between columns.

    Raises
    ------
    DeepometryError
        It is empty.
    """
    import pandas as pd

    text = _decoded(content).lstrip("\ufeff")
    told = _TOLD.match(text)
    text = text[told.end() :] if told else text
    remarks = _REMARKS.match(text)
    text = text[remarks.end() :] if remarks else text
    if not text.strip():
        raise DeepometryError(f"Labels {what}: expected a table, found an empty file.")
    separator = told[1] if told else _separator(text)
    rows = pd.read_csv(
        io.StringIO(_with_whole_header(text, separator)), sep=separator, dtype=str,
        keep_default_na=False, skipinitialspace=True, index_col=False,
    )  # fmt: skip
    rows.columns = [_plain(name) for name in rows.columns]
    return rows.apply(lambda column: column.map(_plain)), separator == ";"


def _plain(value: object) -> str:
    return " ".join(restored(str(value).strip()).split())


def _with_whole_header(text: str, separator: str) -> str:
    """Add a separator to the first row where all others end in one that it lacks."""
    first, _, others = text.partition("\n")
    lines = [line.rstrip("\r") for line in others[:_SNIFFED].splitlines()[:20] if line.strip()]
    lacks = bool(lines) and separator != " " and not first.rstrip("\r").endswith(separator)
    if lacks and all(line.endswith(separator) for line in lines):
        wide = len(_cells(first, separator))
        if all(len(_cells(line, separator)) > wide for line in lines):
            return f"{first.rstrip()}{separator}\n{others}"
    return text


def _cells(line: str, separator: str) -> list[str]:
    return next(csv.reader([line], delimiter=separator), [])


def _decoded(content: bytes) -> str:
    """Decode text: with a mark as that says, else as UTF-8, or as Windows of the West wrote it."""
    if content[:2] in (BOM_UTF16_LE, BOM_UTF16_BE):
        return content.decode("utf-16", "replace")
    if content[:200].count(0) > len(content[:200]) // 3:  # UTF-16 without its mark
        return content.decode("utf-16-be" if content[0] == 0 else "utf-16-le", "replace")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")


def _separator(text: str) -> str:
    """Find what separates columns: that of which the first lines have most, and equally many."""
    lines = [line for line in text[:_SNIFFED].splitlines()[:20] if line.strip()]
    for some in (_SEPARATORS, _RARE):
        counts = {each: [len(_cells(line, each)) for line in lines] for each in some}
        best = max(some, key=lambda each: (min(counts[each]), counts[each][0]))
        if counts[best][0] > 1 and (some is _SEPARATORS or len({*counts[best]}) == 1):
            return best
    return ","
