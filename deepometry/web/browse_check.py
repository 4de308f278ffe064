"""One line on a path that was typed or chosen: is it there, and is it what the field wants?"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

from deepometry.errors import DeepometryError, explain_os_error
from deepometry.files import own_record
from deepometry.kinds import suffix_of
from deepometry.names import PARSE_RECORD
from deepometry.web.browse_count import IMAGES, STACKS, Tally, count_in_turns
from deepometry.web.browse_tasks import Task
from deepometry.words import counted, joined

KINDS = ("raw", "parsed", "model", "start", "features", "predictions", "folder")

_SECONDS = 2.0
# What is said of a folder that holds the results of a step
_EARLIER = {
    "train": "Holds a trained model; a new training moves it, whole, to a folder earlier_1 in it.",
    "predict": "Holds predictions; new ones replace them.",
    "extract": "Holds features; new ones replace them, but for other layers of the same cells.",
    "embed": "Holds a map; a new one replaces it.",
}


@dataclass(frozen=True)
class Finding:
    """What is to be said of a path.

    Attributes
    ----------
    state : str
        "good": what the field wants; "plain": usable; "warn": likely a mistake; "bad": unusable;
        "missing": not there, unless an earlier step is going to write it.
    text : str
        In words.
    """

    state: str
    text: str


def check_path(path: Path, kind: str, task: Task) -> Finding:
    """Say what a path is.

    Parameters
    ----------
    path : Path
        A folder or file, which need not exist.
    kind : str
        What the field wants: raw images, parsed cells, a model, one to start a training from, or a
        folder to write to.
    task : Task
        May be cancelled.
    """
    try:
        there = path.exists()
        if kind == "folder":
            return _output(path) if there else _to_make(path)
        if not there:
            return Finding("missing", _missing(path))
        if kind in ("model", "start"):
            return _model(path, kind)
        if kind in _TABLES:
            return _table(path, kind)
        if path.is_file():
            return _file(path, kind)
        return _raw(path, task) if kind == "raw" else _parsed(path, task)
    except OSError as error:
        return Finding("bad", str(explain_os_error(error, path)))


def _missing(path: Path) -> str:
    above = _nearest(path)
    if above == path.parent:
        return f"Not found: there is no “{path.name}” in {above}."
    return f"Not found: {above} is there, but holds no “{path.relative_to(above).parts[0]}”."


def _nearest(path: Path) -> Path:
    """Find the nearest folder above that exists, or else the root of the disk."""
    above = path.parent
    while above != above.parent and not above.exists():
        above = above.parent
    return above


def _count(path: Path, task: Task) -> Tally:
    tally = Tally(str(path))
    end = time.monotonic() + _SECONDS
    for _ in count_in_turns([tally], task.progress):
        if time.monotonic() > end:
            break
    return tally


def _file(path: Path, kind: str) -> Finding:
    suffix = suffix_of(path.name)
    if kind == "parsed":
        return Finding("bad", "A file; give the folder that Parse wrote.")
    if suffix in IMAGES:
        return Finding("good", f"One {suffix} file.")
    return Finding(
        "warn", f"A file of another kind ({suffix or 'no extension'}), not .cif or .tif."
    )


def _raw(path: Path, task: Task) -> Finding:
    if record := own_record(path / PARSE_RECORD, "parse"):  # whose montages are .tif files too
        text = f"Parsed cells ({_told(record)}), not images. Give the folder of the images."
        return Finding("warn", text)
    tally = _count(path, task)
    if tally.fault:
        return Finding("bad", tally.fault)
    if tally.number(IMAGES):
        return Finding("good", f"{_files(tally, IMAGES)}.")
    if tally.number(STACKS):
        text = (
            f"No images, but {_files(tally, STACKS)}: parsed cells. Give the folder of the images."
        )
        return Finding("warn", text)
    return Finding("warn", f"No .cif or .tif files {_where(tally)}.")


def _where(tally: Tally) -> str:
    """Say how far the search went."""
    if not tally.finished or tally.capped:
        return f"among the first {tally.seen:,} entries"
    return "in it or in its sub-folders" if tally.folders else "in it"


def _files(tally: Tally, suffixes: tuple[str, ...]) -> str:
    """Write how many files of each kind: `56 .cif files in 28 folders`."""
    both = tally.direct + tally.below
    found = {suffix: both[suffix] for suffix in suffixes if both[suffix]}
    parts = [tally.more(number, f"{suffix} file") for suffix, number in found.items()]
    below = any(tally.below[suffix] for suffix in suffixes) and not tally.direct.total()
    return " and ".join(parts) + (" in sub-folders" if below else "")


def _parsed(path: Path, task: Task) -> Finding:
    if record := own_record(path / PARSE_RECORD, "parse"):
        return Finding("good", f"Parsed cells: {_told(record)}.")
    tally = _count(path, task)
    if tally.fault:
        return Finding("bad", tally.fault)
    if tally.number(STACKS):
        return Finding("good", f"Parsed cells: {_files(tally, STACKS)}.")
    if tally.number(IMAGES):
        text = f"Images ({_files(tally, IMAGES)}), not parsed cells: run Parse first."
        return Finding("warn", f"{text} Then give the folder that it wrote.")
    sure = tally.finished and not tally.capped
    return Finding("warn" if sure else "plain", f"No parsed cells (.npy files) {_where(tally)}.")


def _told(record: dict[str, object]) -> str:
    """Say what a parse.json tells, as far as it does."""
    parts = []
    if type(cells := record.get("cells")) is int:
        parts.append(counted(cells, "cell"))
    channels = record.get("channels")
    if isinstance(channels, list) and all(type(number) is int for number in channels):
        parts.append(f"channel{'s' * (len(channels) != 1)} {joined(channels)}")
    if type(frame := record.get("frame")) is int:
        parts.append(f"frame {frame}")
    return ", ".join(parts) or f"a {PARSE_RECORD} that says no more"


def _model(path: Path, kind: str) -> Finding:
    from deepometry.legacy import is_hdf5
    from deepometry.model import find_model, read_description

    try:
        file = find_model(path)
        if kind == "start" and is_hdf5(file):
            return Finding("plain", "An HDF5 file: taken as ResNet50 of the original program.")
        told = read_description(file)
    except DeepometryError as error:
        return Finding("bad", str(error))
    channels = f", channels {joined(told.channels)}" if told.channels else ""
    name = f" ({file.name})" if path.is_dir() else ""
    labels = counted(len(told.labels), "label")
    return Finding("good", f"{told.target}, {labels}{channels}, frame {told.frame}{name}.")


# For what one step wrote: the record of that step, its tables, and what it is called
_TABLES = {
    "features": ("extract", "features_extracted_by_*.txt", "Extract", "features"),
    "predictions": ("predict", "predicted.csv", "Predict", "predictions"),
}


def _table(path: Path, kind: str) -> Finding:
    """Look for what one step wrote for another."""
    verb, pattern, button, name = _TABLES[kind]
    if path.is_file():
        good = path.match(pattern)
        return Finding("good" if good else "warn", f"{'A' if good else 'No'} table of {name}.")
    if not any(path.glob(pattern)):
        return Finding("warn", f"No {name} in it; give the folder that {button} wrote.")
    cells = own_record(path / f"{verb}.json", verb).get("cells")
    of = f" of {counted(cells, 'cell')}" if type(cells) is int else ""
    return Finding("good", f"{name.capitalize()}{of}.")


def _to_make(path: Path) -> Finding:
    above = _nearest(path)
    if not above.exists():
        return Finding("bad", f"Not found: there is no {above}.")
    if not above.is_dir():
        return Finding("bad", f"{above} is a file; choose another place.")
    if not os.access(above, os.W_OK):
        return Finding("bad", f"You may not write to {above}; choose another place.")
    return Finding("plain", f"Will be made in {above}.")


def _output(path: Path) -> Finding:
    if not path.is_dir():
        return Finding("bad", "A file; give a folder.")
    if not os.access(path, os.W_OK):
        return Finding("bad", "You may not write to this folder; choose another one.")
    if record := own_record(path / PARSE_RECORD, "parse"):
        return Finding("plain", f"Holds parsed cells ({_told(record)}); a new parse replaces them.")
    for verb, text in _EARLIER.items():
        if own_record(path / f"{verb}.json", verb):
            return Finding("plain", text)
    with os.scandir(path) as entries:
        empty = all(entry.name.startswith(".") for entry in entries)
    if empty:
        return Finding("good", "An empty folder.")
    return Finding("plain", "Not empty: files of the same names will be replaced.")
