"""Readers of image files: whatever the format, one `Cell` at a time.

`find_sources` walks an input folder and gives a `Source` for everything that becomes one stack
of cells: a .cif file, or all .tif files of a folder. `open_cells` does so for a single file.
"""

from deepometry.readers.base import Cell, Problem, Source, UnreadableSource
from deepometry.readers.find import find_sources, open_cells

__all__ = ["Cell", "Problem", "Source", "UnreadableSource", "find_sources", "open_cells"]
