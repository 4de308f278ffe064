"""Which channels parsed cells have: the records of parse, found from the folders of the arrays."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from deepometry.core.errors import DeepometryError
from deepometry.core.result_files import PARSE_RECORD
from deepometry.core.run_records import own_record
from deepometry.core.text import counted, joined

ChannelList = tuple[tuple[int, ...] | None, dict[int, str]]
"""Numbers of the channels, None where they are not known, and names of those that have one."""


def one_channel_list(folders: Iterable[Path], depth: int) -> ChannelList:
    """Read channel numbers and names from the parse.json nearest to each folder of arrays.

    The numbers are None where there is no record.

    Raises
    ------
    DeepometryError
        A record does not fit the arrays, or two of them list different channels.
    """
    records: dict[Path, dict[str, Any]] = {}
    paths = dict.fromkeys(
        path for folder in dict.fromkeys(folders) if (path := record_above(folder, records))
    )
    lists = {path: _channels_in(path, records[path], depth) for path in paths}
    if not lists:
        return None, {}
    first, (channels, names) = next(iter(lists.items()))
    for other, (others, _) in lists.items():
        if others != channels:
            raise DeepometryError(
                f"{first} lists channels {joined(channels)}, but {other} lists {joined(others)}; "
                "parse all cells with the same channels."
            )
    return channels, names


def record_above(folder: Path, records: dict[Path, dict[str, Any]]) -> Path | None:
    """Find the nearest parse.json upwards that Parse wrote; `records` caches their content."""
    for place in [folder, *folder.parents]:
        path = place / PARSE_RECORD
        if path not in records:
            records[path] = own_record(path, "parse")
        if records[path]:
            return path
    return None


def _channels_in(
    path: Path, record: dict[str, Any], depth: int
) -> tuple[tuple[int, ...], dict[int, str]]:
    """Read the channel numbers and names of a record, and check that they fit the arrays."""
    channels, names = record.get("channels"), record.get("channel_names") or {}
    whole = isinstance(channels, list) and all(type(number) is int for number in channels)
    if not whole or len(channels or ()) != depth:
        raise DeepometryError(
            f"{path}: expected the numbers of the {counted(depth, 'channel')} of the "
            f"arrays beside it, found {channels!r}; parse the cells again."
        )
    if not isinstance(names, dict):
        raise DeepometryError(
            f"{path}: expected the names of the channels by their numbers, found {names!r}; parse "
            "the cells again."
        )
    named = {int(n): str(name) for n, name in names.items() if str(n).isdecimal()}
    return tuple(channels or ()), named
