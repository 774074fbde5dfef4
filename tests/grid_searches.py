"""Searches over grids on iris that several files of tests compare with those of scikit-learn."""

import numpy as np
from sklearn.datasets import load_iris

from fastprop.estimators import MLPClassifier

X, CLASSES = load_iris(return_X_y=True)
NAMES = np.array(["setosa", "versicolor", "virginica"])[CLASSES]
CLASSIFIER = MLPClassifier((5,), max_iter=6, random_state=0)
