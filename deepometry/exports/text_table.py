"""Tables with a header that the steps write, one row a cell, read piece by piece."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from deepometry.cells.identity import cell_keys
from deepometry.cells.stack_reader import IDENTITY
from deepometry.core.errors import DeepometryError, explain_os_error
from deepometry.core.spreadsheet import restored, safe_reader
from deepometry.core.task_names import NUMBER_COLUMNS
from deepometry.maps.cell_table import CONFIDENCE

if TYPE_CHECKING:
    import pandas as pd

COMMA: dict[str, Any] = {"sep": ","}
TABS: dict[str, Any] = {"sep": "\t", "quoting": csv.QUOTE_NONE}
COORDINATE = re.compile(r"(?P<method>[a-z]+)_[1-9]")
"""A column of coordinates; no column of folder values is named so, since prefixes have no `_`."""

_TEXTS = frozenset({"true_label", "label", "predicted"})
PIECE = 8192  # rows of the first look


class TextTable:
    """A table with a header that has the columns source and object.

    Parameters
    ----------
    path : Path
    style : dict
        `COMMA` or `TABS`.
    kind : str
        What it is: `predicted`, `metadata`, `coordinates` or `baseline`.

    Raises
    ------
    DeepometryError
        It cannot be read, or is not such a table.
    """

    def __init__(self, path: Path, style: dict[str, Any], kind: str) -> None:
        self.path, self._style = path, style
        with reading(path):
            self._header = _header(path, style)
        self.texts, self.numbers, self.features = _column_kinds(self._header, kind)
        self.values: dict[str, list[str]] = {}
        self.keys = self._scan(kind)

    def _scan(self, kind: str) -> np.ndarray:
        """Read the table once: keys, and the values of its columns of text."""
        keys, values = scan(self._parts(PIECE, [*IDENTITY, *self.texts]), self.texts)
        unsure = [name for name in self.texts if kind == "predicted" and name not in _TEXTS]
        unsure = [name for name in unsure if _numeric(values[name])]
        self.texts = [name for name in self.texts if name not in unsure]
        self.numbers = [name for name in self._header if name in {*self.numbers, *unsure}]
        self.values = {name: texts for name, texts in values.items() if name not in unsure}
        return keys

    def pieces(self, size: int) -> Iterator[tuple[pd.DataFrame, np.ndarray]]:
        """Read cells and features, `size` rows at a time."""
        for rows in self._parts(size, self._header):
            cells = rows[[*IDENTITY, *self.texts, *self.numbers]]
            yield cells, rows[self.features].to_numpy(np.float32)

    def _parts(self, size: int, columns: Sequence[str]) -> Iterator[pd.DataFrame]:
        import pandas as pd

        numbers = {*self.numbers, *self.features}
        dtypes = {n: _dtype(n, self.features) if n in numbers else str for n in columns}
        style = dict(self._style, encoding="utf-8-sig", keep_default_na=False)
        style |= {"na_values": {name: [""] for name in numbers}, "usecols": list(columns)}
        style |= {"header": 0, "names": self._header}  # as the text in them, restored
        with (
            reading(self.path),
            pd.read_csv(self.path, dtype=dtypes, chunksize=size, **style) as parts,
        ):
            for part in parts:
                texts = [name for name in columns if name not in numbers]
                yield part.assign(**{name: _restored(part[name]) for name in texts})


def _restored(texts: pd.Series) -> pd.Series:
    if not texts.str.contains("'", regex=False).any():
        return texts.astype(object)
    return texts.astype(object).map(restored)


def _dtype(name: str, features: Sequence[str]) -> type:
    return np.float32 if name in features else np.float64


def _header(path: Path, style: dict[str, Any]) -> list[str]:
    """Read the names of the columns; refuse a table without identity, or with a name twice."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = safe_reader(file, tabs=style is TABS)
        names, first = next(rows, []), next(rows, None)
    if first is not None and len(first) > len(names):
        raise ValueError("a row has more values than there are columns")
    missing = [name for name in IDENTITY if name not in names]
    if missing or len(set(names)) < len(names):
        wrong = f"no column {missing[0]}" if missing else "a column name twice"
        raise DeepometryError(
            f"{path}: expected a table with the columns source and object, each name once, found "
            f"{wrong}; make it again."
        )
    return names


def _column_kinds(header: Sequence[str], kind: str) -> tuple[list[str], list[str], list[str]]:
    """Return the columns of text, of numbers, and of features."""
    names = [name for name in header if name not in IDENTITY]
    if kind == "baseline":
        return names[:3], [], names[3:]  # class, side, predicted
    if kind == "coordinates":
        numbers = [n for n in names if n == CONFIDENCE or COORDINATE.fullmatch(n)]
    else:
        numbers = [n for n in names if kind == "predicted" and n.startswith("probability_")]
    numbers += [name for name in names if name in NUMBER_COLUMNS]
    return [name for name in names if name not in numbers], numbers, []


def _numeric(values: Sequence[str]) -> bool:
    import pandas as pd

    numbers = pd.to_numeric(pd.Series(values, dtype=object).replace("", "0"), errors="coerce")
    return bool(numbers.notna().all())


def scan(
    parts: Iterable[pd.DataFrame], texts: Sequence[str]
) -> tuple[np.ndarray, dict[str, list[str]]]:
    """Return the keys of all cells, and the values of `source` and the columns of text."""
    seen = {name: dict[str, None]() for name in ("source", *texts)}
    keys = [np.empty(0, np.uint64)]
    for cells in parts:
        keys.append(cell_keys(cells["source"], cells["object"]))
        for name, values in seen.items():
            values.update(dict.fromkeys(cells[name].unique()))
    return np.concatenate(keys), {name: list(values) for name, values in seen.items()}


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn every error of reading a table into one sentence of a `DeepometryError`."""
    try:
        yield
    except DeepometryError:
        raise
    except OSError as error:
        raise explain_os_error(error, path) from error
    except (ValueError, csv.Error) as error:  # of pandas and of UTF-8, too
        reason = str(error).strip().rstrip(".").splitlines()[-1]
        raise DeepometryError(
            f"{path} is not a table as it was written ({reason}); create it again."
        ) from error
