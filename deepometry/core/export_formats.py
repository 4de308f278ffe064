"""The formats of `export`, one entry each: options, page and writers are made from this table."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ExportFormat:
    """A format of another program.

    Attributes
    ----------
    name : str
        As in `--format`; also the ending of the file, where the format is one file.
    title : str
        Its line in the page's list.
    about : str
        What it is, in the help of `--format`.
    writer : str
        `module:function` below `deepometry.exports`, imported when it is used. Called with an
        `ExportJob` and a path, or an `Archive` where `many_files`; returns notes for the user.
    many_files : bool
        Whether it needs a .zip file or a folder.
    other_endings : tuple of str
        Further file endings from which `--format auto` chooses it.
    features : str
        What `--features auto` means.
    of_predictions : bool
        Whether it needs the probabilities of classes.
    """

    name: str
    title: str
    about: str
    writer: str
    many_files: bool = False
    other_endings: tuple[str, ...] = ()
    features: str = "all"
    of_predictions: bool = False

    @property
    def endings(self) -> tuple[str, ...]:
        """File endings from which `--format auto` chooses it."""
        return () if self.many_files else (f".{self.name}", *self.other_endings)

    def file_name(self, stem: str) -> str:
        """Return the name of the file that holds all of an export."""
        return f"{stem}_{self.name}.zip" if self.many_files else f"{stem}.{self.name}"


EXPORT_FORMATS: dict[str, ExportFormat] = {
    format.name: format
    for format in (
        ExportFormat(
            "fcs",
            "FCS, for FlowJo, FCS Express and other cytometry programs",
            "cytometry programs",
            "fcs:write_fcs",
            features="pca10",
        ),
        ExportFormat(
            "clr",
            "Class probabilities for FlowJo (CLR)",
            "class probabilities for FlowJo",
            "flowjo_clr:write_clr",
            many_files=True,
            of_predictions=True,
        ),
        ExportFormat(
            "ideas",
            "Lists of object numbers, for IDEAS",
            "lists of object numbers for IDEAS",
            "ideas_lists:write_ideas",
            many_files=True,
        ),
        ExportFormat(
            "csv",
            "Table (.csv), for spreadsheets and R",
            "table",
            "csv_parquet:write_csv",
        ),
        ExportFormat(
            "parquet",
            "Table (.parquet), for R and Python, of many cells",
            "table of many cells",
            "csv_parquet:write_parquet",
            other_endings=(".pq",),
        ),
        ExportFormat(
            "h5ad", "AnnData (.h5ad), for scanpy", "AnnData, for scanpy", "h5ad:write_h5ad"
        ),
        ExportFormat("mat", "MATLAB (.mat)", "MATLAB", "matlab:write_mat"),
        ExportFormat(
            "tiff",
            "Images: a TIFF a cell and channel",
            "an image a cell and channel",
            "image_files:write_tiff",
            many_files=True,
        ),
        ExportFormat(
            "montage",
            "Images: sheets of the cells of each class",
            "sheets of cells",
            "image_files:write_montages",
            many_files=True,
        ),
    )
}
