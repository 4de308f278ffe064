"""What MkDocs does beside reading pages: make the reference, and refuse what the internet holds."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[1]
_FETCHED = re.compile(
    r"""<(?:script|img|iframe|link(?=[^>]*rel="?stylesheet))[^>]*?(?:src|href)="?https?://"""
)


def on_files(files: Files, config: Any) -> Files:
    """Add what is made from the program: the reference of the options, the glossary, the icon."""
    sys.path.insert(0, str(ROOT))  # not at the top: MkDocs takes its own entry off, the first
    from docs.reference_pages import glossary_page, options_page

    files.append(File.generated(config, "reference/options.md", content=options_page()))
    files.append(File.generated(config, "reference/glossary.md", content=glossary_page()))
    icon = str(ROOT / "static" / "favicon.svg")
    files.append(File.generated(config, "pictures/favicon.svg", abs_src_path=icon))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    """Add the functions of all steps to the Python reference."""
    from docs.reference_pages import with_steps

    return with_steps(markdown)


def on_post_page(output: str, page: Any, config: Any) -> str:
    """Refuse a page that would fetch a script, a style or a picture from the internet."""
    if fetched := _FETCHED.search(output):
        place, found = page.file.src_uri, fetched[0]
        raise PluginError(f"{place}: expected no file of another computer, found {found!r}")
    return output
