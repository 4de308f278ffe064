"""Export: results of the steps in the files of other programs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deepometry.core.files import staged
from deepometry.core.notebook import NotebookView, ShowsInNotebook
from deepometry.core.options.export import ExportOptions
from deepometry.core.progress import Progress, Report, as_progress
from deepometry.core.run_records import provenance, write_json
from deepometry.core.step import load
from deepometry.core.text import counted
from deepometry.exports.archive import open_archive
from deepometry.exports.choose import choose_cells, choose_format
from deepometry.exports.guard import check_output, earlier_export, record_of
from deepometry.exports.job import ExportJob
from deepometry.exports.open_results import open_table


@dataclass(frozen=True)
class ExportResult(ShowsInNotebook):
    """The outcome of an export.

    Attributes
    ----------
    cells : int
        Number of cells written.
    format : str
    output : Path
        The file, or the folder.
    notes : tuple of str
        What users should know about the file, one sentence each.
    """

    cells: int
    format: str
    output: Path
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        notes = "".join(f"{note}\n" for note in self.notes)
        return f"{notes}Exported {counted(self.cells, 'cell')} as {self.format}: {self.output}"

    def notebook_view(self) -> NotebookView:
        """Show what was written."""
        rows = {"Cells": self.cells, "Format": self.format, "Output": self.output}
        return NotebookView(f"Exported {counted(self.cells, 'cell')}", rows, self.notes)


def export(options: ExportOptions, progress: Progress | Report | None = None) -> ExportResult:
    """Write results for another program.

    Parameters
    ----------
    options : ExportOptions
        Where the results are, and what to write.
    progress : Progress or callable, optional
        Called with (cells done, cells in all, text).

    Returns
    -------
    ExportResult
        The record beside the file, `<its name>.json`, says how it was made.

    Raises
    ------
    DeepometryError
        There are no results, they are damaged, they lack what the format needs, or the output
        cannot be written.
    """
    progress = as_progress(progress)
    format = choose_format(options)
    check_output(options, format)
    earlier = earlier_export(options)
    table = open_table(options.input, options.layer, progress, options.also)
    table = choose_cells(table, options)
    with staged(options.output.parent, earlier, progress.say) as stage:
        notes = _write(ExportJob(table, format, options, progress), stage / options.output.name)
        facts = {"cells": len(table), "format": format.name, "notes": notes}
        record = stage / record_of(options.output).name
        write_json(record, provenance("export", options) | facts)
    return ExportResult(len(table), format.name, options.output, tuple(notes))


def _write(job: ExportJob, path: Path) -> list[str]:
    """Call the writer of the format."""
    write: Callable[[ExportJob, Any], list[str]] = load(f"deepometry.exports.{job.format.writer}")
    if job.format.many_files:
        with open_archive(path) as archive:
            return write(job, archive)
    return write(job, path)
