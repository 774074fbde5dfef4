"""The backpropagation exercise that fastprop grew from: one step of a 2-2-1 sigmoid network, with every value in it."""

from typing import NamedTuple

import numpy as np

from fastprop import reference
from fastprop.options import SGD

X = np.array([[0.5, 0.3]])
"""The inputs of the one row, (1, 2)."""

TARGET = np.array([[0.7]])
"""The target of the row, (1, 1)."""

LEARNING_RATE = 0.1
"""The learning rate of the one step."""


class Line(NamedTuple):
    """A value of the exercise."""

    name: str  # the formula, such as "z1 = x W1 + b1"
    value: np.ndarray  # (n,) float64
    printed: str = ""  # the digits that the original document printed, if any


def network():
    """Return the exercise's network, a `reference.Network`."""
    weights = [np.array([[0.2, 0.4], [0.1, 0.3]]), np.array([[0.5], [0.6]])]
    return reference.Network(weights, [np.array([0.1, 0.2]), np.array([0.1])])


def lines():
    """Compute the exercise: forward pass, loss, gradients, and one step of gradient descent.

    Returns
    -------
    list of Line
        The gradients that the original document printed agree to 4e-8. Its updated parameters do not: they come from
        a notebook whose cells ran out of order, so that the step began from weights that had been changed before.
    """
    net = network()
    _, (z_1, a_1), (z_2, a_2) = reference.forward(net, X)
    dW, db = reference.gradients(net, X, TARGET, "mse")
    result = [
        Line("x", X[0]),
        Line("z1 = x W1 + b1", z_1[0]),
        Line("a1 = sigmoid(z1)", a_1[0], "0.55724785 0.62010643"),
        Line("z2 = a1 W2 + b2", z_2[0]),
        Line("a2 = sigmoid(z2)", a_2[0], "0.67932855"),
        Line("loss = (a2 - t)²", (a_2 - TARGET)[0] ** 2, "0.00042731"),
        Line("dloss/da2", 2 * (a_2 - TARGET)[0], "-0.04134291"),
        Line("dloss/dW2", dW[1].ravel(), "-0.00501868 -0.0055848"),
        Line("dloss/db2", db[1]),
        Line("dloss/da1", (db[1] @ net.weights[1].T), "-0.00450314 -0.00540377"),
        Line("dloss/dW1", dW[0].ravel(), "-0.00055551 -0.00063649 -0.00033331 -0.0003819"),
        Line("dloss/db1", db[0]),
    ]
    reference.step(net, X, TARGET, "mse", SGD(LEARNING_RATE), {})
    return [
        *result,
        Line("W1 after the step", net.weights[0].ravel(), "0.20005613 0.40006431 0.10003368 0.30003858"),
        Line("W2 after the step", net.weights[1].ravel(), "0.50050706 0.60056425"),
        Line("b1 after the step", net.biases[0], "0.10011357 0.20012976"),
        Line("b2 after the step", net.biases[1], "0.10090993"),
    ]
