"""Written by docs/make_stub.py from the list of steps; change that, not this file."""

from collections.abc import Sequence
from os import PathLike
from typing import Literal

from deepometry.cells.dataset import open_cells as open_cells
from deepometry.cells.hand_labels import open_hand_labels as open_hand_labels
from deepometry.cells.label_corrections import CorrectResult
from deepometry.cells.label_import.label import LabelResult
from deepometry.cells.labels.agreement import Agreement
from deepometry.cells.parse import ParseResult
from deepometry.cells.subset import SubsetResult
from deepometry.cells.summary import SummaryResult
from deepometry.cells.targets import Targets
from deepometry.classical.cleaning.gate import GateResult
from deepometry.classical.measure import MeasureResult
from deepometry.classical.stain import StainResult
from deepometry.core.errors import DeepometryError as DeepometryError
from deepometry.core.errors import OptionsError as OptionsError
from deepometry.core.options.agreement import AgreementOptions as AgreementOptions
from deepometry.core.options.classify import ClassifyOptions as ClassifyOptions
from deepometry.core.options.compare import CompareOptions as CompareOptions
from deepometry.core.options.correct import CorrectOptions as CorrectOptions
from deepometry.core.options.embed import EmbedOptions as EmbedOptions
from deepometry.core.options.example import DemoOptions as DemoOptions
from deepometry.core.options.example import ExampleOptions as ExampleOptions
from deepometry.core.options.export import ExportOptions as ExportOptions
from deepometry.core.options.export import ShowOptions as ShowOptions
from deepometry.core.options.gate import GateOptions as GateOptions
from deepometry.core.options.gradcam import GradcamOptions as GradcamOptions
from deepometry.core.options.label import LabelOptions as LabelOptions
from deepometry.core.options.learning_curve import LearningCurveOptions as LearningCurveOptions
from deepometry.core.options.measure import MeasureOptions as MeasureOptions
from deepometry.core.options.parse import InfoOptions as InfoOptions
from deepometry.core.options.parse import ParseOptions as ParseOptions
from deepometry.core.options.parse import TargetsOptions as TargetsOptions
from deepometry.core.options.predict import ExtractOptions as ExtractOptions
from deepometry.core.options.predict import PredictOptions as PredictOptions
from deepometry.core.options.scalings import ScalingsOptions as ScalingsOptions
from deepometry.core.options.similar import SimilarOptions as SimilarOptions
from deepometry.core.options.stain import StainOptions as StainOptions
from deepometry.core.options.subset import SubsetOptions as SubsetOptions
from deepometry.core.options.suggest import SuggestOptions as SuggestOptions
from deepometry.core.options.summary import SummaryOptions as SummaryOptions
from deepometry.core.options.train import BaselineOptions as BaselineOptions
from deepometry.core.options.train import TrainOptions as TrainOptions
from deepometry.core.progress import Cancelled as Cancelled
from deepometry.core.progress import Progress as Progress
from deepometry.core.progress import Report
from deepometry.exports.find_cell import ShowResult
from deepometry.exports.write import ExportResult
from deepometry.images.cif.reader import read_cif as read_cif
from deepometry.images.daf.file import read_daf as read_daf
from deepometry.images.info import DafInfo, InfoResult
from deepometry.images.synthetic.dataset import ExampleResult
from deepometry.inference.classify import ClassifyResult
from deepometry.inference.extract import ExtractResult
from deepometry.inference.gradcam import GradcamResult
from deepometry.inference.predict import PredictResult
from deepometry.maps.embed import EmbedResult
from deepometry.maps.similar_cells import SimilarResult
from deepometry.projects.compare import CompareResult
from deepometry.protocol import DemoResult
from deepometry.training.assisted.suggest import SuggestResult
from deepometry.training.baseline import BaselineResult
from deepometry.training.learning_curve import LearningCurveResult
from deepometry.training.scalings import ScalingsResult
from deepometry.training.train import TrainResult

__version__: str

def info(
    *,
    input: str | PathLike[str],
    gallery: str | PathLike[str] | None = None,
    quick: bool = False,
    tiles: int | None = None,
    pattern: str | None = None,
    reader: Literal["own", "bioformats"] = "own",
    pages: Literal["channels", "cells", "z-max", "z-mean"] | None = None,
    overwrite: bool = False,
    progress: Progress | Report | None = None,
) -> InfoResult | DafInfo:
    """Describe image files before they are parsed.

    Parameters
    ----------
    input : Path
        A file of cells (.cif, .tif, .rtdc, .npy, .zip ...), a folder that holds such files,
        or an analysis of IDEAS (.daf).
    gallery : Path | None, default None
        Write a picture (.png) of the first cells in every channel, with the suggested
        frame.
    quick : bool, default False
        Look at the first 200 cells of every .cif file, or folder of .tif files, only.
    tiles : int | None, default None
        Square pictures that every image shows side by side, each of which is a channel of
        its cell, such as 5; 1 where every image is one picture. By default, it is asked
        where images look like that.
    pattern : str | None, default None
        Which part of the name of an image file is the cell, and which the channel; * is
        anything else. {cell} alone makes every file a cell by itself. Names such as
        001_DAPI.tif or cell_1_Ch3.tif are recognised when this is left blank.
    reader : str, default 'own'
        own: Deepometry's readers of .cif and .tif files, without Java; bioformats: Bio-
        Formats, for .cif and many other kinds of files, where it and Java are installed.
    pages : str | None, default None
        What the pages of an image file are where the file does not say that they are
        channels. channels: the channels of one cell; cells: every page is a cell; z-max,
        z-mean: z planes of one cell, of which the highest value or the mean of each pixel
        is taken. Left blank, the program asks where a file does not say it.
    overwrite : bool, default False
        Replace a file that has the name of the picture already.
    progress : Progress or callable, optional
        Receives the progress, as `progress(done, total, text)`.

    Raises
    ------
    DeepometryError
        In one sentence, what is wrong and what to do; OptionsError names every option at fault.
    """

