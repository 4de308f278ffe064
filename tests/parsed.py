"""Parsed cells for tests: tiny stacks whose classes a network can tell apart."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np

FRAME = 16
CHANNELS = (3, 6)


def blobs(count: int, kind: int, seed: int = 0, frame: int = FRAME, channels: int = 2):
    """Noise with a bright spot: in the middle for kind 0, a ring for 1, a bar for others."""
    rng = np.random.default_rng([seed, kind])
    y, x = np.mgrid[:frame, :frame] - (frame - 1) / 2
    radius = np.hypot(x, y)
    shapes = [radius < 3, (radius > 3) & (radius < 6), np.abs(x) < 2, radius > 6]
    images = rng.normal(100, 5, (count, frame, frame, channels))
    images += 80 * shapes[kind % 4][None, :, :, None]
    return images.round().clip(0, 65535).astype(np.uint16)


def write_stack(folder: Path, pixels: np.ndarray, source: str = "", stem: str = "cells") -> Path:
    """Write a stack and its table as Parse does."""
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / f"{stem}.npy", pixels)
    with (folder / f"{stem}.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["source", "object", "height", "width", "note"])
        for number in range(len(pixels)):
            writer.writerow([source or f"{folder.name}.cif", number, 40, 40, ""])
    return folder / f"{stem}.npy"


def write_record(root: Path, channels=CHANNELS, names=None) -> None:
    """Write the part of parse.json that readers of parsed cells use."""
    root.mkdir(parents=True, exist_ok=True)
    content = {"step": "parse", "channels": list(channels), "channel_names": names or {}}
    (root / "parse.json").write_text(json.dumps(content), "utf-8")


def write_classes(root: Path, counts: dict[str, int], seed: int = 0, **more) -> Path:
    """Write one folder a class, such as `Class A`, and a parse.json."""
    write_record(root)
    for kind, (name, count) in enumerate(counts.items()):
        write_stack(root / name, blobs(count, kind, seed, **more))
    return root
