"""A sweep that several files of tests halve."""

import numpy as np

import fastprop as fp
from tests.problems import three_classes

X, LABELS = three_classes()
SIZES = (4, 6, 3)
GRID = {"learning_rate": fp.geomspace(0.01, 2, 9), "seed": [0, 1, 2]}
EPOCHS = 9
NAN, INF = np.nan, np.inf


def sweep(grid=GRID, network=SIZES, **options):
    options = {"epochs": EPOCHS, "validation": 0.2, "keep": "all", **options}
    return fp.sweep(network, X, LABELS, grid, **options)
