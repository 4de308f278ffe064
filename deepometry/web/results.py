"""The results of a job, beside its form: pictures, tables and files, all out of its own output.

No path comes from a URL: files are named as the record of the job lists them, cells by their row,
montage sheets by folder, channel and number. What was moved, deleted or written over since is told
in a sentence.
"""

from deepometry.web import (
    results_elsewhere,
    results_explore,
    results_heat,
    results_look,
    results_runs,
)
from deepometry.web.results_site import blueprint

# the modules add their pages to it
__all__ = [
    "blueprint",
    "results_elsewhere",
    "results_explore",
    "results_heat",
    "results_look",
    "results_runs",
]
