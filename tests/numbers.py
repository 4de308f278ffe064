"""Parsed cells whose size grows with a number, for tests."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tests.parsed import FRAME, write_record, write_stack

DAYS = (1, 15, 29, 43)


def discs(count: int, number: float, seed: int = 0) -> np.ndarray:
    """Noise with a bright disc that is the larger, the larger the number, 0 to 60."""
    rng = np.random.default_rng([seed, round(number)])
    y, x = np.mgrid[:FRAME, :FRAME] - (FRAME - 1) / 2
    radius = 2 + number / 12 + rng.normal(0, 0.2, (count, 1, 1, 1))
    images = rng.normal(100, 5, (count, FRAME, FRAME, 2))
    images += 80 * (np.hypot(x, y)[None, :, :, None] < radius)
    return images.round().clip(0, 65535).astype(np.uint16)


def write_days(
    root: Path, count: int, days: Sequence[float] = DAYS, split: bool = True, seed: int = 0
) -> Path:
    """Write parsed cells in folders such as `Day 15`, with a hold-out of a third as many."""
    write_record(root)
    sides = {"Train": count, "Hold-out": max(1, count // 3)} if split else {"": count}
    for number, (side, cells) in enumerate(sides.items()):
        for day in days:
            write_stack(root / side / f"Day {day:g}", discs(cells, day, seed + number))
    return root


def write_samples(root: Path, count: int, days: Sequence[float] = (1, 15, 43)) -> Path:
    """Write parsed cells of samples, each of a single day."""
    for sample, day in enumerate(days, start=1):
        write_days(root / f"Sample {sample}", count, days=(day,), split=False)
    (root / "parse.json").write_bytes((root / "Sample 1" / "parse.json").read_bytes())
    return root
