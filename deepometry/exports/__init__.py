"""Results in the files of other programs: cytometry, FlowJo, Python, R, MATLAB, IDEAS, images.

How an export runs: `choose` picks the format and the cells, `guard` checks the output, `write`
calls the writer of the format with one `ExportJob`. `open_results` finds the tables of a folder,
`result_tables` and `text_table` read them, and `cell_table` joins them by identity.

How to add a format:

1. Write `exports/<name>.py` with one function `write_<name>(job, path)` that returns a list of
   notes for the user. Read the cells by `with job.pieces(text) as pieces`, so that memory does not
   grow with their number. A format of many files gets an `Archive` in place of the path.
2. Add an entry to `EXPORT_FORMATS` in `core/export_formats.py`. Command line, page and file endings
   are made from it.
3. Add a test to `tests/test_export.py` that reads the file with the other program's own reader.
"""

from deepometry.exports.write import ExportResult, export

__all__ = ["ExportResult", "export"]
