"""Taking results elsewhere: cytometry programs, FlowJo, Python, R, MATLAB, IDEAS, plain images.

`files` reads the tables of a folder, `table` joins them by identity, `opening` finds them; there
is a module for each format, and `run` has the step itself.
"""

from deepometry.export.run import BUNDLES, ExportResult, export

__all__ = ["BUNDLES", "ExportResult", "export"]