def parse(
    *,
    input: str | PathLike[str],
    output: str | PathLike[str],
    frame: int | Literal['auto'] = 48,
    channels: str | int | Sequence[int] | None = None,
    montage: int | None = None,
    split: str | float | None = None,
    split_by: str | None = None,
    seed: int = 0,
    masked: bool = False,
    tiles: int | None = None,
    large_images: Literal["ask", "crop", "whole"] = "ask",
    pattern: str | None = None,
    reader: Literal["own", "bioformats"] = "own",
    pages: Literal["channels", "cells", "z-max", "z-mean"] | None = None,
    analyses: bool = True,
    one_file_per_cell: bool = False,
    overwrite: bool = False,
    progress: Progress | Report | None = None,
) -> ParseResult:
    """Convert images of cells to arrays of one size.

    Parameters
    ----------
    input : Path
        Folder of the images (.cif, .tif, .png, .rtdc, .npy, .zip ...), in sub-folders whose
        names describe the cells, such as 'Day 1/Sample A/Class Smooth_Disc'.
    output : Path
        Folder for the parsed arrays.
    frame : int | Literal['auto'], default 48
        Side of the square, in pixels, to which every cell is cropped or padded. auto: the
        smallest multiple of 8 that holds 95 % of the cells whole.
    channels : tuple[int, ...] | None, default None
        Channels to keep, numbered as in IDEAS, such as 1,9,12. All of them by default.
    montage : int | None, default None
        Cells along each side of a montage sheet, such as 15. No montages by default.
    split : float | None, default None
        Percentages of cells for training and for the final test (hold-out), such as 80/20.
        No split by default.
    split_by : str | None, default None
        Keep all cells of a folder value, such as Sample, on one side of the split, so that
        the final test is on samples that training never saw.
    seed : int, default 0
        Number that fixes the split and the padding noise.
    masked : bool, default False
        Replace every pixel outside the mask of its channel, as the file has it, by
        background.
    tiles : int | None, default None
        Square pictures that every image shows side by side, each of which is a channel of
        its cell, such as 5; 1 where every image is one picture. By default, it is asked
        where images look like that.
    large_images : str, default 'ask'
        What to do with images that look like whole fields of view: ask; crop them around
        their middle, where the one cell is; or take each whole as one cell, in the frame
        that auto chooses.
    pattern : str | None, default None
        Which part of the name of an image file is the cell, and which the channel; * is
        anything else. {cell} alone makes every file a cell by itself. Names such as
        001_DAPI.tif or cell_1_Ch3.tif are recognised when this is left blank.
    reader : str, default 'own'
        own: Deepometry's readers of .cif and .tif files, without Java; bioformats: Bio-
        Formats, for .cif and many other kinds of files, where it and Java are installed.
    pages : str | None, default None
        What the pages of an image file are where the file does not say that they are
        channels. channels: the channels of one cell; cells: every page is a cell; z-max,
        z-mean: z planes of one cell, of which the highest value or the mean of each pixel
        is taken. Left blank, the program asks where a file does not say it.
    analyses : bool, default True
        Where an analysis (.daf) lies beside its .cif file: take the populations that were
        tagged by hand as labels, and its features for maps, sorting and exports.
    one_file_per_cell : bool, default False
        Write one .npy file a cell, the layout of the original program, instead of stacks.
    overwrite : bool, default False
        Replace the earlier results of this step in the output, which are then deleted.
        Without it, the step refuses to.
    progress : Progress or callable, optional
        Receives the progress, as `progress(done, total, text)`.

    Raises
    ------
    DeepometryError
        In one sentence, what is wrong and what to do; OptionsError names every option at fault.
    """

def label(
    *,
    input: str | PathLike[str],
    labels: str | PathLike[str],
    column: str | None = None,
    name: str | None = None,
    populations: str | None = None,
    learn: Literal["auto", "classes", "number"] = "auto",
    overlap: Literal["ask", "first", "exclude", "own"] = "ask",
    file_column: str | None = None,
    object_column: str | None = None,
    features: bool = True,
    overwrite: bool = False,
    progress: Progress | Report | None = None,
) -> LabelResult:
    """Give parsed cells the labels of a table, or the populations of IDEAS.

    Gates of BD or FlowJo, a column of numbers, populations of an analysis of IDEAS (.daf), or lists that `export` wrote; they become a target of these cells, beside those of folder names.

    Parameters
    ----------
    input : Path
        Folder of parsed cells, as Parse wrote it.
    labels : Path
        Table with a row a cell (.csv, .tsv, .txt, .xlsx, .parquet), which names the cell by
        its file and object number, or by the path of its image; an analysis of IDEAS
        (.daf), or a folder of them; labels given by hand to another parse of these images
        (its labels/NAME.sqlite); or the folder or .zip file of lists that Export wrote for
        IDEAS or FlowJo.
    column : str | None, default None
        Column that has the labels, or feature of an analysis of IDEAS to learn as a number.
        Left blank, the only one it can be, or it is asked.
    name : str | None, default None
        What the labels are called as a target, such as Gate. By default the name of the
        column.
    populations : str | None, default None
        Populations of an analysis of IDEAS that are the classes, such as G1,Mitotic. With
        that of all objects among them, its class is of those in none of the others. Left
        blank: those that were tagged by hand.
    learn : str, default 'auto'
        classes, or a number of each cell, such as an intensity. auto: a number where the
        labels are more than 20 different numbers, or have decimals.
    overlap : str, default 'ask'
        What a cell is that has several labels: ask; the first of them; excluded, without a
        label; or a class of its own, such as G1 + Focused.
    file_column : str | None, default None
        Column with the name of the file, or the path of the image. Left blank: recognised.
    object_column : str | None, default None
        Column with the object or event number. Left blank: recognised.
    features : bool, default True
        Copy the features of an analysis of IDEAS, too: for colours of maps, sorting and
        exports.
    overwrite : bool, default False
        Replace labels of the same name. Without it, the step refuses to.
    progress : Progress or callable, optional
        Receives the progress, as `progress(done, total, text)`.

    Raises
    ------
    DeepometryError
        In one sentence, what is wrong and what to do; OptionsError names every option at fault.
    """

def stain(
    *,
    input: str | PathLike[str],
    channel: int,
    thresholds: str | Sequence[float] | None = None,
    classes: Literal["none", "otsu", "mixture"] = "none",
    class_names: str | Sequence[str] | None = None,
    name: str | None = None,
    overwrite: bool = False,
    progress: Progress | Report | None = None,
) -> StainResult:
    """Label parsed cells by the intensity of a stain.

    As a number to predict, or as classes between thresholds. Trainings leave the channel out by themselves: a model that predicts a stain from other channels needs no stain.

    Parameters
    ----------
    input : Path
        Folder of parsed cells, as Parse wrote it.
    channel : int
        Number of the channel of the stain, as IDEAS numbers it. Its background is
        subtracted, and what is left is summed inside the cell. Trainings leave this channel
        out by themselves.
    thresholds : tuple[float, ...] | None, default None
        Intensities that divide the cells into classes, such as 250,900 for three. Left
        blank, the intensity itself is the label, a number to predict, unless Classes by
        finds thresholds.
    classes : str, default 'none'
        How thresholds are found: otsu divides where the spread inside of classes is least;
        mixture where fitted normal distributions cross; none.
    class_names : tuple[str, ...] | None, default None
        Names of the classes, from the lowest intensity to the highest, such as G1,S,G2.
        Otsu and mixture make as many; two by default.
    name : str | None, default None
        What the labels are called as a target. By default the name of the channel with
        intensity or level.
    overwrite : bool, default False
        Replace labels of the same name. Without it, the step refuses to.
    progress : Progress or callable, optional
        Receives the progress, as `progress(done, total, text)`.

    Raises
    ------
    DeepometryError
        In one sentence, what is wrong and what to do; OptionsError names every option at fault.
    """

def gate(
    *,
    input: str | PathLike[str],
    output: str | PathLike[str],
    limits: str | None = None,
    like: str | PathLike[str] | None = None,
    channel: int | None = None,
    gate: str = "Good cells",
    preview: bool = False,
    overwrite: bool = False,
    progress: Progress | Report | None = None,
) -> GateResult:
    """Leave bad images of cells out of learning and of scores.

    Debris, clumps, cells out of focus or saturated: by limits of features, which are proposed from the data, given, or taken from other cells. Such cells are still predicted, and marked.

    Parameters
    ----------
    input : Path
        Folder of parsed cells, as Parse wrote it.
    output : Path
        Folder for histograms, pictures and counts of the gate.
    limits : str | None, default None
        What the features of a good cell lie between. Left blank, limits are proposed from
        the data. none: removes the gate.
    like : Path | None, default None
        Take the limits from there: other parsed cells that have a gate, the results of this
        step, the .json file of a gate, or a model that learnt from gated cells.
    channel : int | None, default None
        Number of the channel in which size, shape and focus are judged for a proposal. Left
        blank: brightfield, or else the first one.
    gate : str, default 'Good cells'
        What the gate is called. Cells may have several gates: a cell must lie inside of
        all.
    preview : bool, default False
        Show what the gate would leave out, and keep no gate.
    overwrite : bool, default False
        Replace a gate of the same name, and earlier results of this step in the output.
        Without it, the step refuses to.
    progress : Progress or callable, optional
        Receives the progress, as `progress(done, total, text)`.

    Raises
    ------
    DeepometryError
        In one sentence, what is wrong and what to do; OptionsError names every option at fault.
    """

