"""Boosted trees of three libraries, tuned by Optuna, for `benchmarks.tabular`."""

import time

import numpy as np

from .tables import error, inner_folds, with_missing_levels

MAX_LEVELS = 255
"""The most levels of a category that HistGradientBoosting takes."""


class Trees:
    """The base of boosted trees that Optuna tunes: the models of the folds of the best trial predict their mean.

    The first trial has the library's defaults. One that is not finished when the time is over does not count.
    """

    defaults = {}  # noqa: RUF012 (it is replaced as a whole)

    def fit(self, problem, budget):
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        deadline = time.perf_counter() + budget.seconds
        study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=0))
        study.enqueue_trial(self.defaults)
        folds = [(problem.rows(rows), problem.rows(held_out)) for rows, held_out in inner_folds(problem)]
        best = np.inf
        self.details = {"configurations": 0}
        while not self.details["configurations"] or time.perf_counter() < deadline:
            trial = study.ask()
            parameters = self.suggested(trial)
            models, errors = [], []
            for training, held_out in folds:
                models.append(self.fit_one(training, held_out, parameters, budget.threads))
                errors.append(error(held_out, _outputs(models[-1], held_out.X, problem.is_classes)))
                if time.perf_counter() > deadline and self.details["configurations"]:
                    break
            if len(models) < len(folds):
                break
            study.tell(trial, np.mean(errors))
            self.details["configurations"] += 1
            if np.mean(errors) < best:
                best, self.models = np.mean(errors), models
        self.is_classes = problem.is_classes

    def predict(self, X):
        return np.mean([_outputs(model, X, self.is_classes) for model in self.models], axis=0)


def _outputs(model, X, is_classes):
    return model.predict_proba(X) if is_classes else model.predict(X)


class HistGradientBoosting(Trees):
    """scikit-learn's HistGradientBoosting."""

    defaults = {"rate": 0.1, "leaves": 31, "smallest": 20, "l2": 1e-3, "features": 1.0}  # noqa: RUF012

    def prepare(self, problem):
        import optuna  # noqa: F401 (that it is imported)
        import sklearn.ensemble  # noqa: F401

    def fit(self, problem, budget):
        super().fit(problem._replace(X=self._few_levels(problem.X)), budget)

    def predict(self, X):
        return super().predict(self._few_levels(X))

    def _few_levels(self, X):
        """Return inputs whose categories of more than 255 levels, which are refused, are numbers."""
        many = [name for name in X.select_dtypes("category") if len(X[name].cat.categories) > MAX_LEVELS]
        return X.assign(**{name: X[name].cat.codes.astype(float) for name in many})

    def suggested(self, trial):
        return {
            "learning_rate": trial.suggest_float("rate", 0.01, 0.3, log=True),
            "max_leaf_nodes": trial.suggest_int("leaves", 4, 128, log=True),
            "min_samples_leaf": trial.suggest_int("smallest", 3, 60, log=True),
            "l2_regularization": trial.suggest_float("l2", 1e-3, 10, log=True),
            "max_features": trial.suggest_float("features", 0.4, 1),
        }

    def fit_one(self, training, held_out, parameters, threads):
        import threadpoolctl
        from sklearn import ensemble

        kind = "HistGradientBoostingClassifier" if training.is_classes else "HistGradientBoostingRegressor"
        model = getattr(ensemble, kind)(
            max_iter=1000, early_stopping=True, n_iter_no_change=30, random_state=0, **parameters
        )
        with threadpoolctl.threadpool_limits(threads):
            return model.fit(training.X, training.y, X_val=held_out.X, y_val=held_out.y)


class LightGBM(Trees):
    """LightGBM."""

    defaults = {  # noqa: RUF012
        "rate": 0.1, "leaves": 31, "smallest": 20, "features": 1.0, "rows": 1.0, "l2": 1e-3
    }  # fmt: skip

    def prepare(self, problem):
        import lightgbm  # noqa: F401 (that it is imported)
        import optuna  # noqa: F401

    def suggested(self, trial):
        return {
            "learning_rate": trial.suggest_float("rate", 0.01, 0.3, log=True),
            "num_leaves": trial.suggest_int("leaves", 4, 128, log=True),
            "min_child_samples": trial.suggest_int("smallest", 3, 60, log=True),
            "colsample_bytree": trial.suggest_float("features", 0.4, 1),
            "subsample": trial.suggest_float("rows", 0.5, 1),
            "reg_lambda": trial.suggest_float("l2", 1e-3, 10, log=True),
        }

    def fit_one(self, training, held_out, parameters, threads):
        import lightgbm

        kind = lightgbm.LGBMClassifier if training.is_classes else lightgbm.LGBMRegressor
        model = kind(n_estimators=1000, subsample_freq=1, n_jobs=threads, random_state=0, verbosity=-1, **parameters)
        stopping = lightgbm.early_stopping(30, verbose=False)
        return model.fit(training.X, training.y, eval_set=[(held_out.X, held_out.y)], callbacks=[stopping])


class CatBoost(Trees):
    """CatBoost."""

    defaults = {"rate": 0.05, "depth": 6, "l2": 3.0, "strength": 1.0}  # noqa: RUF012

    def prepare(self, problem):
        import catboost  # noqa: F401 (that it is imported)
        import optuna  # noqa: F401

    def fit(self, problem, budget):
        super().fit(problem._replace(X=with_missing_levels(problem.X)), budget)

    def predict(self, X):
        return super().predict(with_missing_levels(X))

    def suggested(self, trial):
        return {
            "learning_rate": trial.suggest_float("rate", 0.01, 0.3, log=True),
            "depth": trial.suggest_int("depth", 3, 8),
            "l2_leaf_reg": trial.suggest_float("l2", 0.5, 20, log=True),
            "random_strength": trial.suggest_float("strength", 0.1, 5, log=True),
        }

    def fit_one(self, training, held_out, parameters, threads):
        import catboost

        kind = catboost.CatBoostClassifier if training.is_classes else catboost.CatBoostRegressor
        model = kind(
            iterations=1000,
            early_stopping_rounds=30,
            cat_features=list(training.X.select_dtypes("category").columns),
            thread_count=threads,
            random_seed=0,
            verbose=False,
            allow_writing_files=False,
            **parameters,
        )
        return model.fit(training.X, training.y, eval_set=(held_out.X, held_out.y))
