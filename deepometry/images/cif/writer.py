"""Writing the cells of an Amnis file one by one, as IDEAS lays them out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import ExitStack, suppress
from numbers import Integral
from pathlib import Path

from numpy.typing import ArrayLike

from deepometry.core.errors import DeepometryError, explain_os_error
from deepometry.core.files import writing
from deepometry.images.cif.cell_encoder import Coding, EncodedCell, encode_cell
from deepometry.images.cif.codec import CifError
from deepometry.images.cif.directory import OBJECT_COUNT, OBJECT_ID
from deepometry.images.cif.directory_writer import LONG, DirectoryWriter, value_position
from deepometry.images.cif.metadata import CifMetadata
from deepometry.images.cif.metadata_writer import check_metadata, first_tags
from deepometry.images.cif.offsets import WRAP

_PACKED = {"packed": True, "none": False}
_ORDERS = ("<", ">")
_BUFFER = 1 << 20


class CifWriter:
    """Writes a .cif or .rif file, cell by cell, for use in a `with` block.

    Parameters
    ----------
    path : Path
        The file. It appears when the block ends well; until then, and after any error, what
        stood there stays untouched.
    channels : iterable of int
        Numbers of the channels, rising, from 1 as IDEAS counts them: one for each plane of the
        images.
    names : dict of int to str, optional
        Names of channels.
    brightfield : iterable of int
        Numbers of those channels that were lit by the brightfield lamp.
    magnification : float, optional
        Of the objective.
    instrument, acquired, software : str
        Name of the instrument, date or time of the acquisition, version of the program that
        made the images; blank to leave them out. Nothing else depends on when a file is written:
        the same cells give the same bytes.
    order : {"<", ">"}
        Byte order; all genuine files seen have "<".
    compression : {"packed", "none"}
        "packed" as IDEAS does, or plain rows of pixels, which not all programs can read.
    flags : int
        Number of channels of the instrument, 12 in IDEAS. More are understood by readers that
        count the flags, such as ours and Bio-Formats.

    Raises
    ------
    CifError
        A value that the format cannot hold.

    Notes
    -----
    Memory holds one cell at a time. Files beyond 4 GiB are written like IDEAS does, with offsets
    modulo 2**32.

    Examples
    --------
    >>> with CifWriter(path, channels=(1, 12), names={1: "Brightfield"}) as file:  # doctest: +SKIP
    ...     file.add(image, mask)
    """

    def __init__(
        self,
        path: Path,
        channels: Iterable[int],
        *,
        names: Mapping[int, str] | None = None,
        brightfield: Iterable[int] = (),
        magnification: float | None = None,
        instrument: str = "",
        acquired: str = "",
        software: str = "",
        order: str = "<",
        compression: str = "packed",
        flags: int = 12,
    ) -> None:
        self.path = Path(path)
        self.metadata = CifMetadata(
            tuple(channels),
            dict(names or {}),
            magnification,
            None,
            tuple(sorted(brightfield)),
            instrument,
            acquired,
            software,
        )
        try:
            check_metadata(self.metadata, flags)
            _check_choice("order", order, _ORDERS)
            _check_choice("compression", compression, _PACKED)
        except CifError as error:
            raise CifError(f"{self.path}: {error}.") from error
        self._flags = flags
        self._coding = Coding(len(self.metadata.channels), _PACKED[compression], order)
        self._count = 0
        self._whole = True
        self._open: ExitStack | None = None

    def __len__(self) -> int:
        """Return the number of cells written so far."""
        return self._count

    def add(
        self,
        image: ArrayLike,
        mask: ArrayLike | None = None,
        *,
        object_id: int | None = None,
        background: ArrayLike | None = None,
        centre: tuple[float, float] | None = None,
    ) -> None:
        """Write one cell.

        Parameters
        ----------
        image, mask, background, centre
            As for `encode`.
        object_id : int, optional
            Number of the cell, 0 to 2**32 - 1, which no other cell should have; by default the
            number of cells before it.

        Raises
        ------
        CifError
            Something about the cell that the format cannot hold. Nothing of it was written, and
            other cells may still be.
        DeepometryError
            The disk is full or fails.
        """
        cell = self.encode(image, mask, background=background, centre=centre)
        self.add_encoded(cell, object_id=object_id)

    def encode(
        self,
        image: ArrayLike,
        mask: ArrayLike | None = None,
        *,
        background: ArrayLike | None = None,
        centre: tuple[float, float] | None = None,
    ) -> EncodedCell:
        """Make a cell ready for `add_encoded`, which can write it more than once.

        Parameters
        ----------
        image : ndarray of uint16, shape (height, width, channels)
            Counts.
        mask : ndarray of bool or uint8, shape (height, width, channels), optional
            Where the cell is: 0 is background; 1, 2 and 3 are foreground (2 and 3: cut off at the
            border). None for a cell without.
        background : ndarray of float, shape (channels, 2), optional
            Mean and standard deviation of the background of each channel, in counts.
        centre : tuple of two floats, optional
            x and y of the cell in the stream, in pixels.

        Returns
        -------
        EncodedCell
            For this file, or another of as many channels, the same compression and byte order.

        Raises
        ------
        CifError
            Something that the format cannot hold.
        """
        try:
            return encode_cell(image, mask, background, centre, self._coding)
        except CifError as error:
            raise self._fault(str(error)) from error

    def add_encoded(self, cell: EncodedCell, *, object_id: int | None = None) -> None:
        """Write a cell that `encode` has made ready; number and errors are as for `add`."""
        number = self._count if object_id is None else object_id
        self._check(cell, number)
        self._whole = False
        try:
            self._chain.add({**cell.image_tags, OBJECT_ID: (LONG, (number,))}, (cell.image,))
            if cell.mask_tags is not None:
                self._chain.add(cell.mask_tags, (cell.mask,))
        except OSError as error:
            raise explain_os_error(error, self.path) from error
        self._whole = True
        self._count += 1

    def _check(self, cell: EncodedCell, number: int) -> None:
        if self._open is None:
            raise self._fault("the file is not open; add cells inside a `with` block")
        if not self._whole:
            raise self._fault("writing was interrupted before; write the file again")
        if cell.coding != self._coding:
            raise self._fault(
                f"expected one encoded as {self._coding}, found {cell.coding}; encode it by this "
                "writer"
            )
        if not isinstance(number, Integral) or not 0 <= number < WRAP:
            raise self._fault(
                f"object_id: expected a whole number of 0 to {WRAP - 1}, found {number!r}; number "
                "the cells from 0 on"
            )

    def _fault(self, reason: str) -> CifError:
        return CifError(f"{self.path}, cell {self._count}: {reason}.")

    def __enter__(self) -> CifWriter:
        with ExitStack() as stack:
            part = stack.enter_context(writing(self.path))
            file = stack.enter_context(part.open("wb", buffering=_BUFFER))
            self._chain = DirectoryWriter(file, self._coding.order)
            tags = first_tags(self.metadata, self._flags)
            self._count_position = value_position(self._chain.add(tags, (b"",)), tags, OBJECT_COUNT)
            self._count, self._whole = 0, True
            self._open = stack.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, *raised: object) -> None:
        stack, self._open = self._open, None
        if stack is None:
            return
        if kind is None:
            with stack:
                self._finish()
            return
        # An error of the block is not one of this file, so `writing` must not take it for one.
        with suppress(DeepometryError):
            stack.__exit__(_Abandoned, _Abandoned(), None)

    def _finish(self) -> None:
        if not self._whole:
            raise self._fault("writing was interrupted; write the file again")
        if not self._count:
            raise CifError(f"{self.path}: expected one cell or more, found none; add some.")
        self._chain.patch(self._count_position, self._count)
        self._chain.finish()


class _Abandoned(Exception):
    """Raised in the open file when it will not be finished."""


def _check_choice(field: str, value: str, choices: Iterable[str]) -> None:
    if value not in choices:
        listed = " or ".join(f'"{choice}"' for choice in choices)
        raise CifError(f"{field}: expected {listed}, found {value!r}; choose one of these")
