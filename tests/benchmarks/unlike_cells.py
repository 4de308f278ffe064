"""How often cells of the same kind are warned of, and which changes of them are recognised.

    python tests/benchmarks/unlike_cells.py cells.npz
    python tests/benchmarks/unlike_cells.py 11 0.67

The file has `images` (n, side, side[, channels]), `label` (n,), and perhaps `plate` (n,): a
group whose cells were imaged together. A number draws example cells with it as their seed, at the
magnification behind it, such as 0.67 for 40x.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter, zoom

from deepometry.cells.appearance import MEASURES, Appearance, distribution, measure
from deepometry.cells.unlike import differences, plain_factor
from deepometry.images.frame import frame_cell
from deepometry.images.padding_noise import Noise
from deepometry.images.synthetic.dataset import example_cells

SPLITS, FEW = 20, 5
EXAMPLE, FRAME = 1000, 48
CHANGES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "x 16": lambda images: images * 16,
    "x 4": lambda images: images * 4,
    "x 2": lambda images: images * 2,
    "/ 12, rounded": lambda images: np.round(images / 12).clip(0, 255),
    "/ 256, rounded down": lambda images: np.floor(images / 256),
    "0 to 1": lambda images: images / images.max(),
    "inverted": lambda images: images.max() - images,
    "inverted, 65535 less": lambda images: 65535 - images,
    "blurred by 2 pixels": lambda images: gaussian_filter(images, (0, 2, 2, 0)),
    "blurred by 1.5 pixels": lambda images: gaussian_filter(images, (0, 1.5, 1.5, 0)),
}
Measures = dict[str, np.ndarray]


def measured(images: np.ndarray) -> Measures:
    blocks = [measure(images[first : first + 256]) for first in range(0, len(images), 256)]
    return {name: np.concatenate([block[name] for block in blocks]) for name in MEASURES}


def some(measures: Measures, which: np.ndarray) -> Measures:
    return {name: each[which] for name, each in measures.items()}


def learnt(measures: Measures, codes: np.ndarray) -> Appearance:
    channels = []
    for place in range(measures["mean"].shape[1]):
        each = {name: distribution(measures[name][:, place], codes) for name in MEASURES}
        channels.append({name: found for name, found in each.items() if found})
    return Appearance(len(codes), "", tuple(channels))


def splits(codes: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the cells of a training, and those left out of it."""
    for seed in range(SPLITS):
        mixed = np.random.default_rng(seed).permutation(len(codes))
        training, rest = np.split(mixed, [len(codes) * 4 // 5])
        yield training, rest


def parts(rest: np.ndarray, codes: np.ndarray) -> list[np.ndarray]:
    """Return cells left out of a training: all, each class alone, a few at a time."""
    few = [rest[first : first + FEW] for first in range(0, min(len(rest), 20 * FEW), FEW)]
    return [rest, *(rest[codes[rest] == code] for code in np.unique(codes[rest])), *few]


def same_kind(measures: Measures, codes: np.ndarray) -> Iterator[bool]:
    """Yield for cells left out of a training whether they are warned of."""
    for training, rest in splits(codes):
        known = learnt(some(measures, training), codes[training])
        for own in parts(rest, codes):
            yield bool(differences(known, some(measures, own)))


def changed_cells(measures: Measures, changed: Measures, codes: np.ndarray) -> str:
    """Tell in how many splits the left-out cells, changed, are warned of, and of what."""
    found: Counter[str] = Counter()
    factors: Counter[float | None] = Counter()
    for training, rest in splits(codes):
        known = learnt(some(measures, training), codes[training])
        unlike = differences(known, some(changed, rest))
        found["warned"] += bool(unlike)
        found["beyond doubt"] += any(each.certain for each in unlike)
        found.update({each.kind for each in unlike})
        factors[plain_factor(known, some(changed, rest))] += 1
    told = ", ".join(f"{kind} {number}" for kind, number in found.items())
    return f"{told}; factors {', '.join(f'{each} ({n})' for each, n in factors.items())}"


def other_plates(measures: Measures, codes: np.ndarray, plates: np.ndarray) -> Iterator[bool]:
    """Yield for pairs of plates whether cells of one are warned of by a model of the other."""
    large = [plate for plate in np.unique(plates) if (plates == plate).sum() >= 15]
    for one in large:
        known = learnt(some(measures, plates == one), codes[plates == one])
        for other in large:
            if other != one:
                yield bool(differences(known, some(measures, plates == other)))


def example(seed: int, magnification: float) -> dict[str, np.ndarray]:
    """Draw example cells; a plate is a day and a sample."""
    cells, noise = list(example_cells(EXAMPLE, seed)), Noise(0, (1, 12))
    images = np.stack([frame_cell(cell.pixels, FRAME, cell.name, noise) for cell in cells])
    if magnification != 1:
        size = (1, magnification, magnification, 1)
        images = zoom(images.astype(np.float64), size, order=1).round().astype(np.uint16)
    folders = np.array([cell.folders for cell in cells])
    plates = np.unique(folders[:, :2], axis=0, return_inverse=True)[1]
    return {"images": images, "label": folders[:, 2], "plate": plates}


def main(source: str, magnification: str = "1") -> None:
    is_file = Path(source).is_file()
    content = dict(np.load(source)) if is_file else example(int(source), float(magnification))
    images = content["images"]
    images = images[..., None] if images.ndim == 3 else images
    codes = np.unique(content["label"], return_inverse=True)[1]
    measures = measured(images)
    warned = list(same_kind(measures, codes))
    print(f"Same kind: {sum(warned)} of {len(warned)} sets warned of")
    if "plate" in content:
        warned = list(other_plates(measures, codes, content["plate"]))
        print(f"One plate to another: {sum(warned)} of {len(warned)} pairs warned of")
    for name, change in CHANGES.items():
        changed = measured(change(images.astype(np.float64)))
        print(f"{name}, of {SPLITS} splits: {changed_cells(measures, changed, codes)}")


if __name__ == "__main__":
    main(*sys.argv[1:])
