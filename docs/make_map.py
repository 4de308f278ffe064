"""Draw the map of the documentation: the example cells by UMAP, coloured two ways.

python docs/make_map.py [FOLDER]    FOLDER is what `deepometry demo --output FOLDER` wrote; without
                                    one, the demo is run first
"""

import sys
import tempfile
from pathlib import Path

from PIL import Image

from deepometry.core.options.embed import EmbedOptions
from deepometry.core.options.example import DemoOptions
from deepometry.maps.embed import embed
from deepometry.protocol import demo

HERE = Path(__file__).parent
COLOURINGS = ("Class", "Day")
WIDTH = 800  # pixels of a panel
COLOURS = 256


def main() -> None:
    with tempfile.TemporaryDirectory() as place:
        given = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(place) / "demo"
        if len(sys.argv) == 1:
            demo(DemoOptions(output=given))
        options = EmbedOptions(
            input=given / "features", output=Path(place) / "map", color=COLOURINGS
        )
        plots = [path for path in embed(options).plots if path.suffix == ".png"]
        panels = [shrunk(path) for path in plots]
    drawn = Image.new("RGB", (WIDTH * len(panels), panels[0].height), "white")
    for number, panel in enumerate(panels):
        drawn.paste(panel, (WIDTH * number, 0))
    drawn.quantize(COLOURS).save(HERE / "pictures" / "map.png", optimize=True)


def shrunk(path: Path) -> Image.Image:
    """Read a picture, at the width of a panel."""
    with Image.open(path) as found:
        size = (WIDTH, round(found.height * WIDTH / found.width))
        return found.convert("RGB").resize(size, Image.Resampling.LANCZOS)


if __name__ == "__main__":
    main()
