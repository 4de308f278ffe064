"""The outputs of a network for cells that it did not learn from."""

from __future__ import annotations

from typing import Any

import numpy as np

from deepometry.cells.batches import batches
from deepometry.core.progress import Progress
from deepometry.network.precision import as_float32
from deepometry.network.test_time_augmentation import predict_views
from deepometry.training.cells import Cells

_AT_ONCE = 128


def predict_cells(
    model: Any, cells: Cells, indices: np.ndarray, views: int, progress: Progress
) -> np.ndarray:
    """Compute the outputs for some cells, float32 of shape (n, outputs).

    The cells are not augmented; `views` mirror images and quarter turns of each are averaged, 1 or
    8. A network that is still training may use bfloat16, but predicts in float32, as its file.
    """
    results = np.empty((len(indices), model.output_shape[-1]), np.float32)
    done = 0
    with as_float32(model):
        for batch in batches(cells.dataset, indices, cells.codes, _AT_ONCE, cells.columns):
            progress.check()
            (outputs,) = predict_views(model, batch.images, views)
            results[done : done + len(outputs)] = outputs
            done += len(outputs)
    return results
