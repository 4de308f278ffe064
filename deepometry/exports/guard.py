"""Refusing an output that would replace a result, or would later be read as cells."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from deepometry.core.earlier_results import asked_to_replace
from deepometry.core.errors import DeepometryError, OptionsError
from deepometry.core.export_formats import ExportFormat
from deepometry.core.files import lies_in
from deepometry.core.options.export import ExportOptions
from deepometry.core.result_files import CROSS_VALIDATION_RECORD, FOLD_RECORD
from deepometry.core.run_records import read_json
from deepometry.core.steps import STEPS, WITH_TABLES
from deepometry.exports.archive import check_archive, is_zip

_TABLES = tuple(step.table for step in WITH_TABLES)
_RECORDS = (
    *(step.record for step in STEPS.values() if step.record),
    CROSS_VALIDATION_RECORD,
    FOLD_RECORD,
)


def check_output(options: ExportOptions, format: ExportFormat) -> None:
    """Check that the output can be written where it was asked for.

    Raises
    ------
    OptionsError
        It is a folder where the format is one file, would replace a result of another step, or
        would be read as cells.
    """
    output = options.output
    if format.many_files:
        check_archive(output, format.name)
        _check_not_among_cells(options, format)
    elif output.is_dir():
        _refuse(f"expected the name of a file, found the folder {output}.")
    folders = [folder.resolve() for folder in (options.input, options.also) if folder is not None]
    taken = output.name in _TABLES and output.resolve().parent in folders
    if taken or any(map(_of_a_step, (output, record_of(output)))):
        _refuse(
            f"expected another name than {output}, since it, or the record beside it, would "
            "replace a result of another step."
        )


def earlier_export(options: ExportOptions) -> list[str]:
    """List the files that an export may replace, beside each other; ask before it does.

    Raises
    ------
    Question
        There is a file of the name, and nobody has said that it may be replaced.
    """
    output, record = options.output, record_of(options.output)
    ours = _content(record) if record.is_file() else {}
    names = [output.name] * output.is_file() + [record.name] * (ours.get("step") == "export")
    if output.is_file() and not options.overwrite:
        raise asked_to_replace(f"{output} exists already", ours, output.parent, names)
    return names


def _refuse(message: str) -> None:
    raise OptionsError({"output": f"Output file: {message}"})


def _check_not_among_cells(options: ExportOptions, format: ExportFormat) -> None:
    folder = not is_zip(options.output) and format.name == "tiff"
    if folder and lies_in(options.output, options.input):
        _refuse(
            f"expected a place outside {options.input}, found a folder in it; choose another "
            "folder, or a .zip file."
        )


def record_of(output: Path) -> Path:
    """Return the path of the record beside an export."""
    return output.with_name(f"{output.name}.json")


def _of_a_step(path: Path) -> bool:
    """Return whether a file is the record of a step other than export, or is listed in one."""
    path = path.resolve()
    if path.suffix.lower() == ".json" and _content(path).get("step", "export") != "export":
        return True
    return any(
        path.relative_to(folder).as_posix().casefold() in _listed(folder / record)
        for folder in path.parents
        for record in _RECORDS
    )


def _listed(record: Path) -> set[str]:
    """Return the names of a record and of the files that it lists, in lower case."""
    if not record.is_file():
        return set()
    files = _content(record).get("files")
    names = map(str, files) if isinstance(files, list) else ()
    return {name.casefold() for name in (record.name, *names)}


def _content(record: Path) -> dict[str, Any]:
    """Read a record; empty if it cannot be read."""
    try:
        return read_json(record)
    except DeepometryError:
        return {}
