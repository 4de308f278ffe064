"""The results of a job, on pages of their own: tables, charts, pictures and files of its output.

Each step has a module here of its name, with `view(job, output)` that returns the values of its
template `templates/results/<step>.html`, the first tab; with `TABS`, the others; and with `CHARTS`,
what is drawn in them. No path comes from a URL: files are named as the record of the job lists
them, cells by their row, montage sheets by folder, channel and number. What was moved, deleted or
written over since is said in a sentence.
"""

from deepometry.web.results import export_views, pages, projector_views, views
from deepometry.web.results.shared import blueprint

# the modules add their pages to it
__all__ = ["blueprint", "export_views", "pages", "projector_views", "views"]
