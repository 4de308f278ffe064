"""Scores as tables and pages name them; nothing is imported for it."""

NAMES = {
    "accuracy": "Accuracy",
    "balanced_accuracy": "Balanced accuracy",
    "macro_f1": "Mean F1 of the classes",
    "kappa": "Cohen's kappa",
    "mcc": "Matthews correlation",
    "roc_area": "Area under the ROC curve",
    "average_precision": "Average precision",
    "calibration_error": "Expected calibration error",
    "brier": "Brier score",
    "log_loss": "Log loss",
    "precision": "Precision",
    "recall": "Recall",
    "f1": "F1",
}
