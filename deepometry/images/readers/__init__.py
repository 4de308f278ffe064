"""Readers of image files: whatever the format, one `Cell` at a time.

`find.find_sources` walks an input folder and returns a `Source` for everything that becomes one
stack of cells: a .cif file, or all .tif files of a folder. `find.open_cells` does so for one file.

To add a reader of another format:

1. Write `readers/<format>.py` with a class that fulfils `base.Source`. It opens its file when it
   is made, and raises a `DeepometryError` of one sentence where that is not possible. Its `read`
   yields a `base.Cell`, or a `base.Problem` with the reason, for every cell in `objects`.
2. Add the suffixes of the format to `core/file_types.py`, among `CONTAINERS` if each file has
   many cells.
3. Add the class to `readers/containers.py`, which opens files by their suffixes (one that does
   not open becomes an `UnreadableSource`) and a single file by its first bytes.
4. Add a writer of small files to `tests/kinds.py` and test the reader against it in
   `tests/test_readers_<format>.py`: pixels, object numbers, channel names, damaged files.
"""
