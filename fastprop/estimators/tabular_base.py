"""What the estimators of tuned ensembles have in common: arguments in, a search, results out."""

from __future__ import annotations

import copy
import os
import time
import warnings
from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse
from sklearn.base import BaseEstimator, _fit_context
from sklearn.utils import check_consistent_length
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import _check_y, check_is_fitted

from fastprop import numpy_settings
from fastprop.annotations import ArrayLike, NumericEncodingName, Path, Precision, ScoreName, SearchedEncodingName
from fastprop.data import SparseRows
from fastprop.estimators import inputs, parameters
from fastprop.estimators.saving import SavesModel
from fastprop.metrics import SCORES
from fastprop.reference import PRECISIONS
from fastprop.tabular import ensemble_report
from fastprop.tabular.column_inputs import ColumnInputs, searched_inputs
from fastprop.tabular.ensemble_model import TableEnsemble
from fastprop.tabular.ensemble_report import Fitted
from fastprop.tabular.numeric_encodings import NUMERIC_ENCODINGS, SEARCH
from fastprop.tabular.recipe import RECIPE
from fastprop.tabular.tuning import SECONDS, SearchOptions, tuned


class BaseTabular(SavesModel, BaseEstimator):
    """What the classifier and the regressor have in common: arguments in, `fastprop.tabular.tuning`, results out."""

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "seconds": [Interval(Real, 0, None, closed="neither"), None],
        "configurations": [Interval(Integral, 1, None, closed="left"), None],
        "seeds": [Interval(Integral, 1, None, closed="left")],
        "folds": [Interval(Integral, 2, None, closed="left")],
        "epochs": [Interval(Integral, 1, None, closed="left")],
        "scoring": [StrOptions(set(SCORES)), None],
        "precision": [StrOptions(set(PRECISIONS)), None],
        "categorical_features": [StrOptions({"from_dtype"}), "array-like", None],
        "numeric_encoding": [StrOptions({*NUMERIC_ENCODINGS, SEARCH}), "array-like"],
        "random_state": ["random_state"],
        "threads": [Interval(Integral, 1, None, closed="left"), None],
        "journal": [str, os.PathLike, None],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        *,
        seconds: float | None = None,
        configurations: int | None = None,
        seeds: int = 1,
        folds: int = 5,
        epochs: int = RECIPE.search_epochs,
        scoring: ScoreName | None = None,
        precision: Precision | None = None,
        categorical_features: Literal["from_dtype"] | ArrayLike | None = "from_dtype",
        numeric_encoding: SearchedEncodingName | Sequence[NumericEncodingName] = "search",
        random_state: int | np.random.RandomState | None = None,
        threads: int | None = None,
        journal: Path | None = None,
        verbose: bool | int = False,
    ) -> None:
        self.seconds = seconds
        self.configurations = configurations
        self.seeds = seeds
        self.folds = folds
        self.epochs = epochs
        self.scoring = scoring
        self.precision = precision
        self.categorical_features = categorical_features
        self.numeric_encoding = numeric_encoding
        self.random_state = random_state
        self.threads = threads
        self.journal = journal
        self.verbose = verbose

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.allow_nan = True
        return tags

    @_fit_context(prefer_skip_nested_validation=True)
    @numpy_settings.own
    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Search the best ensemble for inputs `X` and targets `y`.

        Parameters
        ----------
        X : array_like, sparse matrix or data frame
            (n, n_features).
        y : array_like
            (n,) classes, or numbers (n,) or (n, n_outputs).
        sample_weight : array_like, optional
            (n,) weights of at least 0. They weigh rows in the loss, in the score that ranks, and in all that is made of
            the out-of-fold outputs but intervals. Rows of weight 0 are in no fold, and have NaN in `out_of_fold_`.

        Returns
        -------
        TabularClassifier or TabularRegressor
            The estimator itself.

        Raises
        ------
        ValueError, TypeError
            If an argument is not as described, or no configuration could be trained in time.
        """
        begin = time.perf_counter()
        X, y, sample_weight, prototype = self._checked(X, y, sample_weight)
        rows = len(y) if sample_weight is None else np.count_nonzero(sample_weight)
        weights = {"sample_weight": sample_weight, "class_weight": self._class_weight()}
        found = tuned(prototype, X, y, self._search_options(rows), **weights, begin=begin)
        if found.is_interrupted:
            warnings.warn("Training interrupted by user.", stacklevel=4)
        self._keep_results(found, X)
        return self

    def _checked(self, X, y, sample_weight):
        """Return inputs, targets and weights for the search, and the network with which configurations begin."""
        if y is None:
            raise ValueError(
                f"This {type(self).__name__} estimator requires y to be passed, but the target y is None: give it."
            )
        y = inputs.given_targets(X, y, sample_weight)
        X = inputs.unencoded(self, X)
        column = inputs.target_column(y)
        self._target_name = inputs.target_name(y)
        inputs.refuse_targets(y, column, self._is_numeric)
        y = _check_y(y, multi_output=True, y_numeric=self._is_numeric, estimator=self)
        check_consistent_length(X, y)
        if len(y) < 2:
            raise ValueError("X has n_samples=1, one row: give two or more, some of which can be held out.")
        sample_weight = inputs.checked_weights(X, sample_weight)
        y, prototype = self._prepared(X.shape[1], y, sample_weight, column)
        return self._in_encodings(X), y, sample_weight, prototype

    def _in_encodings(self, X):
        """Return inputs by the name of their encoding: in all that are searched, or in the one that was told."""
        return searched_inputs(SparseRows.of(X) if issparse(X) else X, self.numeric_encoding)

    def _search_options(self, rows):
        """Return the `SearchOptions` of a search for so many rows."""
        seconds = SECONDS if self.seconds is None and self.configurations is None else self.seconds
        return SearchOptions(
            seconds=seconds,
            configurations=self.configurations,
            seeds=self.seeds,
            folds=min(self.folds, rows),
            epochs=self.epochs,
            score=self.scoring,
            seed=parameters.seed_of(self.random_state),
            threads=self.threads,
            journal=self.journal,
            progress=bool(self.verbose),
            calibrates=self._calibrates(),
            precision=self.precision,
        )

    def _class_weight(self):
        """Return the weight of each class by index, "balanced" or None."""
        return None

    def _calibrates(self):
        """Return whether the probabilities of the ensemble have a temperature."""
        return False

    def _keep_results(self, found, X):
        """Keep what a search has found as attributes."""
        first = next(iter(X.values()))
        is_encoded = isinstance(first, ColumnInputs)
        ensemble = found.ensemble
        encoders = found.encoders(X) if is_encoded else [inputs.number_encoder(self)] * len(ensemble.networks)
        self.encoder_ = first.encoder if is_encoded else None
        self.ensemble_ = TableEnsemble(ensemble, encoders, self._target_name)
        self._found = found.with_weight()
        self.out_of_fold_ = found.outputs
        self.out_of_fold_score_ = found.out_of_fold_score
        self.best_score_ = found.kept[0].score
        self.scoring_ = found.score_name
        self.n_configurations_ = found.tried
        self.epochs_ = found.epochs
        self.configurations_ = [
            {**each.values, found.score_name: each.score, "weight": float(weight)}
            for each, weight in zip(found.kept, found.weights)
        ]

    @numpy_settings.own
    def to_model(self, target_name: str | None = None) -> TableEnsemble:
        """Return a model of its own that predicts from tables in the unit of the targets, as the estimator does.

        Parameters
        ----------
        target_name : str, optional
            The column that is predicted; by default the name of `y` if that was a column of a frame, else "target".

        Returns
        -------
        TableEnsemble
            See `MLPClassifier.to_model` for the names of columns and of classes.
        """
        check_is_fitted(self)
        model = self.ensemble_
        return TableEnsemble(model.ensemble, model.encoders, target_name or model.target_name)

    @numpy_settings.own
    def predict_std(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the standard deviation of the outputs of the networks for each row of `X`, by their weights.

        It is in the unit of the targets, (n,) or (n, n_outputs); or of the probability of each class, (n, n_classes).
        See `Ensemble.predict_std`.
        """
        model, X = self._model_and_inputs(X)
        std = model.ensemble.predict_std(X) if self.encoder_ is None else model.std_of(X)
        return std[:, 0] if std.shape[1] == 1 else std

    @numpy_settings.own
    def report(self, path: Path, X: ArrayLike) -> None:
        """Write a page about the search and its ensemble, one HTML file (extra ``plot``).

        It has the configurations with their weights and learning curves; the out-of-fold score with its bootstrap
        interval; how sure probabilities are, or predictions against targets; and the permutation importance of columns.

        Parameters
        ----------
        path : str or Path
            The file to write; one that exists is replaced as a whole.
        X : array_like, sparse matrix or data frame
            The inputs of `fit`, which the estimator does not keep.

        Raises
        ------
        ValueError
            If `X` has another number of rows.
        ImportError
            If Matplotlib is not installed.
        OSError
            If the file cannot be written.
        """
        check_is_fitted(self)
        X = inputs.unencoded(copy.copy(self), X)
        rows = len(self.out_of_fold_)
        if X.shape[0] != rows:
            raise ValueError(f"a report needs the inputs of fit, {rows} rows, not {X.shape[0]}: give these.")
        names = None if isinstance(X, ColumnInputs) else inputs.number_encoder(self).feature_names
        fitted = Fitted(self._found, self._in_encodings(X), names)
        ensemble_report.write(path, fitted, f"Ensemble for {self._target_name}")

    def _outputs(self, X):
        """Return the outputs of the ensemble (n, n_out) float64 for inputs as they were given."""
        model, X = self._model_and_inputs(X)
        outputs = model.ensemble.predict(X) if self.encoder_ is None else model.outputs_of(X)
        return outputs.astype(np.float64)

    def _model_and_inputs(self, X):
        """Return the model, and what its networks predict from for inputs as they were given.

        Without an encoder these are inputs of the ensemble, and else what `TableEnsemble.inputs` returns.
        """
        check_is_fitted(self)
        model = self.ensemble_
        if self.encoder_ is not None:
            return model, inputs.encoded(self, X, model.stacked)
        X = inputs.encoded(self, X, None)
        return model, SparseRows.of(X) if issparse(X) else X
