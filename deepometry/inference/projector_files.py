"""Files that let TensorBoard's projector show the cells, on the user's own machine."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from deepometry.core.files import writing
from deepometry.core.result_files import METADATA_TABLE, PROJECTOR_CONFIG, SPRITE

LARGEST_SPRITE = 8192  # pixels a side: more than this, browsers do not draw


class Sprite:
    """One picture with a thumbnail of every cell, row by row.

    Thumbnails are smaller than the frame where the picture would become too large.
    """

    def __init__(self, cells: int, frame: int) -> None:
        self._across = math.ceil(math.sqrt(cells))
        self.side = max(1, min(frame, LARGEST_SPRITE // self._across))
        self._cells, self._done = cells, 0
        down = math.ceil(cells / self._across)
        self._picture = np.zeros((down * self.side, self._across * self.side), np.uint8)

    def add(self, images: np.ndarray) -> None:
        """Add the first channel of the next cells, images of shape (n, frame, frame, channels)."""
        for thumbnail in _shrink(_stretch(images[..., 0]), self.side):
            row, column = divmod(self._done, self._across)
            top, left = row * self.side, column * self.side
            self._picture[top : top + self.side, left : left + self.side] = thumbnail
            self._done += 1

    def save(self, folder: Path) -> None:
        """Write the picture."""
        from PIL import Image

        with writing(folder / SPRITE) as part:
            Image.fromarray(self._picture).save(part, format="png")


def _stretch(images: np.ndarray) -> np.ndarray:
    """Stretch every image over 0 to 255."""
    images = images.astype(np.float32)
    low = images.min((1, 2), keepdims=True)
    span = images.max((1, 2), keepdims=True) - low
    return (255 * (images - low) / np.where(span > 0, span, 1)).astype(np.uint8)


def _shrink(images: np.ndarray, side: int) -> np.ndarray:
    """Average images down to `side` pixels."""
    if images.shape[1] == side:
        return images
    from PIL import Image

    small = (Image.fromarray(image).resize((side, side), Image.Resampling.BOX) for image in images)
    return np.stack([np.asarray(image) for image in small])


def write_config(folder: Path, tables: Sequence[str], side: int) -> None:
    """Write the file by which TensorBoard finds features, metadata and thumbnails."""
    with writing(folder / PROJECTOR_CONFIG) as part:
        part.write_text("".join(_entry(name, side) for name in tables), "utf-8", newline="\n")


def _entry(table: str, side: int) -> str:
    return (
        "embeddings {\n"
        f'  tensor_name: "{Path(table).stem}"\n'
        f'  tensor_path: "{table}"\n'
        f'  metadata_path: "{METADATA_TABLE}"\n'
        "  sprite {\n"
        f'    image_path: "{SPRITE}"\n'
        f"    single_image_dim: {side}\n"
        f"    single_image_dim: {side}\n"
        "  }\n"
        "}\n"
    )
