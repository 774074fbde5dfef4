"""Contestants in an Optuna study over learning rates and momenta: scikit-learn's networks, and a sweep of fastprop.

Both ask the same sampler for the same number of trials, and hold out the same rows. With scikit-learn, each thread
tells the result of a trial before it asks for the next one; a sweep tells the results of each batch.
"""

import itertools

import numpy as np

from .contestants import Contestant, UnequalWorkError
from .grid_search import MARGIN, make_classifier

AT_ONCE = 32
"""Trials in a batch of the sweep."""


class Study(Contestant):
    """The base of both: an epoch is one study, which leaves the accuracy of its best trial in `best`."""

    def prepare(self, workload, data, weights, threads):
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self.workload = workload
        self.data = data
        self.threads = threads
        self.optuna = optuna
        self.held_out = np.arange(len(data[0])) % 5 == 0

    def epochs(self, n, shuffle=True):
        for _ in range(n):
            study = self.optuna.create_study(direction="maximize", sampler=self.optuna.samplers.TPESampler(seed=0))
            self.search(study)
            self.best = study.best_value


class Fastprop(Study):
    """fastprop: a `sweep` whose configurations the study chooses."""

    name = "fastprop"

    def prepare(self, *arguments):
        import fastprop

        super().prepare(*arguments)
        self.library = fastprop

    def search(self, study):
        library, workload, (X, y) = self.library, self.workload, self.data
        library.sweep(
            workload.layer_sizes,
            X[~self.held_out],
            y[~self.held_out],
            {"learning_rate": library.loguniform(1e-3, 1), "momentum": library.uniform(0, 0.99)},
            samples=workload.trials,
            search=library.OptunaSearch(study, at_once=AT_ONCE),
            epochs=workload.search_epochs,
            batch_size=workload.batch_size,
            loss=workload.loss,
            optimizer=library.SGD(),
            validation=(X[self.held_out], y[self.held_out]),
            score="accuracy",
            keep=0,
            threads=self.threads,
        )


class ScikitLearn(Study):
    """Optuna with scikit-learn, as in Optuna's manual: a trial fits an MLPClassifier, on as many threads as given."""

    name = "scikit-learn"

    def prepare(self, *arguments):
        import sklearn  # noqa: F401 (that it is there)

        super().prepare(*arguments)

    def search(self, study):
        import warnings

        from sklearn.exceptions import ConvergenceWarning

        (X, y), held_out = self.data, self.held_out

        def objective(trial):
            classifier = make_classifier(self.workload).set_params(
                learning_rate_init=trial.suggest_float("learning_rate", 1e-3, 1, log=True),
                momentum=trial.suggest_float("momentum", 0, 0.99),
            )
            return classifier.fit(X[~held_out], y[~held_out]).score(X[held_out], y[held_out])

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            study.optimize(objective, n_trials=self.workload.trials, n_jobs=self.threads)


def check_equal_work(workload, contestants):
    """Raise `UnequalWorkError` if the best accuracies of two differ."""
    for one, other in itertools.combinations(contestants, 2):
        if abs(one.best - other.best) > MARGIN:
            raise UnequalWorkError(
                f"{workload.name}: the best accuracy of {one.name} is {one.best:.3f} and of {other.name} "
                f"{other.best:.3f}; expected a difference of {MARGIN} at most"
            )


CONTESTANTS = {contestant.name: contestant for contestant in (Fastprop(), ScikitLearn())}
