"""The one list of steps. Commands, forms, jobs, past runs, the public functions and the
documentation are made from it; CONTRIBUTING.md says how to add one.
"""

from __future__ import annotations

from deepometry.core.errors import DeepometryError
from deepometry.core.options.agreement import AgreementOptions
from deepometry.core.options.classify import ClassifyOptions
from deepometry.core.options.compare import CompareOptions
from deepometry.core.options.correct import CorrectOptions
from deepometry.core.options.embed import EmbedOptions
from deepometry.core.options.example import DemoOptions, ExampleOptions
from deepometry.core.options.export import ExportOptions, ShowOptions
from deepometry.core.options.fields import Setting
from deepometry.core.options.gate import GateOptions
from deepometry.core.options.gradcam import GradcamOptions
from deepometry.core.options.label import LabelOptions
from deepometry.core.options.learning_curve import LearningCurveOptions
from deepometry.core.options.measure import MeasureOptions
from deepometry.core.options.parse import InfoOptions, ParseOptions, TargetsOptions
from deepometry.core.options.predict import ExtractOptions, PredictOptions
from deepometry.core.options.scalings import ScalingsOptions
from deepometry.core.options.similar import SimilarOptions
from deepometry.core.options.stain import StainOptions
from deepometry.core.options.subset import SubsetOptions
from deepometry.core.options.suggest import SuggestOptions
from deepometry.core.options.summary import SummaryOptions
from deepometry.core.options.train import BaselineOptions, TrainOptions
from deepometry.core.result_files import (
    COORDINATES_TABLE,
    FEATURES_TABLE,
    METADATA_TABLE,
    PREDICTED_TABLE,
)
from deepometry.core.step import Button, Form, Step

