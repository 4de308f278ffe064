"""The results of a job, beside its form: pictures, tables and files, all out of its own output.

No path comes from a URL: files are named as the record of the job lists them, cells by their row,
montage sheets by folder, channel and number. What was moved, deleted or written over since is told
in a sentence.
"""

from deepometry.web import results_heat, results_look, results_runs
from deepometry.web.results_site import blueprint

__all__ = [
    "blueprint",
    "results_heat",
    "results_look",
    "results_runs",
]  # which add their pages to it
