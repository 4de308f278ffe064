"""The glossary: its terms, where they are found, and how the page marks them."""

from __future__ import annotations

import re

import pytest
from flask import Flask
from markupsafe import Markup

from deepometry.core.glossary import GLOSSARY, TERMS, term_of, terms_in
from deepometry.web import create_app
from deepometry.web.glossary_terms import explained, terms
from docs.reference_pages import glossary_page

BUTTON = re.compile(
    r'<button type="button" class="term" aria-description="([^"]*)">([^<]*)</button>'
)


@pytest.fixture
def app(tmp_path) -> Flask:
    return create_app({"HOME": tmp_path / "home", "TESTING": True})


def test_terms_are_in_order_and_short():
    names = [term.name.casefold() for term in GLOSSARY]
    assert names == sorted(names)
    spellings = [each.casefold() for term in GLOSSARY for each in (term.name, *term.also)]
    assert len(spellings) == len(set(spellings))
    for term in GLOSSARY:
        sentences = re.findall(r"[.](?: |$)", term.meaning)
        assert 1 <= len(sentences) <= 2 and term.meaning.endswith("."), term.name
        assert len(term.meaning) <= 200, term.name


@pytest.mark.parametrize("term", GLOSSARY, ids=lambda term: term.name)
def test_every_spelling_leads_to_its_term(term):
    for spelling in (term.name, *term.also):
        for text in (f"The {spelling}, here", spelling.upper(), f"({spelling}s)"):
            assert terms_in(text) == [term]


def test_the_longest_term_counts_and_parts_of_words_do_not():
    assert [term.name for term in terms_in("Balanced accuracy and accuracy")] == [
        "Balanced accuracy",
        "Accuracy",
    ]
    assert terms_in("classification, validate, --target-x, unfolded, subclass") == []
    assert term_of("EPOCHS").name == "Epoch"
    assert TERMS.findall("every fold's epochs") == ["fold", "epochs"]


def test_the_page_marks_a_term_once(app):
    with app.test_request_context():
        first, again = terms("Selected epoch"), terms("Epochs and folds")
    assert BUTTON.findall(first) == [(term_of("epoch").meaning, "epoch")]
    assert [found[1] for found in BUTTON.findall(again)] == ["folds"]
    with app.test_request_context():
        assert BUTTON.findall(terms("Epochs"))  # another page


def test_words_of_every_page_are_not_marked(app):
    with app.test_request_context():
        assert terms("Predicted classes and features") == "Predicted classes and features"


def test_texts_are_escaped_and_tags_left_alone(app):
    with app.test_request_context():
        assert "&lt;b&gt;" in terms("<b> epoch")
        marked = terms(Markup('<a title="one fold">fold</a>'))
    assert marked.startswith('<a title="one fold">') and marked.count("<button") == 1


def test_tooltips_explain_their_terms(app):
    shown = explained("Stop after this many epochs without a better validation loss.", "Patience")
    assert [term.name for term in shown] == ["Epoch", "Log loss"]
    page = app.test_client().get("/").text
    assert f"<dfn>Epoch</dfn>: {term_of('epoch').meaning}" in page
    assert page.count('class="term"') == 0  # nothing in a tooltip can be pressed


def test_the_documentation_has_every_term():
    page = glossary_page()
    for term in GLOSSARY:
        assert f"## {term.name}\n\n{term.meaning}\n" in page
