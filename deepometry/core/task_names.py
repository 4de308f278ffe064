"""Names of what a model can learn, and of the columns of numbers in tables of predictions."""

from deepometry.core.folder_names import CLASSES, NUMBER

ORDERED = "ordered"
KINDS = (CLASSES, ORDERED, NUMBER)

MEASURES = {"accuracy": "accuracy", "mae": "mean absolute error"}
"""Scores that the curves of a training show beside the loss, in words."""

TRUE_VALUE, PREDICTED_VALUE = "true_value", "predicted_value"
LOWER, UPPER = "lower", "upper"
EXPECTED_VALUE = "expected_value"
NOVELTY = "novelty"
NUMBER_COLUMNS = (TRUE_VALUE, PREDICTED_VALUE, LOWER, UPPER, EXPECTED_VALUE, NOVELTY)
"""Columns of numbers in tables of predictions; `expected_value` is of ordered classes."""
