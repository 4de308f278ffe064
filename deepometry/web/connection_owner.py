"""Which account of this computer has a connection: others reach a loopback address, too."""

from __future__ import annotations

import os
import socket
import struct
import sys
from contextlib import closing, suppress

Address = tuple[str, int]

_ROOT, _NAMELESS = 0, 65534  # the second also stands for users that a container does not know
_SOCK_DIAG, _BY_FAMILY, _REQUEST, _FAILED = 4, 20, 1, 2  # netlink(7), sock_diag(7)
_LISTENS, _EVERY_STATE = 10, 0xFFFFFFFF
_HEAD = struct.Struct("=IHHII")  # length, kind, flags, number, process
_OWNER_AT = 64  # bytes into the answer: before it are state, addresses and sizes of queues


def find_owner(theirs: Address, ours: Address) -> int | None:
    """Return the user who has the far end of a connection between two ends on this computer.

    Parameters
    ----------
    theirs, ours : tuple of str and int
        Address and port of the far end, and of this one.

    Returns
    -------
    int or None
        Number of the user. None where it cannot be proven: on other systems than Linux, for
        another computer, and for an end that is closed already, of which the kernel says "root".
    """
    if sys.platform != "linux":
        return None
    answer = b""
    with suppress(OSError, ValueError):
        answer = _ask(_plain(theirs), _plain(ours))
    if len(answer) < _HEAD.size + _OWNER_AT + 8 or _HEAD.unpack_from(answer)[1] == _FAILED:
        return None
    found = answer[_HEAD.size :]
    user, open_file = struct.unpack_from("=II", found, _OWNER_AT)
    if user == _NAMELESS:
        return None
    same = struct.unpack_from("!HH", found, 4) == (theirs[1], ours[1])
    return user if same and open_file and found[1] != _LISTENS else None


def is_own(user: int) -> bool:
    """Return whether a user is the one who runs this program, or root, who may do all things."""
    return user in (os.geteuid(), _ROOT)


def can_tell() -> bool:
    """Return whether this system tells the owner of a connection: a try with an own one."""
    if sys.platform != "linux":
        return False
    with (
        socket.create_server(("127.0.0.1", 0)) as here,
        socket.create_connection(here.getsockname()) as there,
    ):
        return find_owner(there.getsockname(), there.getpeername()) == os.geteuid()


def _ask(theirs: Address, ours: Address) -> bytes:
    """Ask the kernel for the one socket with these two ends."""
    family = socket.AF_INET6 if ":" in theirs[0] else socket.AF_INET
    ends = [socket.inet_pton(family, end[0]).ljust(16, b"\0") for end in (theirs, ours)]
    wanted = struct.pack("=BBBxI", family, socket.IPPROTO_TCP, 0, _EVERY_STATE)
    wanted += struct.pack("!HH", theirs[1], ours[1]) + b"".join(ends)
    wanted += struct.pack("=III", 0, 0xFFFFFFFF, 0xFFFFFFFF)  # any device, no cookie
    head = _HEAD.pack(_HEAD.size + len(wanted), _BY_FAMILY, _REQUEST, 1, 0)
    with closing(socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _SOCK_DIAG)) as kernel:
        kernel.settimeout(1.0)
        kernel.send(head + wanted)
        return kernel.recv(8192)


def _plain(end: Address) -> Address:
    """Take away what an IPv6 socket puts before an IPv4 address."""
    return end[0].removeprefix("::ffff:"), end[1]
