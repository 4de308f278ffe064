"""Analyses of IDEAS that lie beside the .cif files of a parse: taken without being asked for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from deepometry.cells.dataset import open_dataset
from deepometry.cells.label_import.ideas import (
    TARGET,
    by_populations,
    copy_features,
    facts_of,
    notes_on,
)
from deepometry.cells.label_import.ideas_match import AnalysisFinder, analyses_in
from deepometry.cells.label_import.ideas_populations import Populations
from deepometry.cells.label_import.label_result import Receiver, write_labels
from deepometry.core.errors import OptionsError
from deepometry.core.folder_names import find_targets
from deepometry.core.options.label import LabelOptions
from deepometry.core.options.parse import ParseOptions
from deepometry.core.progress import Progress
from deepometry.core.text import quoted, shortened
from deepometry.images.readers.base import Source
from deepometry.images.readers.cif import CifSource

_FAULTS = 3  # that are told


def take_analyses(
    home: Path, sources: Sequence[Source], options: ParseOptions, progress: Progress
) -> list[str]:
    """Give parsed cells what analyses beside their .cif files know of them.

    Parameters
    ----------
    home : Path
        The new parsed cells.
    sources : sequence of Source
        What they were parsed from.
    options : ParseOptions
    progress : Progress
        Receives the search; may cancel.

    Returns
    -------
    list of str
        Sentences on what was taken, and on what to do where it is not clear.
    """
    folders = dict.fromkeys(s.path.parent for s in sources if isinstance(s, CifSource))
    paths = [path for folder in folders for path in analyses_in(folder, below=False)]
    if not options.analyses or not paths:
        return []
    faults: list[str] = []
    cells = Receiver(home, open_dataset(home, progress))
    names = ((source, name) for _, source, name in cells.dataset.identities())
    matched = AnalysisFinder(names, options.input).match(paths, progress, faults)
    told = [f"Not used: {fault}" for fault in faults[:_FAULTS]]
    told += [f"... and {len(faults) - _FAULTS:,} more."] * (len(faults) > _FAULTS)
    told += notes_on(matched)
    if matched.analysed:
        told += _take_populations(cells, Populations(matched.analysed), options)
        copy_features(cells, matched.analysed, progress)
        told.append("Their features are there for colours of maps, sorting and exports.")
    return [*told, *cells.notes]


def _take_populations(
    cells: Receiver, populations: Populations, options: ParseOptions
) -> list[str]:
    """Write the populations that were chosen by hand as a target, if that is clear."""
    taken = {target.name.casefold() for target in find_targets(cells.dataset.folders)}
    as_if = LabelOptions(input=options.output, labels=options.input)
    try:
        if TARGET.casefold() in taken:
            raise OptionsError({"name": f"folders name a {TARGET}, too"})
        target, found, names = by_populations(as_if, TARGET, cells, populations)
    except OptionsError as unclear:
        reason = next(iter(unclear.fields.values()))
        command = quoted(["deepometry", "label", str(options.output), str(options.input)])
        return [f"Populations of IDEAS were found, but not taken: {reason} Do so under Labels, or "
                f"with {command}."]  # fmt: skip
    cells.notes.extend(populations.doubts(names))
    result = write_labels(as_if, cells, target, found, facts_of(populations.analysed, names))
    counts = shortened([f"{label} {number:,}" for label, number in result.labels.items()], 8)
    return [f"{target[2].capitalize()} are the target {TARGET}: {counts}."]
