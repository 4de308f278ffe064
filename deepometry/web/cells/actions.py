"""What is done with a selection: a set for training, a set of all other cells, or an export."""

from __future__ import annotations

from pathlib import Path

from deepometry.core.errors import DeepometryError, OptionsError
from deepometry.core.export_formats import EXPORT_FORMATS
from deepometry.core.options.export import ExportOptions
from deepometry.core.options.subset import SubsetOptions
from deepometry.core.result_files import PARSE_RECORD
from deepometry.core.run_records import own_record
from deepometry.core.steps import STEPS
from deepometry.web.cells.selections import Selection, place_of_cells
from deepometry.web.results.export_views import FOLDER, free_path
from deepometry.web.results.output import Output, Unknown

_SETS = {
    "set": "Copy to a set for training",
    "others": "Leave out: copy all other cells to a set",
}

SETS = "sets"


def actions_of(output: Output) -> dict[str, str]:
    """Return what can be done with a selection of a run, with its words."""
    exported = bool(STEPS[output.verb].table) or output.verb == "parse"
    formats = [each for each in EXPORT_FORMATS.values() if exported and not each.of_predictions]
    return _SETS | {each.name: f"Export: {each.title}" for each in formats}


def action_options(
    output: Output, selection: Selection, action: str, parsed: Path | None
) -> SubsetOptions | ExportOptions:
    """Return the options of the job that does it.

    Raises
    ------
    Unknown
        There is no such action.
    DeepometryError
        The parsed cells are needed and are not there any more, or have changed.
    """
    offered = actions_of(output)
    if action not in offered:
        raise Unknown(f"Action: expected one of {', '.join(offered)}, found {action!r}.")
    try:
        if action in EXPORT_FORMATS:
            return _export(output, selection, action)
        return _set(output, selection, action == "others", parsed)
    except OptionsError as error:
        raise DeepometryError(" ".join(error.fields.values())) from error


def _set(output: Output, selection: Selection, others: bool, parsed: Path | None) -> SubsetOptions:
    if parsed is None:
        raise DeepometryError("The parsed cells were moved, deleted or changed after this run.")
    place = place_of_cells(output) / SETS / "parsed"
    return SubsetOptions(
        input=parsed,
        output=place,
        cells=selection.path,
        name=_free_name(place, f"all but {selection.name}" if others else selection.name),
        montage=0 if others else SubsetOptions.montage,
        all_but=others,
    )


def _free_name(place: Path, name: str) -> str:
    """Return the name of a set with a number behind it, if there is such a set already."""
    taken = {n.casefold() for n in own_record(place / PARSE_RECORD, "parse").get("sets", {})}
    number, free = 1, name
    while free.casefold() in taken:
        number += 1
        free = f"{name} {number}"
    return free


def _export(output: Output, selection: Selection, format: str) -> ExportOptions:
    name = EXPORT_FORMATS[format].file_name(selection.name)
    return ExportOptions(
        input=output.root,
        output=free_path(place_of_cells(output) / FOLDER / name),
        format=format,
        cells=selection.path,
    )
