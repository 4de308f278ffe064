"""Which cell is looked for: `4711 of sample7.cif`."""

from __future__ import annotations

import re
from dataclasses import dataclass

_OF = re.compile(r"(?:(?:cell|object)\s+)?(?P<object>.+?)\s+of\s+(?P<file>.+)", re.IGNORECASE)
_NUMBERED = re.compile(r"(?P<file>.+?)\s*#\s*(?P<object>@?\d+)")


@dataclass(frozen=True)
class CellQuery:
    """An object, and the file that it is in, if named."""

    object: str
    file: str = ""

    @classmethod
    def read(cls, text: str) -> CellQuery:
        """Read `4711`, `4711 of sample7.cif`, `sample7.cif #4711` or `a.tif #a#3`."""
        text = " ".join(text.split())
        file, mark, name = text.rpartition(" #")
        if mark and file and name:
            return cls(name, file)
        if match := _NUMBERED.fullmatch(text) or _OF.fullmatch(text):
            return cls(match["object"], match["file"])
        file, mark, name = text.rpartition("#")
        return cls(name.strip(), file.strip()) if mark and name.strip() else cls(text)

    def may_be_in(self, source: str) -> bool:
        """Return whether the file is a source: its path, its end, or its name without ending."""
        source, file = map(_plain, (source, self.file))
        names = (f"/{source}", f"/{source.rpartition('.')[0]}")
        return not file or any(name.endswith(f"/{file}") for name in names)

    def is_in(self, source: str) -> bool:
        """Return whether the file is a source, by its whole path."""
        return _plain(source) == _plain(self.file)

    @property
    def names(self) -> tuple[str, str]:
        """What the object may be called: a page of a file has its name in front, as in `a#3`."""
        return self.object, f"{self.file}#{self.object}" if self.file else self.object

    def matches(self, source: str, name: str) -> bool:
        """Return whether a cell may be the one that is looked for."""
        name = " ".join(name.split())
        return name == self.names[1] or (name == self.object and self.may_be_in(source))

    def __str__(self) -> str:
        return f"{self.object} of {self.file}" if self.file else self.object


def _plain(path: str) -> str:
    """Spell paths alike, whatever their spaces, case and slashes."""
    return " ".join(path.replace("\\", "/").split()).casefold()
