"""One line on a path that was typed or chosen: is it there, and is it what the field wants?"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from deepometry.core.errors import DeepometryError, explain_os_error
from deepometry.core.file_types import ANALYSES, ARCHIVES, IMAGES, LABEL_TABLES, suffix_of
from deepometry.core.result_files import HAND_LABELS, PARSE_RECORD, PREDICTED_TABLE, layer_table
from deepometry.core.run_records import own_record
from deepometry.core.steps import STEPS
from deepometry.core.text import counted, joined, shortened
from deepometry.images.readers.other_kinds import advice_on
from deepometry.web.browse.background import Task
from deepometry.web.browse.count_files import STACKS, Tally, count_within

KINDS = ("raw", "parsed", "labels", "gate", "model", "start", "features", "predictions", "folder")

_SECONDS = 2.0
_LARGEST_ANALYSIS = 32 << 20  # bytes
_POPULATIONS = 12  # that are named
_ASKED = "you are asked before a new parse replaces them."


@dataclass(frozen=True)
class Finding:
    """What the page says about a path.

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
    """Describe a path, which need not exist, for a field that wants something of `KINDS`."""
    try:
        there = path.exists()
        if kind == "folder":
            return _output(path) if there else _to_make(path)
        if not there:
            return Finding("missing", _missing(path))
        if kind in ("model", "start"):
            return _model(path, kind)
        if kind == "labels":
            return _labels(path, task)
        if kind == "gate":
            return _gate(path)
        if kind in _TABLES:
            return _table(path, kind)
        if path.is_file():
            return _file(path, kind)
        return _raw(path, task) if kind == "raw" else _parsed(path, task)
    except OSError as error:
        return Finding("bad", str(explain_os_error(error, path)))
    except DeepometryError as error:  # a record that is damaged, or of a later version
        return Finding("bad", str(error))


def _missing(path: Path) -> str:
    above = _nearest(path)
    if above == path.parent:
        return f"Not found: there is no “{path.name}” in {above}."
    return f"Not found: {above} exists, but contains no “{path.relative_to(above).parts[0]}”."


def _nearest(path: Path) -> Path:
    """Find the nearest folder above that exists, or else the root of the disk."""
    above = path.parent
    while above != above.parent and not above.exists():
        above = above.parent
    return above


def _count(path: Path, task: Task) -> Tally:
    tally = Tally(str(path))
    count_within(_SECONDS, [tally], task.progress)
    return tally


def _file(path: Path, kind: str) -> Finding:
    suffix = suffix_of(path.name)
    if kind == "parsed":
        return Finding("bad", "This is a file; enter the output folder of Parse.")
    if suffix in IMAGES:
        return Finding("good", f"One {suffix} file.")
    if advice := advice_on(path):
        return Finding("warn", f"{advice[0].upper()}{advice[1:]}.")
    return Finding("warn", f"Not a file of images, but {suffix or 'a file without extension'}.")


def _labels(path: Path, task: Task) -> Finding:
    suffix = suffix_of(path.name)
    if path.is_dir() and (tally := _count(path, task)).number(ANALYSES):
        return Finding("good", f"Analyses of IDEAS: {_files(tally, ANALYSES)}.")
    if path.is_dir() or suffix in ARCHIVES:
        return Finding("plain", "Read as lists that Export wrote, or as a table for each class.")
    if suffix in LABEL_TABLES:
        return Finding("good", f"A {suffix} table.")
    if suffix in ANALYSES:
        return _analysis(path, task)
    if suffix == HAND_LABELS:
        return Finding("good", "Labels given by hand; they are copied whole.")
    return Finding("warn", f"Expected a table ({', '.join((*LABEL_TABLES, *ANALYSES))}).")


def _analysis(path: Path, task: Task) -> Finding:
    """List the populations of an analysis that is read within seconds."""
    if path.stat().st_size > _LARGEST_ANALYSIS:
        return Finding("good", "An analysis of IDEAS.")
    from deepometry.images.daf_info import daf_info

    result = daf_info(path, task.progress)
    sizes = [f"{each.name} {each.objects:,}" for each in result.populations if not each.damage]
    text = f"Analysis of {result.cif or 'a .cif file'}, {counted(result.objects, 'object')}"
    return Finding("good", f"{text}: {shortened(sizes, _POPULATIONS) or 'no populations'}.")


def _gate(path: Path) -> Finding:
    from deepometry.cells.gate_like import gate_like  # NumPy takes long to load

    return Finding("good", f"{gate_like(path, None)}.")


def _raw(path: Path, task: Task) -> Finding:
    if record := own_record(path / PARSE_RECORD, "parse"):  # whose montages are .tif files too
        text = f"Parsed cells ({_parse_summary(record)}), not images."
        return Finding("warn", f"{text} Enter the folder of the images.")
    tally = _count(path, task)
    if tally.fault:
        return Finding("bad", tally.fault)
    if tally.number(IMAGES) > tally.number(STACKS):
        return Finding("good", f"{_files(tally, IMAGES)}.")
    if tally.number(STACKS):
        text = f"{_files(tally, STACKS)}, read as images."
        return Finding("plain", f"{text} If they are parsed cells, Parse is done already.")
    return Finding("warn", f"No images {_where(tally)}.")


