"""Keras, imported only when a step needs it, and what depends on its backend."""

from __future__ import annotations

import logging
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from deepometry.core.errors import DeepometryError


def keras() -> Any:
    """Import Keras on the backend that `KERAS_BACKEND` names, TensorFlow by default."""
    if "keras" not in sys.modules:
        # TensorFlow leaves its fast convolutions for CPUs without AVX-512 switched off, where
        # they make a training step three times as fast.
        os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        logging.getLogger("tensorflow").setLevel(logging.ERROR)
        with _quiet_start():
            import keras as package

            _find_devices(package)
    import keras as package

    return package


def _find_devices(package: Any) -> list[Any]:
    """List the GPUs that TensorFlow finds; the first call greets in red, too."""
    if package.backend.backend() != "tensorflow":
        return []
    import tensorflow as tf

    return list(tf.config.list_physical_devices("GPU"))


@contextmanager
def _quiet_start() -> Iterator[None]:
    """Keep from the screen what TensorFlow's C++ code prints at every start.

    No setting silences it. What was held back is shown if the start fails.
    """
    try:
        screen = os.dup(2)
    except OSError:  # no screen: a program without a console
        yield
        return
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        except Exception:
            held.seek(0)
            os.write(screen, held.read())
            raise
        finally:
            os.dup2(screen, 2)
            os.close(screen)


def device() -> str:
    """Name the device that will compute, such as `CPU` or `GPU (NVIDIA H200)`."""
    backend = keras().backend.backend()
    if backend != "tensorflow":
        return f"chosen by {backend}"
    gpus = _find_devices(keras())
    names = [str(_details_of(gpu).get("device_name", gpu.name)) for gpu in gpus]
    return f"GPU ({', '.join(names)})" if gpus else "CPU"


def gpu_names() -> list[str]:
    """List the GPUs that TensorFlow can compute on, as it names them, such as `GPU:0`."""
    return [f"GPU:{number}" for number in range(len(_find_devices(keras())))]


def _details_of(gpu: Any) -> dict[str, Any]:
    import tensorflow as tf

    return dict(tf.config.experimental.get_device_details(gpu))


def gpu_capabilities() -> list[tuple[int, int]]:
    """Return the compute capability of every GPU that TensorFlow finds, such as (9, 0)."""
    details = [_details_of(gpu) for gpu in _find_devices(keras())]
    return [tuple(each.get("compute_capability", (0, 0))) for each in details]


def prepare() -> None:
    """Make GPUs allocate memory as they need it, and compute float32 as float32.

    By itself, TensorFlow takes all memory at the start, and rounds the inputs of float32
    convolutions on newer NVIDIA cards to 10 bits (TF32).
    """
    for gpu in _find_devices(keras()):
        import tensorflow as tf

        tf.config.experimental.enable_tensor_float_32_execution(False)
        try:
            tf.config.experimental.set_memory_growth(gpu, True)
        except RuntimeError:
            return  # the GPU is in use already: whoever started it has decided


def compiles() -> bool:
    """Return whether models are to be compiled by XLA: only JAX needs it."""
    return bool(keras().backend.backend() == "jax")


def forget_models() -> None:
    """Free what Keras keeps of models that nobody uses any more, graphs above all."""
    keras().utils.clear_session(free_memory=True)


def gradient(function: Callable[[Any], Any], at: Any) -> tuple[Any, Any]:
    """Differentiate a function of one tensor, on whichever library Keras computes with.

    Keras itself has no gradient. The function, made of Keras' operations and layers only, returns
    a single number; returned are that number and the slope, in the shape of `at`.
    """
    package = keras()
    name, tensor = package.backend.backend(), package.ops.convert_to_tensor(at)
    if name not in _GRADIENTS:
        backends = ", ".join(_GRADIENTS)
        raise DeepometryError(f"KERAS_BACKEND: expected one of {backends}, found {name}.")
    value, slope = _GRADIENTS[name](function, tensor)
    as_array = package.ops.convert_to_numpy
    return float(as_array(value)), as_array(slope)


def _tensorflow_gradient(function: Callable[[Any], Any], at: Any) -> tuple[Any, Any]:
    import tensorflow as tf

    with tf.GradientTape() as tape:
        tape.watch(at)
        value = function(at)
    return value, tape.gradient(value, at)


def _torch_gradient(function: Callable[[Any], Any], at: Any) -> tuple[Any, Any]:
    import torch

    at = at.detach().requires_grad_(True)
    value = function(at)
    (slope,) = torch.autograd.grad(value, at)
    return value.detach(), slope


def _jax_gradient(function: Callable[[Any], Any], at: Any) -> tuple[Any, Any]:
    import jax

    return jax.value_and_grad(function)(at)


_GRADIENTS = {
    "tensorflow": _tensorflow_gradient,
    "torch": _torch_gradient,
    "jax": _jax_gradient,
}
