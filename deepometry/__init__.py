"""Deepometry: deep learning for imaging flow cytometry.

Each step is one verb, with one module, one function and one command of the same name:
`deepometry.parse.parse`, `deepometry.dataset.targets`, `deepometry.train.train`,
`deepometry.predict.predict`, `deepometry.extract.extract`. They are not re-exported here, so
that importing the package loads neither Keras nor anything else that is slow.
"""

__version__ = "0.1.0"
