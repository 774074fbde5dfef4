"""Compares `SweepCV` with `GridSearchCV`: the same search on the handwritten digits.

    python -m benchmarks.sweep_cv

The lines of the table are scikit-learn's `GridSearchCV` over its own `MLPClassifier`, the same over that of fastprop,
and `SweepCV` over that of fastprop. Each searches 16 configurations on 5 folds and fits the best one on all rows, on
all cores. Kernels are compiled before.
"""

import time
import warnings

import numpy as np

import fastprop

GRID = {"learning_rate_init": np.geomspace(3e-4, 3e-2, 8).tolist(), "hidden_layer_sizes": [(32,), (64,)]}
GIVEN = {"max_iter": 20, "early_stopping": False, "random_state": 0}


def searches():
    """Return by name a function of a grid that returns a search."""
    from sklearn.model_selection import GridSearchCV
    from sklearn.neural_network import MLPClassifier

    from fastprop.estimators import MLPClassifier as FastMLPClassifier
    from fastprop.estimators import SweepCV

    return {
        "GridSearchCV, scikit-learn's": lambda grid: GridSearchCV(MLPClassifier(**GIVEN), grid, cv=5, n_jobs=-1),
        "GridSearchCV, fastprop's": lambda grid: GridSearchCV(FastMLPClassifier(**GIVEN, threads=1), grid, cv=5),
        "SweepCV, fastprop's": lambda grid: SweepCV(FastMLPClassifier(**GIVEN), grid, cv=5),
    }


def main():
    """Print a line for each search."""
    from sklearn.exceptions import ConvergenceWarning

    X, y = fastprop.datasets.digits()
    print("| search | seconds | best score | best parameters |\n|---|---|---|---|")
    for name, search in searches().items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            search({each: values[:2] for each, values in GRID.items()}).fit(X, y)
            begin = time.perf_counter()
            found = search(GRID).fit(X, y)
        seconds = time.perf_counter() - begin
        print(f"| {name} | {seconds:.2f} | {found.best_score_:.4f} | {found.best_params_} |")


if __name__ == "__main__":
    main()
