"""A search for hyperparameters, by draws or by a study of Optuna, that several files of tests try."""

import pytest

import fastprop as fp
from tests.problems import three_classes

X, LABELS = three_classes()
SIZES = (4, 6, 3)
GRID = {"learning_rate": fp.loguniform(1e-3, 1), "momentum": fp.uniform(0, 0.9), "batch_size": [8, 16]}


def sweep(grid=GRID, network=SIZES, **options):
    return fp.sweep(network, X, LABELS, grid, **{"epochs": 2, "validation": 0.2, **options})


@pytest.fixture
def imported_optuna():
    """Give a test Optuna, without which it is skipped."""
    optuna = pytest.importorskip("optuna")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna


def new_study(optuna, sampler=None, **options):
    return optuna.create_study(sampler=sampler or optuna.samplers.TPESampler(seed=0), **options)
