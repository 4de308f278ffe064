"""Seconds that networks take to predict cells, each over the views that its models use.

    python tests/benchmarks/prediction_speed.py small18 equivariant15

Prints wall and processor seconds of 100,000 cells of 48 x 48 pixels and 2 channels, from batches
of 128 that are measured in turns: the median of each network. Untrained networks take as long as
trained ones. Reading the cells and writing the table are not in it.
"""

import argparse
import time

import numpy as np

from deepometry.network.build import build_network, with_layer
from deepometry.network.dihedral import with_plain_layers
from deepometry.network.fused_ops import fold, fuse
from deepometry.network.test_time_augmentation import predict_views
from deepometry.training.recipes import views_for

FRAME, CHANNELS, BATCH, TURNS, CELLS = 48, 2, 128, 7, 100_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("networks", nargs="+")
    networks = parser.parse_args().networks
    rng = np.random.default_rng(0)
    images = rng.normal(100, 20, (BATCH, FRAME, FRAME, CHANNELS)).astype(np.float32)
    models = {name: built(name) for name in networks}
    spent: dict[str, list[tuple[float, float]]] = {name: [] for name in networks}
    for _ in range(TURNS):
        for name, model in models.items():
            spent[name].append(timed(model, images, views_for(name)))
    for name, pairs in spent.items():
        wall, work = np.median(pairs[1:], 0) * CELLS / BATCH
        print(f"{name}, {views_for(name)} views: {wall:.0f} s, {work:.0f} s of the processor")


def built(name: str):
    """Build a network as `predict` opens it."""
    scaling = ("channel", [100.0] * CHANNELS, [20.0] * CHANNELS)
    model = with_plain_layers(build_network(name, FRAME, 7, *scaling, 0))
    return fold(fuse(with_layer(model, "pool5")))


def timed(model, images: np.ndarray, views: int) -> tuple[float, float]:
    """Predict a batch; give the seconds of the clock and of the processor."""
    start, worked = time.perf_counter(), time.process_time()
    predict_views(model, images, views)
    return time.perf_counter() - start, time.process_time() - worked


if __name__ == "__main__":
    main()
