"""What another account of the computer tries, to get the page: `web_attacker.py USER PORT TAKEN`.

`TAKEN` is the port of a connection that the page's user has open. It prints as JSON what came back
for every try. It imports nothing of Deepometry's, which the other account may not read.
"""

import encodings.idna  # noqa: F401 - socket's, which cannot be found any more later
import json
import os
import socket
import sys

ASK = "GET / HTTP/1.1\r\nHost: localhost:{port}\r\n{more}\r\n"


TRIES = ["plain", "old", "ipv6", "mapped", "pipelined", "half_closed", "pipelined_and_half_closed"]
TRIES += ["gone", "many", "many_kept", "same_port"]


class Tries:
    """One attacker's tries on a port; `taken` is that of the user's own connection."""

    def __init__(self, port: int, taken: int) -> None:
        self.port, self.taken = port, taken

    def ask(self, more: str = "", host: str = "127.0.0.1", own: tuple | None = None):
        place = socket.create_connection((host, self.port), timeout=20, source_address=own)
        place.sendall(ASK.format(port=self.port, more=more).encode())
        return place

    def read(self, place: socket.socket) -> str:
        parts = []
        try:
            while part := place.recv(65536):
                parts.append(part)
        except OSError:
            pass
        place.close()
        return b"".join(parts).decode("latin-1")

    def plain(self) -> str:
        return self.read(self.ask("Connection: close\r\n"))

    def old(self) -> str:
        place = socket.create_connection(("127.0.0.1", self.port), timeout=20)
        place.sendall(f"GET / HTTP/1.0\r\nHost: localhost:{self.port}\r\n\r\n".encode())
        return self.read(place)

    def ipv6(self) -> str:
        return self.read(self.ask("Connection: close\r\n", "::1"))

    def mapped(self) -> str:
        place = socket.socket(socket.AF_INET6)
        place.connect(("::ffff:127.0.0.1", self.port))
        place.sendall(ASK.format(port=self.port, more="Connection: close\r\n").encode())
        return self.read(place)

    def pipelined(self) -> str:
        place = self.ask()
        for _ in range(4):
            place.sendall(ASK.format(port=self.port, more="").encode())
        place.sendall(ASK.format(port=self.port, more="Connection: close\r\n").encode())
        return self.read(place)

    def half_closed(self) -> str:
        found = []
        for _ in range(20):
            place = self.ask()
            place.shutdown(socket.SHUT_WR)
            found.append(self.read(place))
        return "".join(found)

    def pipelined_and_half_closed(self) -> str:
        place = socket.create_connection(("127.0.0.1", self.port), timeout=20)
        place.sendall(ASK.format(port=self.port, more="").encode() * 5)
        place.shutdown(socket.SHUT_WR)
        return self.read(place)

    def gone(self) -> str:
        for _ in range(50):
            self.ask().close()
        return ""

    def many(self) -> str:
        places = [self.ask("Connection: close\r\n") for _ in range(60)]
        return "".join(self.read(place) for place in places)

    def same_port(self) -> str:
        """At another address than the user's."""
        return self.read(self.ask("Connection: close\r\n", own=("127.0.0.2", self.taken)))

    def many_kept(self) -> str:
        places = [self.ask() for _ in range(60)]
        for place in places:
            place.settimeout(0.1)
        return "".join(self.read(place) for place in places)


def main(user: int, port: int, taken: int) -> None:
    os.setgroups([])
    os.setgid(user)
    os.setuid(user)
    tries = Tries(port, taken)
    found = {}
    for name in TRIES:
        try:
            found[name] = getattr(tries, name)()
        except OSError as error:
            found[name] = str(error)
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
