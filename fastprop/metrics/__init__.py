"""Scores of predictions: functions of what `predict` returns and of y, and the table of those that have a name."""

from fastprop.metrics.choice import chosen, chosen_metrics, default_score, refuse_undefined
from fastprop.metrics.classification import accuracy, balanced_accuracy, f1, log_loss, matthews
from fastprop.metrics.independent_labels import label_accuracy, label_f1, label_roc_auc
from fastprop.metrics.measuring import INTERRUPTED, UNKNOWN, Measurement, measure
from fastprop.metrics.perfect_outputs import why_undefined
from fastprop.metrics.ranks import average_precision, roc_auc
from fastprop.metrics.regression import explained_variance, mae, median_absolute_error, mse, pinball, r2, rmse
from fastprop.metrics.scores import SCORES, Score

__all__ = [
    "INTERRUPTED",
    "SCORES",
    "UNKNOWN",
    "Measurement",
    "Score",
    "accuracy",
    "average_precision",
    "balanced_accuracy",
    "chosen",
    "chosen_metrics",
    "default_score",
    "explained_variance",
    "f1",
    "label_accuracy",
    "label_f1",
    "label_roc_auc",
    "log_loss",
    "mae",
    "matthews",
    "measure",
    "median_absolute_error",
    "mse",
    "pinball",
    "r2",
    "refuse_undefined",
    "rmse",
    "roc_auc",
    "why_undefined",
]
__docformat__ = "numpy"
