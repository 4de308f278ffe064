"""Lines and letters on a picture, in a font that knows more than English."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL.Image import Image

Colour = tuple[int, int, int]

SIZE = 12
_EAST_ASIAN = "\u2e80"  # from here on the usual font has no letters
_EAST_ASIAN_FONTS = (
    "msyh.ttc",
    "YuGothM.ttc",
    "malgun.ttf",
    "PingFang.ttc",
    "Hiragino Sans GB.ttc",
    "NotoSansCJK-Regular.ttc",
    "DroidSansFallbackFull.ttf",
    "wqy-zenhei.ttc",
)


class Pen:
    """Writes and draws on one picture after the other."""

    def __init__(self) -> None:
        self._draw: Any = None

    def start(self, picture: Image) -> None:
        """Draw on this picture from now on."""
        from PIL import ImageDraw

        self._draw = ImageDraw.Draw(picture)

    def width(self, text: str, size: int = SIZE) -> int:
        """Return how many pixels a line of text takes."""
        return int(_font(size, _is_east_asian(text)).getlength(_clean(text))) + 1

    def widest(self, labels: Sequence[Sequence[str]], most: int) -> int:
        """Return how many pixels the widest line takes, at most `most`."""
        return min(most, max(self.width(line) for label in labels for line in label))

    def wrapped(self, lines: Sequence[str], room: int) -> list[str]:
        """Break lines between words so that each takes at most `room` pixels."""
        broken: list[str] = []
        for line in lines:
            words = line.split(" ")
            broken.append(words[0])
            for word in words[1:]:
                longer = f"{broken[-1]} {word}"
                if self.width(longer) <= room:
                    broken[-1] = longer
                else:
                    broken.append(word)
        return broken

    def write(
        self, place: tuple[int, int], text: str, colour: Colour, room: int, size: int = SIZE
    ) -> None:
        """Write a line of text with its upper left corner at `place`, in `room` pixels."""
        text = self._fitted(_clean(text), room, size)
        font = _font(size, _is_east_asian(text))
        self._draw.text(place, text, fill=colour, font=font, anchor="la")

    def frame(self, box: tuple[int, int, int, int], colour: Colour) -> None:
        """Draw a rectangle one pixel thin; its line is inside the box."""
        self._draw.rectangle(box, outline=colour)

    def _fitted(self, text: str, room: int, size: int) -> str:
        """Leave out the middle of what is too long: names of cells differ at the end."""
        if self.width(text, size) <= room:
            return text
        for length in range(len(text) - 1, 0, -1):
            shown = f"{text[: length // 2]}…{text[len(text) - (length + 1) // 2 :]}"
            if self.width(shown, size) <= room:
                return shown
        return ""


def _clean(text: str) -> str:
    """Show what is no text, such as half a character of a damaged name, as a question mark."""
    plain = text.encode("utf-8", "replace").decode("utf-8")
    return "".join(letter if letter.isprintable() else "?" for letter in plain)


def _is_east_asian(text: str) -> bool:
    return any(letter >= _EAST_ASIAN for letter in text)


@lru_cache(maxsize=16)
def _font(size: int, east_asian: bool) -> Any:
    from PIL import ImageFont

    for name in _EAST_ASIAN_FONTS if east_asian else ():
        try:
            return ImageFont.truetype(name, size)
        except OSError:
            continue  # not on this machine: the next one may be
    usual = _usual_font()
    return ImageFont.truetype(usual, size) if usual else ImageFont.load_default(size)


def _usual_font() -> str | None:
    """Find the font that comes with matplotlib, without loading matplotlib."""
    spec = find_spec("matplotlib")
    if spec is None or spec.origin is None:
        return None
    path = Path(spec.origin).parent / "mpl-data" / "fonts" / "ttf" / "DejaVuSans.ttf"
    return str(path) if path.is_file() else None