_STEPS = (
    Step(
        name="info",
        title="File details",
        summary="Describe image files before they are parsed.",
        example="info images --gallery look.png",
        options=InfoOptions,
        function="deepometry.images.info:info",
        job=False,
        json=True,
    ),
    Step(
        name="parse",
        title="Preprocessing",
        summary="Convert images of cells to arrays of one size.",
        example="parse images parsed --split 80/20",
        options=ParseOptions,
        function="deepometry.cells.parse:parse",
        writes="parsed",
        view="deepometry.web.results.parse:view",
        place=Form(
            number="1",
            button="Parse",
            purpose="Converts image files to arrays of one size.",
            shown=("input", "output", "frame", "channels", "montage", "split"),
        ),
        less_memory="a smaller Frame size or Montage size",
    ),
    Step(
        name="label",
        title="Labels",
        summary="Give parsed cells the labels of a table, or the populations of IDEAS.",
        details="Gates of BD or FlowJo, a column of numbers, populations of an analysis of IDEAS "
        "(.daf), or lists that `export` wrote; they become a target of these cells, beside those "
        "of folder names.",
        example="label parsed gates.csv --column gate",
        options=LabelOptions,
        function="deepometry.cells.label_import.label:label",
        place=Form(
            button="Add labels",
            purpose="Gives parsed cells the labels of a table, or the populations of IDEAS.",
            shown=("input", "labels", "column", "name"),
            below="parse",
            asks=("labels",),
        ),
    ),
    Step(
        name="stain",
        title="Labels from a stain",
        summary="Label parsed cells by the intensity of a stain.",
        details="As a number to predict, or as classes between thresholds. Trainings leave the "
        "channel out by themselves: a model that predicts a stain from other channels needs no "
        "stain.",
        example="stain parsed 4 --thresholds 250,900 --class-names G1,S,G2",
        options=StainOptions,
        function="deepometry.classical.stain:stain",
        place=Form(
            button="Label by stain",
            purpose="Takes the intensity of a channel as the label, a number or classes.",
            shown=("input", "channel", "thresholds", "classes"),
            below="parse",
        ),
    ),
    Step(
        name="gate",
        title="Cleaning",
        summary="Leave bad images of cells out of learning and of scores.",
        details="Debris, clumps, cells out of focus or saturated: by limits of features, which are "
        "proposed from the data, given, or taken from other cells. Such cells are still predicted, "
        "and marked.",
        example='gate parsed gate --limits "Area Ch1 = 50..900; Gradient RMS Ch1 = 8.."',
        options=GateOptions,
        function="deepometry.classical.cleaning.gate:gate",
        writes="gate",
        runs="gates",
        view="deepometry.web.results.gate:view",
        place=Form(
            button="Gate cells",
            purpose="Leaves debris, clumps and cells out of focus out of learning and of scores.",
            shown=("input", "output", "limits", "like", "preview"),
            below="parse",
            asks=("like",),
        ),
        replaces="Holds a gate; you are asked before a new one replaces it.",
    ),
    Step(
        name="targets",
        title="Targets",
        summary="List the targets that parsed cells can be classified by.",
        details="Each with its labels and the number of cells of every label.",
        example="targets parsed",
        options=TargetsOptions,
        function="deepometry.cells.targets:targets",
        job=False,
        json=True,
    ),
    Step(
        name="scalings",
        title="Preview of intensity scalings",
        summary="Show what each intensity scaling makes of some cells, and which one suits them.",
        details="Before a training: pictures as the network would see them (`--gallery`), mean, "
        "spread and saturated pixels of each channel, and the recommended scaling with its reason.",
        example="scalings parsed/Train --target Class --gallery scalings.png",
        options=ScalingsOptions,
        function="deepometry.training.scalings:scalings",
        job=False,
        json=True,
    ),
    Step(
        name="agreement",
        title="Agreement of annotators",
        summary="Compare the people who labelled cells by hand.",
        details="Cohen's kappa of each two annotators, and the cells that they label differently, "
        "which count as unlabelled until they are settled.",
        example="agreement parsed Phase",
        options=AgreementOptions,
        function="deepometry.cells.labels.agreement:agreement",
        job=False,
        json=True,
    ),
    Step(
        name="summary",
        title="Summary of parsed cells",
        summary="Count parsed cells and measure their intensities, by folder.",
        details="Groups whose intensities differ for technical reasons show before training.",
        example="summary parsed summary --group-by Sample",
        options=SummaryOptions,
        function="deepometry.cells.summary:summary",
        writes="summary",
        runs="summaries",
        view="deepometry.web.results.summary:view",
        place=Form(
            button="Summarise",
            purpose="Counts cells and compares their intensities between folders.",
            shown=("input", "output", "group_by"),
            below="parse",
        ),
        replaces="Holds a summary; you are asked before a new one replaces it.",
    ),
    Step(
        name="train",
        title="Model training",
        summary="Train a network to classify parsed cells.",
        example="train parsed/Train model --target Class",
        options=TrainOptions,
        function="deepometry.training.train:train",
        writes="model",
        runs="models",
        view="deepometry.web.results.train:view",
        place=Form(
            number="2",
            button="Train",
            purpose="Trains a network to recognise the classes in your folder names.",
            shown=("input", "output", "target", "epochs"),
        ),
        less_memory="a smaller Batch size or a smaller Network",
        replaces="Contains a trained model; a new training moves it to the sub-folder earlier_1.",
    ),
    Step(
        name="baseline",
        title="Classical baseline",
        summary="Classify parsed cells by classical features.",
        details="With the training and validation cells of `train`; a network in OUTPUT is "
        "compared with it.",
        example="baseline parsed/Train model --target Class",
        options=BaselineOptions,
        function="deepometry.training.baseline:baseline",
        writes="baseline",
        runs="models",
        table=FEATURES_TABLE,
        view="deepometry.web.results.baseline:view",
        place=Button(
            form="train",
            button="Compare with classical features",
            tip="Measures classical features of the same cells (size, shape, intensity, texture "
            "...), trains a classifier on them in minutes, and lists the features that separate "
            "the classes. Where the Output location holds a network trained on these cells, both "
            "are compared.",
        ),
        less_memory="fewer Channels",
    ),
    Step(
        name="learning-curve",
        title="Learning curve",
        summary="Measure how accuracy rises with the number of cells.",
        details="The fitted curve predicts the accuracy with twice as many cells.",
        example="learning-curve parsed/Train curve --target Class",
        options=LearningCurveOptions,
        function="deepometry.training.learning_curve:learning_curve",
        writes="learning curve",
        runs="learning_curves",
        view="deepometry.web.results.learning_curve:view",
        place=Button(
            form="train",
            button="Learning curve",
            tip="Trains on an eighth, a quarter, a half and all of the cells, tests each model on "
            "the same left-out cells, and predicts the accuracy with twice as many: is it worth "
            "measuring more? Its shares and repeats stand in More options. Keeps no model.",
            extra=("shares", "repeats"),
        ),
        less_memory="a smaller Batch size or a smaller Network",
    ),
    Step(
        name="predict",
        title="Prediction",
        summary="Predict the class of every parsed cell.",
        example="predict parsed/Hold-out predictions --model model",
        options=PredictOptions,
        function="deepometry.inference.predict:predict",
        writes="predictions",
        table=PREDICTED_TABLE,
        view="deepometry.web.results.predict:view",
        place=Form(
            number="3a",
            button="Predict",
            purpose="Predicts the class of every cell.",
            shown=("input", "output", "target", "model", "unannotated"),
            extra={
                "target": Setting(
                    "Target classification",
                    "What the model classifies by. It is read from the model, and checked: a "
                    "model of another target is refused.",
                    str,
                    example="Class",
                )
            },
        ),
        less_memory="a smaller Batch size",
        replaces="Contains predictions; you are asked before new ones replace them.",
    ),
    Step(
        name="classify",
        title="Classification of new samples",
        summary="Label the cells of new image files with a trained model.",
        details="The files are read as Parse reads them, framed as the model wants them, and "
        "nothing but the results is written.",
        example="classify new_files model predictions --export fcs",
        options=ClassifyOptions,
        function="deepometry.inference.classify:classify",
        writes="predictions",
        run_name="classified",
        table=PREDICTED_TABLE,
        view="deepometry.web.results.classify:view",
        place=Form(
            button="Classify",
            purpose="Labels the cells of new files with a trained model.",
            shown=("input", "model", "output", "unsure_below"),
            below="predict",
            folder="new predictions",
            asks=("input",),
        ),
        less_memory="a smaller Batch size",
        replaces="Contains predictions; you are asked before new ones replace them.",
    ),
    Step(
        name="extract",
        title="Feature extraction",
        summary="Save a network's features for every parsed cell.",
        example="extract parsed features --model model",
        options=ExtractOptions,
        function="deepometry.inference.extract:extract",
        writes="features",
        table=METADATA_TABLE,
        view="deepometry.web.results.extract:view",
        place=Form(
            number="3b",
            button="Extract",
            purpose="Saves the network's features for every cell.",
            shown=("input", "output", "model", "layer"),
        ),
        less_memory="a smaller Batch size",
        replaces="Contains features; you are asked before new ones replace them, except those of "
        "other layers.",
    ),
    Step(
        name="embed",
        title="Map of cells",
        summary="Plot cells so that similar ones lie close together.",
        example="embed features map --predictions predictions",
        options=EmbedOptions,
        function="deepometry.maps.embed:embed",
        writes="map",
        runs="maps",
        table=COORDINATES_TABLE,
        view="deepometry.web.results.embed:view",
        place=Form(
            button="Draw map",
            purpose="Plots cells so that similar ones lie close together.",
            shown=("input", "output", "method", "dims", "color"),
            below="extract",
            inside="map",
        ),
        less_memory="fewer Components",
        replaces="Contains a map; you are asked before a new one replaces it.",
    ),
    Step(
        name="gradcam",
        title="Heat maps",
        summary="Draw which image regions decide a prediction.",
        example="gradcam parsed/Hold-out heat --model model",
        options=GradcamOptions,
        function="deepometry.inference.gradcam:gradcam",
        writes="heat maps",
        runs="heat_maps",
        view="deepometry.web.results.gradcam:view",
        place=Button(
            form="predict",
            button="Show where the network looks",
            tip="Draws for 12 cells, evenly from all folders, which parts of the image support "
            "the predicted class (Grad-CAM). The results of a prediction offer the same for cells "
            "and classes of your choice.",
        ),
        less_memory="fewer Cells",
    ),
    Step(
        name="compare",
        title="Comparison of runs",
        summary="Compare predictions, classifications or trainings by the cells that they share.",
        details="Scores with intervals, paired tests, confusion matrices, agreement, learning "
        "curves, the options that differ, and the cells on which they differ.",
        example="compare predictions predictions_2 --output comparison",
        options=CompareOptions,
        function="deepometry.projects.compare:compare",
        writes="comparison",
        runs="comparisons",
        view="deepometry.web.compare.saved:view",
        replaces="Contains a comparison; you are asked before a new one replaces it.",
    ),
    Step(
        name="subset",
        title="Set of cells",
        summary="Copy selected cells to a set ready for training.",
        example="subset parsed sets --cells chosen.csv --name Odd",
        options=SubsetOptions,
        function="deepometry.cells.subset:subset",
    ),
    Step(
        name="export",
        title="Export",
        summary="Convert results for another program.",
        example="export predictions cells.fcs",
        options=ExportOptions,
        function="deepometry.exports:export",
    ),
    Step(
        name="show",
        title="Cell",
        summary="Find a cell by its object number, and draw it.",
        details="Every channel is drawn; results of the cell are listed.",
        example='show images "4711 of sample7.cif"',
        options=ShowOptions,
        function="deepometry.exports.find_cell:show",
        job=False,
    ),
    Step(
        name="similar",
        title="Similar cells",
        summary="Find the cells whose features are most like those of one cell.",
        details="An index of the features is made at the first use and kept beside them.",
        example='similar features "4711 of sample7.cif" similar.csv',
        options=SimilarOptions,
        function="deepometry.maps.similar_cells:similar",
    ),
    Step(
        name="correct",
        title="Correction of labels",
        summary="Correct or confirm labels by a table.",
        details="Such as the table of likely mislabelled cells, with its column correct_label "
        "filled in. The labels stay as they are; a target of its own has the corrections.",
        example="correct parsed Class model/likely_mislabelled.csv",
        options=CorrectOptions,
        function="deepometry.cells.label_corrections:correct",
    ),
    Step(
        name="measure",
        title="Features of all cells",
        summary="Keep features of all parsed cells, for assisted labelling.",
        details="Classical features are measured; or those that `extract` wrote are taken. They "
        "lie beside the cells, and are measured again when the cells have changed.",
        example="measure parsed",
        options=MeasureOptions,
        function="deepometry.classical.measure:measure",
        less_memory="fewer channels, parsed to another folder",
    ),
    Step(
        name="suggest",
        title="Cells to label next",
        summary="List the cells whose labels help a classifier most.",
        details="By a fast classifier that learns from the labels given so far. Its accuracy is "
        "estimated, and when more labels hardly help, it says so.",
        example="suggest parsed Phase next.csv --number 100",
        options=SuggestOptions,
        function="deepometry.training.assisted.suggest:suggest",
    ),
    Step(
        name="example",
        title="Example cells",
        summary="Draw example images of red blood cells of seven shapes.",
        example="example images --cells 1400",
        options=ExampleOptions,
        function="deepometry.images.synthetic.dataset:example",
        writes="raw",
        view="deepometry.web.results.output:view",
    ),
    Step(
        name="demo",
        title="Demo",
        summary="Run the whole protocol on example cells.",
        details="Draws example images, then runs parse, train, predict and extract.",
        example="demo --output demo",
        options=DemoOptions,
        function="deepometry.protocol:demo",
        job=False,
        finish="deepometry.cli:offer_page",
    ),
)
STEPS: dict[str, Step] = {step.name: step for step in _STEPS}
WITH_TABLES = tuple(step for step in _STEPS if step.table)
"""Steps that write a table with one row a cell."""


def step_of(options: object) -> Step:
    """Find the step whose options these are; raise `DeepometryError` if no job can have them."""
    jobs = [step for step in STEPS.values() if step.job]
    for step in jobs:
        if type(options) is step.options:
            return step
    expected = ", ".join(step.options.__name__ for step in jobs)
    found = type(options).__name__
    raise DeepometryError(f"A job: expected one of {expected}, found {found}; give such options.")
