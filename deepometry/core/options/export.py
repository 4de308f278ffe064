"""Options of what is done with results: taking them elsewhere, and finding a cell again."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deepometry.core.export_formats import EXPORT_FORMATS
from deepometry.core.options.fields import (
    Options,
    one_of,
    option,
    overwrite_option,
    overwrite_picture_option,
    pages_option,
    pattern_option,
    read_path,
    read_text,
    whole,
)

AUTO_FORMAT = "auto"
FORMATS = tuple(EXPORT_FORMATS)
_ALL = EXPORT_FORMATS.values()
_MANY = [format.name for format in _ALL if format.many_files]
_AUTO_FEATURES = [f"{each.features} for {each.name}" for each in _ALL if each.features != "all"]
FEATURES_WANTED = ("auto", "all", "none")


def read_features(value: Any) -> str:
    """Read which features are wanted; names are checked when the tables are open."""
    text = str(value).strip()
    low = text.lower()
    if low in FEATURES_WANTED or re.fullmatch(r"(pca)?[1-9]\d{0,4}", low):
        return low
    if not text or re.fullmatch(r"[-+.\d]+", text):
        raise ValueError(
            "expected auto, all, none, a number such as 20 for the first so many, pca10 for the "
            f"first ten principal components, or names of features, found {text!r}."
        )
    return text


@dataclass(frozen=True, kw_only=True)
class ExportOptions(Options):
    """Options of `deepometry.exports.export`; every field also accepts text."""

    input: Path = option(
        "Results",
        "Folder that Predict, Extract or Embed wrote, or a folder of parsed cells.",
        read_path,
    )
    output: Path = option(
        "Output file",
        f"File to write; for {', '.join(_MANY[:-1])} and {_MANY[-1]} a .zip file or a folder.",
        read_path,
    )
    format: str = option(
        "Format",
        "; ".join(f"{format.name}: {format.about}" for format in _ALL)
        + ". auto: chosen by the ending of the output file.",
        one_of((AUTO_FORMAT, *FORMATS)),
        AUTO_FORMAT,
        choices=(AUTO_FORMAT, *FORMATS),
    )
    features: str = option(
        "Features",
        "all, none, a number such as 20 for the first so many, pca10 for the first ten principal "
        "components, or names such as pool5_1,pool5_7. auto: "
        f"{', '.join(_AUTO_FEATURES)}, otherwise all.",
        read_features,
        "auto",
        metavar="WHICH",
        group="results",
    )
    also: Path | None = option(
        "Together with",
        "Folder of further results of the same cells, such as predictions beside a map; or of the "
        "parsed cells, for their folder levels, labels and features of IDEAS.",
        read_path,
        None,
        metavar="FOLDER",
        group="results",
    )
    layer: str | None = option(
        "Layer",
        "Layer of the features, where the folder holds several; the one extracted last by default.",
        read_text,
        None,
        metavar="LAYER",
        group="results",
    )
    label: str | None = option(
        "Class",
        "Only cells that were predicted as this class. All by default.",
        read_text,
        None,
        metavar="CLASS",
        group="results",
    )
    cells: Path | None = option(
        "Chosen cells",
        "Only cells listed in this table (.csv), which has the columns source and object.",
        read_path,
        None,
        metavar="FILE",
        group="results",
    )
    images: Path | None = option(
        "Images",
        "Folder of the parsed cells that the results are about, if it was moved. With mat: write "
        "their images, too.",
        read_path,
        None,
        metavar="FOLDER",
        group="results",
    )
    montage: int = option(
        "Montage size",
        "Cells along each side of a montage sheet.",
        whole(1, 100),
        15,
        group="results",
    )
    overwrite: bool = overwrite_option()


@dataclass(frozen=True, kw_only=True)
class ShowOptions(Options):
    """Options of `deepometry.exports.find_cell.show`; every field also accepts text."""

    source: Path = option(
        "Where to look",
        "A .cif, .rif or .tif file, a folder of them, a folder of parsed cells, or one of results.",
        read_path,
    )
    object: str = option(
        "Cell",
        "Its object number; in a folder of several files with the file: '4711 of sample7.cif'.",
        read_text,
    )
    output: Path | None = option(
        "Picture",
        "Picture to write (.png); by default it is named after the cell, in the current folder.",
        read_path,
        None,
        metavar="FILE.png",
    )
    pages: str | None = pages_option()
    pattern: str | None = pattern_option()
    overwrite: bool = overwrite_picture_option()