def targets(
    *,
    input: str | PathLike[str],
    remove: str | None = None,
    progress: Progress | Report | None = None,
) -> Targets:
    """List the targets that parsed cells can be classified by.

    Each with its labels and the number of cells of every label.

    Parameters
    ----------
    input : Path
        Folder of parsed cells, as Parse wrote it.
    remove : str | None, default None
        Labels to take away first, by their name: those of a table, an analysis, a stain or
        of hands. Their files are kept in labels/removed; folder names stay as they are.
    progress : Progress or callable, optional
        Receives the progress, as `progress(done, total, text)`.

    Raises
    ------
    DeepometryError
        In one sentence, what is wrong and what to do; OptionsError names every option at fault.
    """

def scalings(
    *,
    input: str | PathLike[str],
    target: str | None = None,
    channels: str | int | Sequence[int] | None = None,
    gallery: str | PathLike[str] | None = None,
    overwrite: bool = False,
    progress: Progress | Report | None = None,
) -> ScalingsResult:
    """Show what each intensity scaling makes of some cells, and which one suits them.

    Before a training: pictures as the network would see them (`--gallery`), mean, spread and saturated pixels of each channel, and the recommended scaling with its reason.

    Parameters
    ----------
    input : Path
        Folder of parsed cells, as Parse wrote it.
    target : str | None, default None
        Target whose labels some cells are shown of, such as Class. Left blank: cells from
        all over the folder.
    channels : tuple[int, ...] | None, default None
        Channels to train on, out of the parsed ones, such as 1,9. All of them by default.
    gallery : Path | None, default None
        Write a picture (.png) of some cells of every label under each scaling.
    overwrite : bool, default False
        Replace a file that has the name of the picture already.
    progress : Progress or callable, optional
        Receives the progress, as `progress(done, total, text)`.

    Raises
    ------
    DeepometryError
        In one sentence, what is wrong and what to do; OptionsError names every option at fault.
    """

def agreement(
    *,
    input: str | PathLike[str],
    name: str,
    progress: Progress | Report | None = None,
) -> Agreement:
    """Compare the people who labelled cells by hand.

    Cohen's kappa of each two annotators, and the cells that they label differently, which count as unlabelled until they are settled.

    Parameters
    ----------
    input : Path
        Folder of parsed cells, as Parse wrote it.
    name : str
        Name of labels given by hand, such as Phase.
    progress : Progress or callable, optional
        Receives the progress, as `progress(done, total, text)`.

    Raises
    ------
    DeepometryError
        In one sentence, what is wrong and what to do; OptionsError names every option at fault.
    """

def summary(
    *,
    input: str | PathLike[str],
    output: str | PathLike[str],
    group_by: str | None = None,
    overwrite: bool = False,
    progress: Progress | Report | None = None,
) -> SummaryResult:
    """Count parsed cells and measure their intensities, by folder.

    Groups whose intensities differ for technical reasons show before training.

    Parameters
    ----------
    input : Path
        Folder of parsed cells, as Parse wrote it.
    output : Path
        Folder for the table.
    group_by : str | None, default None
        Folder level, such as Sample or Day, with a row for each value. Left blank: a row
        for each folder.
    overwrite : bool, default False
        Replace the earlier results of this step in the output, which are then deleted.
        Without it, the step refuses to.
    progress : Progress or callable, optional
        Receives the progress, as `progress(done, total, text)`.

    Raises
    ------
    DeepometryError
        In one sentence, what is wrong and what to do; OptionsError names every option at fault.
    """

def train(
    *,
    input: str | PathLike[str],
    output: str | PathLike[str],
    target: str,
    learn_as: Literal["auto", "classes", "ordered", "number"] = "auto",
    epochs: int | None = None,
    budget: float | None = None,
    recipe: Literal["standard", "protocol"] = "standard",
    batch_size: int | None = None,
    parts: Literal["auto", "both", "network"] = "auto",
    network: Literal["auto", "small10", "small18", "equivariant15", "resnet18", "resnet34", "resnet50", "resnet101", "resnet152"] = "auto",
    channels: str | int | Sequence[int] | None = None,
    scaling: Literal["auto", "background", "channel", "image", "8bit", "none"] = "auto",
    learning_rate: float | None = None,
    schedule: Literal["auto", "cycle", "plateau"] = "auto",
    weight_decay: float | None = None,
    smoothing: float | None = None,
    balance: Literal["auto", "adjust", "weights", "sampling", "none"] = "auto",
    flips: bool = True,
    rotation: bool = True,
    shifts: float | None = None,
    views: int | None = None,
    validation: float | None = None,
    patience: int | None = None,
    plateau: int | None = None,
    precision: Literal["auto", "float32", "bfloat16"] = "auto",
    seed: int = 0,
    start_from: str | PathLike[str] | None = None,
    weights: str | None = None,
    freeze: Literal["auto", "two-phase", "all-but-head", "stem", "none"] = "auto",
    resume: bool = False,
    folds: int | None = None,
    group_by: str | None = None,
    across: str | None = None,
    progress: Progress | Report | None = None,
) -> TrainResult:
    """Train a network to classify parsed cells.

    Parameters
    ----------
    input : Path
        Folder of parsed cells, as Parse wrote it.
    output : Path
        Folder for the model and its curves.
    target : str
        Target to classify by: a prefix of the folder names, such as Class or Day.
    learn_as : str, default 'auto'
        classes: one class or another; ordered: classes whose labels are numbers, such as
        Day 1 and Day 15, where a near miss counts less than a far one; number: the number
        itself, with a 90 % interval. auto: classes for folder names, a number for measured
        labels.
    epochs : int | None, default None
        Passes over the training cells. Left blank: chosen from the number of cells, or 512
        with the recipe of the protocol.
    budget : float | None, default None
        Time for the whole training, cross-validation included, such as 10min or 1h 30min; a
        number alone is minutes. As many epochs are trained as fit into it on this computer,
        up to three times as many as without a budget.
    recipe : str, default 'standard'
        standard: the most accurate that was measured for the same time; protocol: as
        published, ResNet50 from scratch, for comparison. It sets every option that is left
        blank or auto.
    batch_size : int | None, default None
        Cells in one training step. A larger number is faster on a graphics card and needs
        more memory; enter a smaller one if memory runs out. Left blank: as the recipe has
        it.
    parts : str, default 'auto'
        both: the network and decision trees on classical features, weighed by what each is
        worth on the validation cells: the most accurate; network: the network alone. auto:
        both, or the network alone with the recipe of the protocol. The trees alone: see the
        classical analysis.
    network : str, default 'auto'
        small18: a residual network of 18 layers for images as small as cells; small10: one
        of 10 layers, for a quick try or a slow computer; equivariant15: one of 15 layers
        for which a cell has no up, so that a single view of it is enough in predictions;
        resnet18 to resnet152: those for large images, as in the protocol.
    channels : tuple[int, ...] | None, default None
        Channels to train on, out of the parsed ones, such as 1,9. All of them by default.
    scaling : str, default 'auto'
        background: less the background of each image, over the spread of the channel in the
        training cells; channel: mean and spread of each channel over the training cells;
        image: darkest to brightest pixel of each image; 8bit: the same, in 256 levels, as
        in the protocol; none: raw counts.
    learning_rate : float | None, default None
        Maximum learning rate of the Adam optimiser.
    schedule : str, default 'auto'
        cycle: the learning rate rises, then falls to zero at the last epoch; plateau: it is
        halved whenever the validation loss stops improving.
    weight_decay : float | None, default None
        Strength of weight decay, which pulls the weights of the filters towards zero.
    smoothing : float | None, default None
        Label smoothing: the share of every label that is spread over all classes.
    balance : str, default 'auto'
        How rare classes are compensated: adjust: logit adjustment for the class
        frequencies; weights: rare classes count more in the loss; sampling: every class is
        drawn equally often; none.
    flips : bool, default True
        Mirror training images at random.
    rotation : bool, default True
        Rotate training images by a random angle.
    shifts : float | None, default None
        Maximum random shift of training images, as a share of the frame; 0 for none.
    views : int | None, default None
        Mirror images and quarter turns of a cell over which the model averages its
        probabilities, 1 or 8.
    validation : float | None, default None
        Share of the cells of each class that is kept for validation, to choose the best
        epoch.
    patience : int | None, default None
        Stop early when the validation loss has not improved for this many epochs; 0 never
        stops early.
    plateau : int | None, default None
        With the schedule plateau: halve the learning rate after this many epochs without
        improvement of the validation loss; 0 never.
    precision : str, default 'auto'
        Numbers that training steps compute with: auto takes bfloat16, which is faster,
        where the processor or graphics card supports it. Scores and the model file are
        always float32.
    seed : int, default 0
        Number that fixes the split, the start and the augmentation.
    start_from : Path | None, default None
        Start from an earlier model, a file or the folder of a training, instead of from
        scratch. Other classes, channels and frames are allowed. ResNet50 weights of the
        original program (.h5) are accepted, too.
    weights : str | None, default None
        Start ResNet50 from weights of keras.applications: imagenet, trained on photographs
        and downloaded once; or a file that holds such weights.
    freeze : str, default 'auto'
        Layers whose weights stay fixed. two-phase: all but the last layer in the first
        tenth of the epochs, then none; all-but-head: all but the last layer; stem: the
        first layers; none. auto: two-phase.
    resume : bool, default False
        Continue from the last epoch of a training in the output folder.
    folds : int | None, default None
        Cross-validation: the cells are divided into this many folds; each fold is predicted
        by a model trained on the others, and a final model is trained on all cells. Blank
        or 0 for none; 5 is usual and takes six times as long.
    group_by : str | None, default None
        Keep all cells of a folder value together, such as Sample, in folds and in the
        validation share, so that models are tested on samples that they never saw.
    across : str | None, default None
        Cross-validation across groups: each value of this folder level, such as Day or
        Donor, is left out once and predicted by a model that saw none of its cells; of more
        than 10 values, or than Folds, several together. Shows scores by group, and what a
        new one costs.
    progress : Progress or callable, optional
        Receives the progress, as `progress(done, total, text)`.

    Raises
    ------
    DeepometryError
        In one sentence, what is wrong and what to do; OptionsError names every option at fault.
    """

