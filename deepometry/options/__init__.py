"""One frozen dataclass of options a step: the only configuration there is.

The command line, the page and Python all build these classes, from text or from values; each
field carries its label, its help and the function that reads it. All fields are checked at
once, and `OptionsError` says for each what was expected and what was found.
"""

from deepometry.options.curve import (
    LearningCurveOptions,
    read_shares,
)
from deepometry.options.embed import (
    DIMS,
    MAPS,
    EmbedOptions,
)
from deepometry.options.example import (
    DEMO_TARGET,
    DemoOptions,
    ExampleOptions,
)
from deepometry.options.export import (
    AUTO_FORMAT,
    FORMATS,
    ExportOptions,
    ShowOptions,
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
    flag_of,
    read_channels,
    settings,
)
from deepometry.options.subset import SubsetOptions
from deepometry.options.train import (
    BALANCES,
    FREEZES,
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
    "AUTO_FORMAT",
    "BALANCES",
    "DEMO_TARGET",
    "DIMS",
    "FORMATS",
    "FREEZES",
    "LARGEST_FRAME",
    "LAYERS",
    "MAPS",
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
    "EmbedOptions",
    "ExampleOptions",
    "ExportOptions",
    "ExtractOptions",
    "GradcamOptions",
    "InfoOptions",
    "LearningCurveOptions",
    "ParseOptions",
    "PredictOptions",
    "Setting",
    "ShowOptions",
    "SubsetOptions",
    "TrainOptions",
    "flag_of",
    "read_channels",
    "read_shares",
    "settings",
]
