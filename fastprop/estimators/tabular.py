"""`TabularClassifier` and `TabularRegressor`: tuned ensembles of networks for tables, with scikit-learn's interface."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import column_or_1d

from fastprop import numpy_settings
from fastprop.annotations import ArrayLike, NumericEncodingName, Path, Precision, ScoreName, SearchedEncodingName
from fastprop.data import TargetScaling
from fastprop.estimators import inputs
from fastprop.estimators.classifier import check_class_count, check_labels, class_weights
from fastprop.estimators.tabular_base import BaseTabular
from fastprop.integrations.arrow_columns import word_of
from fastprop.network import MLP
from fastprop.tabular.recipe import RECIPE
from fastprop.tabular.tuning import needs_temperature


class TabularClassifier(ClassifierMixin, BaseTabular):
    """The best ensemble of networks that a search of limited time finds for the classes of a table.

    A random search trains configurations by cross-validation, all folds of many configurations in one sweep, and stops
    the worse ones at rungs. The networks of the folds of the best are kept, and weighed greedily by the log loss of
    their mean output for rows that they were not trained on. `fastprop.tabular.search_space.tuned_space` is the space;
    the first configuration is that of `MLPClassifier`, which is trained to the end. Inputs are encoded and standardized
    inside.

    Parameters
    ----------
    seconds : float, optional
        How long the search may take, without compiling: 60 if `configurations` is None as well. It decides how many
        configurations are tried, and of a large table, how many epochs each one has. After Ctrl-C the best ensemble so
        far is kept.
    configurations : int, optional
        How many configurations are tried, in one sweep. Without `seconds` the result depends on `random_state` alone.
    seeds : int
        With how many seeds each configuration is trained on each fold, side by side: of initial weights, of the order
        of rows and of dropout. Each of these has a score and a weight of its own, and `configurations_` names its seed.
    folds : int
        Of the cross-validation, at least 2: ``StratifiedKFold(folds, shuffle=True, random_state=0)`` makes the same.
    epochs : int
        The number of epochs of a configuration that is trained to the end. The weights of its best epoch are kept.
    scoring : str, optional
        What decides which configurations go on, and the weights: one of `fastprop.metrics.SCORES`; by default the log
        loss.
    calibrate : bool or "auto"
        Whether probabilities have the temperature that `out_of_fold_` needs, so that of what has a probability of 0.9,
        about nine tenths are right. ``"auto"`` is True with a `scoring` other than the log loss, by which probabilities
        are chosen that are about as sure as they are right. `out_of_fold_` itself is without it, and so are weights
        and `best_score_`. See `fastprop.calibration.fit_temperature`.
    class_weight : dict, "balanced" or None
        See `MLPClassifier`. Sample weights are multiplied by these weights, in the loss and in the default score:
        ``"balanced"`` makes rare classes more probable. A score that is named weighs rows by sample weights alone.
    precision : str, optional
        See `fastprop.train`. It is that of all networks of the search.
    categorical_features
        See `MLPClassifier`.
    numeric_encoding : str or sequence of str
        See `MLPClassifier`; or several of these, such as ``["standard", "robust"]``. They are tried in turn, that of
        the best configuration so far more often, and the ensemble may have networks of all. The default, ``"search"``,
        stands for ``["standard", "piecewise"]``. Sparse inputs have the standard one.
    random_state : int, RandomState or None
        Which configurations are drawn, and their initial weights and order of rows.
    threads : int, optional
        See `fastprop.sweep`.
    journal : str or Path, optional
        A file in which the results of configurations are recorded, see `fastprop.sweep`: a search that is called again
        with the same arguments takes them over. The networks that are to be kept are then trained again, for which time
        comes on top of `seconds`. Each encoding but the first has a file of its own, with a name that ends with, for
        example, ``.piecewise``.
    verbose : bool
        Whether to show progress bars, with the best score so far.

    Attributes
    ----------
    classes_ : ndarray
        (n_classes,) the classes, in order.
    ensemble_ : TableEnsemble
        The networks with their weights and encoders.
    configurations_ : list of dict
        The configurations whose networks were kept, best first: hyperparameters, mean score of the folds, and weight.
    out_of_fold_ : ndarray
        (n, n_outputs) float64: for each row of the training data the output of the networks that were not trained on
        it, with their weights.
    out_of_fold_score_ : float
        What the ensemble scores for rows that it has not seen, called `scoring_`: that of `out_of_fold_`, but with
        weights that were chosen for the rows of each fold by those of the other folds. The score of `out_of_fold_`
        itself is too good, the more so the fewer rows there are. Epochs and configurations were still chosen by all
        rows, so that this score is too good as well where rows are few: a log loss of 0.04 in place of 0.13 on 89 rows.
    best_score_ : float
        The mean score of the folds of the best configuration, called `scoring_`.
    scoring_ : str
    n_configurations_ : int
        The number of configurations that were tried.
    epochs_ : int
        The number of epochs that a configuration could have.
    encoder_, n_features_in_, feature_names_in_
        As of `MLPClassifier`.

    Raises
    ------
    ValueError, TypeError
        If an argument is not as described, `y` has one class only, or no configuration could be trained in time.

    References
    ----------
    The weights: Caruana, Niculescu-Mizil, Crew and Ksikes, "Ensemble selection from libraries of models", ICML 2004.
    The temperature: Guo, Pleiss, Sun and Weinberger, "On calibration of modern neural networks", ICML 2017.
    Networks of folds, and much of the space: Holzmüller, Grinsztajn and Steinwart, "Better by default: strong pre-tuned
    MLPs and boosted trees on tabular data", NeurIPS 2024.

    Examples
    --------
    >>> import fastprop as fp
    >>> X, y = fp.datasets.digits()
    >>> classifier = fp.TabularClassifier(configurations=2, epochs=4, folds=2, random_state=0).fit(X[:1000], y[:1000])
    >>> bool(classifier.score(X[1000:], y[1000:]) > 0.8)
    True
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **BaseTabular._parameter_constraints,
        "calibrate": ["boolean", StrOptions({"auto"})],
        "class_weight": [dict, StrOptions({"balanced"}), None],
    }

    _is_numeric = False  # what y holds

    def __init__(
        self,
        *,
        seconds: float | None = None,
        configurations: int | None = None,
        seeds: int = 1,
        folds: int = 5,
        epochs: int = RECIPE.search_epochs,
        scoring: ScoreName | None = None,
        calibrate: bool | Literal["auto"] = "auto",
        class_weight: Mapping[Any, float] | Literal["balanced"] | None = None,
        precision: Precision | None = None,
        categorical_features: Literal["from_dtype"] | ArrayLike | None = "from_dtype",
        numeric_encoding: SearchedEncodingName | Sequence[NumericEncodingName] = "search",
        random_state: int | np.random.RandomState | None = None,
        threads: int | None = None,
        journal: Path | None = None,
        verbose: bool | int = False,
    ) -> None:
        super().__init__(
            seconds=seconds,
            configurations=configurations,
            seeds=seeds,
            folds=folds,
            epochs=epochs,
            scoring=scoring,
            precision=precision,
            categorical_features=categorical_features,
            numeric_encoding=numeric_encoding,
            random_state=random_state,
            threads=threads,
            journal=journal,
            verbose=verbose,
        )
        self.calibrate = calibrate
        self.class_weight = class_weight

    def _calibrates(self):
        return needs_temperature(self.scoring) if isinstance(self.calibrate, str) else bool(self.calibrate)

    def _class_weight(self):
        return class_weights(self.class_weight, self.classes_.tolist())

    def score(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """Return the accuracy of the predictions for inputs `X` and targets `y`, as `fit` takes them."""
        y = inputs.given_targets(X, y, sample_weight)
        return super().score(X, y, sample_weight)

    @numpy_settings.own
    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Return the class of each row of `X`, (n,)."""
        outputs = self._outputs(X)
        return self.classes_[outputs.argmax(axis=1)]

    @numpy_settings.own
    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the probability of each class, (n, n_classes) in the order of `classes_`, for each row of `X`."""
        outputs = self._outputs(X)
        return outputs / outputs.sum(axis=1, keepdims=True)  # which rounding in float32 leaves near 1

    @numpy_settings.own
    def predict_log_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the logarithm of `predict_proba`; -inf where a probability is 0."""
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    def _prepared(self, n_in, y, weights, column):
        """Return the index of each row's class (n,), and the network with which configurations begin."""
        check_labels(y)
        if type_of_target(y).startswith("multilabel"):
            raise ValueError("y has several labels of each row: give one class of each, or use MLPClassifier.")
        y = column_or_1d(y, warn=True)
        check_class_count(y, weights, column)
        self.classes_, y = np.unique(y, return_inverse=True)
        names = [word_of(name) for name in self.classes_.tolist()]
        return y, MLP((n_in, len(names)), output="softmax", class_names=names)


class TabularRegressor(RegressorMixin, BaseTabular):
    """The best ensemble of networks that a search of limited time finds for numbers of a table.

    The search is that of `TabularClassifier`, by the squared error. Targets are standardized inside, by the training
    rows of each fold, and predicted in their own unit.

    Parameters
    ----------
    seconds, configurations, seeds, folds, epochs, scoring, categorical_features, numeric_encoding, random_state
        See `TabularClassifier`. The default of `scoring` is the square root of the mean squared error; folds are those
        of ``KFold``.
    precision : str, optional
        See `TabularClassifier`. It is refused for targets that lie more than a thousand times as far from zero as they
        differ, because their networks are of float64.
    threads, journal, verbose
        See `TabularClassifier`.

    Attributes
    ----------
    ensemble_, configurations_, out_of_fold_, out_of_fold_score_, best_score_, scoring_, n_configurations_, epochs_
        See `TabularClassifier`.
    encoder_
        See `TabularClassifier`.
    n_outputs_, n_features_in_, feature_names_in_
        As of `MLPRegressor`.

    Raises
    ------
    ValueError, TypeError
        If an argument is not as described, or no configuration could be trained in time.

    Examples
    --------
    >>> import numpy as np
    >>> import fastprop as fp
    >>> X = np.random.default_rng(0).normal(size=(300, 2))
    >>> y = 1e6 * X[:, 0] * X[:, 1]
    >>> regressor = fp.TabularRegressor(configurations=2, epochs=50, folds=2, random_state=0).fit(X, y)
    >>> bool(regressor.score(X, y) > 0.8)
    True
    """

    _is_numeric = True  # what y holds

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def score(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """Return the R² of the predictions for inputs `X` and targets `y`, as `fit` takes them."""
        y = inputs.given_targets(X, y, sample_weight)
        return super().score(X, y, sample_weight)

    @numpy_settings.own
    def predict(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the predicted numbers, (n,) or (n, n_outputs), for each row of `X`, in the unit of the targets."""
        outputs = self._outputs(X)
        return outputs[:, 0] if self.n_outputs_ == 1 else outputs

    @numpy_settings.own
    def predict_interval(self, X: ArrayLike, coverage: float = 0.9) -> NDArray[np.float64]:
        """Return an interval for each row that holds its target with a probability of about `coverage`, by CV+.

        The errors are those of `out_of_fold_`, by which the weights of the ensemble were chosen as well, so that
        intervals of few rows may be a little too narrow. All rows with a weight count alike. See
        `fastprop.intervals.cv_plus`.

        Parameters
        ----------
        X : array_like, sparse matrix or data frame
            (n, n_features).
        coverage : float
            Above 0 and below 1; n rows of training suffice for n / (n + 1).

        Returns
        -------
        ndarray
            (n, 2) float64, the lower and the upper bound in the unit of the targets; or (n, n_outputs, 2).

        Raises
        ------
        ValueError, TypeError
            If an argument is not as described, or the rows of training are too few for the coverage.

        Examples
        --------
        >>> import numpy as np
        >>> import fastprop as fp
        >>> X = np.random.default_rng(0).normal(size=(300, 2))
        >>> y = X[:, 0] + np.random.default_rng(1).normal(size=300)
        >>> regressor = fp.TabularRegressor(configurations=2, epochs=20, folds=3, random_state=0)
        >>> lower, upper = regressor.fit(X[:200], y[:200]).predict_interval(X[200:], coverage=0.8).T
        >>> bool(0.7 < ((lower <= y[200:]) & (y[200:] <= upper)).mean() < 0.9)
        True
        """
        model, X = self._model_and_inputs(X)
        return (
            model.ensemble.predict_interval(X, coverage) if self.encoder_ is None else model.intervals_of(X, coverage)
        )

    def _prepared(self, n_in, y, weights, column):
        """Return targets (n,) or (n, n_outputs), and the network with which configurations begin."""
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        columns = y.reshape(len(y), -1).astype(np.float64)
        self.n_outputs_ = columns.shape[1]
        scaling = TargetScaling.fit(columns, "mse", weights)
        scaling.refuse_precision(self.precision)
        return y, MLP((n_in, self.n_outputs_), output="identity", dtype=scaling.dtype)