def baseline(
    *,
    input: str | PathLike[str],
    output: str | PathLike[str],
    target: str,
    learn_as: Literal["auto", "classes", "ordered", "number"] = "auto",
    method: Literal["boosting", "rusboost"] = "boosting",
    channels: str | int | Sequence[int] | None = None,
    model: str | PathLike[str] | None = None,
    validation: float = 0.1,
    seed: int = 0,
    folds: int | None = None,
    group_by: str | None = None,
    across: str | None = None,
    overwrite: bool = False,
    progress: Progress | Report | None = None,
) -> BaselineResult:
    """Classify parsed cells by classical features.

    With the training and validation cells of `train`; a network in OUTPUT is compared with it.

    Parameters
    ----------
    input : Path
        Folder of parsed cells, as Parse wrote it.
    output : Path
        Folder for the tables and the model. Where it holds a trained network, both are
        compared on the same cells.
    target : str
        Target to classify by: a prefix of the folder names, such as Class or Day.
    learn_as : str, default 'auto'
        classes: one class or another; ordered: classes whose labels are numbers, such as
        Day 1 and Day 15, where a near miss counts less than a far one; number: the number
        itself, with a 90 % interval. auto: classes for folder names, a number for measured
        labels.
    method : str, default 'boosting'
        boosting: gradient boosting with class weights; rusboost: boosting on equally many
        cells of every class, as many as the rarest has.
    channels : tuple[int, ...] | None, default None
        Channels to measure, out of the parsed ones, such as 1,9. All of them by default.
    model : Path | None, default None
        Network to compare with; by default the newest one in the output folder, if any.
    validation : float, default 0.1
        Share of the cells of each class that is kept for validation; as in the training to
        compare with.
    seed : int, default 0
        Number that fixes the split and the trees; as in the training to compare with.
    folds : int | None, default None
        Cross-validation: the cells are divided into this many folds; each fold is predicted
        by a model trained on the others, and a final model is trained on all cells. Blank
        or 0 for none; 5 is usual and takes six times as long.
    group_by : str | None, default None
        Keep all cells of a folder value together, such as Sample, in folds and in the
        validation share, so that models are tested on samples that they never saw.
    across : str | None, default None
        Cross-validation across groups: each value of this folder level, such as Day or
        Donor, is left out once and predicted by a model that saw none of its cells; of more
        than 10 values, or than Folds, several together. Shows scores by group, and what a
        new one costs.
    overwrite : bool, default False
        Replace the earlier results of this step in the output, which are then deleted.
        Without it, the step refuses to.
    progress : Progress or callable, optional
        Receives the progress, as `progress(done, total, text)`.

    Raises
    ------
    DeepometryError
        In one sentence, what is wrong and what to do; OptionsError names every option at fault.
    """

