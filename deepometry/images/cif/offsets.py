"""Reads at given positions of a file, and positions from offsets that are too short.

Amnis files beyond 4 GiB store every offset modulo 2**32. Source: Bio-Formats (`TiffParser.java`,
BSD part) for the chain of directories; the rule for strips and values is ours.
"""

from __future__ import annotations

import threading
from pathlib import Path

from deepometry.core.errors import explain_os_error
from deepometry.images.cif.codec import CifError

WRAP = 2**32


class PositionedFile:
    """A file read at given positions only; raises `CifError` if it cannot be opened."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        try:
            if path.exists() and not path.is_file() and not path.is_dir():  # a pipe would wait
                raise CifError(f"{path}: expected a file, found a pipe or a device")
            self._file = path.open("rb", buffering=0)
            self.size = self._file.seek(0, 2)
        except OSError as error:
            raise CifError(str(explain_os_error(error, path))) from error

    def read(self, position: int, length: int) -> bytes:
        """Read `length` bytes at `position`, all of them.

        Raises
        ------
        CifError
            The file ends before, or the disk fails.
        """
        if self._file.closed:
            raise CifError("it has been closed")
        if position < 0 or position + length > self.size:
            raise CifError(
                f"bytes {position} to {position + length} lie beyond its end; if the file was cut "
                "off, copy it again"
            )
        try:
            with self._lock:  # other threads may use the same reader
                self._file.seek(position)
                data = self._file.read(length)
        except OSError as error:
            raise CifError(str(explain_os_error(error, self.path)).rstrip(".")) from error
        if len(data) != length:
            raise CifError(f"it ended at byte {position + len(data)} while being read")
        return data

    def read_into(self, position: int, buffer: memoryview) -> int:
        """Fill a buffer with what stands at `position`; return how many bytes there were.

        Raises
        ------
        CifError
            The file has become shorter, or the disk fails.
        """
        wanted = min(len(buffer), max(0, self.size - position))
        done = 0
        if self._file.closed:
            raise CifError("it has been closed")
        try:
            with self._lock:
                self._file.seek(position)
                while done < wanted:
                    number = self._file.readinto(buffer[done:wanted])
                    if not number:
                        raise CifError(f"it ended at byte {position + done} while being read")
                    done += number
        except OSError as error:
            raise CifError(str(explain_os_error(error, self.path)).rstrip(".")) from error
        return done

    def close(self) -> None:
        """Close the file; closing twice does no harm."""
        self._file.close()

    def __enter__(self) -> PositionedFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def resolve_next(stored: int, here: int, size: int) -> int:
    """Find the next directory from its offset, which is stored modulo 2**32 and not 0.

    Returns
    -------
    int
        In a file below 4 GiB `stored` itself, else the first congruent position after `here`.
    """
    return stored if size < WRAP else here + 1 + (stored - here - 1) % WRAP


def resolve_near(stored: int, here: int, size: int) -> int:
    """Find a strip or value from its offset modulo 2**32: the place nearest to its directory."""
    if size < WRAP:
        return stored
    after = here + (stored - here) % WRAP
    before = after - WRAP
    return before if before >= 0 and (here - before < after - here or after >= size) else after
