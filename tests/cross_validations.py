"""Cross-validations that several files of tests sweep with."""

import numpy as np

import fastprop as fp
from tests.problems import three_classes

RANDOM = np.random.default_rng(0)
X, LABELS = three_classes()
NUMBERS = X @ RANDOM.normal(size=(4, 2)) + 0.1 * RANDOM.normal(size=(90, 2))
SIZES = {"labels": (4, 6, 3), "numbers": (4, 6, 2)}
TARGETS = {"labels": LABELS, "numbers": NUMBERS}
RATES = {"learning_rate": [0.05, 0.5]}


def shuffled_folds(count):
    return [(np.sort(rows[30 // count :]), np.sort(rows[: 30 // count])) for rows in (RANDOM.permutation(90),) * count]


PAIRS = shuffled_folds(3)


def sweep(grid=RATES, task="labels", **options):
    options = {"epochs": 4, "cv": 3, **options}
    return fp.sweep(SIZES[task], X, TARGETS[task], grid, **options)
