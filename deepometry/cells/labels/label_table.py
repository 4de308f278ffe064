"""Labels as the program keeps them: a table of source, object and label, and its record."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from deepometry.cells.identity import cell_keys
from deepometry.cells.stack_reader import IDENTITY
from deepometry.cells.table_columns import plain_texts, read_columns, read_header
from deepometry.core.errors import DeepometryError
from deepometry.core.files import staged
from deepometry.core.folder_names import CLASSES, NUMBER
from deepometry.core.result_files import LABELS_FOLDER
from deepometry.core.run_records import own_record, provenance, write_json
from deepometry.core.safe_names import safe_name
from deepometry.core.spreadsheet import SafeWriter, table_file
from deepometry.core.text import is_number

STEP = "label"
_HEADER = [*IDENTITY, "label"]


@dataclass(frozen=True)
class LabelTable:
    """The labels of one target, in a table; a `LabelSource`.

    Attributes
    ----------
    path : Path
        `labels/<name>.csv`.
    name, kind, origin : str
    classes : tuple of str
        In order.
    record : dict
        How they were made.
    """

    path: Path
    name: str
    kind: str
    origin: str
    classes: tuple[str, ...]
    record: Mapping[str, Any]

    @property
    def channels(self) -> tuple[int, ...]:
        """Numbers of the channels that the labels were made of; empty for other labels."""
        return tuple(n for n in self.record.get("channels", ()) if type(n) is int)

    def read(self) -> tuple[np.ndarray, np.ndarray]:
        """Read keys and labels, as a `LabelSource` does; of a cell listed twice the last.

        Raises
        ------
        DeepometryError
            The table is damaged, or has a label that its record does not list.
        """
        columns: list[list[str]] = [[], [], []]
        for block in _blocks(self.path):
            for column, texts in zip(columns, block, strict=True):
                column += texts
        keys = cell_keys(*columns[:2])
        last = len(keys) - 1 - np.unique(keys[::-1], return_index=True)[1]
        return keys[last], self._values(columns[2])[last]

    def _values(self, labels: Sequence[str]) -> np.ndarray:
        if self.kind == NUMBER:
            wrong = next((label for label in labels if not is_number(label)), None)
            values = None if wrong else np.array([float(label) for label in labels], np.float64)
        else:
            index = {label: code for code, label in enumerate(self.classes)}
            wrong = next((label for label in labels if label not in index), None)
            values = None if wrong else np.array([index[label] for label in labels], np.int64)
        if values is None:
            expected = "numbers" if self.kind == NUMBER else "labels of its record"
            raise _damaged(self.path, expected, repr(wrong))
        return values


def label_rows(path: Path) -> Iterator[tuple[str, str, str]]:
    """Yield source, object and label of all rows of a table; raise `DeepometryError` if damaged."""
    for block in _blocks(path):
        yield from zip(*block, strict=True)


def _blocks(path: Path) -> Iterator[tuple[list[str], list[str], list[str]]]:
    header = read_header(path)
    if header[:3] != _HEADER:
        raise _damaged(path, f"the columns {', '.join(_HEADER)}", ", ".join(header[:3]))
    for block in read_columns(path, texts=range(3)):
        yield plain_texts(block[0]), plain_texts(block[1]), plain_texts(block[2])


def _damaged(path: Path, expected: str, found: str) -> DeepometryError:
    return DeepometryError(
        f"{path}: expected {expected}, found {found or 'nothing'}; import the labels again, or "
        "delete the file."
    )


def open_label_table(path: Path) -> LabelTable | None:
    """Open labels that `deepometry label` wrote; None for a table without such a record."""
    record = own_record(path.with_suffix(".json"), STEP)
    if not record:
        return None
    try:
        classes = tuple(map(str, record["classes"]))
        name, origin = str(record["name"]), str(record["origin"])
        kind = NUMBER if record["kind"] == NUMBER else CLASSES
    except (KeyError, TypeError) as error:
        raise DeepometryError(
            f"{path.with_suffix('.json')}: expected name, kind, origin and classes of labels, "
            f"found no {error}; import the labels again, or delete the file."
        ) from error
    return LabelTable(path, name, kind, origin, classes, record)


def table_path(home: Path, name: str) -> Path:
    """Return where the labels of a target of this name lie."""
    return home / LABELS_FOLDER / f"{safe_name(name)}.csv"


def _of_name(folder: Path, name: str) -> list[str]:
    """List the files of labels of a name, in any case."""
    wanted = safe_name(name).casefold()
    there = sorted(folder.iterdir()) if folder.is_dir() else []
    return [p.name for p in there if p.stem.casefold() == wanted and p.suffix in (".csv", ".json")]


def write_label_table(
    home: Path,
    name: str,
    rows: Iterable[tuple[str, str, str]],
    facts: Mapping[str, Any],
    options: object,
) -> Path:
    """Write labels and their record, both or none.

    Parameters
    ----------
    home : Path
        Folder that Parse wrote.
    name : str
        Name of the target.
    rows : iterable of (source, object, label)
        Relative to that folder, as parsed cells name them.
    facts : dict
        `kind`, `origin` and `classes`, and what else the record should say.
    options : Options
        Of the step that makes them.

    Returns
    -------
    Path
        The table.
    """
    path = table_path(home, name)
    record = path.with_suffix(".json").name
    with staged(path.parent, _of_name(path.parent, name)) as stage:
        with table_file(stage / path.name) as file:
            writer = SafeWriter(file, lineterminator="\n")
            writer.writerow(_HEADER)
            writer.writerows(rows)
        write_json(stage / record, provenance(STEP, options) | {"name": name, **facts})
    return path
