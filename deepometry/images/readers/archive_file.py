"""One .zip file: its directory, checked before anything is read, and its files.

No file is open between calls, so that the archive can be moved or deleted at any time.
"""

from __future__ import annotations

import os
import shutil
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath

from deepometry.core.errors import DeepometryError, explain_os_error
from deepometry.core.result_files import PARSE_RECORD

MOST_BYTES = 2**30
"""Of one image; cells have some ten thousand."""

_MOST_RATIO = 200  # of unpacked to packed size, beyond which much is taken for an attack
_MUCH = 2**28
_PIECE = 2**20
_DEEPEST = 64
_SPARE = 2**28  # bytes to leave free on the disk of temporary files
_HEADER = struct.Struct("<4s22xHH")  # of a file: signature, lengths of name and extra fields
_UTF8, _ENCRYPTED = 0x800, 0x1


class ArchiveError(DeepometryError):
    """A .zip, or a file in it, that cannot be read."""


class ArchiveFile:
    """The directory of a .zip file, checked before anything is read."""

    def __init__(self, path: str, size: int) -> None:
        self._path = path
        self._files: dict[str, zipfile.ZipInfo] = {}
        self._folders: dict[str, dict[str, bool]] = {"": {}}
        try:
            with zipfile.ZipFile(path) as file:
                infos = file.infolist()
        except (zipfile.BadZipFile, NotImplementedError, ValueError, struct.error) as error:
            raise ArchiveError(
                f"{path} is damaged or not a .zip file ({error}); copy or make it again."
            ) from error
        except OSError as error:
            raise ArchiveError(str(explain_os_error(error, path))) from error
        for info in infos:
            self._add(info)
        self._check_sizes(size)
        self._check_parsed()

    def _add(self, info: zipfile.ZipInfo) -> None:
        name = _name_of(info)
        parts = [part for part in name.split("/") if part not in ("", ".")]
        if ".." in parts or name.startswith("/") or name[1:3] == ":/":
            raise ArchiveError(
                f"{self._path} holds a file that would be written outside of it "
                f"({info.filename!r}), which no archiving program does; make it again."
            )
        if len(parts) > _DEEPEST:
            raise ArchiveError(
                f"{self._path} holds folders in folders, {len(parts):,} deep, of which at most "
                f"{_DEEPEST} can be read; pack the folders of the images only."
            )
        if not parts or parts[0] == "__MACOSX" or any(part.startswith(".") for part in parts):
            return
        is_folder = info.is_dir() or name.endswith("/")
        for depth, part in enumerate(parts, 1):
            above = "/".join(parts[: depth - 1])
            inside = depth < len(parts) or is_folder
            self._folders.setdefault(above, {})[part] = inside
            if inside:
                self._folders.setdefault("/".join(parts[:depth]), {})
        if not is_folder:
            self._add_file("/".join(parts), info)

    def _add_file(self, name: str, info: zipfile.ZipInfo) -> None:
        if name in self._files:  # unpacking would keep one of them and not say so
            raise ArchiveError(
                f"{self._path} holds two files called {name}, of which only one can be meant; "
                "make it again with one of them."
            )
        self._files[name] = info

    def _check_sizes(self, size: int) -> None:
        infos = list(self._files.values())
        if any(info.flag_bits & _ENCRYPTED for info in infos):
            raise ArchiveError(
                f"{self._path} is encrypted; unpack it with its password and give the folder."
            )
        packed, whole = (sum(i.compress_size for i in infos), sum(i.file_size for i in infos))
        if packed > size:
            raise ArchiveError(f"{self._path} is damaged: its files overlap; make it again.")
        bombs = [i for i in infos if i.file_size > max(_MUCH, _MOST_RATIO * i.compress_size)]
        if bombs or whole > max(4 * _MUCH, _MOST_RATIO * size):
            raise ArchiveError(
                f"{self._path} would unpack from {size:,} to {whole:,} bytes, which images of "
                "cells never do; unpack it yourself if you trust it, and give the folder."
            )

    def _check_parsed(self) -> None:
        for name in self._files:
            if PurePosixPath(name).name == PARSE_RECORD:
                raise ArchiveError(
                    f"{self._path}: expected images of cells, found parsed ones ({name}); "
                    "unpack it to use them, or give the archive of the images."
                )

    def sizes(self) -> list[tuple[str, int]]:
        """Return the names of all files, in order, with their sizes when unpacked."""
        return sorted((name, info.file_size) for name, info in self._files.items())

    def entries(self, folder: str) -> list[tuple[str, bool]]:
        """List what lies in a folder; raise `ArchiveError` if that is an archive itself."""
        if folder in self._files:
            raise ArchiveError(
                f"{self._path} holds another archive ({folder}), which is not read; unpack "
                f"{Path(self._path).name} and give the folder."
            )
        return list(self._folders.get(folder.rstrip("/"), {}).items())

    def read(self, name: str) -> bytes:
        """Return the content of an image; raise `ArchiveError` if it is damaged or too large."""
        info = self._info(name)
        if info.file_size > MOST_BYTES:
            raise ArchiveError(f"{name} in {self._path} is larger than an image of a cell can be.")
        return b"".join(self._pieces(info))

    def start(self, name: str, length: int) -> tuple[bytes, int]:
        """Return the first bytes of a file, and the size of all of it."""
        info, start = self._info(name), b""
        for piece in self._pieces(info):
            start += piece
            if len(start) >= length:
                break
        return start[:length], info.file_size

    def unpack(self, name: str, target: Path) -> None:
        """Write a file to the disk; raise `ArchiveError` if it is damaged or does not fit."""
        info = self._info(name)
        free = shutil.disk_usage(target.parent).free
        if info.file_size + _SPARE > free:
            raise ArchiveError(
                f"{name} in {self._path} needs {info.file_size:,} bytes of temporary disk space, "
                f"but {target.parent.parent} has {free:,}; free some, or unpack it elsewhere and "
                "give the folder."
            )
        try:
            with target.open("wb") as file:
                for piece in self._pieces(info):
                    file.write(piece)
        except OSError as error:
            raise ArchiveError(str(explain_os_error(error, target))) from error

    def _info(self, name: str) -> zipfile.ZipInfo:
        if name not in self._files:
            raise ArchiveError(f"There is no {name} in {self._path}.")
        return self._files[name]

    def _pieces(self, info: zipfile.ZipInfo) -> Iterator[bytes]:
        """Yield the content of a file; raise `ArchiveError` unless it is what was declared."""
        name = f"{info.filename} in {self._path}"
        check, length = 0, 0
        try:
            for piece in _unpacked(self._path, info):
                check, length = zlib.crc32(piece, check), length + len(piece)
                if length > info.file_size:
                    break
                yield piece
        except (zlib.error, struct.error, EOFError) as error:
            raise ArchiveError(f"{name} is damaged ({error}); make the archive again.") from error
        except OSError as error:
            raise ArchiveError(str(explain_os_error(error, self._path))) from error
        if length != info.file_size or check != info.CRC:
            raise ArchiveError(f"{name} is damaged: it is not what was packed; copy it again.")


