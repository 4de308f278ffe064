"""Terms of the field as Deepometry uses them, each in one or two sentences of plain English."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Term:
    """A term of the glossary.

    Attributes
    ----------
    name, meaning : str
    also : tuple of str
        Other spellings; a plural `s` needs none.
    """

    name: str
    meaning: str
    also: tuple[str, ...] = ()


GLOSSARY = (
    Term(
        "95 % interval",
        "The range that would hold the true score in 95 of 100 repetitions with other cells. Few "
        "cells make it wide.",
        ("95 % intervals", "95\N{NO-BREAK SPACE}% interval", "95\N{NO-BREAK SPACE}% intervals"),
    ),
    Term("Accuracy", "Share of all cells that are classified correctly."),
    Term(
        "Augmentation",
        "Training images are mirrored, rotated and shifted at random, so that the network learns "
        "what a cell looks like in any position.",
    ),
    Term(
        "Balanced accuracy",
        "Mean of the recalls of all classes: every class counts the same, whatever its number of "
        "cells.",
        ("balanced",),
    ),
    Term(
        "Batch size",
        "Number of cells that the network processes together in one training step.",
        ("batch", "batches"),
    ),
    Term(
        "bfloat16",
        "Numbers of half the length, with which many processors and graphics cards compute faster.",
    ),
    Term(
        "Calibration",
        "Whether probabilities can be taken at their word: of cells with a probability of 0.8, 80 "
        "% should be classified correctly.",
        ("calibrated", "reliability diagram"),
    ),
    Term(
        "Class",
        "One of the groups that cells are sorted into, such as Smooth disc. Its name is the label.",
        ("classes",),
    ),
    Term(
        "Classical features",
        "Measurements of a cell by formulas that are known beforehand, such as area, brightness "
        "and texture, as opposed to features that a network has learnt.",
    ),
    Term(
        "Confusion matrix",
        "Table of true classes against predicted ones. Numbers on its diagonal are correct, all "
        "others are errors.",
    ),
    Term(
        "Cross-validation",
        "The cells are divided into folds, and each fold is predicted by a model trained on the "
        "others, so that every cell is tested once.",
        ("cross-validated",),
    ),
    Term(
        "Data leakage",
        "Information about the test cells has reached the training, for example through copies of "
        "the same cell. The score is then too good.",
    ),
    Term(
        "Embedding",
        "The features of a cell as the network sees it, or a map made of them: similar cells lie "
        "close together.",
    ),
    Term(
        "Epoch",
        "One pass of the training over all training cells. The form calls it a learning iteration.",
        ("learning iteration",),
    ),
    Term(
        "Expected calibration error",
        "Mean gap between the probability of a prediction and how often such predictions are "
        "correct. 0 is best.",
    ),
    Term("F1", "One number for precision and recall together; it is low if either of them is."),
    Term(
        "Feature",
        "A number that describes a cell, measured by a formula or computed by a layer of the "
        "network.",
    ),
    Term(
        "Fold",
        "One of the parts into which cells are divided for cross-validation.",
    ),
    Term(
        "Frame",
        "The square, in pixels, to which the image of every cell is cropped or padded, so that all "
        "have the same size.",
    ),
    Term(
        "Grad-CAM",
        "A heat map of the parts of an image on which a prediction depends most.",
        ("heat map",),
    ),
    Term(
        "Hold-out",
        "Cells that are set aside before training and used only once, for the final test.",
        ("held-out", "held out"),
    ),
    Term(
        "Label smoothing",
        "Training towards 95 % instead of 100 % of a class, for example, so that the network does "
        "not become too sure.",
    ),
    Term(
        "Learning curve",
        "Accuracy against the number of training cells. It shows whether more cells would help.",
    ),
    Term("Learning rate", "Size of the steps by which training changes the network."),
    Term(
        "Log loss",
        "A score of the probabilities: 0 where every cell has probability 1 for its true class, "
        "and large where the network was sure and wrong.",
        ("loss", "validation loss"),
    ),
    Term(
        "Mean absolute error",
        "By how much predicted numbers differ from the true ones on average, in the unit of the "
        "number.",
    ),
    Term("Montage", "One picture with many cells of a folder side by side."),
    Term(
        "Near-duplicate",
        "An image that is almost the same as another one. On both sides of a split they cause data "
        "leakage.",
    ),
    Term(
        "PCA",
        "Principal component analysis: the directions in which the features of the cells differ "
        "most, used as axes.",
        ("principal component",),
    ),
    Term("PHATE", "A map of cells that shows gradual changes and branches."),
    Term(
        "pool5",
        "The last layer of the network before the classes. Its features describe the whole cell "
        "and are closest to the decision.",
    ),
    Term("Precision-recall curve", "Precision against recall as the required probability falls."),
    Term(
        "R2",
        "Share of the variance of the true numbers that the predicted ones explain: 1 is perfect, "
        "0 what always predicting the mean gives.",
    ),
    Term("Recall", "Share of the cells of a class that are recognised as this class."),
    Term(
        "Recipe",
        "The values that training takes for every option that is left open: the measured standard, "
        "or those of the published protocol.",
    ),
    Term(
        "ROC curve",
        "How many cells of a class are found against how many others are taken for it, as the "
        "required probability falls.",
        ("ROC",),
    ),
    Term("Stack", "One file with the images of many cells, all in the same frame."),
    Term(
        "t-SNE",
        "A map of cells that keeps neighbours together and shows groups. Distances between groups "
        "mean little.",
        ("tsne",),
    ),
    Term(
        "Target",
        "What the network learns to predict: a prefix of the folder names, such as Class or Day. "
        "Its values are the labels.",
    ),
    Term(
        "Temperature",
        "One number, fitted after training, that makes the probabilities of a network less sure or "
        "surer. It changes no prediction.",
    ),
    Term(
        "UMAP",
        "A map of cells that keeps neighbours together and shows groups. Distances between groups "
        "mean little.",
    ),
    Term(
        "Unknown",
        "What a cell is called whose novelty is above the number that you set: it is unlike all "
        "cells that the model learnt from.",
    ),
    Term(
        "Unsure",
        "What a cell is called whose highest probability is below the number that you set.",
    ),
    Term(
        "Validation",
        "Cells that training does not learn from and that show how well it does. They choose the "
        "epoch, so their score is slightly too good.",
    ),
    Term(
        "Views",
        "Mirror images and quarter turns of a cell whose predictions are averaged.",
    ),
    Term(
        "Weight decay",
        "Training pulls the numbers inside the network towards zero, so that it memorises less.",
    ),
)
"""All terms, in alphabetical order."""

_BY_SPELLING = {
    spelling.casefold(): term for term in GLOSSARY for spelling in (term.name, *term.also)
}
# the longest first: "balanced accuracy" is one term
TERMS = re.compile(
    r"(?<![\w-])(?:"
    + "|".join(re.escape(each) for each in sorted(_BY_SPELLING, key=len, reverse=True))
    + r")(?:s(?![\w-])|(?![\w-]))",
    re.IGNORECASE,
)
"""Finds a term in a text, also in the plural."""


def term_of(spelling: str) -> Term:
    """Return the term that `TERMS` found."""
    key = spelling.casefold()
    return _BY_SPELLING.get(key) or _BY_SPELLING[key.removesuffix("s")]


def terms_in(text: str) -> list[Term]:
    """Return the terms of a text, in its order, each once."""
    return list(dict.fromkeys(term_of(found) for found in TERMS.findall(text)))
