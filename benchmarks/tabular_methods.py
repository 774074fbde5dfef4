"""The methods that `benchmarks.tabular` compares: each learns a table in so many seconds, and predicts other rows.

A method has ``prepare(problem)``, which imports and compiles and whose time does not count, ``fit(problem, budget)``,
and ``predict(X)``, which returns probabilities (n, classes) or numbers (n,).
"""

import itertools
import math
import time
import warnings
from typing import NamedTuple

import numpy as np

from .tables import FOLDS, inner_folds, with_missing_levels
from .tabular_trees import CatBoost, HistGradientBoosting, LightGBM


class Budget(NamedTuple):
    """What a method may use."""

    seconds: float
    threads: int


class Fastprop:
    """fastprop: `TabularClassifier` or `TabularRegressor`, by default or with a numeric encoding."""

    def __init__(self, **options):
        self.options = options

    def prepare(self, problem):
        self.fit(problem, Budget(0.5, 1))

    def fit(self, problem, budget):
        import fastprop as fp

        kind = fp.TabularClassifier if problem.is_classes else fp.TabularRegressor
        options = {"seconds": budget.seconds, "threads": budget.threads, "random_state": 0, **self.options}
        self.model = kind(**options).fit(problem.X, problem.y)
        self.details = {"configurations": self.model.n_configurations_}

    def predict(self, X):
        return self.model.predict_proba(X) if hasattr(self.model, "classes_") else self.model.predict(X)


class ScikitLearnMLP:
    """scikit-learn's MLP with GridSearchCV: the first candidates of a list, as many as there is time for."""

    candidates = tuple(
        {"hidden_layer_sizes": hidden, "alpha": alpha, "learning_rate_init": rate}
        for hidden, alpha, rate in itertools.product([(100,), (256,), (64, 64)], [1e-4, 0.1, 3.0], [1e-3, 1e-2])
    )

    def prepare(self, problem):
        import sklearn.compose  # noqa: F401 (that it is imported)

    def _pipeline(self, problem, **parameters):
        from sklearn.compose import TransformedTargetRegressor, make_column_selector, make_column_transformer
        from sklearn.impute import SimpleImputer
        from sklearn.neural_network import MLPClassifier, MLPRegressor
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import OneHotEncoder, StandardScaler

        numbers = make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler())
        words = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
        columns = make_column_transformer(
            (numbers, make_column_selector(dtype_include=np.number)),
            (words, make_column_selector(dtype_include="category")),
        )
        kind = MLPClassifier if problem.is_classes else MLPRegressor
        pipeline = make_pipeline(columns, kind(random_state=0, early_stopping=True, **parameters))
        if problem.is_classes:
            return pipeline
        return TransformedTargetRegressor(pipeline, transformer=StandardScaler())

    def fit(self, problem, budget):
        import joblib
        from sklearn.model_selection import GridSearchCV

        begin = time.perf_counter()
        estimator = self._pipeline(problem).fit(problem.X, problem.y)
        one = time.perf_counter() - begin
        count = math.ceil((budget.seconds - one) * budget.threads / FOLDS / one)
        chosen = self.candidates[: max(1, count)]
        prefix = ("" if problem.is_classes else "regressor__") + estimator_name(problem)
        grid = [{prefix + name: [value] for name, value in candidate.items()} for candidate in chosen]
        scoring = "neg_log_loss" if problem.is_classes else "neg_root_mean_squared_error"
        search = GridSearchCV(estimator, grid, scoring=scoring, cv=inner_folds(problem), n_jobs=budget.threads)
        with joblib.parallel_config("loky", inner_max_num_threads=1):
            self.search = search.fit(problem.X, problem.y)
        self.details = {"configurations": len(chosen)}

    def predict(self, X):
        return self.search.predict_proba(X) if hasattr(self.search, "classes_") else self.search.predict(X)


def estimator_name(problem):
    """Return the prefix of the parameters of scikit-learn's network in a pipeline."""
    return "mlpclassifier__" if problem.is_classes else "mlpregressor__"


class RealMLP:
    """pytabkit's RealMLP with its tuned defaults (TD), its simplified ones (TD-S), or an ensemble of folds of TD.

    They train for their own time. As pytabkit advises for the log loss, they choose the epoch by it, without label
    smoothing. RealMLP takes no missing numbers: medians of the training rows stand for them.
    """

    def __init__(self, kind, folds):
        self.kind = kind
        self.folds = folds

    def prepare(self, problem):
        import logging

        import pytabkit  # noqa: F401 (that it is imported)

        logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
        logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)

    def fit(self, problem, budget):
        import pytabkit

        self.medians = problem.X.median(numeric_only=True)
        options = {"device": "cpu", "random_state": 0, "n_threads": budget.threads, "n_cv": self.folds}
        if problem.is_classes:
            options |= {"val_metric_name": "cross_entropy", "use_ls": False}
        name = f"RealMLP_{self.kind}_{'Classifier' if problem.is_classes else 'Regressor'}"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.model = getattr(pytabkit, name)(**options).fit(self._complete(problem.X), problem.y)
        self.is_classes = problem.is_classes
        self.details = {"configurations": 1}

    def predict(self, X):
        X = self._complete(X)
        return self.model.predict_proba(X) if self.is_classes else np.asarray(self.model.predict(X)).reshape(len(X))

    def _complete(self, X):
        return with_missing_levels(X.fillna(self.medians))


METHODS = {
    "fastprop": Fastprop,
    "fastprop-standard": lambda: Fastprop(numeric_encoding="standard"),
    "fastprop-robust": lambda: Fastprop(numeric_encoding="robust"),
    "fastprop-piecewise": lambda: Fastprop(numeric_encoding="piecewise"),
    "scikit-learn MLP": ScikitLearnMLP,
    "HistGradientBoosting": HistGradientBoosting,
    "LightGBM": LightGBM,
    "CatBoost": CatBoost,
    "RealMLP-TD-S": lambda: RealMLP("TD_S", 1),
    "RealMLP-TD": lambda: RealMLP("TD", 1),
    "RealMLP-TD of 5 folds": lambda: RealMLP("TD", 5),
}
"""By name, a function that returns a method which has not learned anything."""

PEERS = tuple(name for name in METHODS if not name.startswith("fastprop-"))
"""Those that are compared if none is named: fastprop as it is by itself, and all others."""
