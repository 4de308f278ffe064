"""Names of channels, as they are shown."""

from __future__ import annotations

from collections.abc import Sequence

_GENERIC = ("ch", "channel", "channel ")


def own_name(number: int, names: Sequence[str]) -> str:
    """Return the name of a channel, blank where it only repeats the number: `Ch05`."""
    name = names[0].strip() if names else ""
    generic = {f"{word}{spelled}" for word in _GENERIC for spelled in (number, f"{number:02}")}
    return "" if name.casefold() in generic else name
