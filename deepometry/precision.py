"""bfloat16 where the processor or graphics card computes with it, float32 where not.

Only the layers that take time are told; weights, the last layers, and what is written to a file
stay float32, so that a model opens anywhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from deepometry.backend import gpu_capabilities, keras
from deepometry.options import AUTO

FLOAT32, BFLOAT16 = "float32", "bfloat16"
_POLICIES = {FLOAT32: "float32", BFLOAT16: "mixed_bfloat16"}
_CPU_FLAGS = {"avx512_bf16", "amx_bf16"}
_GPU_SINCE = (8, 0)  # NVIDIA's Ampere
_LAST = ("pool5", "fc1000", "dropout")


def chosen_precision(wanted: str = AUTO) -> str:
    """Give the precision to compute with.

    Parameters
    ----------
    wanted : str
        `float32`, `bfloat16`, or `auto`, which looks at the device.
    """
    if wanted != AUTO:
        return wanted
    gpus = gpu_capabilities()
    fast = all(found >= _GPU_SINCE for found in gpus) if gpus else _cpu_has_bfloat16()
    return BFLOAT16 if fast else FLOAT32


def _cpu_has_bfloat16() -> bool:
    """Look for the instructions, which only Linux lists; elsewhere float32 is the safe choice."""
    try:
        text = Path("/proc/cpuinfo").read_text("utf-8")
    except OSError:
        return False
    flags = next((line for line in text.splitlines() if line.startswith("flags")), "")
    return bool(_CPU_FLAGS & set(flags.split()))


def set_precision(model: Any, precision: str) -> Any:
    """Let the residual network inside a model compute with a precision, from its next graph on.

    Returns
    -------
    keras.Model
        The same.
    """
    policy = keras().dtype_policies.DTypePolicy(_POLICIES[precision])
    for layer in _heavy_layers(model):
        layer.dtype_policy = policy
    return model


def _heavy_layers(model: Any) -> list[Any]:
    """List the layers of the network that stands last in a model, but for its own last ones."""
    body = model.layers[-1]
    layers = getattr(body, "layers", [])
    kind = keras().layers.InputLayer
    return [each for each in layers if each.name not in _LAST and not isinstance(each, kind)]


@contextmanager
def as_float32(model: Any) -> Iterator[None]:
    """Let a model say float32 of itself, as its file is to."""
    layers = _heavy_layers(model)
    before = [layer.dtype_policy for layer in layers]
    set_precision(model, FLOAT32)
    try:
        yield
    finally:
        for layer, policy in zip(layers, before, strict=True):
            layer.dtype_policy = policy
