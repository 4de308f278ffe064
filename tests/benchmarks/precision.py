"""What bfloat16 saves and costs in prediction, against float32.

    python tests/benchmarks/precision.py MODEL CELLS

Predicts the same cells in both precisions, in turns, over one view. Prints CPU seconds and seconds
per 1,000 cells (medians over the turns), and how much probabilities and labels differ.
"""

import argparse
import statistics
import time
from pathlib import Path

import numpy as np

from deepometry.cells.dataset import open_dataset
from deepometry.core.progress import Progress
from deepometry.network.fused_ops import fold
from deepometry.network.model_file import load_model
from deepometry.network.precision import BFLOAT16, FLOAT32, set_precision


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("cells", type=Path, help="folder of parsed cells")
    parser.add_argument("--number", type=int, default=256, help="of cells")
    parser.add_argument("--turns", type=int, default=15)
    options = parser.parse_args()
    images, models = read(options.cells, options.model, options.number), load(options.model)
    outputs = {name: model.predict_on_batch(images) for name, model in models.items()}
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in models}
    for _ in range(options.turns):
        for name, model in models.items():
            seconds[name].append(timed(model, images))
    report(seconds, len(images))
    compare(outputs[FLOAT32], outputs[BFLOAT16])


def load(path: Path) -> dict[str, object]:
    names = (FLOAT32, BFLOAT16)
    return {name: fold(set_precision(load_model(path)[0], name)) for name in names}


def read(cells: Path, model: Path, number: int) -> np.ndarray:
    dataset = open_dataset(cells, Progress())
    _, description, path = load_model(model)
    chosen = np.linspace(0, len(dataset) - 1, min(number, len(dataset))).astype(int)
    return dataset.read(chosen, description.columns(dataset, path)).astype(np.float32)


def timed(model: object, images: np.ndarray) -> tuple[float, float]:
    start, worked = time.perf_counter(), time.process_time()
    model.predict_on_batch(images)
    return time.process_time() - worked, time.perf_counter() - start


def report(seconds: dict[str, list[tuple[float, float]]], cells: int) -> None:
    ratios = []
    for name, turns in seconds.items():
        cpu, wall = (1000 / cells * statistics.median(each) for each in zip(*turns, strict=True))
        ratios.append(cpu)
        print(f"{name}: {cpu:.2f} CPU seconds and {wall:.2f} seconds per 1,000 cells")
    print(f"float32 takes {ratios[0] / ratios[1]:.2f} times the CPU time of bfloat16")


def compare(exact: np.ndarray, fast: np.ndarray) -> None:
    largest = np.abs(exact - fast).max(1)
    labels = (exact.argmax(1) != fast.argmax(1)).sum()
    print(
        f"largest difference of a probability of each cell: median {np.median(largest):.4f}, "
        f"99 % of cells below {np.quantile(largest, 0.99):.4f}, maximum {largest.max():.4f}; "
        f"{labels} of {len(exact)} labels differ"
    )


if __name__ == "__main__":
    main()
