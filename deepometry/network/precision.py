"""float32 or bfloat16: which one a network computes with, and where.

Training steps take bfloat16 where the processor or graphics card has it. Everything that is
measured or predicted is computed in float32 unless the user asks otherwise: a model then gives the
same probabilities on every machine, and its scores and temperature belong to these. bfloat16
applies to the layers that take time; weights, the last layers and model files are always float32.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from deepometry.core.options.fields import AUTO
from deepometry.network.backend import gpu_capabilities, keras

FLOAT32, BFLOAT16 = "float32", "bfloat16"
_POLICIES = {FLOAT32: "float32", BFLOAT16: "mixed_bfloat16"}
_CPU_FLAGS = {"avx512_bf16", "amx_bf16"}
_GPU_SINCE = (8, 0)  # NVIDIA's Ampere
_LAST = ("pool5", "fc1000", "dropout")


def chosen_precision(wanted: str = AUTO) -> str:
    """Return the precision of training steps; `auto` is bfloat16 where the device computes it."""
    if wanted != AUTO:
        return wanted
    gpus = gpu_capabilities()
    fast = all(version >= _GPU_SINCE for version in gpus) if gpus else cpu_has_bfloat16()
    return BFLOAT16 if fast else FLOAT32


def cpu_has_bfloat16() -> bool:
    """Look for the instructions in Linux' list; other systems have none, so float32 is chosen."""
    try:
        text = Path("/proc/cpuinfo").read_text("utf-8")
    except OSError:
        return False
    flags = next((line for line in text.splitlines() if line.startswith("flags")), "")
    return bool(_CPU_FLAGS & set(flags.split()))


def set_precision(model: Any, precision: str) -> Any:
    """Set the precision of the residual network inside a model, in place, and return the model.

    Functions that Keras has traced already keep their precision.
    """
    policy = keras().dtype_policies.DTypePolicy(_POLICIES[precision])
    for layer in _heavy_layers(model):
        layer.dtype_policy = policy
    return model


def _heavy_layers(model: Any) -> list[Any]:
    """List the layers of the residual network, which is the model's last layer, without its end."""
    layers = getattr(model.layers[-1], "layers", [])
    inputs = keras().layers.InputLayer
    return [layer for layer in layers if layer.name not in _LAST and not isinstance(layer, inputs)]


@contextmanager
def as_float32(model: Any) -> Iterator[None]:
    """Make a model compute, and be saved, in float32 while the context lasts.

    Keras traces the function for predictions separately from that for training steps, so a model
    that trains in bfloat16 validates in float32 if all its predictions are made in here.
    """
    layers = _heavy_layers(model)
    before = [layer.dtype_policy for layer in layers]
    set_precision(model, FLOAT32)
    try:
        yield
    finally:
        for layer, policy in zip(layers, before, strict=True):
            layer.dtype_policy = policy
