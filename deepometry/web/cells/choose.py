"""Which cells of a run are shown: filtered, searched, sorted, a page of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from posixpath import splitext
from typing import TYPE_CHECKING, Any

from deepometry.cells.cell_query import CellQuery
from deepometry.core.result_files import layer_table
from deepometry.core.task_names import PREDICTED_VALUE, TRUE_VALUE
from deepometry.core.text import is_number
from deepometry.web.cells.cell_rows import CellRows
from deepometry.web.cells.label_doubts import doubt_ranks, has_doubts
from deepometry.web.results.cell_pictures import Cells
from deepometry.web.results.output import Output, Unknown
from deepometry.web.results.predict import MISLABELLED

if TYPE_CHECKING:
    import numpy as np

CELLS_A_PAGE = 48
INSIDE, OUTSIDE = "in", "out"
_NONE = "-"  # of the two sides of a split
_COLUMN = "column "
_ERROR = "error"
_MOST_COLUMNS = 4096  # offered
_BLOCK = 4096  # rows


@dataclass(frozen=True)
class Wanted:
    """What is asked for.

    Attributes
    ----------
    true, predicted : str or None
        A class; None for any.
    text : str
        Object, or file, or both, as far as they are typed.
    side : str
        Train or Hold-out; empty for both.
    gate : str
        `INSIDE` or `OUTSIDE` of gates; empty for both.
    order : str
        One of `orders_of`.
    down : bool
        Largest first.
    """

    true: str | None = None
    predicted: str | None = None
    text: str = ""
    side: str = ""
    gate: str = ""
    order: str = "file"
    down: bool = False

    @classmethod
    def read(cls, asked: Mapping[str, str], rows: CellRows) -> Wanted:
        """Read it from an address; raise `Unknown` for a class or an order that there is not."""
        order = asked.get("order", "") or _first_order(rows)
        down = order in ("sure", _ERROR) if "down" not in asked else asked["down"] == "1"
        return cls(
            _label(asked, "true", rows.labels),
            _label(asked, "predicted", rows.labels),
            " ".join(asked.get("q", "").split()),
            asked.get("side", ""),
            asked.get("gate", ""),
            order,
            down,
        )


def _first_order(rows: CellRows) -> str:
    """Return the order that cells have at first: the most confident, or the worst numbers."""
    if rows.sure is not None:
        return "sure"
    return _ERROR if has_errors(rows) else "file"


def _label(asked: Mapping[str, str], name: str, labels: list[str]) -> str | None:
    """Read the number of a class; None for any."""
    text = asked.get(name, "")
    if not text:
        return None
    if not (text.isdecimal() and int(text) < len(labels)):
        raise Unknown(f"{name}: expected the number of a class, found {text!r}.")
    return labels[int(text)]


# --- filters ------------------------------------------------------------------------------------


def keep_rows(rows: CellRows, wanted: Wanted) -> np.ndarray:
    """Find which rows are wanted: bool, shape (cells,)."""
    import numpy as np

    keep = np.ones(len(rows), bool)
    if wanted.true is not None:
        keep &= _has_label(rows, "true_label", wanted.true)
        keep &= keep if rows.judged is None else rows.judged
    if wanted.predicted is not None:
        keep &= _has_label(rows, rows.predicted_column, wanted.predicted)
    if wanted.gate == OUTSIDE:
        keep &= np.logical_not(rows.counted)
    elif wanted.gate == INSIDE or wanted.predicted is not None:  # as the classes are counted
        keep &= rows.counted
    if wanted.side:
        keep &= _on_side(rows, wanted.side)
    if wanted.text:
        keep &= _fits(rows, wanted.text)
    return keep


def _has_label(rows: CellRows, column: str, value: str) -> Any:
    if rows.table is None or column not in rows.table.codes:
        return False
    values = rows.table.values[column]
    return rows.table.codes[column] == (values.index(value) if value in values else -1)


def _on_side(rows: CellRows, side: str) -> np.ndarray:
    import numpy as np

    return np.zeros(len(rows), bool) if isinstance(rows.cells, str) else rows.cells.on_side(side)


def _fits(rows: CellRows, text: str) -> np.ndarray:
    """Find cells by the beginning of their object, by their file, or by both.

    A number alone means objects: digits are in most paths.
    """
    import numpy as np

    query = _query(text)
    fits: np.ndarray = np.char.startswith(rows.names.objects, query.object.encode())
    if query.file:
        return fits & _in_files(rows, query.file)
    return fits if query.object.isdecimal() else fits | _in_files(rows, query.object)


def _in_files(rows: CellRows, text: str) -> np.ndarray:
    """Find cells whose path has a text as whole names; if none, as their beginning, or in them."""
    import numpy as np

    text = text.replace("\\", "/").strip("/").casefold()
    # the path, and the path without the ending of the file
    paths = [f"/{file}//{splitext(file)[0]}/".casefold() for file in rows.names.files]
    ways = (f"/{text}/", f"/{text}", text)
    tried = (np.array([way in path for path in paths], bool) for way in ways)
    named = next(filter(np.any, tried), np.zeros(len(paths), bool))
    return named[rows.names.codes]


def _query(text: str) -> CellQuery:
    return CellQuery.read(text.removesuffix(" of").removesuffix("#").strip())


def exact_first(rows: CellRows, numbers: np.ndarray, text: str) -> np.ndarray:
    """Put the cells in front whose object is the one typed, whole."""
    import numpy as np

    if not text:
        return numbers
    exact = rows.names.objects[numbers] == _query(text).object.encode()
    return np.concatenate([numbers[exact], numbers[~exact]])


# --- orders -------------------------------------------------------------------------------------


def orders_of(output: Output, rows: CellRows) -> dict[str, str]:
    """Return the orders on offer, with their names."""
    orders = {"sure": "probability of the predicted class"} if rows.sure is not None else {}
    if rows.predicted_column:
        orders["class"] = "predicted class"
    if has_errors(rows):
        orders[_ERROR] = "error of the predicted number"
    if has_doubts(output):
        orders[MISLABELLED] = "quality of the label"
    columns = columns_of(output, rows)[:_MOST_COLUMNS]
    return {**orders, "file": "order in the files", **{_COLUMN + c: c for c in columns}}


def has_errors(rows: CellRows) -> bool:
    """Return whether cells have predicted and true numbers."""
    header = set() if rows.table is None else rows.table.columns
    return {PREDICTED_VALUE, TRUE_VALUE} <= {*header}


def columns_of(output: Output, rows: CellRows) -> list[str]:
    """Return the names of all columns of numbers, features among them."""
    if output.verb == "extract":
        from deepometry.cells.feature_tables import count_features

        layer = output.option("layer")
        features = range(count_features(output.path(layer_table(layer))))
        return [f"{layer}_{n + 1}" for n in features]
    if rows.table is None:
        return [] if isinstance(rows.cells, str) else _columns_of_parsed(rows.cells)
    return _numeric(rows.table.rows([0])[0]) if len(rows) else []


def _columns_of_parsed(cells: Cells) -> list[str]:
    """Return the columns beside stacks, and those of an analysis of IDEAS."""
    from deepometry.cells.imported_features import open_imported_features

    features = open_imported_features(cells.dataset.root)
    return list(dict.fromkeys([*parsed_columns(cells), *(features.names if features else ())]))


def parsed_columns(cells: Cells) -> list[str]:
    """Return the columns of numbers of the tables beside stacks: sizes, instrument features."""
    from deepometry.exports.find_cell import row_of

    return _numeric(row_of(cells.dataset.parts[0].stored, 0))


def _numeric(first: Mapping[str, str]) -> list[str]:
    """Return the columns of numbers, by the first row of a table."""
    return [n for n, value in first.items() if n not in ("source", "object") and is_number(value)]


def sort_values(output: Output, rows: CellRows, order: str) -> np.ndarray | None:
    """Return what cells are sorted by, shape (cells,); None for their order in the files.

    Raises
    ------
    Unknown
        There is no such order.
    """
    import numpy as np

    if order == "file":
        return None
    if order == "sure" and rows.sure is not None:
        return rows.sure
    if order == _ERROR and has_errors(rows) and rows.table:
        one, two = (_numbers(rows.table.path, name) for name in (PREDICTED_VALUE, TRUE_VALUE))
        return np.abs(one - two).astype(np.float32)
    if order == MISLABELLED and has_doubts(output):
        return doubt_ranks(output, rows)
    if order == "class" and rows.table and rows.predicted_column:
        values = rows.table.values[rows.predicted_column]
        ranks = np.argsort(np.argsort(values))
        return ranks[rows.table.codes[rows.predicted_column]]
    name = order.removeprefix(_COLUMN)
    if not order.startswith(_COLUMN) or name not in columns_of(output, rows):
        raise Unknown(f"Order: expected one of those on offer, found {order!r}.")
    return np.concatenate([*_column(output, rows, name)]).astype(np.float32)


def _column(output: Output, rows: CellRows, name: str) -> Iterator[np.ndarray]:
    """Read a column of numbers in one pass; NaN where it has none."""
    if output.verb == "extract":
        from deepometry.cells.feature_tables import read_features

        layer, _, number = name.rpartition("_")
        blocks = read_features(output.path(layer_table(layer)), _BLOCK, [int(number) - 1])
        yield from (block[:, 0] for block in blocks)
    elif rows.table is not None:
        yield _numbers(rows.table.path, name, rows.table.tabs)
    elif not isinstance(rows.cells, str):  # or else it would have no columns
        yield from _parsed_or_imported(rows, rows.cells, name)


def _parsed_or_imported(rows: CellRows, cells: Cells, name: str) -> Iterator[np.ndarray]:
    from deepometry.cells.imported_features import open_imported_features

    features = open_imported_features(cells.dataset.root)
    if features and name in features.names and name not in parsed_columns(cells):
        yield features.of(rows.keys, name)
    else:
        yield from parsed_column(cells, name)


def parsed_column(cells: Cells, name: str) -> Iterator[np.ndarray]:
    """Read a column of the tables beside stacks, one after another; NaN where it has none."""
    parts = (part.stored.path.with_suffix(".csv") for part in cells.dataset.parts)
    yield from (_numbers(path, name) for path in parts)


def _numbers(path: Path, name: str, tabs: bool = False) -> np.ndarray:
    import numpy as np

    from deepometry.cells.table_columns import read_header, read_numbers, row_starts

    header = read_header(path, tabs)
    if name in header:
        return read_numbers(path, header.index(name), tabs)
    return np.full(len(row_starts(path, tabs)), np.nan)


def order_of(values: np.ndarray | None, cells: int, down: bool) -> np.ndarray:
    """Return all rows in their order, those without a value last; int32, shape (cells,)."""
    import numpy as np

    if values is None:
        return np.arange(cells, dtype=np.int32)[:: -1 if down else 1]
    ranked = values.astype(np.float64)
    return np.argsort(-ranked if down else ranked, kind="stable").astype(np.int32)


# --- a page -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Page:
    """A page of cells: `total` are meant, these are some of them."""

    total: int
    number: int
    pages: int
    cells: list[dict[str, Any]]


def paged(numbers: Sequence[int] | np.ndarray, page: int, size: int) -> tuple[list[int], int, int]:
    """Return the rows of a page, its number and that of all pages.

    Pages are numbered from 1; a number too large is the last.
    """
    pages = max(1, -(-len(numbers) // size))
    page = min(max(page, 1), pages)
    return [*map(int, numbers[(page - 1) * size : page * size])], page, pages


def page_of(rows: CellRows, numbers: Sequence[int], page: int) -> Page:
    """Describe a page of cells."""
    here, page, pages = paged(numbers, page, CELLS_A_PAGE)
    lines = rows.table.rows(here) if rows.table else [{} for _ in here]
    cells = [_described(rows, n, line) for n, line in zip(here, lines, strict=True)]
    return Page(len(numbers), page, pages, cells)


def _described(rows: CellRows, row: int, line: dict[str, str]) -> dict[str, Any]:
    label = line.get(rows.predicted_column, "")
    source, name = rows.name(row)
    return {
        "row": row,
        "source": source,
        "object": name,
        "side": "" if isinstance(rows.cells, str) else rows.cells.place(row)[0].side or "",
        "label": label,
        "true": line.get("true_label") or None,
        "withheld": line["label"] if line.get("label", label) != label else "",
        "sure": None if rows.sure is None else float(rows.sure[row]),
        "number": _in_short(line.get(PREDICTED_VALUE, "")),
        "true_number": _in_short(line.get(TRUE_VALUE, "")),
    }


def _in_short(text: str) -> str:
    """Write a number of a table with four digits, as below a small picture; blank for none."""
    return f"{float(text):.4g}" if is_number(text) else ""
