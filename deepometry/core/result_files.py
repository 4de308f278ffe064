"""The names of all files that a step writes to its output folder, and nothing else.

A step's record says how its output was made. Tables and plots keep the names of the protocol.
"""

# Records, one for each kind of output
PARSE_RECORD = "parse.json"
TRAIN_RECORD = "train.json"
CROSS_VALIDATION_RECORD, FOLD_RECORD = "cross_validation.json", "fold.json"
BASELINE_RECORD = "baseline.json"
LEARNING_CURVE_RECORD = "learning_curve.json"
PREDICT_RECORD, CLASSIFY_RECORD = "predict.json", "classify.json"
EVALUATION_RECORD = "evaluation.json"
EXTRACT_RECORD = "extract.json"
EMBED_RECORD = "embed.json"
GRADCAM_RECORD = "gradcam.json"

# A project, and a run of a step in it
PROJECT_RECORD, RUN_RECORD = "deepometry.json", "run.json"

# Parse
PROBLEMS_TABLE = "problems.csv"

# Labels, in the folder that Parse wrote; a table and a record of each target
LABELS_FOLDER = "labels"
HAND_LABELS = ".sqlite"  # ending of labels given by hand there
IMPORTED_FEATURES = "features.h5"
CELL_FEATURES = "cell_features.h5"  # of all parsed cells, for assisted labelling

# Gates, in the folder that Parse wrote; a .json each
GATES_FOLDER = "gates"

# Gate
INSIDE_SHEET, OUTSIDE_SHEET = "inside.png", "outside.png"

# Summary
DIFFERENCES_TABLE, DIFFERENCES_PLOT = "group_differences.csv", "group_differences.png"

# Train
MODEL_PATTERN, MODEL_SUFFIX = "model_*.keras", ".keras"
MODEL_DESCRIPTION = "deepometry.json"  # inside a model file
KNOWN_CELLS = "known_cells.bin"  # inside a model file
NOVELTY_PREFIX = "novelty/"  # of members inside a model file
TRAINING_TABLE, LOSS_PLOT = "training.csv", "train_val_loss.png"
VALIDATION_TABLE = "validation_cells.csv"
FOLDS_TABLE = "folds.csv"
GROUPS_TABLE, GROUPS_PLOT = "groups.csv", "groups"  # of whole groups that folds left out
LABEL_ERRORS_TABLE = "likely_mislabelled.csv"
CORRECT_LABEL = "correct_label"  # its last column, for a user to fill in
LAST_EPOCH = "last_epoch.npz"

# Baseline, whose other tables are those of Train and Evaluate behind its prefix
BASELINE_PREFIX = "baseline_"
BASELINE_MODEL_PATTERN, BASELINE_MODEL_SUFFIX = "model_*.baseline", ".baseline"
FEATURE_DESCRIPTION = "features.json"  # inside a baseline model
FEATURES_TABLE = f"{BASELINE_PREFIX}features.csv"
IMPORTANCE_TABLE = f"{BASELINE_PREFIX}importance.csv"
IMPORTANCE_PLOT = f"{BASELINE_PREFIX}importance.png"
COMPARISON_TABLE = "comparison.csv"

# Comparison of runs
COMPARISON_RECORD, COMPARISON_PLOT = "comparison.json", "comparison"
PAIRED_TABLE, MATRICES_TABLE = "paired_tests.csv", "confusion_matrices.csv"
DIFFERING_TABLE, AGREEMENT_TABLE = "differing_cells.csv", "agreement.csv"

# Learning curve
LEARNING_CURVE_TABLE, LEARNING_CURVE_PLOT = "learning_curve.csv", "learning_curve.png"

# Predict and evaluate; names without an ending stand for a .png and a .svg
PREDICTED_TABLE = "predicted.csv"
CONFUSION_MATRIX, CONFUSION_PLOT = "confusion_matrix.csv", "confusion_matrix_plot.png"
NORMALIZED_CONFUSION_MATRIX = "confusion_matrix_normalized.csv"
CLASSIFICATION_REPORT = "classification_report.csv"
COUNT_PLOT = "count_plot.png"
SCORES_TABLE, SCORES_PLOT = "scores.csv", "scores"
CURVES_TABLE, CURVES_PLOT = "curves.csv", "curves"
RELIABILITY_TABLE, RELIABILITY_PLOT = "reliability.csv", "reliability"
UNSURE_TABLE, UNSURE_PLOT = "unsure_tradeoff.csv", "unsure_tradeoff"
SAMPLES_TABLE, SAMPLES_PLOT = "sample_summary.csv", "sample_summary"
AUDIT_TABLE = "audit.csv"
MISTAKES_TABLE, MISTAKES_SHEET = "mistakes.csv", "mistakes.png"
NOVEL_TABLE, NOVEL_SHEET = "novel_cells.csv", "novel_cells.png"
RANGES_TABLE, AGAINST_TRUE_PLOT = "by_true_value.csv", "predicted_against_true"  # of numbers
REPORT_PAGE = "report.html"

# Grad-CAM
GRADCAM_TABLE, GRADCAM_SHEET = "gradcam.csv", "gradcam.png"

# Extract
LAYER_PREFIX = "features_extracted_by_"
METADATA_TABLE = "metadata.tsv"
SPRITE, PROJECTOR_CONFIG = "sprite.png", "projector_config.pbtxt"

# Embed
COORDINATES_TABLE = "coordinates.csv"
COORDINATE_ARRAYS = "coordinates.npz"  # the same, for programs that draw a million cells at once


# Export of montages, and of lists for IDEAS
MONTAGE_TABLE, POPULATIONS_TABLE = "cells.csv", "populations.csv"


def record_of(step: str) -> str:
    """Return the name of the record of a step."""
    return f"{step.replace('-', '_')}.json"


def table_of(step: str) -> str:
    """Return the name of the table of a step that writes a single one."""
    return f"{step.replace('-', '_')}.csv"


HEADER_BYTES = 128
"""Length of the header of every .npy array of cells that is written."""


def layer_table(layer: str) -> str:
    """Return the name of the table of the features of a layer, which may be a pattern."""
    return f"{LAYER_PREFIX}{layer}.txt"
