"""The part of a model file that novelty is measured by: arrays, without pickle."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from deepometry.cells.model_archive import array_bytes, array_of, not_a_model, opened, read_member
from deepometry.core.result_files import NOVELTY_PREFIX
from deepometry.evaluation.novelty import NETWORK, Block, Reference

_ORDINARY = "ordinary"
_PARTS = ("centre", "scale", "axes", "cells", _ORDINARY)
_MOST, _MOST_MEMBERS = 1 << 26, 64  # bytes of one; how many


def novelty_members(reference: Reference) -> dict[str, bytes]:
    """Return the members of a model file that hold a reference, by their names."""
    arrays = {_ORDINARY: reference.ordinary}
    for name, block in reference.blocks.items():
        arrays |= {f"{name}/{part}": getattr(block, part) for part in _PARTS}
    return {f"{NOVELTY_PREFIX}{name}.npy": array_bytes(array) for name, array in arrays.items()}


def read_reference(path: Path) -> Reference | None:
    """Read the reference in a model file; None where it has none, such as that of older versions.

    Raises DeepometryError where it is damaged.
    """
    with opened(path) as archive:
        names = [n for n in archive.namelist() if n.startswith(NOVELTY_PREFIX)]
    if not names:
        return None
    try:
        if len(names) > _MOST_MEMBERS:
            raise ValueError(f"{len(names)} arrays")
        arrays = {_bare(n): array_of(read_member(path, n, _MOST) or b"", n) for n in names}
        return _reference(arrays)
    except (ValueError, KeyError, EOFError, TypeError, SyntaxError) as error:
        reason = f"one whose {NOVELTY_PREFIX} is damaged ({' '.join(str(error).split()):.200})"
        raise not_a_model(path, reason) from error


def _bare(member: str) -> str:
    return member.removeprefix(NOVELTY_PREFIX).removesuffix(".npy")


def _reference(arrays: Mapping[str, np.ndarray]) -> Reference:
    """Put the arrays together; raise ValueError or KeyError where they do not belong together."""
    for name, array in arrays.items():
        if array.dtype not in (np.float32, np.float64) or not array.size or np.isnan(array).any():
            raise ValueError(f"{name} is {array.dtype} {array.shape}")
    kinds = dict.fromkeys(name.split("/")[0] for name in arrays if "/" in name)
    blocks = {kind: _block(arrays, kind) for kind in kinds}
    return Reference(blocks, _rising(arrays[_ORDINARY], _ORDINARY))


def _block(arrays: Mapping[str, np.ndarray], kind: str) -> Block:
    centre, scale, axes, cells, ordinary = (arrays[f"{kind}/{part}"] for part in _PARTS)
    features, along = axes.shape
    wanted = [(centre, (features,)), (scale, (features,)), (cells, (len(cells), along + 1))]
    for array, shape in wanted:
        if array.shape != shape:
            raise ValueError(f"{kind} has {array.shape}, not {shape}")
    if not (scale > 0).all():
        raise ValueError(f"{kind} has a scale that is not above 0")
    own = _rising(ordinary, f"{kind}/{_ORDINARY}")
    return Block(centre, scale, axes, cells, own, kind == NETWORK)


def _rising(array: np.ndarray, name: str) -> np.ndarray:
    if array.ndim != 1 or len(array) < 2 or not (np.diff(array) >= 0).all():
        raise ValueError(f"{name} does not rise")
    return array
