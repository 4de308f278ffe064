"""Deepometry: deep learning for imaging flow cytometry.

Every step is a function with its options as keywords, and a command of the same name:

    import deepometry

    deepometry.parse(input="images", output="parsed", split="80/20")
    deepometry.train(input="parsed/Train", output="model", target="Class")
    deepometry.predict(input="parsed/Hold-out", output="predictions", model="model")

`deepometry.read_cif` and `deepometry.read_daf` read files of the instrument and of IDEAS,
`deepometry.open_cells` opens parsed cells.
Importing the package loads neither Keras nor anything else that is slow: each step is imported
when it is called.
"""

__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    if name.startswith("_"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from deepometry.core.public import find

    value = globals()[name] = find(name)
    return value


def __dir__() -> list[str]:
    from deepometry.core.public import NAMES

    return sorted({*globals(), *NAMES})