def learning_curve(
    *,
    input: str | PathLike[str],
    output: str | PathLike[str],
    target: str,
    learn_as: Literal["auto", "classes", "ordered", "number"] = "auto",
    shares: str | Sequence[float] = (0.125, 0.25, 0.5, 1.0),
    repeats: int = 1,
    left_out: float = 0.2,
    epochs: int | None = None,
    recipe: Literal["standard", "protocol"] = "standard",
    batch_size: int | None = None,
    network: Literal["auto", "small10", "small18", "equivariant15", "resnet18", "resnet34", "resnet50", "resnet101", "resnet152"] = "auto",
    channels: str | int | Sequence[int] | None = None,
    scaling: Literal["auto", "background", "channel", "image", "8bit", "none"] = "auto",
    learning_rate: float | None = None,
    schedule: Literal["auto", "cycle", "plateau"] = "auto",
    weight_decay: float | None = None,
    smoothing: float | None = None,
    balance: Literal["auto", "adjust", "weights", "sampling", "none"] = "auto",
    flips: bool = True,
    rotation: bool = True,
    shifts: float | None = None,
    views: int | None = None,
    validation: float | None = None,
    patience: int | None = None,
    plateau: int | None = None,
    precision: Literal["auto", "float32", "bfloat16"] = "auto",
    group_by: str | None = None,
    seed: int = 0,
    overwrite: bool = False,
    progress: Progress | Report | None = None,
) -> LearningCurveResult:
    """Measure how accuracy rises with the number of cells.

    The fitted curve predicts the accuracy with twice as many cells.

    Parameters
    ----------
    input : Path
        Folder of parsed cells, as Parse wrote it.
    output : Path
        Folder for the learning curve.
    target : str
        Target to classify by: a prefix of the folder names, such as Class or Day.
    learn_as : str, default 'auto'
        classes: one class or another; ordered: classes whose labels are numbers, such as
        Day 1 and Day 15, where a near miss counts less than a far one; number: the number
        itself, with a 90 % interval. auto: classes for folder names, a number for measured
        labels.
    shares : tuple[float, ...], default (0.125, 0.25, 0.5, 1.0)
        Learning curve: shares of the training cells to train on, one after the other.
    repeats : int, default 1
        Learning curve: how often it is measured, each time with other cells of the same
        number; more of them make the forecast more precise.
    left_out : float, default 0.2
        Learning curve: share of the cells of each class that no training uses and on which
        every model is tested.
    epochs : int | None, default None
        Passes over the training cells. Left blank: chosen from the number of cells, or 512
        with the recipe of the protocol.
    recipe : str, default 'standard'
        standard: the most accurate that was measured for the same time; protocol: as
        published, ResNet50 from scratch, for comparison. It sets every option that is left
        blank or auto.
    batch_size : int | None, default None
        Cells in one training step. A larger number is faster on a graphics card and needs
        more memory; enter a smaller one if memory runs out. Left blank: as the recipe has
        it.
    network : str, default 'auto'
        small18: a residual network of 18 layers for images as small as cells; small10: one
        of 10 layers, for a quick try or a slow computer; equivariant15: one of 15 layers
        for which a cell has no up, so that a single view of it is enough in predictions;
        resnet18 to resnet152: those for large images, as in the protocol.
    channels : tuple[int, ...] | None, default None
        Channels to train on, out of the parsed ones, such as 1,9. All of them by default.
    scaling : str, default 'auto'
        background: less the background of each image, over the spread of the channel in the
        training cells; channel: mean and spread of each channel over the training cells;
        image: darkest to brightest pixel of each image; 8bit: the same, in 256 levels, as
        in the protocol; none: raw counts.
    learning_rate : float | None, default None
        Maximum learning rate of the Adam optimiser.
    schedule : str, default 'auto'
        cycle: the learning rate rises, then falls to zero at the last epoch; plateau: it is
        halved whenever the validation loss stops improving.
    weight_decay : float | None, default None
        Strength of weight decay, which pulls the weights of the filters towards zero.
    smoothing : float | None, default None
        Label smoothing: the share of every label that is spread over all classes.
    balance : str, default 'auto'
        How rare classes are compensated: adjust: logit adjustment for the class
        frequencies; weights: rare classes count more in the loss; sampling: every class is
        drawn equally often; none.
    flips : bool, default True
        Mirror training images at random.
    rotation : bool, default True
        Rotate training images by a random angle.
    shifts : float | None, default None
        Maximum random shift of training images, as a share of the frame; 0 for none.
    views : int | None, default None
        Mirror images and quarter turns of a cell over which the model averages its
        probabilities, 1 or 8.
    validation : float | None, default None
        Share of the cells of each class that is kept for validation, to choose the best
        epoch.
    patience : int | None, default None
        Stop early when the validation loss has not improved for this many epochs; 0 never
        stops early.
    plateau : int | None, default None
        With the schedule plateau: halve the learning rate after this many epochs without
        improvement of the validation loss; 0 never.
    precision : str, default 'auto'
        Numbers that training steps compute with: auto takes bfloat16, which is faster,
        where the processor or graphics card supports it. Scores and the model file are
        always float32.
    group_by : str | None, default None
        Keep all cells of a folder value together, such as Sample, in folds and in the
        validation share, so that models are tested on samples that they never saw.
    seed : int, default 0
        Number that fixes the split, the start and the augmentation.
    overwrite : bool, default False
        Replace the earlier results of this step in the output, which are then deleted.
        Without it, the step refuses to.
    progress : Progress or callable, optional
        Receives the progress, as `progress(done, total, text)`.

    Raises
    ------
    DeepometryError
        In one sentence, what is wrong and what to do; OptionsError names every option at fault.
    """

def predict(
    *,
    input: str | PathLike[str],
    output: str | PathLike[str],
    model: str | PathLike[str],
    unannotated: bool = False,
    batch_size: int = 256,
    views: int | None = None,
    precision: Literal["float32", "bfloat16"] = "float32",
    parts: Literal["auto", "both", "network", "classical"] = "auto",
    unsure_below: float | None = None,
    unknown_above: float | None = None,
    rescale: float | str | None = None,
    despite_scale: bool = False,
    group_by: str | None = None,
    audit: bool = True,
    overwrite: bool = False,
    progress: Progress | Report | None = None,
) -> PredictResult:
    """Predict the class of every parsed cell.

    Parameters
    ----------
    input : Path
        Folder of parsed cells, as Parse wrote it.
    output : Path
        Folder for the predictions.
    model : Path
        Model file, or the folder that training wrote.
    unannotated : bool, default False
        The folders name no classes: predict a class for every cell, without a confusion
        matrix.
    batch_size : int, default 256
        Cells processed at once. A smaller number needs less memory; the result is the same.
    views : int | None, default None
        Mirror images and quarter turns of a cell over which outputs are averaged, 1 or 8; 1
        is eight times as fast. Left blank: as the model was validated.
    precision : str, default 'float32'
        Numbers to compute with: float32 gives the same probabilities on every computer.
        bfloat16 is twice as fast where the processor or graphics card supports it, and
        changes probabilities by up to 0.01.
    parts : str, default 'auto'
        Which parts of a model of network and classical features predict: both, the network
        alone, or the decision trees on classical features alone. auto: all that the model
        has.
    unsure_below : float | None, default None
        Cells whose highest probability is below this number, from 0 to 1, are labelled
        unsure. Left blank: every cell gets a class.
    unknown_above : float | None, default None
        Cells whose novelty is above this number, from 0 to 1, are labelled unknown: they
        are unlike all that the model learnt from. Novelty is the share of validation cells
        that are less novel, so 0.99 withholds the label of about 1 % of ordinary cells.
        Left blank: every cell gets a class.
    rescale : float | str | None, default None
        Number that every pixel is multiplied by, where cells are on another intensity scale
        than those that the model learnt from, such as 8 bits instead of 12; auto finds it;
        1 leaves them as they are. Left blank: such cells are refused.
    despite_scale : bool, default False
        Use cells although they are on another intensity scale than those that the model
        learnt from, or inverted: their predictions may mean nothing.
    group_by : str | None, default None
        Folder level, such as Sample or Day, whose cells belong together; the intervals of
        the scores then hold for new samples or days. Left blank: cell by cell.
    audit : bool, default True
        Find out whether the model goes by the cells or by their background, on up to 500
        cells with a true label that it has not learnt from: they are shown to it with parts
        replaced. That takes as long as predicting up to 4,000 cells over one view.
    overwrite : bool, default False
        Replace the earlier results of this step in the output, which are then deleted.
        Without it, the step refuses to.
    progress : Progress or callable, optional
        Receives the progress, as `progress(done, total, text)`.

    Raises
    ------
    DeepometryError
        In one sentence, what is wrong and what to do; OptionsError names every option at fault.
    """