def _name_of(info: zipfile.ZipInfo) -> str:
    """Return the name of a file, with forward slashes; many programs write UTF-8 unmarked."""
    name = info.filename
    if not info.flag_bits & _UTF8:
        with suppress(UnicodeError):  # it is in the old character set of .zip files after all
            name = name.encode("cp437").decode("utf-8")
    return name.replace("\\", "/")


def _unpacked(path: str, info: zipfile.ZipInfo) -> Iterator[bytes]:
    """Yield the unpacked content of a file in pieces."""
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ArchiveError(
            f"{info.filename} in {path} is packed in an unusual way ({info.compress_type}); "
            "unpack it, or pack it again with the usual one (deflate)."
        )
    with open(path, "rb") as file:  # noqa: PTH123
        file.seek(info.header_offset)
        signature, name, extra = _HEADER.unpack(file.read(_HEADER.size))
        if signature != b"PK\x03\x04":
            raise EOFError("its place is wrong")
        file.seek(name + extra, os.SEEK_CUR)
        stored = info.compress_type == zipfile.ZIP_STORED
        inflate = zlib.decompressobj(-zlib.MAX_WBITS)
        left = info.compress_size
        while left > 0 and (packed := file.read(min(_PIECE, left))):
            left -= len(packed)
            while packed:
                piece = packed if stored else inflate.decompress(packed, _PIECE)
                packed = b"" if stored else inflate.unconsumed_tail
                yield piece
    if not stored:
        yield inflate.flush()
