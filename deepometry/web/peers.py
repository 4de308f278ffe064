"""Which account of this computer asks: those of other users reach a loopback address, too."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_TABLES = ("/proc/net/tcp", "/proc/net/tcp6")
_ESTABLISHED = "01"
_ROOT = 0


def is_another_user(theirs: int, ours: int) -> bool:
    """Tell whether a connection on this computer belongs to another account.

    Parameters
    ----------
    theirs, ours : int
        Ports of the browser and of the server.

    Returns
    -------
    bool
        False for this user, for the system itself, and where it cannot be known: only Linux tells.

    Notes
    -----
    The kernel's tables of connections name the owner of each end (proc(5), /proc/net/tcp).
    """
    if sys.platform != "linux":
        return False
    owners = {user for local, remote, user in _connections() if (local, remote) == (theirs, ours)}
    return bool(owners) and not owners & {os.getuid(), _ROOT}


def _connections() -> Iterator[tuple[int, int, int]]:
    """Give local port, remote port and owner of every connection that is open."""
    for table in _TABLES:
        with suppress(OSError):
            for line in Path(table).read_text("ascii").splitlines()[1:]:
                words = line.split()
                if words[3] == _ESTABLISHED:
                    yield _port(words[1]), _port(words[2]), int(words[7])


def _port(address: str) -> int:
    return int(address.rpartition(":")[2], 16)
