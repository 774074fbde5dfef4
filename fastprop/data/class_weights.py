"""Weights of classes, as weights of rows."""

from collections.abc import Mapping

import numpy as np

from fastprop import checks


def row_weights(class_weight, y, sample_weight=None):
    """Return the weight of each row, (n,): that in `sample_weight`, if given, times that of its class.

    Parameters
    ----------
    class_weight : None, mapping or "balanced"
        A mapping of label to weight; labels that it does not name weigh 1. "balanced" weighs a class by
        rows / (classes · rows of the class), so that all classes count alike, as in scikit-learn.
    y : array_like
        (n,) whole-number labels.
    sample_weight : array_like, optional
        (n,); returned as it is if `class_weight` is None.

    Examples
    --------
    >>> from fastprop.data import row_weights
    >>> row_weights({1: 3}, [0, 1, 1])
    array([1., 3., 3.])
    >>> row_weights("balanced", [0, 1, 1])
    array([1.5 , 0.75, 0.75])
    """
    if class_weight is None:
        return sample_weight
    y = checks.class_labels(class_weight, y)
    labels, class_index, counts = np.unique(y, return_inverse=True, return_counts=True)
    if isinstance(class_weight, Mapping):
        weights = checks.class_weights(class_weight, labels.tolist())
    else:
        weights = len(y) / (len(labels) * counts)
    weights = weights[class_index.reshape(-1)]
    if sample_weight is None:
        return weights
    return weights * checks.row_weights(sample_weight, len(weights), np.float64)