def classify(
    *,
    input: str | PathLike[str],
    model: str | PathLike[str],
    output: str | PathLike[str],
    unsure_below: float | None = None,
    unknown_above: float | None = None,
    export: Literal["fcs", "clr", "ideas", "csv", "parquet", "h5ad", "mat", "tiff", "montage"] | None = None,
    annotated: bool = False,
    group_by: str | None = None,
    batch_size: int = 256,
    views: int | None = None,
    parts: Literal["auto", "both", "network", "classical"] = "auto",
    precision: Literal["float32", "bfloat16"] = "float32",
    rescale: float | str | None = None,
    despite_scale: bool = False,
    masked: bool = False,
    tiles: int | None = None,
    large_images: Literal["ask", "crop"] = "ask",
    pattern: str | None = None,
    reader: Literal["own", "bioformats"] = "own",
    pages: Literal["channels", "cells", "z-max", "z-mean"] | None = None,
    overwrite: bool = False,
    progress: Progress | Report | None = None,
) -> ClassifyResult:
    """Label the cells of new image files with a trained model.

    The files are read as Parse reads them, framed as the model wants them, and nothing but the results is written.

    Parameters
    ----------
    input : Path
        Folder of the images of new samples (.cif, .tif, .png, .rtdc, .npy, .zip ...), or
        one such file. Sub-folders such as 'Day 3/Sample A' are counted one by one.
    model : Path
        Model file, or the folder that training wrote. Frame, channels and intensity scaling
        follow from it.
    output : Path
        Folder for the predictions.
    unsure_below : float | None, default None
        Cells whose highest probability is below this number, from 0 to 1, are labelled
        unsure. Left blank: every cell gets a class.
    unknown_above : float | None, default None
        Cells whose novelty is above this number, from 0 to 1, are labelled unknown: they
        are unlike all that the model learnt from. Novelty is the share of validation cells
        that are less novel, so 0.99 withholds the label of about 1 % of ordinary cells.
        Left blank: every cell gets a class.
    export : str | None, default None
        Write the results also for another program, to a file beside them: fcs: cytometry
        programs; clr: class probabilities for FlowJo; ideas: lists of object numbers for
        IDEAS; csv: table; parquet: table of many cells; h5ad: AnnData, for scanpy; mat:
        MATLAB; tiff: an image a cell and channel; montage: sheets of cells.
    annotated : bool, default False
        The folders name the true classes of the cells: compare the predictions with them.
        Otherwise folders are samples whose cells are counted.
    group_by : str | None, default None
        Folder level, such as Sample or Day, whose cells belong together; the intervals of
        the scores then hold for new samples or days. Left blank: cell by cell.
    batch_size : int, default 256
        Cells processed at once. A smaller number needs less memory; the result is the same.
    views : int | None, default None
        Mirror images and quarter turns of a cell over which outputs are averaged, 1 or 8; 1
        is eight times as fast. Left blank: as the model was validated.
    parts : str, default 'auto'
        Which parts of a model of network and classical features predict: both, the network
        alone, or the decision trees on classical features alone. auto: all that the model
        has.
    precision : str, default 'float32'
        Numbers to compute with: float32 gives the same probabilities on every computer.
        bfloat16 is twice as fast where the processor or graphics card supports it, and
        changes probabilities by up to 0.01.
    rescale : float | str | None, default None
        Number that every pixel is multiplied by, where cells are on another intensity scale
        than those that the model learnt from, such as 8 bits instead of 12; auto finds it;
        1 leaves them as they are. Left blank: such cells are refused.
    despite_scale : bool, default False
        Use cells although they are on another intensity scale than those that the model
        learnt from, or inverted: their predictions may mean nothing.
    masked : bool, default False
        Replace every pixel outside the mask of its channel, as the file has it, by
        background.
    tiles : int | None, default None
        Square pictures that every image shows side by side, each of which is a channel of
        its cell, such as 5; 1 where every image is one picture. By default, it is asked
        where images look like that.
    large_images : str, default 'ask'
        What to do with images that look like whole fields of view: ask, or crop them around
        their middle, where the one cell is.
    pattern : str | None, default None
        Which part of the name of an image file is the cell, and which the channel; * is
        anything else. {cell} alone makes every file a cell by itself. Names such as
        001_DAPI.tif or cell_1_Ch3.tif are recognised when this is left blank.
    reader : str, default 'own'
        own: Deepometry's readers of .cif and .tif files, without Java; bioformats: Bio-
        Formats, for .cif and many other kinds of files, where it and Java are installed.
    pages : str | None, default None
        What the pages of an image file are where the file does not say that they are
        channels. channels: the channels of one cell; cells: every page is a cell; z-max,
        z-mean: z planes of one cell, of which the highest value or the mean of each pixel
        is taken. Left blank, the program asks where a file does not say it.
    overwrite : bool, default False
        Replace the earlier results of this step in the output, which are then deleted.
        Without it, the step refuses to.
    progress : Progress or callable, optional
        Receives the progress, as `progress(done, total, text)`.

    Raises
    ------
    DeepometryError
        In one sentence, what is wrong and what to do; OptionsError names every option at fault.
    """

def extract(
    *,
    input: str | PathLike[str],
    output: str | PathLike[str],
    model: str | PathLike[str],
    layer: Literal["pool5", "res5a_relu", "res4a_relu"] = "pool5",
    batch_size: int = 256,
    views: int | None = None,
    precision: Literal["float32", "bfloat16"] = "float32",
    rescale: float | str | None = None,
    despite_scale: bool = False,
    overwrite: bool = False,
    progress: Progress | Report | None = None,
) -> ExtractResult:
    """Save a network's features for every parsed cell.

    Parameters
    ----------
    input : Path
        Folder of parsed cells, as Parse wrote it.
    output : Path
        Folder for the features.
    model : Path
        Model file, or the folder that training wrote.
    layer : str, default 'pool5'
        Layer whose activations are saved as features, deepest first.
    batch_size : int, default 256
        Cells processed at once. A smaller number needs less memory; the result is the same.
    views : int | None, default None
        Mirror images and quarter turns of a cell over which outputs are averaged, 1 or 8; 1
        is eight times as fast. Left blank: as the model was validated.
    precision : str, default 'float32'
        Numbers to compute with: float32 gives the same probabilities on every computer.
        bfloat16 is twice as fast where the processor or graphics card supports it, and
        changes probabilities by up to 0.01.
    rescale : float | str | None, default None
        Number that every pixel is multiplied by, where cells are on another intensity scale
        than those that the model learnt from, such as 8 bits instead of 12; auto finds it;
        1 leaves them as they are. Left blank: such cells are refused.
    despite_scale : bool, default False
        Use cells although they are on another intensity scale than those that the model
        learnt from, or inverted: their predictions may mean nothing.
    overwrite : bool, default False
        Replace the earlier results of this step in the output, which are then deleted.
        Without it, the step refuses to.
    progress : Progress or callable, optional
        Receives the progress, as `progress(done, total, text)`.

    Raises
    ------
    DeepometryError
        In one sentence, what is wrong and what to do; OptionsError names every option at fault.
    """

