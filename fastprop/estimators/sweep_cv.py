"""`SweepCV`: scikit-learn's `GridSearchCV` on the engine of `fastprop.sweep`."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from numbers import Integral
from typing import Any, ClassVar, Literal, Self

import numpy as np
from sklearn.base import _fit_context, clone, is_classifier
from sklearn.exceptions import FitFailedWarning
from sklearn.metrics import check_scoring
from sklearn.model_selection import GridSearchCV, ParameterGrid, check_cv
from sklearn.utils import get_tags, indexable
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import _check_method_params

from fastprop.annotations import ArrayLike, Splitter
from fastprop.estimators.base import BaseMLP
from fastprop.estimators.sweep_plan import How, Rows, evaluate
from fastprop.options import HALVINGS, Halving, MedianStopping


class SweepCV(GridSearchCV):
    """A cross-validated search of the parameters of `MLPClassifier` or `MLPRegressor`, by one sweep.

    Every split score is, to the last bit, that of the estimator with these parameters that is fitted alone on the
    training rows of the split. All configurations train side by side on all cores. The rows of all splits are in
    memory at once, encoded and scaled by the training rows of each. What a grid of `fastprop.sweep` cannot hold, such
    as ``max_iter``, takes a sweep for each of its values.

    Parameters
    ----------
    estimator : MLPClassifier or MLPRegressor
    param_grid : dict or list of dict
        Names of parameters and lists of values; see scikit-learn's ``GridSearchCV``.
    scoring : str, callable or None
        One score of scikit-learn, by its name or as ``scoring(estimator, X, y)``; by default ``estimator.score``.
    n_jobs : int, optional
        How many threads train configurations; by default, and for -1, as many as there are cores.
    refit : bool or callable
        Whether to fit the best parameters on all rows, or which row of ``cv_results_`` to fit.
    cv : int, splitter, iterable or None
        See ``GridSearchCV``: a number stands for ``StratifiedKFold`` or ``KFold``, which do not shuffle.
    halving : int, Halving or MedianStopping, optional
        How to stop the worse configurations before the end, see `fastprop.sweep`. ``cv_results_`` then has a row for
        each configuration at each rung, with ``iter`` and ``n_resources``, as ``HalvingGridSearchCV`` has it; the
        resource is the number of epochs.
    error_score : "raise" or float
        The score of a fit or of a measurement that fails.
    verbose : int
        Above 0 to show a progress bar.

    Attributes
    ----------
    cv_results_ : dict
        As that of ``GridSearchCV``; ``mean_score_time`` and ``std_score_time`` are NaN, because they are not measured.
    best_params_, best_score_, best_index_, best_estimator_, refit_time_, scorer_, n_splits_, multimetric_
        Those of ``GridSearchCV``.
    n_candidates_, n_resources_, n_iterations_
        With `halving`, the number of configurations that reached each rung, the epochs of the rungs, their number.

    Examples
    --------
    >>> import fastprop as fp
    >>> X, y = fp.datasets.digits()
    >>> grid = {"learning_rate_init": [1e-5, 0.01]}
    >>> fp.SweepCV(fp.MLPClassifier(max_iter=3, random_state=0), grid, cv=3).fit(X, y).best_params_
    {'learning_rate_init': 0.01}
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **{
            name: constraint
            for name, constraint in GridSearchCV._parameter_constraints.items()
            if name not in ("pre_dispatch", "return_train_score")
        },
        "refit": ["boolean", callable],
        "halving": [Interval(Integral, 2, None, closed="left"), *HALVINGS, None],
    }

    return_train_score = False  # read by `_format_results`

    def __init__(
        self,
        estimator: BaseMLP,
        param_grid: Mapping[str, Any] | Sequence[Mapping[str, Any]],
        *,
        scoring: str | Callable[..., float] | None = None,
        n_jobs: int | None = None,
        refit: bool | Callable[[dict[str, Any]], int] = True,
        cv: int | Splitter | Iterable[tuple[ArrayLike, ArrayLike]] | None = None,
        halving: int | Halving | MedianStopping | None = None,
        verbose: int = 0,
        error_score: float | Literal["raise"] = np.nan,
    ) -> None:
        self.estimator = estimator
        self.param_grid = param_grid
        self.scoring = scoring
        self.n_jobs = n_jobs
        self.refit = refit
        self.cv = cv
        self.halving = halving
        self.verbose = verbose
        self.error_score = error_score

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        of_estimator = get_tags(self.estimator)
        tags.input_tags = of_estimator.input_tags
        tags.target_tags = of_estimator.target_tags
        return tags

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: ArrayLike, y: ArrayLike | None = None, **params: Any) -> Self:
        """Search the best parameters for inputs `X` and targets `y`, and fit them on all rows.

        Parameters
        ----------
        X : array_like, sparse matrix or data frame
            (n, n_features).
        y : array_like
            (n,) or (n, n_outputs).
        params
            Arguments of the estimator's ``fit``, such as ``sample_weight``, and ``groups`` of the splitter.

        Returns
        -------
        SweepCV
            The search itself.

        Raises
        ------
        ValueError, TypeError
            If no fit succeeded, several scores are asked for, or the estimator is none of fastprop.
        """
        self._check_arguments(y)
        self.scorer_ = self.scoring if callable(self.scoring) else check_scoring(self.estimator, self.scoring)
        self.multimetric_ = False
        X, y = indexable(X, y)
        routed = self._get_routed_params_for_fit(_check_method_params(X, params=params))
        splitter = check_cv(self.cv, y, classifier=is_classifier(self.estimator))
        splits = list(splitter.split(X, y, **routed.splitter.split))
        self.n_splits_ = len(splits)
        rows = [Rows.of(self.estimator, X, y, split, routed) for split in splits]
        params_of = list(ParameterGrid(self.param_grid))
        threads = None if self.n_jobs is None or self.n_jobs < 0 else self.n_jobs
        how = How(self.scorer_, self.halving, threads, self.verbose > 0)
        outcome = evaluate(self.estimator, params_of, rows, how)
        self._tell_of_errors(outcome, len(params_of) * len(rows))
        self._keep_results(params_of, outcome, [len(test) for _, test in splits])
        if self.refit:
            self.best_estimator_ = clone(self.estimator).set_params(**clone(self.best_params_, safe=False))
            begin = time.time()
            self.best_estimator_.fit(X, y, **routed.estimator.fit)
            self.refit_time_ = time.time() - begin
            if hasattr(self.best_estimator_, "feature_names_in_"):
                self.feature_names_in_ = self.best_estimator_.feature_names_in_
        return self

    def _check_arguments(self, y):
        if not isinstance(self.estimator, BaseMLP):
            raise TypeError(
                f"SweepCV trains MLPClassifier and MLPRegressor of fastprop, not {type(self.estimator).__name__}: give "
                "one of these, and put SweepCV into a pipeline, not a pipeline into SweepCV."
            )
        if isinstance(self.scoring, (list, tuple, dict, set)):
            raise ValueError(
                f"SweepCV ranks by one score, and scoring names {len(self.scoring)}: give one of them, or use "
                "GridSearchCV."
            )
        if y is None:
            raise ValueError("SweepCV requires y to be passed, but the target y is None: give it.")

    def _tell_of_errors(self, outcome, fits):
        """Warn of fits and measurements that failed, or raise their error."""
        errors = outcome.fit_errors, outcome.score_errors
        whats = ("fits", FitFailedWarning), ("measurements of the score", UserWarning)
        for failed, (what, category) in zip(errors, whats):
            if failed and self.error_score == "raise":
                raise failed[0][0]
            if len(failed) == fits and category is FitFailedWarning:
                error = failed[0][0]
                error.add_note(f"All the {fits} fits failed.")
                raise error
            if failed:
                message = f"{len(failed)} {what} of {fits} failed and have the score {self.error_score}: {failed[0][1]}"
                warnings.warn(message, category, stacklevel=3)

    def _keep_results(self, params_of, outcome, test_counts):
        """Keep the results of all configurations, and which is the best."""
        rows, more = [(index, 0) for index in range(len(params_of))], {}
        if self.halving is not None:
            reached = outcome.reached
            rows = [(index, rung) for rung in range(len(outcome.rungs)) for index in np.flatnonzero(reached[:, rung])]
            more = {"iter": [rung for _, rung in rows], "n_resources": [outcome.rungs[rung] for _, rung in rows]}
            self.n_candidates_ = reached.sum(axis=0).tolist()
            self.n_resources_ = list(outcome.rungs)
            self.n_iterations_ = len(outcome.rungs)
        scores = np.where(np.isnan(outcome.scores), self._score_of_error, outcome.scores)
        out = [
            {
                "test_scores": scores[index, rung, fold],
                "n_test_samples": count,
                "fit_time": outcome.seconds[index, fold],
                "score_time": np.nan,
            }
            for index, rung in rows
            for fold, count in enumerate(test_counts)
        ]
        self.cv_results_ = self._format_results([params_of[index] for index, _ in rows], len(test_counts), out, more)
        if callable(self.refit) or outcome.best is None:
            self.best_index_ = self._select_best_index(self.refit, "score", self.cv_results_)
        else:
            self.best_index_ = max(row for row, (index, _) in enumerate(rows) if index == outcome.best)
        if not callable(self.refit):
            self.best_score_ = self.cv_results_["mean_test_score"][self.best_index_]
        self.best_params_ = self.cv_results_["params"][self.best_index_]

    @property
    def _score_of_error(self):
        return np.nan if self.error_score == "raise" else self.error_score
