"""Whether an analysis of IDEAS and a .cif file belong together."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from deepometry.core.text import counted
from deepometry.images.cif.codec import CifError
from deepometry.images.cif.index import Chain
from deepometry.images.cif.offsets import WRAP
from deepometry.images.cif.reader import CifReader
from deepometry.images.daf.file import DafFile


def find_cif(daf: DafFile) -> Path | None:
    """Return the .cif that an analysis names, if it lies beside it; upper case does not matter."""
    wanted = daf.cif.casefold()
    if not wanted:
        return None
    beside = sorted(daf.path.parent.iterdir())
    return next((each for each in beside if each.name.casefold() == wanted), None)


def compare_with_cif(daf: DafFile, cif: Path) -> str:
    """Say why an analysis is not of a .cif file, by its objects' places; blank if it is."""
    try:
        with CifReader(cif) as reader:
            return mismatch(daf, reader.catalogue.chain)
    except CifError as error:
        return str(error).rstrip(".")


def mismatch(daf: DafFile, chain: Chain) -> str:
    """Compare an analysis with the objects of a .cif.

    Parameters
    ----------
    daf : DafFile
    chain : Chain
        Objects of the .cif, of which a damaged file may have lost some.

    Returns
    -------
    str
        Why they do not belong together, as the end of a sentence; empty if they do: every object
        of the .cif is in the analysis, which has its image and mask at the same bytes.

    Notes
    -----
    Offsets are compared modulo 2**32, as files beyond 4 GiB store them.
    """
    ids = chain.ids if (chain.ids >= 0).any() else np.arange(len(chain))
    order = np.argsort(daf.ids)
    rows = order[np.searchsorted(daf.ids, ids, sorter=order).clip(max=len(daf) - 1)]
    known = daf.ids[rows] == ids
    if not known[ids >= 0].all():
        number = ids[~known & (ids >= 0)][0]
        return f"object {number} of the .cif is not among the {len(daf):,} objects of the .daf"
    pairs = (
        (daf.images[rows], chain.images, daf.images[rows] >= 0),
        (daf.masks[rows], chain.masks, (daf.masks[rows] >= 0) & (chain.masks > 0)),
    )
    apart = np.zeros(len(ids), bool)
    for ours, theirs, comparable in pairs:
        apart |= known & comparable & ((ours - theirs) % WRAP != 0)
    if not apart.any():
        return ""
    where = f"{np.count_nonzero(apart):,} of {counted(int(known.sum()), 'object')}"
    return f"{where}, such as {ids[apart][0]}, are at other bytes of the .cif than the .daf says"