def embed(
    *,
    input: str | PathLike[str],
    output: str | PathLike[str],
    method: Literal["umap", "tsne", "phate", "pca"] = "umap",
    dims: int = 2,
    color: str | Sequence[str] | None = None,
    predictions: str | PathLike[str] | None = None,
    neighbors: int | None = None,
    min_dist: float = 0.1,
    perplexity: float = 30.0,
    components: int = 50,
    layer: str | None = None,
    seed: int = 0,
    parallel: bool = False,
    overwrite: bool = False,
    progress: Progress | Report | None = None,
) -> EmbedResult:
    """Plot cells so that similar ones lie close together.

    Parameters
    ----------
    input : Path
        Folder that Extract wrote, or one of its tables of features.
    output : Path
        Folder for the map.
    method : str, default 'umap'
        How cells are placed. umap and tsne place similar cells close together and show
        groups; phate shows gradual changes and branches; pca is the simplest and takes
        seconds.
    dims : int, default 2
        2 for a flat map, 3 for one that can be rotated.
    color : tuple[str, ...] | None, default None
        Folder levels, prediction, or features of IDEAS or of the gate step, such as Area
        Ch1: one picture for each. Left blank: the prediction, and every folder level with 2
        to 20 values.
    predictions : Path | None, default None
        Folder that Predict wrote, or its predicted.csv, to colour cells by. Left blank: the
        one beside the features, or else the predictions of the network that computed them.
    neighbors : int | None, default None
        umap and phate: number of neighbours of each cell. Fewer show finer groups, more the
        overall shape. Left blank: 15 for umap, 5 for phate.
    min_dist : float, default 0.1
        umap: minimum distance of cells on the map; 0 packs similar cells tightly.
    perplexity : float, default 30.0
        tsne: roughly the number of neighbours of each cell.
    components : int, default 50
        Number of principal components to which the features are reduced first, for all
        methods.
    layer : str | None, default None
        Layer of the features, where the folder holds several. Left blank: the one extracted
        last.
    seed : int, default 0
        Number that fixes every random choice.
    parallel : bool, default False
        Run umap on all cores: faster for many cells, but results are then not exactly
        repeatable.
    overwrite : bool, default False
        Replace the earlier results of this step in the output, which are then deleted.
        Without it, the step refuses to.
    progress : Progress or callable, optional
        Receives the progress, as `progress(done, total, text)`.

    Raises
    ------
    DeepometryError
        In one sentence, what is wrong and what to do; OptionsError names every option at fault.
    """

def gradcam(
    *,
    input: str | PathLike[str],
    output: str | PathLike[str],
    model: str | PathLike[str],
    cells: str = "12",
    label: str | None = None,
    layer: Literal["res5", "res4", "res3"] = "res4",
    rescale: float | str | None = None,
    despite_scale: bool = False,
    overwrite: bool = False,
    progress: Progress | Report | None = None,
) -> GradcamResult:
    """Draw which image regions decide a prediction.

    Parameters
    ----------
    input : Path
        Folder of parsed cells, as Parse wrote it.
    output : Path
        Folder for the heat maps.
    model : Path
        Model file, or the folder that training wrote.
    cells : str, default '12'
        Number of cells, evenly from all folders; or which ones: file:object as in
        predicted.csv, separated by semicolons.
    label : str | None, default None
        Class for which the heat map is drawn. Left blank: the predicted class of each cell,
        or, where a number is predicted, what makes it larger.
    layer : str, default 'res4'
        Stage of the network: res5 is most specific to the classes; res4 and res3 locate
        more exactly.
    rescale : float | str | None, default None
        Number that every pixel is multiplied by, where cells are on another intensity scale
        than those that the model learnt from, such as 8 bits instead of 12; auto finds it;
        1 leaves them as they are. Left blank: such cells are refused.
    despite_scale : bool, default False
        Use cells although they are on another intensity scale than those that the model
        learnt from, or inverted: their predictions may mean nothing.
    overwrite : bool, default False
        Replace the earlier results of this step in the output, which are then deleted.
        Without it, the step refuses to.
    progress : Progress or callable, optional
        Receives the progress, as `progress(done, total, text)`.

    Raises
    ------
    DeepometryError
        In one sentence, what is wrong and what to do; OptionsError names every option at fault.
    """

def compare(
    *,
    runs: Sequence[str | PathLike[str]],
    output: str | PathLike[str] | None = None,
    group_by: str | None = None,
    overwrite: bool = False,
    progress: Progress | Report | None = None,
) -> CompareResult:
    """Compare predictions, classifications or trainings by the cells that they share.

    Scores with intervals, paired tests, confusion matrices, agreement, learning curves, the options that differ, and the cells on which they differ.

    Parameters
    ----------
    runs : tuple[Path, ...]
        Folders of 2 to 8 predictions, classifications or trainings, or names of runs in the
        project. The others are compared with the first.
    output : Path | None, default None
        Folder for tables and pictures of the comparison. Left blank: nothing is written.
    group_by : str | None, default None
        Folder level, such as Sample or Day, whose cells stay together in intervals and
        tests. Left blank: as in the runs, where all were grouped by the same level.
    overwrite : bool, default False
        Replace the earlier results of this step in the output, which are then deleted.
        Without it, the step refuses to.
    progress : Progress or callable, optional
        Receives the progress, as `progress(done, total, text)`.

    Raises
    ------
    DeepometryError
        In one sentence, what is wrong and what to do; OptionsError names every option at fault.
    """

def subset(
    *,
    input: str | PathLike[str],
    output: str | PathLike[str],
    cells: str | PathLike[str],
    name: str,
    montage: int = 15,
    all_but: bool = False,
    overwrite: bool = False,
    progress: Progress | Report | None = None,
) -> SubsetResult:
    """Copy selected cells to a set ready for training.

    Parameters
    ----------
    input : Path
        Folder of parsed cells, as Parse wrote it.
    output : Path
        Folder for sets of cells; sets that are there already stay.
    cells : Path
        Table (.csv) with the columns source and object, a row for each chosen cell.
    name : str
        Name of the set: its cells stand in a folder `Set NAME`.
    montage : int, default 15
        Cells along each side of a montage; 0 for none.
    all_but : bool, default False
        Copy all cells but the listed ones.
    overwrite : bool, default False
        Replace the earlier results of this step in the output, which are then deleted.
        Without it, the step refuses to.
    progress : Progress or callable, optional
        Receives the progress, as `progress(done, total, text)`.

    Raises
    ------
    DeepometryError
        In one sentence, what is wrong and what to do; OptionsError names every option at fault.
    """

def export(
    *,
    input: str | PathLike[str],
    output: str | PathLike[str],
    format: Literal["auto", "fcs", "clr", "ideas", "csv", "parquet", "h5ad", "mat", "tiff", "montage"] = "auto",
    features: str = "auto",
    also: str | PathLike[str] | None = None,
    layer: str | None = None,
    label: str | None = None,
    cells: str | PathLike[str] | None = None,
    images: str | PathLike[str] | None = None,
    montage: int = 15,
    overwrite: bool = False,
    progress: Progress | Report | None = None,
) -> ExportResult:
    """Convert results for another program.

    Parameters
    ----------
    input : Path
        Folder that Predict, Extract or Embed wrote, or a folder of parsed cells.
    output : Path
        File to write; for clr, ideas, tiff and montage a .zip file or a folder.
    format : str, default 'auto'
        fcs: cytometry programs; clr: class probabilities for FlowJo; ideas: lists of object
        numbers for IDEAS; csv: table; parquet: table of many cells; h5ad: AnnData, for
        scanpy; mat: MATLAB; tiff: an image a cell and channel; montage: sheets of cells.
        auto: chosen by the ending of the output file.
    features : str, default 'auto'
        all, none, a number such as 20 for the first so many, pca10 for the first ten
        principal components, or names such as pool5_1,pool5_7. auto: pca10 for fcs,
        otherwise all.
    also : Path | None, default None
        Folder of further results of the same cells, such as predictions beside a map; or of
        the parsed cells, for their folder levels, labels and features of IDEAS.
    layer : str | None, default None
        Layer of the features, where the folder holds several; the one extracted last by
        default.
    label : str | None, default None
        Only cells that were predicted as this class. All by default.
    cells : Path | None, default None
        Only cells listed in this table (.csv), which has the columns source and object.
    images : Path | None, default None
        Folder of the parsed cells that the results are about, if it was moved. With mat:
        write their images, too.
    montage : int, default 15
        Cells along each side of a montage sheet.
    overwrite : bool, default False
        Replace the earlier results of this step in the output, which are then deleted.
        Without it, the step refuses to.
    progress : Progress or callable, optional
        Receives the progress, as `progress(done, total, text)`.

    Raises
    ------
    DeepometryError
        In one sentence, what is wrong and what to do; OptionsError names every option at fault.
    """

