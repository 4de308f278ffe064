"""What a training waits for before its first step, in seconds: imports, network, graph.

    python tests/benchmarks/start_up.py
    python tests/benchmarks/start_up.py --networks resnet50 --rounds 5

Every row is the median over so many processes: import of the command line, of Keras with its
backend, building the network, compiling it, the first step of training (TensorFlow builds its
graph) and the first prediction; then the second of each, which is what they cost from then on.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys

CHILD = """
import json, sys, time
told, at = {}, time.perf_counter()

def tell(name):
    global at
    now = time.perf_counter()
    told[name], at = now - at, time.perf_counter()

import deepometry.cli
tell("command line")
from deepometry.network.backend import keras
keras()
tell("Keras")
import numpy as np
from deepometry.network.build import build_network, compile_network
network, frame, classes, batch = sys.argv[1], 48, 7, 32
model = build_network(network, frame, classes, "channel", [100.0] * 2, [20.0] * 2, 0)
tell("network")
compile_network(model, 1e-3)
tell("compiling")
images = np.random.default_rng(0).normal(100, 20, (batch, frame, frame, 2)).astype(np.float32)
wanted, weights = np.eye(classes, dtype=np.float32)[np.zeros(batch, int)], np.ones(batch)
for name in ("first step", "second step"):
    model.train_on_batch(images, wanted, sample_weight=weights)
    tell(name)
for name in ("first prediction", "second prediction"):
    model.predict_on_batch(images)
    tell(name)
print(json.dumps(told))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", nargs="+", default=["small18", "resnet50"])
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    for network in options.networks:
        found = [once(network) for _ in range(options.rounds)]
        middle = {name: statistics.median(each[name] for each in found) for name in found[0]}
        told = ", ".join(f"{name} {seconds:.2f}" for name, seconds in middle.items())
        waited = sum(s for name, s in middle.items() if name in WAITED)
        print(f"{network}: {told}; until the first step is done {waited:.1f} s", flush=True)


WAITED = ("command line", "Keras", "network", "compiling", "first step")


def once(network: str) -> dict[str, float]:
    """Start a process; give the seconds of each part."""
    line = [sys.executable, "-c", CHILD, network]
    ended = subprocess.run(line, capture_output=True, text=True, check=True)
    return json.loads(ended.stdout.splitlines()[-1])


if __name__ == "__main__":
    main()
