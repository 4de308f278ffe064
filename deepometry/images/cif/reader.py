"""All cells of an Amnis file, as a sequence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from os import PathLike
from pathlib import Path
from typing import overload

from deepometry.images.cif.batches import read_batches
from deepometry.images.cif.cell import CifCell
from deepometry.images.cif.codec import CifError
from deepometry.images.cif.file import CifFile


class CifReader(CifFile, Sequence[CifCell]):
    """The cells of a .cif or .rif file, read when asked for.

    Parameters
    ----------
    path : Path
        The file.
    catalogue : CifCatalogue, optional
        The `catalogue` of an earlier reader of the same file, which saves walking through it.

    Raises
    ------
    CifError
        It cannot be opened, is not an Amnis file, or holds no cells. A file that is damaged
        further on opens with the cells that can be found, and `damage` describes the fault.

    Examples
    --------
    >>> with CifReader(path) as cells:  # doctest: +SKIP
    ...     brightfield = cells[0].image[:, :, 0]
    """

    @property
    def object_ids(self) -> list[int | None]:
        """Number of every cell in the file, None for one without; not always unique."""
        return [number if number >= 0 else None for number in self.catalogue.chain.ids.tolist()]

    @property
    def damage(self) -> str:
        """What is wrong with the chain of cells, so that some may be lost; blank if it is whole."""
        return self.catalogue.chain.damage

    def __len__(self) -> int:
        return len(self.catalogue.chain.images)

    @overload
    def __getitem__(self, which: int) -> CifCell: ...
    @overload
    def __getitem__(self, which: slice) -> list[CifCell]: ...
    def __getitem__(self, which: int | slice) -> CifCell | list[CifCell]:
        if isinstance(which, slice):
            return [self.read(i) for i in range(len(self))[which]]
        return self.read(range(len(self))[which])

    def cells(
        self,
        channels: Sequence[int] | None = None,
        *,
        mask: bool = True,
        workers: int | None = None,
    ) -> Iterator[CifCell | CifError]:
        """Read all cells, in their order, on all cores.

        Parameters
        ----------
        channels : sequence of int, optional
            Numbers of the wanted channels, in the wanted order; by default all of them. Those
            not wanted are not decoded.
        mask : bool
            Whether to read the masks too.
        workers : int, optional
            Number of threads; by default as many as there are cores.

        Yields
        ------
        CifCell or CifError
            The error in place of a cell that is damaged. The pixels of some hundred cells share
            their memory: copy those that you keep, if they are few of many.

        Raises
        ------
        CifError
            The file does not have one of the channels.
        """
        wanted = self.channels if channels is None else channels
        for batch in read_batches(self, wanted, mask=mask, workers=workers):
            yield from batch

    def __iter__(self) -> Iterator[CifCell]:
        for cell in self.cells():
            if isinstance(cell, CifError):
                raise cell
            yield cell


def read_cif(path: str | PathLike[str]) -> CifReader:
    """Open a .cif or .rif file as a sequence of its cells.

    Parameters
    ----------
    path : path-like
        The file.

    Returns
    -------
    CifReader
        `len` is the number of cells; each is read when it is asked for and has `image`, uint16 of
        shape (height, width, channels), `mask` of the same shape, and its `object_id`. `cells()`
        reads all of them on all cores.

    Raises
    ------
    CifError
        As `CifReader`.

    Examples
    --------
    >>> with deepometry.read_cif("sample7.cif") as cells:  # doctest: +SKIP
    ...     widths = [cell.image.shape[1] for cell in cells]
    """
    return CifReader(Path(path))