def _where(tally: Tally) -> str:
    """Describe how far the search went."""
    if not tally.finished or tally.capped:
        return f"among the first {tally.seen:,} entries"
    return "in it or in its sub-folders" if tally.folders else "in it"


def _files(tally: Tally, suffixes: tuple[str, ...]) -> str:
    """Write how many files of each kind: `56 .cif files in 28 folders`."""
    both = tally.direct + tally.below
    parts = [tally.more(both[suffix], f"{suffix} file") for suffix in suffixes if both[suffix]]
    below = any(tally.below[suffix] for suffix in suffixes) and not tally.direct.total()
    return " and ".join(parts) + (" in sub-folders" if below else "")


def _parsed(path: Path, task: Task) -> Finding:
    if record := own_record(path / PARSE_RECORD, "parse"):
        return Finding("good", f"Parsed cells: {_parse_summary(record)}.")
    tally = _count(path, task)
    if tally.fault:
        return Finding("bad", tally.fault)
    if tally.number(STACKS):
        return Finding("good", f"Parsed cells: {_files(tally, STACKS)}.")
    if tally.number(IMAGES):
        text = f"Images ({_files(tally, IMAGES)}), not parsed cells. Run Parse first,"
        return Finding("warn", f"{text} then enter its output folder.")
    sure = tally.finished and not tally.capped
    return Finding("warn" if sure else "plain", f"No parsed cells (.npy files) {_where(tally)}.")


def _parse_summary(record: dict[str, object]) -> str:
    """Summarise a parse.json, as far as it is complete."""
    parts = []
    if type(cells := record.get("cells")) is int:
        parts.append(counted(cells, "cell"))
    channels = record.get("channels")
    if isinstance(channels, list) and all(type(number) is int for number in channels):
        parts.append(f"channel{'s' * (len(channels) != 1)} {joined(channels)}")
    if type(frame := record.get("frame")) is int:
        parts.append(f"frame {frame}")
    return ", ".join(parts) or f"a {PARSE_RECORD} without details"


def _model(path: Path, kind: str) -> Finding:
    from deepometry.cells.model_description import find_model, read_description
    from deepometry.network.hdf5_weights import is_hdf5

    try:
        file = find_model(path)
        if kind == "start" and is_hdf5(file):
            return Finding("plain", "An HDF5 file, read as ResNet50 of the original Deepometry.")
        model = read_description(file)
    except DeepometryError as error:
        return Finding("bad", str(error))
    channels = f", channels {joined(model.channels)}" if model.channels else ""
    name = f" ({file.name})" if path.is_dir() else ""
    labels = f"{model.target}, {counted(len(model.labels), 'label')}"
    what = model.about_outputs if model.task.is_number else labels
    gates = f"; learnt inside of {model.about_gates}" if model.gates else ""
    return Finding("good", f"{what}{channels}, frame {model.frame}{gates}{name}.")


# The tables that hold what one step wrote for another
_TABLES = {"features": layer_table("*"), "predictions": PREDICTED_TABLE}


def _table(path: Path, kind: str) -> Finding:
    """Look for what one step wrote for another."""
    pattern, step = _TABLES[kind], next(step for step in STEPS.values() if step.writes == kind)
    if path.is_file():
        good = path.match(pattern)
        return Finding("good" if good else "warn", f"{'A' if good else 'No'} table of {kind}.")
    if not any(path.glob(pattern)):
        place = f"the output folder of {step.name.capitalize()}"
        return Finding("warn", f"No {kind} in it; enter {place}.")
    cells = own_record(path / step.record, step.name).get("cells")
    of = f" of {counted(cells, 'cell')}" if type(cells) is int else ""
    return Finding("good", f"{kind.capitalize()}{of}.")


def _to_make(path: Path) -> Finding:
    above = _nearest(path)
    if not above.exists():
        return Finding("bad", f"Not found: there is no {above}.")
    if not above.is_dir():
        return Finding("bad", f"{above} is a file; choose another folder.")
    if not os.access(above, os.W_OK):
        return Finding("bad", f"No permission to write to {above}; choose another folder.")
    return Finding("plain", f"Will be created in {above}.")


def _output(path: Path) -> Finding:
    if not path.is_dir():
        return Finding("bad", "This is a file; enter a folder.")
    if not os.access(path, os.W_OK):
        return Finding("bad", "No permission to write to this folder; choose another one.")
    if record := own_record(path / PARSE_RECORD, "parse"):
        text = f"Contains parsed cells ({_parse_summary(record)}); {_ASKED}"
        return Finding("plain", text)
    for step in STEPS.values():
        if step.replaces and own_record(path / step.record, step.name):
            return Finding("plain", step.replaces)
    with os.scandir(path) as entries:
        empty = all(entry.name.startswith(".") for entry in entries)
    if empty:
        return Finding("good", "An empty folder.")
    return Finding("plain", "Not empty: files with the same names will be replaced.")
