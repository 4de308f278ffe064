"""The same network in Deepometry and in PyTorch: images a second, in turns, in one run.

    python tests/benchmarks/speed_against_pytorch.py              ResNet50, 48 x 48 x 2
    python tests/benchmarks/speed_against_pytorch.py --precision bfloat16 --network resnet18

PyTorch gets what its users are told to give it: channels-last memory, autocast for bfloat16, and
as many threads. Both train with Adam on cross-entropy, predict a batch, and extract its pool5
features together with its probabilities; batches are as large as the defaults of the program.
Every round times each of them for some steps, in turns; the table holds medians over the rounds,
and the median of the ratios of each round, above 1 where Deepometry is the faster.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable

import numpy as np

BLOCKS = {"resnet18": (2, 2, 2, 2), "resnet34": (3, 4, 6, 3), "resnet50": (3, 4, 6, 3)}
CLASSES, CHANNELS = 7, 2
CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}
KINDS = ("train", "predict", "extract")
Work = dict[str, Callable[[], object]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--network", choices=BLOCKS, default="resnet50")
    parser.add_argument("--precision", choices=("float32", "bfloat16"), default="float32")
    parser.add_argument("--frame", type=int, default=48)
    parser.add_argument("--batch", type=int, default=32, help="images in a step of training")
    parser.add_argument("--predicted", type=int, default=256, help="images predicted at once")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--clock", choices=CLOCKS, default="wall")
    parser.add_argument("--steps", type=int, default=2, help="of each in a round")
    options = parser.parse_args()
    import torch._dynamo  # noqa: F401 (before TensorFlow: after it, torch 2.14 crashes)

    random = np.random.default_rng(0)
    shape = (options.frame, options.frame, CHANNELS)
    images, more = (
        random.normal(100, 20, (n, *shape)).astype(np.float32)
        for n in (options.batch, options.predicted)
    )
    labels = random.integers(0, CLASSES, options.batch)
    works = {
        "deepometry": deepometry_work(options, images, labels, more),
        "pytorch": pytorch_work(options, images, labels, more),
    }
    print(f"{options.network}, {options.precision}, {options.threads} threads, {options.clock}")
    for kind in options.kinds:
        size = options.batch if kind == "train" else options.predicted
        compare(kind, size, {name: work[kind] for name, work in works.items()}, options)


def compare(kind: str, size: int, works: Work, options: argparse.Namespace) -> None:
    """Time both in turns; print images a second and the ratio."""
    seconds: dict[str, list[float]] = {name: [] for name in works}
    now = CLOCKS[options.clock]
    for work in works.values():
        work()  # the first step builds what later ones use
    for number in range(options.rounds):
        for name in sorted(works, reverse=bool(number % 2)):
            start = now()
            for _ in range(options.steps):
                works[name]()
            seconds[name].append((now() - start) / options.steps)
    speed = {name: size / statistics.median(s) for name, s in seconds.items()}
    pairs = zip(seconds["pytorch"], seconds["deepometry"], strict=True)
    ratio = statistics.median(theirs / ours for theirs, ours in pairs)
    told = ", ".join(f"{name} {value:.1f}" for name, value in speed.items())
    print(f"  {kind} {size}: images a second: {told}; ratio {ratio:.2f}", flush=True)


def deepometry_work(
    options: argparse.Namespace, images: np.ndarray, labels: np.ndarray, more: np.ndarray
) -> Work:
    """Build the network as training does."""
    from deepometry.network.backend import keras

    if keras().backend.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.threading.set_intra_op_parallelism_threads(options.threads)
        tf.config.threading.set_inter_op_parallelism_threads(options.threads)
    from deepometry.network.build import build_network, compile_network, with_layer
    from deepometry.network.fused_ops import fold

    scale = ([100.0] * CHANNELS, [20.0] * CHANNELS)
    model, predicting = (
        build_network(
            options.network, options.frame, CLASSES, "channel", *scale, 0, options.precision
        )
        for _ in range(2)
    )
    extracting = fold(with_layer(predicting, "pool5"))
    compile_network(model, 1e-3)
    weights, wanted = np.ones(len(labels), np.float32), np.eye(CLASSES, dtype=np.float32)[labels]
    return {
        "train": lambda: model.train_on_batch(images, wanted, sample_weight=weights),
        "predict": lambda: predicting.predict_on_batch(more),
        "extract": lambda: extracting.predict_on_batch(more),
    }


def pytorch_work(
    options: argparse.Namespace, images: np.ndarray, labels: np.ndarray, more: np.ndarray
) -> Work:
    """Build the same network in PyTorch."""
    import torch

    torch.set_num_threads(options.threads)
    model = pytorch_network(options.network).to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    truth = torch.from_numpy(labels)
    mixed = torch.autocast("cpu", torch.bfloat16, enabled=options.precision == "bfloat16")

    def given(images: np.ndarray) -> torch.Tensor:
        counts = torch.from_numpy(images).permute(0, 3, 1, 2)  # channels-last, without a copy
        return (counts - 100.0) / 20.0

    def train() -> float:
        model.train()
        optimizer.zero_grad(set_to_none=True)
        with mixed:
            loss = torch.nn.functional.cross_entropy(model(given(images)), truth)
        loss.backward()
        optimizer.step()
        return loss.item()

    def predict() -> np.ndarray:
        model.eval()
        with torch.inference_mode(), mixed:
            return model(given(more)).softmax(1).float().numpy()

    def extract() -> tuple[np.ndarray, np.ndarray]:
        model.eval()
        with torch.inference_mode(), mixed:
            features = model[:-1](given(more))
            return features.float().numpy(), model[-1](features).softmax(1).float().numpy()

    return {"train": train, "predict": predict, "extract": extract}


def pytorch_network(network: str):
    """Write the layers of keras-resnet in PyTorch's words."""
    from torch import nn

    def unit(inside: int, outside: int, size: int, stride: int = 1) -> list:
        convolution = nn.Conv2d(inside, outside, size, stride, size // 2, bias=False)
        return [convolution, nn.BatchNorm2d(outside, momentum=0.1)]

    class Block(nn.Module):
        def __init__(self, inside: int, filters: int, stride: int, first: bool) -> None:
            super().__init__()
            deep = network == "resnet50"
            outside = filters * 4 if deep else filters
            if deep:
                parts = [*unit(inside, filters, 1, stride), nn.ReLU(inplace=True)]
                parts += [*unit(filters, filters, 3), nn.ReLU(inplace=True)]
                parts += unit(filters, outside, 1)
            else:
                parts = [*unit(inside, filters, 3, stride), nn.ReLU(inplace=True)]
                parts += unit(filters, outside, 3)
            self.branch2 = nn.Sequential(*parts)
            shortcut = unit(inside, outside, 1, stride) if first else [nn.Identity()]
            self.branch1 = nn.Sequential(*shortcut)
            self.relu = nn.ReLU(inplace=True)

        def forward(self, x):
            return self.relu(self.branch2(x) + self.branch1(x))

    layers = [*unit(CHANNELS, 64, 7, 2), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, 1)]
    inside = 64
    for stage, repeats in enumerate(BLOCKS[network]):
        filters = 64 * 2**stage
        for number in range(repeats):
            stride = 2 if number == 0 and stage else 1
            layers.append(Block(inside, filters, stride, number == 0))
            inside = filters * 4 if network == "resnet50" else filters
    layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inside, CLASSES)]
    return nn.Sequential(*layers)


if __name__ == "__main__":
    main()
