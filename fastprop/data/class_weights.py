"""Weights of classes."""

import numpy as np

from fastprop import checks
from fastprop.data.dataset import scaled_weights


def weighted(data, class_weight, name="y"):
    """Return a data set whose rows weigh as much as before times the weight of their class.

    Parameters
    ----------
    data : Dataset
    class_weight : None, "balanced", mapping or array_like
        See `train`. None and "balanced" change nothing: see `balanced`.
    name : str
        The name of y in messages.

    Examples
    --------
    >>> import fastprop as fp
    >>> from fastprop.data import Dataset, weighted
    >>> data = Dataset.of([[0.5], [1.0], [2.0]], [0, 1, 1], fp.MLP((1, 2), output="softmax"), "cross_entropy")
    >>> weighted(data, {1: 3}).weights
    array([1., 3., 3.])
    """
    if class_weight is None:
        return data
    weights = checks.class_weights(class_weight, data.task, name)
    return data if weights is None else _times(data, weights)


def balanced(split):
    """Return a `Split` in which all classes have the same total weight, as far as rows weighed the same before.

    A class weighs rows / (classes · rows of the class), of the rows that are trained on, as in scikit-learn. Rows that
    are held out have the weights of their classes, too.

    Examples
    --------
    >>> import fastprop as fp
    >>> from fastprop.data import Dataset, Split, balanced
    >>> network = fp.MLP((1, 2), output="softmax")
    >>> data = Dataset.of([[0.5], [1.0], [2.0]], [0, 1, 1], network, "cross_entropy")
    >>> balanced(Split.of(None, data, network, "cross_entropy")).data.weights
    array([1.5 , 0.75, 0.75])
    """
    counts = np.bincount(split.data.classes(split.rows), minlength=split.data.task.class_count)
    weights = np.ones(len(counts))
    is_there = counts > 0
    weights[is_there] = len(split.rows) / (is_there.sum() * counts[is_there])
    data = _times(split.data, weights)
    return split._replace(data=data, held_out=data if split.held_out is split.data else _times(split.held_out, weights))


def _times(data, class_weights):
    weights = class_weights[data.task.classes(data.given)]
    if len(data.weights):
        weights = weights * data.weights
    checks.not_all_zero(weights, "class_weight")
    return data._replace(weights=scaled_weights(weights))
