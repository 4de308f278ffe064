"""Tables of other programs, with a row a cell: any separator, spreadsheets, Parquet, and lists."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from deepometry.cells.label_import.column_names import name_cells
from deepometry.cells.label_import.delimited_text import read_delimited
from deepometry.core.errors import DeepometryError, explain_os_error
from deepometry.core.file_types import LABEL_TABLES as TABLES
from deepometry.core.result_files import POPULATIONS_TABLE
from deepometry.core.spreadsheet import restored
from deepometry.core.text import is_number

if TYPE_CHECKING:
    import pandas as pd

_TEXTS = (".csv", ".tsv", ".txt", ".tab")
_SPARE = "label"  # the column of a label, in a table made of lists


@dataclass(frozen=True)
class ForeignTable:
    """A table as somebody else wrote it, all text.

    Attributes
    ----------
    path : Path
    rows : DataFrame
        Text; blank where there is nothing.
    file, object, label : str
        Columns, where it is known what they are; else blank.
    commas : bool
        Whether commas are known to be decimal points.
    sheet : str
        Of a spreadsheet with several; else blank.
    """

    path: Path
    rows: pd.DataFrame
    file: str = ""
    object: str = ""
    label: str = ""
    commas: bool = False
    sheet: str = ""


def read_foreign(path: Path) -> ForeignTable:
    """Read a table of labels, or the lists of a folder or .zip file.

    Raises
    ------
    DeepometryError
        It is not there, or is no such table.
    """
    if not path.exists():
        raise DeepometryError(f"Labels {path}: does not exist; check the path.")
    try:
        if path.is_dir() or path.suffix.lower() == ".zip":
            return _lists(path)
        return _table(path)
    except OSError as error:
        raise explain_os_error(error, path) from error
    except DeepometryError:
        raise
    except Exception as error:
        raise DeepometryError(
            f"Labels {path}: expected a table ({', '.join(TABLES)}), found a file that cannot be "
            f"read as one ({' '.join(str(error).split())[:120]}); save it again as .csv."
        ) from error


def _table(path: Path) -> ForeignTable:
    import pandas as pd

    suffix = path.suffix.lower()
    if suffix == ".xlsx":
        return _spreadsheet(path)
    if suffix in (".parquet", ".pq"):
        rows = pd.read_parquet(path)
        named = [name for name in rows.index.names if name is not None]
        return ForeignTable(path, _texts(rows.reset_index() if named else rows))
    if suffix in _TEXTS:
        rows, commas = read_delimited(path.read_bytes(), str(path))
        return ForeignTable(path, rows, commas=commas)
    raise DeepometryError(
        f"Labels {path}: expected a table ({', '.join(TABLES)}), found {suffix or 'no ending'}; "
        "save the labels as one of these."
    )


def _spreadsheet(path: Path) -> ForeignTable:
    """Read the only sheet, or the first one with columns that name cells."""
    import pandas as pd

    read = pd.read_excel(
        path, sheet_name=None, header=None, dtype=object, keep_default_na=False, na_values=[""]
    )
    sheets = {name: _below_header(_texts(rows).map(restored)) for name, rows in read.items()}
    sheets = {name: rows for name, rows in sheets.items() if len(rows)}
    if not sheets:
        raise DeepometryError(f"Labels {path}: expected a table, found empty sheets.")
    name = next((name for name, rows in sheets.items() if name_cells([*rows])), next(iter(sheets)))
    return ForeignTable(path, sheets[name], sheet=name if len(sheets) > 1 else "")


def _below_header(rows: pd.DataFrame) -> pd.DataFrame:
    """Take the first row of two cells or more for the header; drop what is empty."""
    filled = (rows != "").sum(axis=1)
    first = next((place for place, number in enumerate(filled) if number > 1), 0)
    below = rows.iloc[first + 1 :]
    used = [n for n in rows.columns if rows.at[first, n] != "" or (below[n] != "").any()]
    below = below.loc[(below != "").any(axis=1), used]
    names = rows.loc[first, used].tolist() if len(rows) else []
    return below.set_axis(_different(names), axis=1).reset_index(drop=True)


def _different(names: Sequence[str]) -> list[str]:
    """Number names that are there already, and those that are blank."""
    given: list[str] = []
    for place, name in enumerate(names, 1):
        own = name or f"column {place}"
        given.append(own if own not in given else f"{own}.{place}")
    return given


def _texts(rows: pd.DataFrame) -> pd.DataFrame:
    """Turn every value into text: whole numbers without decimals, nothing into blank."""
    rows = rows.rename(columns=str)
    return rows.apply(lambda column: column.map(_text)).astype(object)


def _text(value: Any) -> str:
    import pandas as pd

    if value is None or value is pd.NA or value != value:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return " ".join(str(value).split())


# --- lists that Export wrote ---------------------------------------------------------------------


def _lists(path: Path) -> ForeignTable:
    """Read lists for IDEAS, probabilities for FlowJo, or a table of each class."""
    files = dict(_members(path))
    listed = next((n for n in files if PurePosixPath(n).name == POPULATIONS_TABLE), None)
    if listed is not None:
        return _ideas(path, files, listed)
    tables = {name: text for name, text in files.items() if name.lower().endswith(_TEXTS)}
    if not tables:
        raise DeepometryError(
            f"Labels {path}: expected lists that Export wrote ({POPULATIONS_TABLE} and .txt files, "
            "or a .csv file of probabilities for each source), or a table for each class, found "
            "no such file; give the table itself."
        )
    read = {n: read_delimited(content, f"{path}/{n}")[0] for n, content in tables.items()}
    if all(_is_probabilities(rows) for rows in read.values()):
        return _probabilities(path, read)
    return _tables_of_classes(path, read)


def _members(path: Path) -> Iterator[tuple[str, bytes]]:
    if path.is_dir():
        for file in sorted(path.rglob("*")):
            if file.suffix.lower() in _TEXTS and not file.name.startswith("."):
                yield file.relative_to(path).as_posix(), file.read_bytes()
        return
    with zipfile.ZipFile(path) as archive:
        for name in sorted(archive.namelist()):
            if name.lower().endswith(_TEXTS):
                yield name, archive.read(name)


def _made(path: Path, rows: list[tuple[str, str, str]]) -> ForeignTable:
    import pandas as pd

    frame = pd.DataFrame(rows, columns=["file", "object", _SPARE], dtype=object)
    return ForeignTable(path, frame, "file", "object", _SPARE)


def _ideas(path: Path, files: Mapping[str, bytes], listed: str) -> ForeignTable:
    """Read a list of object numbers for each class and source file."""
    found, above = [], PurePosixPath(listed).parent
    for row in read_delimited(files[listed], listed)[0].to_dict("records"):
        name = (above / str(row["file"])).as_posix()
        if name not in files:
            raise DeepometryError(
                f"Labels {path}: expected the list {name}, which {POPULATIONS_TABLE} names, found "
                "none; export the lists again."
            )
        numbers = files[name].decode("ascii", "replace").split()
        found += [(str(row["source"]), number, str(row["class"])) for number in numbers]
    return _made(path, found)


def _is_probabilities(rows: pd.DataFrame) -> bool:
    first = rows.head(50)
    return len(rows.columns) > 1 and all(
        is_number(text) and 0 <= float(text) <= 1 for column in first for text in first[column]
    )


def _probabilities(path: Path, tables: Mapping[str, pd.DataFrame]) -> ForeignTable:
    """Take the likeliest class of every event; row n is object n, as Export writes them."""
    found = []
    for name, rows in tables.items():
        values = rows.astype(float).to_numpy()
        for number, best in enumerate(values.argmax(1)):
            if values[number, best] > 0:
                found.append((PurePosixPath(name).stem, str(number), str(rows.columns[best])))
    return _made(path, found)


def _tables_of_classes(path: Path, tables: Mapping[str, pd.DataFrame]) -> ForeignTable:
    """Put tables together that list the cells of one class each, named after it."""
    import pandas as pd

    first = next(iter(tables.values()))
    for name, rows in tables.items():
        if list(rows.columns) != list(first.columns):
            raise DeepometryError(
                f"Labels {path}: expected tables of the same columns, one a class, found other "
                f"columns in {name}; give one table at a time."
            )
    column = next(n for n in ("class", "class of file", "class of the file") if n not in first)
    every = [rows.assign(**{column: PurePosixPath(n).stem}) for n, rows in tables.items()]
    return ForeignTable(path, pd.concat(every, ignore_index=True), label=column)
