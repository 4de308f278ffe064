"""Terms of the glossary in the texts of the page: each is marked once a page, and explained."""

from __future__ import annotations

import re

from flask import g
from markupsafe import Markup, escape

from deepometry.core.glossary import TERMS, Term, term_of, terms_in

_TAG = re.compile(r"(<[^>]*>)")
_IN_A_TOOLTIP = 2  # terms; more of them hide what the tooltip is about
_EVERYWHERE = {"Class", "Feature"}  # words of every page, which only the glossary explains
# of which options themselves speak, in other words or about something else
_OF_OPTIONS = {"Recipe", "Target", "Views", "Batch size", "Validation", "Accuracy"} | _EVERYWHERE


def terms(text: str) -> Markup:
    """Mark the terms of a text that the page has not marked yet, as buttons with a tooltip."""
    parts = _TAG.split(str(escape(text)))
    return Markup("".join(p if p.startswith("<") else TERMS.sub(_marked, p) for p in parts))


def _marked(found: re.Match[str]) -> str:
    term, marked = term_of(found[0]), g.setdefault("marked_terms", set())
    if term in marked or term.name in _EVERYWHERE:
        return found[0]
    marked.add(term)
    about = escape(term.meaning)
    return f'<button type="button" class="term" aria-description="{about}">{found[0]}</button>'


def explained(text: str, label: str = "") -> list[Term]:
    """Return the terms that the tooltip of an option explains, but for its own `label`."""
    found = [each for each in terms_in(f"{label}. {text}") if each.name not in _OF_OPTIONS]
    return found[:_IN_A_TOOLTIP]
