"""Tries a score on the outputs of a perfect network, to find out before training whether the rows define it."""

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastprop.integrations.sklearn_scores import SklearnFunction
from fastprop.metrics.scores import Score
from fastprop.task import Task


def why_undefined(score: Score, task: Task, y: NDArray[Any], rows: str) -> str:
    """Return why even a perfect network has no score on some `rows`, whose y is `y`; an empty string if it has one.

    `rows` is what these are called. The reason follows the name of the score in a sentence. A user's own function is
    not tried, because a call could have an effect.

    Examples
    --------
    >>> import numpy as np
    >>> from fastprop import metrics
    >>> from fastprop.task import Task
    >>> task = Task("numbers", outputs=1, output="identity", loss="mse")
    >>> [metrics.why_undefined(metrics.SCORES[name], task, np.ones(3), "three rows") for name in ("r2", "mae")]
    ['is undefined on three rows, whose y is all alike or lacks a class', '']
    """
    if not isinstance(score.function, SklearnFunction) and not score.is_own:
        return ""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # scikit-learn warns of what is not defined
            value = score.function(_perfect_outputs(task, y), y)
    except AttributeError:  # the estimator of `SklearnFunction` has no such method
        return f"needs classes, their probabilities or decision values, which outputs trained on {task.kind} are not"
    except Exception as error:  # scikit-learn may raise any exception
        sentence = " ".join(str(error).split()).rstrip(".").replace(": ", ", ")
        return f"cannot be measured on {rows}, because scikit-learn says {sentence!r}"
    if np.shape(value) != ():
        return f"is an array of shape {np.shape(value)} on {rows}, and no number"
    return "" if np.isfinite(value) else f"is undefined on {rows}, whose y is all alike or lacks a class"


def _perfect_outputs(task, y):
    """Return the outputs (n, n_out) float64 of a network that predicts `y` as well as its output activation can."""
    if task.outputs > 1 and y.size == len(y):
        return np.eye(task.outputs)[y.reshape(len(y)).astype(np.int64)]
    outputs = y.reshape(len(y), task.outputs).astype(np.float64)
    if task.output == "exp":  # whose outputs are positive, as scores of counts may need them
        return np.maximum(outputs, np.finfo(np.float64).tiny)
    return outputs
