"""A cell in the image file it came from: its mask, and the size of a pixel."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deepometry.core.result_files import PARSE_RECORD
from deepometry.core.run_records import own_record
from deepometry.web.results.output import Unknown

if TYPE_CHECKING:
    import numpy as np

    from deepometry.cells.dataset import Dataset
    from deepometry.images.readers.base import Cell, Source

_AMNIS = {"20x": 1.0, "40x": 0.5, "60x": 0.3}  # micrometres a pixel, ImageStream and FlowSight
_OF_AMNIS = "imagestream|flowsight|isx|mark ?ii|synthetic cells"  # the example's are drawn so
_MOST_READ = 20_000  # cells before the wanted one, in files that are read from the beginning


@dataclass(frozen=True)
class Origin:
    """What the image file of a cell has that parsed cells have not.

    Attributes
    ----------
    mask : ndarray of bool, shape (frame, frame, channels), or None
        Where the cell is, in its frame; None where the file has no masks.
    pixel : float
        Micrometres; 0 where not known.
    """

    mask: np.ndarray | None
    pixel: float


def find_origin(dataset: Dataset, file: str, name: str, images: Path | None = None) -> Origin:
    """Look a cell up in its image file.

    `images` is where the image files are, for cells that were read straight from them; those of
    parsed cells are named by the record of the parse.

    Raises
    ------
    Unknown
        The image file is not there any more, or is not of a kind with masks.
    DeepometryError
        It cannot be read.
    """
    from deepometry.images.readers.find import open_cells

    path = _image_file(dataset.root, file) if images is None else _file_in(images, file)
    source = open_cells(path)
    pixel = pixel_size(source.details)
    cell = _read(source, file, name) if source.has_masks else None
    columns = [source.channels.index(n) for n in dataset.channel_numbers if n in source.channels]
    if cell is None or len(columns) < dataset.depth:
        return Origin(None, pixel)
    mask = framed_mask(cell, dataset.frame)
    return Origin(None if mask is None else mask[..., columns], pixel)


def _image_file(root: Path, file: str) -> Path:
    """Find the image file by the record of the parse, in the folder of the cells or above it."""
    for folder in (root, *root.parents):
        record = own_record(folder / PARSE_RECORD, "parse")
        images = Path(str(record.get("options", {}).get("input", "")))
        if record and not record.get("sets"):
            return _file_in(images, file)
    raise Unknown("The parsed cells do not say which images they came from.")


def _file_in(images: Path, file: str) -> Path:
    path = images if images.is_file() and images.name == file else images / file
    if not path.is_file():
        raise Unknown(f"{path} is not there, so that its masks cannot be shown.")
    return path


def pixel_size(details: dict[str, str]) -> float:
    """Return the micrometres of a pixel from the details of a file; 0 where they do not tell."""
    number = re.match(r"\d+(\.\d+)?", details.get("Pixel size", ""))
    if number:
        return float(number[0])
    amnis = re.search(_OF_AMNIS, details.get("Instrument", ""), re.I)
    return _AMNIS.get(details.get("Magnification", ""), 0.0) if amnis else 0.0


def _read(source: Source, file: str, name: str) -> Cell | None:
    from deepometry.cells.cell_query import CellQuery
    from deepometry.exports.find_cell import read_cell, rows_of
    from deepometry.images.readers.cif import CifSource

    rows = rows_of(source, CellQuery(name, file.rpartition("/")[2]))
    if not rows or (not isinstance(source, CifSource) and rows[0] > _MOST_READ):
        return None
    cell: Any = read_cell(source, rows[0], True)
    return cell


def framed_mask(cell: Cell, frame: int) -> np.ndarray | None:
    """Crop or pad the mask of a cell as parse does its pixels; None without one."""
    import numpy as np

    from deepometry.core.contrast import overlap
    from deepometry.images.framed_blocks import around

    mask = around(cell, frame)[1]
    if mask is None:
        return None
    (down, to_down), (along, to_along) = (overlap(size, frame) for size in mask.shape[:2])
    framed = np.zeros((frame, frame, mask.shape[2]), bool)
    framed[to_down, to_along] = mask[down, along]
    return framed
