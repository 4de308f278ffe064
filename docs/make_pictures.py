"""Draw the pictures of the documentation.

python docs/make_pictures.py    example cells of all seven shapes, and a gallery of them
"""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from deepometry.images.frame import frame_cell
from deepometry.images.gallery import gallery_image, write_gallery
from deepometry.images.padding_noise import Noise
from deepometry.images.readers.find import find_sources
from deepometry.images.synthetic.red_cell import CHANNELS, CLASSES, draw_cell

HERE = Path(__file__).parent
EACH = 6
SIDE = 46
NOISE = Noise(0, CHANNELS)


def main() -> None:
    figure = Figure(figsize=(10, 3.1), dpi=130, facecolor="white", layout="constrained")
    panels = figure.subplots(2, len(CLASSES))
    for column, label in enumerate(CLASSES):
        rng = np.random.default_rng(column + 3)
        cells = [draw_cell(label, rng) for _ in range(EACH)]
        cells = [frame_cell(cell, SIDE, str(n), NOISE) for n, cell in enumerate(cells)]
        for row, title in ((0, label.replace("_", " ")), (1, "")):
            axes = panels[row, column]
            low, high = ((300, 1150), (25, 200))[row]
            axes.imshow(sheet(cells, row), cmap="gray", vmin=low, vmax=high)
            axes.set_title(title, fontsize=9)
            axes.set(xticks=[], yticks=[])
    panels[0, 0].set_ylabel("Brightfield", fontsize=9)
    panels[1, 0].set_ylabel("Darkfield", fontsize=9)
    figure.savefig(HERE / "pictures" / "example_cells.png")
    example = find_sources(HERE.parent / "data" / "example")
    gallery = gallery_image(example, 48, title="example, 350 cells", rows=5)
    write_gallery(gallery, HERE / "pictures" / "gallery.png")


def sheet(cells: list[np.ndarray], channel: int) -> np.ndarray:
    """Lay cells out in two columns."""
    rows = [np.hstack([c[..., channel] for c in cells[n : n + 2]]) for n in range(0, EACH, 2)]
    return np.vstack(rows)


if __name__ == "__main__":
    main()
