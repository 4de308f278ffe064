"""Labels and features of analyses of IDEAS, brought to parsed cells."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from deepometry.cells.dataset import Dataset
from deepometry.cells.identity import distinct_keys
from deepometry.cells.imported_features import write_imported_features
from deepometry.cells.label_import.free_name import free_name
from deepometry.cells.label_import.ideas_match import (
    SUFFIX,
    Analysed,
    AnalysisFinder,
    Matched,
    analyses_in,
)
from deepometry.cells.label_import.ideas_populations import Populations, choose_populations
from deepometry.cells.label_import.label_result import (
    Found,
    LabelResult,
    Receiver,
    open_receiver,
    write_labels,
)
from deepometry.cells.label_import.overlaps import Given, settled
from deepometry.core.errors import DeepometryError, OptionsError
from deepometry.core.folder_names import CLASSES, NUMBER
from deepometry.core.options.label import LabelOptions
from deepometry.core.progress import Progress
from deepometry.core.text import shortened
from deepometry.images.daf.parts import DafError

TARGET = "Population"
"""The name of the target that populations are."""

_Target = tuple[str, str, str]
_EXAMPLES, _NAMED = 3, 3


def holds_analyses(place: Path) -> bool:
    """Return whether labels are to be read from an analysis of IDEAS, or a folder of them."""
    return place.suffix.lower() == SUFFIX or (place.is_dir() and bool(analyses_in(place)))


def label_by_ideas(options: LabelOptions, progress: Progress) -> LabelResult:
    """Give parsed cells the populations, or a feature, of analyses of IDEAS.

    Raises
    ------
    DeepometryError
        An analysis cannot be read, or is not about these cells.
    Question
        It is not clear which populations are meant, or what cells in several of them are.
    """
    _check_options(options)
    cells = open_receiver(options.input, progress)
    analysed = find_analysed(options.labels, cells, progress)
    if options.column:
        target, found = _by_feature(options, cells, analysed, options.column)
        names = list[str]()
    else:
        populations = Populations(analysed)
        name = free_name(options.name or TARGET, options.overwrite, cells.dataset)
        target, found, names = by_populations(options, name, cells, populations)
        cells.notes.extend(populations.doubts(names))
    if options.features:
        copy_features(cells, analysed, progress)
    return write_labels(options, cells, target, found, facts_of(analysed, names))


def _check_options(options: LabelOptions) -> None:
    """Raise `OptionsError` for options that an analysis has no use for."""
    wanted = NUMBER if options.column else CLASSES
    if options.learn not in ("auto", wanted):
        why = "a feature is a number" if options.column else "populations are classes"
        raise OptionsError(
            {"learn": f"Labels are: expected {wanted}, found {options.learn}; {why}, and a feature "
             "is named in Column."}
        )  # fmt: skip
    if options.column and options.populations:
        raise OptionsError(
            {"populations": f"Populations: expected none beside the feature {options.column}, "
             f"found {options.populations}; leave one of them out."}
        )  # fmt: skip


def find_analysed(place: Path, cells: Receiver, progress: Progress) -> list[Analysed]:
    """Find the parsed cells that analyses are about; raise `DeepometryError` if there are none."""
    if not place.exists():
        raise DeepometryError(f"Labels {place}: does not exist; check the path.")
    paths = analyses_in(place)
    names = ((source, name) for _, source, name in cells.dataset.identities())
    finder = AnalysisFinder(names, images_of(cells.dataset))
    matched = finder.match(paths, progress)
    if not matched.analysed:
        sources = shortened(finder.sources, _NAMED)
        raise DeepometryError(
            f"Labels {place}: expected the analysis of a parsed file, such as {sources}, found "
            f"that of another ({shortened([path.name for path in paths], _NAMED)}); give the .daf "
            "that lies beside the .cif."
        )
    cells.notes.extend(notes_on(matched))
    return matched.analysed


def images_of(dataset: Dataset) -> Path | None:
    """Return what was parsed to these cells; None where that is not known."""
    place = dataset.parse_record.get("options", {}).get("input")
    return Path(str(place)) if place else None


def notes_on(matched: Matched) -> list[str]:
    """Return sentences on analyses that were not used, or not compared with their .cif."""
    notes = []
    if matched.others:
        names = shortened([path.name for path in matched.others], _NAMED)
        notes.append(f"Not used, because they are about files that were not parsed: {names}.")
    if matched.copies:
        names = shortened([path.name for path in matched.copies], _NAMED)
        notes.append(f"Not used, because another .daf is called like the same .cif: {names}.")
    if unchecked := [each.source for each in matched.analysed if not each.checked]:
        notes.append(
            f"{shortened(unchecked, _NAMED)} could not be compared, since the .cif is not where it "
            "was parsed: cells were found by file name and object number alone."
        )
    return notes


def by_populations(
    options: LabelOptions, name: str, cells: Receiver, populations: Populations
) -> tuple[_Target, Found, list[str]]:
    """Choose the populations that are the classes of a target; return their names, too.

    Raises
    ------
    OptionsError
        They cannot be used.
    Question
        It is not clear which are meant, or what cells in several of them are.
    """
    what = str(options.labels)
    names = choose_populations(populations, options.populations, what)
    given, overlapping = settled(populations.given(names), options.overlap, what)
    objects, lost, examples = _count(populations, names)
    labelled = cells.dataset.identities_of(given.cells)
    found = Found(given, labelled, objects, lost, 0, examples, overlapping, "object")
    origin = f"populations of {_files(populations.analysed)}"
    return (name, CLASSES, origin), found, names


def _count(populations: Populations, names: Sequence[str]) -> tuple[int, int, tuple[str, ...]]:
    """Count the objects of populations, and those without a parsed cell, with examples."""
    objects = lost = 0
    examples: list[str] = []
    for each, chosen, parsed in populations.objects(names):
        missing = each.daf.ids[chosen & ~parsed]
        objects, lost = objects + int(chosen.sum()), lost + len(missing)
        examples += [f"{each.source}, object {number}" for number in missing[:_EXAMPLES]]
    return objects, lost, tuple(examples[:_EXAMPLES])


def facts_of(analysed: Sequence[Analysed], names: Sequence[str]) -> dict[str, Any]:
    """Return what the record says of analyses, and of populations that are classes."""
    files = {e.source: {"file": str(e.daf.path), "compared": e.checked} for e in analysed}
    return {"populations": list(names), "analyses": files}


def _by_feature(
    options: LabelOptions, cells: Receiver, analysed: Sequence[Analysed], column: str
) -> tuple[_Target, Found]:
    """Take a feature as numbers to learn."""
    values, named = np.full(len(cells.dataset), np.nan), ""
    for each in analysed:
        feature = next((n for n in each.daf.features if n.casefold() == column.casefold()), "")
        if feature:
            named, values[each.cells] = feature, each.daf.feature(feature)[each.rows]
    if not named:
        names = shortened(analysed[0].daf.features, 6)
        raise OptionsError(
            {"column": f"Column: expected a feature of {_files(analysed)}, found {column!r}; it "
             f"has {names}."}
        )  # fmt: skip
    name = free_name(options.name or named, options.overwrite, cells.dataset)
    finite = np.flatnonzero(np.isfinite(values))
    texts = tuple(f"{value:.9g}" for value in values[finite].tolist())
    given, labelled = (
        Given(finite, np.arange(len(finite)), texts),
        cells.dataset.identities_of(finite),
    )
    found = Found(given, labelled, len(finite), noun="object")
    return (name, NUMBER, f"feature {named} of {_files(analysed)}"), found


def _files(analysed: Sequence[Analysed]) -> str:
    """Return the files in words."""
    return analysed[0].daf.path.name if len(analysed) == 1 else f"{len(analysed):,} .daf files"


def copy_features(cells: Receiver, analysed: Sequence[Analysed], progress: Progress) -> None:
    """Copy all features of analyses to parsed cells; those that are damaged are told."""
    features = list(dict.fromkeys(name for each in analysed for name in each.daf.features))

    def column(name: str, values: np.ndarray) -> None:
        for each in analysed:
            if name in each.daf.features:
                try:
                    with np.errstate(over="ignore"):  # beyond the largest float32: infinite
                        values[each.cells] = each.daf.feature(name)[each.rows]
                except DafError as error:
                    cells.notes.append(str(error))

    keys = distinct_keys(cells.dataset.keys)
    write_imported_features(cells.home, keys, features, column, progress)
