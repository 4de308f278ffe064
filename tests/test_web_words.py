"""Messages on the page name the fields of its forms, not the options of the command line."""

import pytest

from deepometry.core.options.fields import flag_of, settings
from deepometry.core.steps import STEPS
from deepometry.web.text_filters import labelled


@pytest.mark.parametrize(
    ("text", "verb", "expected"),
    [
        ("parse with --frame 48.", "train", "parse with “Frame size” 48."),
        ("leave out --from or --folds.", "train", "leave out “From model” or “Folds”."),
        ("(--images)", "", "(“Images”)"),
        ("use a smaller --batch-size", "predict", "use a smaller “Batch size”"),
        ("(--json lists all)", "", "(--json lists all)"),  # in no form
        ("no--frame --frame-x", "parse", "no--frame --frame-x"),
        ("/data/--seed/cells", "train", "/data/--seed/cells"),
    ],
)
def test_options_are_named_as_in_the_form(text, verb, expected):
    assert labelled(text, verb) == expected


def test_every_option_of_a_step_has_the_label_of_that_step():
    for verb, each in STEPS.items():
        for name, (setting, _) in settings(each.options).items():
            assert labelled(f"--{flag_of(name)}", verb) == f"“{setting.label}”"
