"""Which cell each row is about: identity, folder levels and prediction, as codes."""

from __future__ import annotations

import csv
import hashlib
from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from deepometry.errors import DeepometryError, explain_os_error
from deepometry.files import own_record
from deepometry.names import PREDICT_RECORD, natural_key
from deepometry.progress import Progress
from deepometry.stored import IDENTITY

PREDICTION, CONFIDENCE = "prediction", "confidence"
PREDICTED = "predicted.csv"
_CHANCE = "probability_"
_FROM_FEATURES = "predicted "
_CHECK_EVERY = 20_000  # rows


@dataclass(frozen=True)
class Column:
    """What a column says of every cell, as numbers.

    Attributes
    ----------
    values : tuple of str
        What occurs, in natural order.
    codes : ndarray of int32, shape (cells,)
        Index into `values`; -1 where nothing is said.
    """

    values: tuple[str, ...]
    codes: np.ndarray

    @property
    def counts(self) -> np.ndarray:
        """Number of cells of each value."""
        return np.bincount(self.codes[self.codes >= 0], minlength=len(self.values))


@dataclass(frozen=True)
class Who:
    """The cells of a map, in order.

    Attributes
    ----------
    keys : ndarray of uint64, shape (cells,)
        Hash of source and object.
    columns : dict of str to Column
        Folder levels, side of the split, then the prediction where it is known.
    confidence : ndarray of float32, shape (cells,), or None
        Probability of the predicted class; NaN where it is not known.
    target : str
        What the prediction is about; empty where that is not known.
    """

    keys: np.ndarray
    columns: dict[str, Column]
    confidence: np.ndarray | None = None
    target: str = ""

    def __len__(self) -> int:
        return len(self.keys)


def key_of(source: str, name: str) -> int:
    """Hash the identity of a cell; runs of spaces count as one, as in `metadata.tsv`."""
    text = "\t".join(" ".join(field.split()) for field in (source, name))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


@contextmanager
def opened(path: Path, tabs: bool) -> Iterator[Iterator[list[str]]]:
    """Read a table row by row.

    Raises
    ------
    DeepometryError
        It cannot be read, or is no such table.
    """
    plain = {"delimiter": "\t", "quoting": csv.QUOTE_NONE, "quotechar": None}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield csv.reader(file, **plain) if tabs else csv.reader(file)  # type: ignore[arg-type]
    except OSError as error:
        raise explain_os_error(error, path) from error
    except (UnicodeDecodeError, csv.Error, StopIteration, IndexError) as error:
        raise DeepometryError(
            f"{path} is not a table as it was written ({error}); make it anew."
        ) from error


def read_who(metadata: Path, progress: Progress) -> Who:
    """Go through the table of cells once.

    Raises
    ------
    DeepometryError
        It does not begin with source and object, or tells of no cells.
    """
    keys = array("Q")
    with opened(metadata, tabs=True) as rows:
        header = next(rows, [])
        if tuple(header[:2]) != IDENTITY:
            raise DeepometryError(
                f"{metadata}: expected the columns source and object first, found "
                f"{', '.join(header[:2]) or 'nothing'}; extract the features anew."
            )
        codes = [array("i") for _ in header[2:]]
        known: list[dict[str, int]] = [{} for _ in codes]
        for number, row in enumerate(rows):
            keys.append(key_of(*row[:2]))
            for place, seen in enumerate(known):
                text = row[place + 2]
                codes[place].append(seen.setdefault(text, len(seen)) if text else -1)
            if number % _CHECK_EVERY == 0:
                progress.report(0, 0, "Reading which cells there are")
    if not keys:
        raise DeepometryError(f"{metadata} tells of no cells; extract the features anew.")
    made = zip(header[2:], known, codes, strict=True)
    columns = {name: _column(seen, found) for name, seen, found in made}
    return _with_own_prediction(Who(np.array(keys, np.uint64), columns))


def _column(seen: dict[str, int], codes: Sequence[int] | np.ndarray) -> Column:
    """Put the values into natural order."""
    values = sorted(seen, key=natural_key)
    order = np.full(len(values) + 1, -1, np.int32)  # the last one is for -1
    for new, value in enumerate(values):
        order[seen[value]] = new
    return Column(tuple(values), order[np.array(codes, np.int64)])


def _with_own_prediction(who: Who) -> Who:
    """Call what the network of the features says of the cells by one name."""
    last = next(reversed(who.columns), "")
    if not last.startswith(_FROM_FEATURES):
        return who
    columns = dict(who.columns)
    columns[PREDICTION] = columns.pop(last)
    return replace(who, columns=columns, target=last.removeprefix(_FROM_FEATURES))


# --- predictions of their own table -------------------------------------------------------------


def with_predictions(who: Who, asked: Path | None, folder: Path, progress: Progress) -> Who:
    """Take the prediction of every cell from `predicted.csv`, where there is one.

    Parameters
    ----------
    who : Who
    asked : Path or None
        The table or its folder.
    folder : Path
        Where else to look.
    progress : Progress

    Raises
    ------
    DeepometryError
        The table that was asked for is not there, or tells of none of the cells.
    """
    place = asked or folder
    path = place / PREDICTED if place.is_dir() else place
    if asked is None and not path.is_file():
        return who
    if not path.exists():
        raise DeepometryError(
            f"Predictions {path} does not exist: give the folder that Predict wrote."
        )
    labels, chances = _matched(who, path, progress)
    missing = int((labels.codes < 0).sum())
    if missing == len(who):
        told = f"{path} tells of none of the {len(who):,} cells of these features"
        if asked is not None:
            raise DeepometryError(f"{told}: predict the same parsed cells, or leave it blank.")
        progress.say(f"{told}: it is left out.")
        return who
    if missing:
        progress.say(f"{path} tells nothing of {missing:,} of the {len(who):,} cells.")
    columns = {name: each for name, each in who.columns.items() if name != PREDICTION}
    # another model may have made the features, so that its target says nothing of this table
    target = str(own_record(path.with_name(PREDICT_RECORD), "predict").get("target") or "")
    columns[PREDICTION] = labels
    return replace(who, columns=columns, confidence=chances, target=target)


def _matched(who: Who, path: Path, progress: Progress) -> tuple[Column, np.ndarray]:
    """Find label and confidence of every cell in one pass over the predictions."""
    order = np.argsort(who.keys, kind="stable")
    ranked = who.keys[order]
    codes, chances = np.full(len(who), -1, np.int32), np.full(len(who), np.nan, np.float32)
    seen: dict[str, int] = {}
    with opened(path, tabs=False) as rows:
        label, first = _places(next(rows, []), path)
        for number, row in enumerate(rows):
            key = np.uint64(key_of(*row[:2]))
            low, high = np.searchsorted(ranked, key), np.searchsorted(ranked, key, "right")
            codes[order[low:high]] = seen.setdefault(row[label], len(seen))
            chances[order[low:high]] = max(map(_number, row[first:]), default=np.nan)
            if number % _CHECK_EVERY == 0:
                progress.report(0, 0, "Reading the predictions")
    return _column(seen, codes), chances


def _places(header: list[str], path: Path) -> tuple[int, int]:
    """Find the columns of the label and of the first probability."""
    if tuple(header[:2]) != IDENTITY or "label" not in header:
        raise DeepometryError(
            f"Predictions {path}: expected the columns source, object and label, found "
            f"{', '.join(header[:5]) or 'nothing'}; give the predicted.csv that Predict wrote."
        )
    chances = (n for n, name in enumerate(header) if name.startswith(_CHANCE))
    return header.index("label"), next(chances, len(header))


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")
