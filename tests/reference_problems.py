"""Small problems on the reference, and its gradients against calculus."""

import numpy as np

from fastprop import checks, reference
from tests.compare import assert_close


def make_network(output, hidden="sigmoid", layer_sizes=(4, 6, 5, 3)):
    random = np.random.default_rng(1)
    weights = [random.normal(size=sizes) for sizes in zip(layer_sizes[:-1], layer_sizes[1:])]
    return reference.Network(weights, [random.normal(size=W.shape[1]) for W in weights], hidden, output)


def make_data(loss, targets="numbers", rows=7):
    random = np.random.default_rng(2)
    X, y = random.normal(size=(rows, 4)), random.random((rows, 3))
    if targets == "labels":
        return X, y.argmax(axis=1)
    return X, y / y.sum(axis=1, keepdims=True) if checks.loss_name(loss) == "cross_entropy" else y


def difference_quotient(function, array, index, width):
    """Return the central difference of `function` with respect to one element of `array`."""
    middle = array[index]
    array[index] = middle + width
    above = function()
    array[index] = middle - width
    below = function()
    array[index] = middle
    return (above - below) / (2 * width)


def assert_gradients_are_slopes(network, X, y, *arguments):
    """Fail unless gradients equal central differences; `arguments` are those of `reference.loss` after X and y."""
    dW, db = reference.gradients(network, X, y, *arguments)
    # A difference over 2h errs by about h² (the curve) and ε / h (rounding): both are least near h = ∛ε.
    h = np.finfo(np.float64).eps ** (1 / 3)
    for array_index, (array, gradient) in enumerate(zip(network.arrays, dW + db)):
        slopes = [
            difference_quotient(lambda: reference.loss(network, X, y, *arguments), array, index, h)
            for index in np.ndindex(array.shape)
        ]
        # the error is h² times third derivatives, which grow with the loss
        scale = max(1, reference.loss(network, X, y, *arguments))
        assert_close(gradient, np.reshape(slopes, array.shape), 8 * scale * h**2, f"gradient {array_index}")
