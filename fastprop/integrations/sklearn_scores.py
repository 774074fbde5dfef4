"""scikit-learn: which value of its scorers and metrics is best, and how they measure outputs of a network.

Its scorers ask an estimator for predictions, probabilities or decision values. They are given one that answers with the
outputs of a network. Nothing here imports scikit-learn unless a scorer or a metric of it was given.
"""

import functools
import inspect
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

RESPONSES = {
    "y_pred": "predict",
    "y_score": ("decision_function", "predict_proba"),
    "y_prob": "predict_proba",
    "y_proba": "predict_proba",
    "pred_decision": "decision_function",
}
"""By the name of a metric's second parameter, what it takes of an estimator."""

LOWEST_IS_BEST = "_error", "_loss", "_deviance"
"""Endings of the names of metrics whose lowest value is best. scikit-learn names the others with ``_score``."""


class Recognized(NamedTuple):
    """What a scorer or a metric measures."""

    name: str  # that of scikit-learn's list of scorers, or of the function
    scorer: object  # a scorer, which is called with an estimator, X and y
    higher_is_better: bool


@dataclass(frozen=True)
class SklearnFunction:
    """A function of outputs and y that measures what a scorer of scikit-learn measures."""

    scorer: object
    kind: str  # that of the `Task`
    gives_probabilities: bool  # whether outputs are probabilities of classes or labels

    pairs_rows = True  # see `metrics.pairing`

    def __call__(self, outputs, y):
        outputs = np.asarray(outputs)
        y = np.asarray(y)
        if y.ndim == 2 and self.kind == "one-hot":
            y = y.argmax(axis=1)
        elif y.size == len(y):
            y = y.reshape(len(y))
        if self.kind in ("classes", "one-hot", "binary", "labels"):
            y = y.astype(np.int64)
        # The attribute is that of scikit-learn 1.4 to 1.9.
        asks_for_decisions = getattr(self.scorer, "_response_method", None) == "decision_function"
        estimator = _estimator(self.kind, outputs.shape[1], self.gives_probabilities, asks_for_decisions)
        return self.scorer(estimator, outputs, y)


def recognized(score):
    """Return the `Recognized` scorer or metric of scikit-learn; None if `score` is none of these.

    Raises
    ------
    ValueError
        If it comes from scikit-learn, but nothing says which of its values is best.
    """
    function = score.func if isinstance(score, functools.partial) else score
    module = getattr(function, "__module__", None) if inspect.isroutine(function) else type(function).__module__
    if not f"{module}.".startswith("sklearn."):
        return None
    from sklearn import metrics

    scorers = {name: metrics.get_scorer(name) for name in metrics.get_scorer_names()}
    if isinstance(score, type(scorers["r2"])):
        named = [name for name, scorer in scorers.items() if repr(scorer) == repr(score)]
        return Recognized(named[0] if named else repr(score), score, True)
    told = _from_scorers(function, scorers.values()) or _from_names(function)
    if told is None:
        raise ValueError(
            f"scikit-learn does not say which value of {score!r} is best, or what it takes of a network: make a "
            "scorer of it, sklearn.metrics.make_scorer(…, greater_is_better=…, response_method=…)."
        )
    higher_is_better, response = told
    return Recognized(_name(score), metrics.make_scorer(score, response_method=response), higher_is_better)


def _from_scorers(function, scorers):
    """Return whether the highest value is best, and what is taken of an estimator, from a scorer of a function."""
    # Nothing public says these of a scorer; the attributes are those of scikit-learn 1.4 to 1.9.
    same = [scorer for scorer in scorers if getattr(scorer, "_score_func", None) is function]
    if not same:
        return None
    plain = min(same, key=lambda scorer: len(getattr(scorer, "_kwargs", ())))
    return getattr(plain, "_sign", 1) > 0, getattr(plain, "_response_method", "predict")


def _from_names(function):
    """Return the same by how scikit-learn names its metrics and their parameters; None if that does not say it."""
    if not inspect.isfunction(function):
        return None
    truth, prediction = [*inspect.signature(function).parameters, "", ""][:2]
    is_error = function.__name__.endswith(LOWEST_IS_BEST)
    if truth != "y_true" or prediction not in RESPONSES or not (is_error or function.__name__.endswith("_score")):
        return None
    return not is_error, RESPONSES[prediction]


def _name(function):
    if isinstance(function, functools.partial):
        arguments = [f"{name}={value}" for name, value in function.keywords.items()]
        return f"{function.func.__name__}({', '.join(map(str, [*function.args, *arguments]))})"
    return function.__name__


@functools.cache
def _estimator(kind, outputs, gives_probabilities, asks_for_decisions):
    """Return an estimator whose predictions for X are what a network says whose outputs are X, (n, outputs).

    Of probabilities, decision values are the logits.
    """
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin

    class Numbers(RegressorMixin, BaseEstimator):
        def predict(self, X):
            return X[:, 0] if outputs == 1 else X

    class Labels(ClassifierMixin, BaseEstimator):
        classes_ = [np.array([0, 1])] * outputs

        def predict(self, X):
            return (X > 0.5).astype(np.int64)

        def predict_proba(self, X):
            return [np.column_stack([1 - p, p]) for p in X.T]

    class Classes(ClassifierMixin, BaseEstimator):
        classes_ = np.arange(max(outputs, 2))

        def predict(self, X):
            return X.argmax(axis=1) if outputs > 1 else (X[:, 0] > 0.5).astype(np.int64)

    class Probabilities(Classes):
        def predict_proba(self, X):
            return X if outputs > 1 else np.column_stack([1 - X, X])

    class Decisions(Classes):
        def decision_function(self, X):
            return X[:, -1] - X[:, 0] if outputs == 2 else X[:, 0] if outputs == 1 else X

    class Logits(Decisions):
        def decision_function(self, X):
            p = np.maximum(np.float64(X), np.finfo(np.float64).tiny)
            return super().decision_function(np.log(p) - (np.log1p(-np.minimum(p, 1 - 2**-53)) if outputs == 1 else 0))

    if kind == "labels":
        return Labels()
    if kind in ("classes", "one-hot", "binary"):
        if not gives_probabilities:
            return Decisions()
        return Logits() if asks_for_decisions else Probabilities()
    return Numbers()
