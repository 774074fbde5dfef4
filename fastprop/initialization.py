"""Initial weights, drawn by one of several named rules. Biases start at zero.

- ``glorot_uniform``, ``glorot_normal``: variance 2 / (n_in + n_out). Glorot and Bengio, AISTATS 2010.
- ``he_uniform``, ``he_normal``: variance gain² / n_in. He, Zhang, Ren and Sun, ICCV 2015.
- ``lecun_uniform``, ``lecun_normal``: variance 1 / n_in. LeCun, Bottou, Orr and Müller, "Efficient BackProp", 1998.
- ``orthogonal``: orthonormal columns, or rows. Saxe, McClelland and Ganguli, ICLR 2014.

A layer whose initialization is not named has that of its activation's row in `reference.ACTIVATIONS`.
"""

import numpy as np

from fastprop.reference.activations import ACTIVATIONS


def initial_weights(random, n_in, n_out, activation, name=None):
    """Draw the weights of a layer.

    Parameters
    ----------
    random : numpy.random.Generator
        It draws the weights.
    n_in, n_out : int
        Inputs and outputs of the layer.
    activation : str
        The layer's activation. Its row says which initialization it has where none is named, and the gain of
        ``he_uniform`` and ``he_normal``, √(2 / (1 + negative_slope²)), as ``torch.nn.init.calculate_gain``.
    name : str, optional
        One of `INITIALIZATIONS`.

    Returns
    -------
    ndarray
        (n_in, n_out) float64.

    Raises
    ------
    KeyError
        If there is no such initialization.

    Examples
    --------
    >>> import numpy as np
    >>> from fastprop.initialization import initial_weights
    >>> bool(np.abs(initial_weights(np.random.default_rng(0), 3, 3, "tanh")).max() < 1)
    True
    """
    row = ACTIVATIONS[activation]
    return INITIALIZATIONS[name or row.initialization](random, n_in, n_out, row)


# ---- the limit of a uniform distribution: √(3 variance) ----


def _glorot(n_in, n_out, row):
    return np.sqrt(6 / (n_in + n_out))


def _he(n_in, n_out, row):
    return np.sqrt(6 / (1 + row.negative_slope**2) / n_in)


def _lecun(n_in, n_out, row):
    return np.sqrt(3 / n_in)


def _uniform(limit):
    def draw(random, n_in, n_out, row):
        maximum = limit(n_in, n_out, row)
        return random.uniform(-maximum, maximum, (n_in, n_out))

    return draw


def _normal(limit):
    # A uniform distribution up to ± limit has the variance limit² / 3, and the normal distribution has the same.
    def draw(random, n_in, n_out, row):
        return random.normal(0, limit(n_in, n_out, row) / np.sqrt(3), (n_in, n_out))

    return draw


def _orthogonal(random, n_in, n_out, row):
    q, r = np.linalg.qr(random.normal(size=(max(n_in, n_out), min(n_in, n_out))))
    q = q * np.sign(np.diagonal(r))  # so that all orthogonal matrices are equally likely
    return q if n_in >= n_out else q.T


INITIALIZATIONS = {
    "glorot_uniform": _uniform(_glorot),
    "glorot_normal": _normal(_glorot),
    "he_uniform": _uniform(_he),
    "he_normal": _normal(_he),
    "lecun_uniform": _uniform(_lecun),
    "lecun_normal": _normal(_lecun),
    "orthogonal": _orthogonal,
}
"""By name, functions of a generator, the number of inputs, the number of outputs, and the activation's table row."""
