"""Labels given by hand to the same cells in another folder of parsed cells."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from deepometry.cells.hand_labels import check_free
from deepometry.cells.label_import.label_result import LabelResult, open_receiver
from deepometry.cells.labels.hand_copy import copy_labels, labelled_cells
from deepometry.cells.labels.hand_files import labels_file
from deepometry.cells.labels.hand_log import Identity
from deepometry.cells.labels.hands import HandLabels
from deepometry.cells.labels.label_folder import parsed_home
from deepometry.core.errors import DeepometryError, OptionsError
from deepometry.core.file_types import PLAIN_IMAGES, suffix_of
from deepometry.core.folder_names import CLASSES
from deepometry.core.options.label import LabelOptions
from deepometry.core.progress import Progress
from deepometry.core.result_files import HAND_LABELS, PARSE_RECORD
from deepometry.core.run_records import own_record
from deepometry.core.text import counted, shortened

_EXAMPLES = 3


def are_by_hand(place: Path) -> bool:
    """Return whether a file has labels given by hand."""
    return place.suffix.lower() == HAND_LABELS


def label_from_hands(options: LabelOptions, progress: Progress) -> LabelResult:
    """Give parsed cells the labels that people gave them by hand in another parse.

    All of it comes along: classes, annotators, and what can be undone.

    Raises
    ------
    DeepometryError
        None of the labelled cells is among the parsed ones, or the name is taken.
    """
    labels = HandLabels(options.labels)
    cells = open_receiver(options.input, progress)
    name = options.name or labels.name
    path = labels_file(cells.home, name)
    if path.is_file():
        raise OptionsError(
            {"name": f"Name: these cells have labels {path.stem} given by hand already, which are "
             "never replaced; choose another name."}
        )  # fmt: skip
    check_free(path)
    known = labelled_cells(labels)
    found = match_cells(known, [(source, each) for _, source, each in cells.dataset.identities()])
    if not found:
        raise _nothing_found(options, known)
    copy_labels(labels, path, {old: new for old, new in found.items() if old != new})
    target = open_receiver(cells.home, progress).dataset.labels(path.stem).target()
    labelled = sum(target.labels.values())
    lost = [cell for cell in known if cell not in found]
    parts = [f"{path.stem}: {labelled:,} of {counted(len(cells.dataset), 'cell')} have a label."]
    if lost:
        parts.append(
            f"{len(lost):,} of {counted(len(known), 'labelled cell')} are not among them, or might "
            f"be several, such as {_examples(lost)}."
        )
    if _other_images(cells.home, labels, found):
        parts.append(
            "The images lay in another folder then: cells were matched by their names; look at "
            "some of them."
        )
    return LabelResult(
        name=path.stem,
        kind=CLASSES,
        labels=target.labels,
        cells=len(cells.dataset),
        labelled=labelled,
        rows=len(known),
        unmatched=len(lost),
        ambiguous=0,
        examples=tuple(f"{source}, object {name}" for source, name in lost[:_EXAMPLES]),
        overlapping=0,
        table=path,
        message=" ".join(parts),
    )


def match_cells(old: Sequence[Identity], new: Iterable[Identity]) -> Mapping[Identity, Identity]:
    """Find the cells of one parse in another one of the same images.

    The folder that was parsed may be another one: of the two paths, one has to be the end of the
    other. Of images with a file for each channel, other channels may have been parsed. Cells that
    might be several are left out.
    """
    there = dict.fromkeys(new)
    found = {cell: cell for cell in old if cell in there}
    free = [cell for cell in there if cell not in found]
    index: dict[Identity, list[Identity]] = {}
    for cell in free:
        for key in _keys(cell):
            index.setdefault(key, []).append(cell)
    for cell in old:
        if cell not in found:
            for key in _keys(cell):
                same = [each for each in index.get(key, ()) if _same_folders(cell, each)]
                if same:
                    found |= {cell: same[0]} if len(same) == 1 else {}
                    break
    taken = Counter(found.values())
    return {old: new for old, new in found.items() if taken[new] == 1}


def _keys(cell: Identity) -> list[Identity]:
    """Return by what a cell is found: file and object; of an image a cell, the object alone."""
    source, name = cell
    file = source.rpartition("/")[2].casefold()
    plain = suffix_of(file) in PLAIN_IMAGES and name.casefold() in file
    return [(file, name), *([("", name)] if plain else [])]


def _same_folders(one: Identity, other: Identity) -> bool:
    """Return whether the folders of one cell are the last ones of the other."""
    mine, theirs = (cell[0].casefold().split("/")[-2::-1] for cell in (one, other))
    return all(a == b for a, b in zip(mine, theirs, strict=False))


def _other_images(home: Path, labels: HandLabels, found: Mapping[Identity, Identity]) -> bool:
    """Return whether the images of the two parses are different files, as far as is known."""
    before = _images(parsed_home(labels.path.parent))
    now = _images(home)
    old, new = next(iter(found.items()))
    if not before or not now:
        return False
    return (before / old[0]).parent != (now / new[0]).parent


def _images(home: Path) -> Path | None:
    """Return the folder that was parsed, where that is known."""
    text = own_record(home / PARSE_RECORD, "parse").get("options", {}).get("input", "")
    return Path(text).absolute() if text else None


def _nothing_found(options: LabelOptions, known: Sequence[Identity]) -> DeepometryError:
    found = f"none of them, only such as {_examples(known)}" if known else "no labels"
    return DeepometryError(
        f"Labels {options.labels}: expected labels of the cells in {options.input}, found {found}; "
        "give the labels of another parse of the same images."
    )


def _examples(cells: Sequence[Identity]) -> str:
    return shortened([f"“{source}, object {name}”" for source, name in cells[:_EXAMPLES]])
