"""One frozen dataclass of options a step: the only configuration there is.

The command line, the page and Python all build these classes, from text or from values; each
field carries its label, its help and the function that reads it. All fields are checked at
once, and `OptionsError` says for each what was expected and what was found.
"""

from deepometry.options.example import (
    DEMO_TARGET,
    DemoOptions,
    ExampleOptions,
)
from deepometry.options.gradcam import (
    STAGES,
    GradcamOptions,
)
from deepometry.options.parse import (
    InfoOptions,
    ParseOptions,
)
from deepometry.options.predict import (
    LAYERS,
    ExtractOptions,
    PredictOptions,
)
from deepometry.options.settings import (
    AUTO,
    LARGEST_FRAME,
    MOST_CHANNELS,
    READERS,
    SMALLEST_FRAME,
    Setting,
    read_channels,
    settings,
)
from deepometry.options.train import (
    BALANCES,
    METHODS,
    NETWORKS,
    PRECISIONS,
    RECIPES,
    SCALINGS,
    SCHEDULES,
    BaselineOptions,
    TrainOptions,
)

__all__ = [
    "AUTO",
    "BALANCES",
    "DEMO_TARGET",
    "LARGEST_FRAME",
    "LAYERS",
    "METHODS",
    "MOST_CHANNELS",
    "NETWORKS",
    "PRECISIONS",
    "READERS",
    "RECIPES",
    "SCALINGS",
    "SCHEDULES",
    "SMALLEST_FRAME",
    "STAGES",
    "BaselineOptions",
    "DemoOptions",
    "ExampleOptions",
    "ExtractOptions",
    "GradcamOptions",
    "InfoOptions",
    "ParseOptions",
    "PredictOptions",
    "Setting",
    "TrainOptions",
    "read_channels",
    "settings",
]