def show(
    *,
    source: str | PathLike[str],
    object: str,
    output: str | PathLike[str] | None = None,
    pages: Literal["channels", "cells", "z-max", "z-mean"] | None = None,
    pattern: str | None = None,
    overwrite: bool = False,
    progress: Progress | Report | None = None,
) -> ShowResult:
    """Find a cell by its object number, and draw it.

    Every channel is drawn; results of the cell are listed.

    Parameters
    ----------
    source : Path
        A .cif, .rif or .tif file, a folder of them, a folder of parsed cells, or one of
        results.
    object : str
        Its object number; in a folder of several files with the file: '4711 of
        sample7.cif'.
    output : Path | None, default None
        Picture to write (.png); by default it is named after the cell, in the current
        folder.
    pages : str | None, default None
        What the pages of an image file are where the file does not say that they are
        channels. channels: the channels of one cell; cells: every page is a cell; z-max,
        z-mean: z planes of one cell, of which the highest value or the mean of each pixel
        is taken. Left blank, the program asks where a file does not say it.
    pattern : str | None, default None
        Which part of the name of an image file is the cell, and which the channel; * is
        anything else. {cell} alone makes every file a cell by itself. Names such as
        001_DAPI.tif or cell_1_Ch3.tif are recognised when this is left blank.
    overwrite : bool, default False
        Replace a file that has the name of the picture already.
    progress : Progress or callable, optional
        Receives the progress, as `progress(done, total, text)`.

    Raises
    ------
    DeepometryError
        In one sentence, what is wrong and what to do; OptionsError names every option at fault.
    """

def similar(
    *,
    input: str | PathLike[str],
    object: str,
    output: str | PathLike[str],
    number: int = 12,
    layer: str | None = None,
    overwrite: bool = False,
    progress: Progress | Report | None = None,
) -> SimilarResult:
    """Find the cells whose features are most like those of one cell.

    An index of the features is made at the first use and kept beside them.

    Parameters
    ----------
    input : Path
        Folder that Extract wrote, or one of its tables of features.
    object : str
        Its object number; where several files have the number with the file: '4711 of
        sample7.cif'.
    output : Path
        Table to write (.csv): source, object and distance of the similar cells. Export and
        subset take it as --cells.
    number : int, default 12
        How many to find.
    layer : str | None, default None
        Layer of the features, where the folder holds several. Left blank: the one extracted
        last.
    overwrite : bool, default False
        Replace the earlier results of this step in the output, which are then deleted.
        Without it, the step refuses to.
    progress : Progress or callable, optional
        Receives the progress, as `progress(done, total, text)`.

    Raises
    ------
    DeepometryError
        In one sentence, what is wrong and what to do; OptionsError names every option at fault.
    """

def correct(
    *,
    input: str | PathLike[str],
    target: str,
    table: str | PathLike[str],
    who: str | None = None,
    progress: Progress | Report | None = None,
) -> CorrectResult:
    """Correct or confirm labels by a table.

    Such as the table of likely mislabelled cells, with its column correct_label filled in. The labels stay as they are; a target of its own has the corrections.

    Parameters
    ----------
    input : Path
        Folder of parsed cells, as Parse wrote it.
    target : str
        Target whose labels are corrected, such as Class.
    table : Path
        Table of cells (.csv, .xlsx) with the columns source, object and correct_label, such
        as likely_mislabelled.csv. Rows without a correct_label are passed over; the label
        that a cell has already confirms it.
    who : str | None, default None
        Who corrects; by default the user of the computer.
    progress : Progress or callable, optional
        Receives the progress, as `progress(done, total, text)`.

    Raises
    ------
    DeepometryError
        In one sentence, what is wrong and what to do; OptionsError names every option at fault.
    """

def measure(
    *,
    input: str | PathLike[str],
    features: str | PathLike[str] | None = None,
    layer: str | None = None,
    progress: Progress | Report | None = None,
) -> MeasureResult:
    """Keep features of all parsed cells, for assisted labelling.

    Classical features are measured; or those that `extract` wrote are taken. They lie beside the cells, and are measured again when the cells have changed.

    Parameters
    ----------
    input : Path
        Folder of parsed cells, as Parse wrote it.
    features : Path | None, default None
        A folder that Extract wrote for these cells: the network's features are kept. Left
        blank: classical features are measured.
    layer : str | None, default None
        Layer of the extracted features; by default the one extracted last.
    progress : Progress or callable, optional
        Receives the progress, as `progress(done, total, text)`.

    Raises
    ------
    DeepometryError
        In one sentence, what is wrong and what to do; OptionsError names every option at fault.
    """

def suggest(
    *,
    input: str | PathLike[str],
    target: str,
    output: str | PathLike[str],
    order: Literal["uncertain", "likely", "different"] = "uncertain",
    label: str | None = None,
    number: int = 100,
    overwrite: bool = False,
    progress: Progress | Report | None = None,
) -> SuggestResult:
    """List the cells whose labels help a classifier most.

    By a fast classifier that learns from the labels given so far. Its accuracy is estimated, and when more labels hardly help, it says so.

    Parameters
    ----------
    input : Path
        Folder of parsed cells, as Parse wrote it.
    target : str
        Labels given so far, by hand or from a table, such as Phase.
    output : Path
        Table to write (.csv): source and object of the cells to label next, with what they
        are predicted as.
    order : str, default 'uncertain'
        uncertain: cells whose label teaches the classifier most; likely: those that are
        most likely of a class; different: those least like all labelled cells.
    label : str | None, default None
        With the order likely: the class.
    number : int, default 100
        How many to suggest.
    overwrite : bool, default False
        Replace the earlier results of this step in the output, which are then deleted.
        Without it, the step refuses to.
    progress : Progress or callable, optional
        Receives the progress, as `progress(done, total, text)`.

    Raises
    ------
    DeepometryError
        In one sentence, what is wrong and what to do; OptionsError names every option at fault.
    """

def example(
    *,
    output: str | PathLike[str],
    cells: int = 1400,
    seed: int = 0,
    format: Literal["cif", "tif"] = "cif",
    progress: Progress | Report | None = None,
) -> ExampleResult:
    """Draw example images of red blood cells of seven shapes.

    Parameters
    ----------
    output : Path
        New or empty folder for the example images.
    cells : int, default 1400
        Number of example cells to draw.
    seed : int, default 0
        Number that fixes every random choice.
    format : str, default 'cif'
        cif: one .cif file a folder; tif: one .tif file a cell and channel.
    progress : Progress or callable, optional
        Receives the progress, as `progress(done, total, text)`.

    Raises
    ------
    DeepometryError
        In one sentence, what is wrong and what to do; OptionsError names every option at fault.
    """

def demo(
    *,
    output: str | PathLike[str] = "deepometry_demo",
    cells: int = 1400,
    epochs: int = 12,
    seed: int = 0,
    progress: Progress | Report | None = None,
) -> DemoResult:
    """Run the whole protocol on example cells.

    Draws example images, then runs parse, train, predict and extract.

    Parameters
    ----------
    output : Path, default PosixPath('deepometry_demo')
        New folder for the example cells and all results.
    cells : int, default 1400
        Number of example cells to draw.
    epochs : int, default 12
        Passes over the training cells.
    seed : int, default 0
        Number that fixes every random choice.
    progress : Progress or callable, optional
        Receives the progress, as `progress(done, total, text)`.

    Raises
    ------
    DeepometryError
        In one sentence, what is wrong and what to do; OptionsError names every option at fault.
    """
