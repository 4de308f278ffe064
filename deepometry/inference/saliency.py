"""Where a network looks: Grad-CAM, the heat of the image parts that speak for a class."""

from __future__ import annotations

from typing import Any

import numpy as np

from deepometry.core.errors import DeepometryError
from deepometry.network.backend import gradient, keras
from deepometry.network.scaling import SCALE
from deepometry.network.test_time_augmentation import views_of


class HeatMaps:
    """Draws heat maps of the last activations of one stage of a network: `res3`, `res4` or `res5`.

    Notes
    -----
    Selvaraju et al., Grad-CAM: visual explanations from deep networks via gradient-based
    localization, ICCV 2017, of the score of a class before the softmax.
    """

    def __init__(self, model: Any, stage: str) -> None:
        scale, body = model.get_layer(SCALE), model.layers[-1]
        layer = body.get_layer(_last_of(body, stage))
        package, last = keras(), body.layers[-1]
        self._see = package.Model(
            model.inputs[0],
            package.Model(body.inputs, layer.output)(scale(model.inputs[0])),
        )
        self._judge = package.Model(layer.output, last.input)
        self._weights = package.ops.convert_to_numpy(last.kernel)

    def of(self, image: np.ndarray, code: int, views: int = 1) -> np.ndarray:
        """Draw the heat map of a cell for a class.

        `image` has counts, (frame, frame, channels); the map is averaged over `views` mirror images
        and quarter turns, 1 or 8. Returns float32 of shape (frame, frame), from 0 to 1; all 0 where
        nothing speaks for the class.
        """
        maps = []
        for number, seen in enumerate(views_of(image[None].astype(np.float32), views)):
            turned = self._map(seen, code)
            maps.append(np.rot90(turned[::-1] if number % 2 else turned, -(number // 2)))
        heat = np.maximum(np.mean(maps, 0), 0)
        return enlarged(heat / max(float(heat.max()), 1e-12), image.shape[0])

    def _map(self, images: np.ndarray, code: int) -> np.ndarray:
        """Weigh the filters of the stage by what each adds to the score of the class."""
        ops = keras().ops
        active = np.float32(ops.convert_to_numpy(self._see(images, training=False)))
        direction = ops.convert_to_tensor(self._weights[:, code])

        def score(activations: Any) -> Any:
            return ops.sum(self._judge(activations, training=False) * direction)

        _, slope = gradient(score, active)
        return (active * slope.mean((1, 2), keepdims=True)).sum(-1)[0]


def _last_of(body: Any, stage: str) -> str:
    """Find the last activations of a stage."""
    names = [layer.name for layer in body.layers if layer.name.endswith("_relu")]
    fitting = [name for name in names if name.startswith(stage) and "branch" not in name]
    if not fitting:
        raise DeepometryError(f"Stage: expected one of the network, found {stage!r}.")
    return fitting[-1]


def enlarged(heat: np.ndarray, side: int) -> np.ndarray:
    """Enlarge a map to the size of the images by cubic splines, within its range of values."""
    from skimage.transform import resize

    large: np.ndarray = resize(heat.astype(np.float32), (side, side), order=3, mode="edge")
    return large
