"""Tables that the steps write, one row a cell, each read piece by piece."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from deepometry.errors import DeepometryError, explain_os_error
from deepometry.stored import IDENTITY

if TYPE_CHECKING:
    import pandas as pd

    from deepometry.dataset import Dataset

COMMA: dict[str, Any] = {"sep": ","}
TABS: dict[str, Any] = {"sep": "\t", "quoting": csv.QUOTE_NONE}
COORDINATE = re.compile(r"(?P<method>[a-z]+)_[1-9]")
"""A column of coordinates; no column of folder values is named so, since prefixes have no `_`."""

_TEXTS = frozenset({"true_label", "label", "predicted"})
_CONFIDENCE = "confidence"  # in the prediction of a map
_PIECE = 8192  # rows of the first look


class CellFile(Protocol):
    """A table with one row a cell.

    Attributes
    ----------
    path : Path
    texts, numbers, features : list of str
        Columns that are words, numbers, and features; identity is none of them.
    keys : ndarray of uint64, shape (cells,)
        Hash of source and object of each row.
    values : dict of str to list of str
        For each column of words, and for `source`, the values that occur.
    """

    path: Path
    texts: list[str]
    numbers: list[str]
    features: list[str]
    keys: np.ndarray
    values: dict[str, list[str]]

    def pieces(self, size: int) -> Iterator[tuple[pd.DataFrame, np.ndarray]]:
        """Give cells (identity, words, numbers) and features (n, features), `size` at a time."""


def key_of(cells: pd.DataFrame) -> np.ndarray:
    """Hash source and object of each row; runs of spaces count as one, as metadata.tsv has them.

    Returns
    -------
    ndarray of uint64, shape (rows,)
    """
    from pandas.util import hash_array

    if not len(cells):
        return np.empty(0, np.uint64)
    plain = ([_spaced(text) for text in cells[name]] for name in IDENTITY)
    source, name = (hash_array(np.array(each, object)) for each in plain)
    return source * np.uint64(0x9E3779B97F4A7C15) + name


def _spaced(text: str) -> str:
    return text if text.isalnum() else " ".join(text.split())


def repeats(keys: np.ndarray) -> np.ndarray:
    """Count for each key how often the same one stands before it: uint64, shape (keys,)."""
    order = np.argsort(keys, kind="stable")
    sorted_keys = keys[order]
    new = np.ones(len(keys), bool)
    new[1:] = sorted_keys[1:] != sorted_keys[:-1]
    places = np.arange(len(keys))
    first = np.maximum.accumulate(np.where(new, places, 0)) if len(keys) else places
    found = np.empty(len(keys), np.uint64)
    found[order] = (places - first).astype(np.uint64)
    return found


def numbered(keys: np.ndarray) -> np.ndarray:
    """Make equal keys different: the second of them is another than the first, in any table."""
    return keys + repeats(keys) * np.uint64(0xD1B54A32D192ED03)


class TextTable:
    """A table with a header whose first columns are source and object.

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
        It cannot be read, or is no such table.
    """

    def __init__(self, path: Path, style: dict[str, Any], kind: str) -> None:
        self.path, self._style = path, style
        with _read(path):
            self._header = _header(path, style)
        self.texts, self.numbers, self.features = _sorted_columns(self._header, kind)
        self.values: dict[str, list[str]] = {}
        self.keys = self._look(kind)

    def _look(self, kind: str) -> np.ndarray:
        """Go through the table once: keys, and the values of its columns of words."""
        unsure = [name for name in self.texts if kind == "predicted" and name not in _TEXTS]
        wanted = {name: dict[str, None]() for name in ("source", *self.texts)}
        keys = [np.empty(0, np.uint64)]
        for cells in self._parts(_PIECE, [*IDENTITY, *self.texts]):
            keys.append(key_of(cells))
            for name in wanted:
                wanted[name].update(dict.fromkeys(cells[name].unique()))
            unsure = [name for name in unsure if _numeric(cells[name])]
        self.texts = [name for name in self.texts if name not in unsure]
        self.numbers = [name for name in self._header if name in {*self.numbers, *unsure}]
        self.values = {n: list(found) for n, found in wanted.items() if n not in unsure}
        return np.concatenate(keys)

    def pieces(self, size: int) -> Iterator[tuple[pd.DataFrame, np.ndarray]]:
        """Give cells and features, `size` at a time."""
        for found in self._parts(size, self._header):
            cells = found[[*IDENTITY, *self.texts, *self.numbers]]
            yield cells, found[self.features].to_numpy(np.float32)

    def _parts(self, size: int, columns: Sequence[str]) -> Iterator[pd.DataFrame]:
        import pandas as pd

        numbers = {*self.numbers, *self.features}
        dtypes = {n: _dtype(n, self.features) if n in numbers else str for n in columns}
        style = dict(self._style, encoding="utf-8-sig", keep_default_na=False)
        style |= {"na_values": {name: [""] for name in numbers}, "usecols": list(columns)}
        with (
            _read(self.path),
            pd.read_csv(self.path, dtype=dtypes, chunksize=size, **style) as parts,
        ):
            for part in parts:
                yield part.astype({name: object for name in columns if name not in numbers})


def _dtype(name: str, features: Sequence[str]) -> type:
    return np.float32 if name in features else np.float64


def _header(path: Path, style: dict[str, Any]) -> list[str]:
    """Read the names of the columns.

    Raises
    ------
    DeepometryError
        The table does not say which cell a row is about, or has a name twice.
    """
    how = {"delimiter": style["sep"], "quoting": style.get("quoting", csv.QUOTE_MINIMAL)}
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.reader(file, **how)
        found, first = next(rows, []), next(rows, None)
    if first is not None and len(first) > len(found):
        raise ValueError("a row has more values than there are columns")
    missing = [name for name in IDENTITY if name not in found]
    if missing or len(set(found)) < len(found):
        told = f"no column {missing[0]}" if missing else "a column name twice"
        raise DeepometryError(
            f"{path}: expected a table with the columns source and object, each name once, found "
            f"{told}; make it anew."
        )
    return found


def _sorted_columns(header: Sequence[str], kind: str) -> tuple[list[str], list[str], list[str]]:
    """Tell words, numbers and features apart."""
    names = [name for name in header if name not in IDENTITY]
    if kind == "baseline":
        return names[:3], [], names[3:]  # class, side, predicted
    if kind == "coordinates":
        numbers = [n for n in names if n == _CONFIDENCE or COORDINATE.fullmatch(n)]
    else:
        numbers = [n for n in names if kind == "predicted" and n.startswith("probability_")]
    return [name for name in names if name not in numbers], numbers, []


def _numeric(column: pd.Series) -> bool:
    import pandas as pd

    told = column[column != ""]
    return bool(pd.to_numeric(told, errors="coerce").notna().all())


@contextmanager
def _read(path: Path) -> Iterator[None]:
    """Tell in a sentence what is wrong with a table."""
    try:
        yield
    except DeepometryError:
        raise
    except OSError as error:
        raise explain_os_error(error, path) from error
    except (ValueError, csv.Error) as error:  # of pandas and of UTF-8, too
        reason = str(error).strip().rstrip(".").splitlines()[-1]
        raise DeepometryError(f"{path} is not a table as it was written: {reason}.") from error


class FeatureTable:
    """Features without a header, in the order of the rows of another table.

    Parameters
    ----------
    path : Path
        `features_extracted_by_<layer>.txt`.
    layer : str
        Begins the names of the features: `pool5_1`.
    cells : TextTable
        `metadata.tsv`.
    """

    def __init__(self, path: Path, layer: str, cells: TextTable) -> None:
        self.path, self._cells, self.keys = path, cells, cells.keys
        with _read(path), path.open("rb") as file:
            first = file.readline()
        width = first.count(b"\t") + 1 if first.strip() else 0
        self.features = [f"{layer}_{number}" for number in range(1, width + 1)]
        self.texts: list[str] = []
        self.numbers: list[str] = []
        self.values: dict[str, list[str]] = {}

    def pieces(self, size: int) -> Iterator[tuple[pd.DataFrame, np.ndarray]]:
        """Give no cells, and features, `size` at a time.

        Raises
        ------
        DeepometryError
            There are more or fewer rows than cells.
        """
        import pandas as pd

        nothing, done = pd.DataFrame(), 0
        for found in self._parts(size):
            done += len(found)
            yield nothing, found
        if done != len(self.keys):
            raise DeepometryError(
                f"{self.path}: expected a row for each of the {len(self.keys):,} cells of "
                f"{self._cells.path.name}, found {done:,}; extract the features anew."
            )

    def _parts(self, size: int) -> Iterator[np.ndarray]:
        import pandas as pd

        if not self.features:
            return
        how: dict[str, Any] = {"sep": "\t", "header": None, "dtype": np.float32}
        with _read(self.path), pd.read_csv(self.path, chunksize=size, **how) as parts:
            for part in parts:
                yield part.to_numpy()


class ParsedCells:
    """The cells of a parsed folder as a table: identity, folder levels, side of the split."""

    def __init__(self, dataset: Dataset) -> None:
        from deepometry.names import level_columns

        self.path, self.dataset = dataset.root, dataset
        self._levels = level_columns(dataset.folders)
        side = ["split"] * bool(dataset.sides - {None})
        self.texts = [*self._levels, *side]
        self.numbers: list[str] = []
        self.features: list[str] = []
        self.values: dict[str, list[str]] = {}
        self.keys = self._look()

    def _look(self) -> np.ndarray:
        wanted = {name: dict[str, None]() for name in ("source", *self.texts)}
        keys = [np.empty(0, np.uint64)]
        for cells, _ in self.pieces(_PIECE):
            keys.append(key_of(cells))
            for name in wanted:
                wanted[name].update(dict.fromkeys(cells[name].unique()))
        self.values = {name: list(found) for name, found in wanted.items()}
        return np.concatenate(keys)

    def pieces(self, size: int) -> Iterator[tuple[pd.DataFrame, np.ndarray]]:
        """Give cells and no features, `size` at a time."""
        from itertools import islice

        import pandas as pd

        rows = self._rows()
        while some := list(islice(rows, size)):
            cells = pd.DataFrame(some, columns=[*IDENTITY, *self.texts], dtype=object)
            yield cells, np.empty((len(some), 0), np.float32)

    def _rows(self) -> Iterator[list[str]]:
        from deepometry.names import level_value

        for part, source, name in self.dataset.identities():
            levels = [level_value(part.levels, d, c) for c, d in self._levels.items()]
            side = [part.side or ""] * ("split" in self.texts)
            yield [source, name, *levels, *side]
