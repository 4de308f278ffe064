"""Options of the step that classifies new samples."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from deepometry.core.errors import OptionsError
from deepometry.core.export_formats import EXPORT_FORMATS
from deepometry.core.options.fields import (
    Options,
    as_in,
    one_of,
    option,
    output_folder,
    overwrite_option,
    pages_option,
    pattern_option,
    read_flag,
    read_path,
    reader_option,
    tiles_option,
)
from deepometry.core.options.parse import ParseOptions
from deepometry.core.options.predict import PredictOptions

LARGE_IMAGES = ("ask", "crop")
EXPORTS = tuple(EXPORT_FORMATS)


@dataclass(frozen=True, kw_only=True)
class ClassifyOptions(Options):
    """Options of `deepometry.inference.classify.classify`; every field also accepts text."""

    input: Path = option(
        "New files",
        "Folder of the images of new samples (.cif, .tif, .png, .rtdc, .npy, .zip ...), or one "
        "such file. Sub-folders such as 'Day 3/Sample A' are counted one by one.",
        read_path,
        kind="raw",
    )
    model: Path = option(
        "Model location",
        "Model file, or the folder that training wrote. Frame, channels and intensity scaling "
        "follow from it.",
        read_path,
        metavar="PATH",
        kind="model",
        positional=True,
    )
    output: Path = output_folder("Folder for the predictions.")
    unsure_below: float | None = as_in(PredictOptions, "unsure_below")
    unknown_above: float | None = as_in(PredictOptions, "unknown_above")
    export: str | None = option(
        "Export",
        "Write the results also for another program, to a file beside them: "
        + "; ".join(f"{each.name}: {each.about}" for each in EXPORT_FORMATS.values())
        + ".",
        one_of(EXPORTS),
        None,
        choices=EXPORTS,
        names={"": "no export"} | {each.name: each.title for each in EXPORT_FORMATS.values()},
        group="results",
    )
    annotated: bool = option(
        "Annotated data?",
        "The folders name the true classes of the cells: compare the predictions with them. "
        "Otherwise folders are samples whose cells are counted.",
        read_flag,
        False,
        group="validation",
    )
    group_by: str | None = as_in(PredictOptions, "group_by")
    batch_size: int = as_in(PredictOptions, "batch_size")
    views: int | None = as_in(PredictOptions, "views")
    parts: str = as_in(PredictOptions, "parts")
    precision: str = as_in(PredictOptions, "precision")
    rescale: float | str | None = as_in(PredictOptions, "rescale")
    despite_scale: bool = as_in(PredictOptions, "despite_scale")
    masked: bool = as_in(ParseOptions, "masked")
    tiles: int | None = tiles_option()
    large_images: str = option(
        "Large images",
        "What to do with images that look like whole fields of view: ask, or crop them around "
        "their middle, where the one cell is.",
        one_of(LARGE_IMAGES),
        LARGE_IMAGES[0],
        choices=LARGE_IMAGES,
        group="images",
    )
    pattern: str | None = pattern_option()
    reader: str = reader_option()
    pages: str | None = pages_option()
    overwrite: bool = overwrite_option()

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.group_by and not self.annotated:
            message = (
                "Group by: expected annotated cells, whose scores it is for, found unannotated "
                "ones; leave it blank, or choose Annotated data (--annotated)."
            )
            raise OptionsError({"group_by": message})

    def reading(self, frame: int) -> ParseOptions:
        """Return how the files are read, as options of a parse with the frame of a model."""
        names = ("input", "output", "masked", "tiles", "large_images", "pattern", "reader", "pages")
        return ParseOptions(frame=frame, **{name: getattr(self, name) for name in names})
