"""The specification: training in plain NumPy, float64, to be read rather than run.

Everything that fastprop does fast is done here once, from the textbook, and every kernel is tested against it.
Weights are (n_in, n_out), a row of X is an example, and a layer is ``a = f(x @ W + b)``. It shares no code with
the kernels. It does not know: blocks, vectors, threads, float32.

Source: Rumelhart, Hinton and Williams, "Learning representations by back-propagating errors", Nature 323 (1986).
"""

from dataclasses import dataclass

import numpy as np


@dataclass
class Network:
    """Weights and biases in float64, and the names of the activations.

    `weights[l]` is (n_in, n_out), `biases[l]` is (n_out,).
    """

    weights: list
    biases: list
    hidden: str = "sigmoid"
    output: str = "sigmoid"

    @classmethod
    def of(cls, network):
        """Return a copy in float64 of anything that has these four attributes."""
        weights, biases = ([np.array(a, np.float64) for a in arrays] for arrays in (network.weights, network.biases))
        return cls(weights, biases, network.hidden, network.output)

    @property
    def activations(self):
        """The name of each layer's activation."""
        return [self.hidden] * (len(self.weights) - 1) + [self.output]


# ---- activations, and the product of a gradient with their derivative, from their output a ----


def sigmoid(z):
    """1 / (1 + e⁻ᶻ), with z held to ±708 so that nothing overflows."""
    return 1 / (1 + np.exp(-np.clip(z, -708, 708)))


def softmax(z):
    """eᶻ / Σ eᶻ over each row."""
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


ACTIVATIONS = {
    "identity": (lambda z: z, lambda a, g: g),
    "sigmoid": (sigmoid, lambda a, g: g * a * (1 - a)),
    "softmax": (softmax, lambda a, g: a * (g - (g * a).sum(axis=1, keepdims=True))),
    "tanh": (np.tanh, lambda a, g: g * (1 - a**2)),
}


# ---- losses: of each row (from z and a = f(z)), and the derivative with respect to z ----


def _mse(z, a, t, back):
    return ((a - t) ** 2).mean(axis=1), back(a, 2 * (a - t) / t.shape[1])


def _binary_cross_entropy(z, a, t, back):
    # -t log a - (1 - t) log(1 - a), from z so that it does not cancel
    return (np.maximum(z, 0) - z * t + np.log1p(np.exp(-np.abs(z)))).mean(axis=1), (a - t) / t.shape[1]


def _cross_entropy(z, a, t, back):
    # -Σ t log a, by log-sum-exp
    top = z.max(axis=1, keepdims=True)
    log_sum = top + np.log(np.exp(z - top).sum(axis=1, keepdims=True))
    return (t * (log_sum - z)).sum(axis=1), a - t


LOSSES = {"mse": _mse, "binary_cross_entropy": _binary_cross_entropy, "cross_entropy": _cross_entropy}


# ---- optimizers: what weight decay makes of w and g; and, from g and what was kept, what to subtract and to keep ----


def _decay_in_gradient(optimizer, w, g):
    return w, g + optimizer.weight_decay * w


def _sgd(optimizer, g, v=0.0):
    # v ← μ v + g; subtract η v, or with Nesterov η (g + μ v)
    v = optimizer.momentum * v + g
    return optimizer.learning_rate * (g + optimizer.momentum * v if optimizer.nesterov else v), v


def _adam(optimizer, g, t=0, m=0.0, v=0.0):
    # moving means of g and g², each freed of the zero it began with: Kingma and Ba, ICLR 2015
    t += 1
    m = optimizer.beta1 * m + (1 - optimizer.beta1) * g
    v = optimizer.beta2 * v + (1 - optimizer.beta2) * g**2
    step_size = optimizer.learning_rate / (1 - optimizer.beta1**t)
    return step_size * m / (np.sqrt(v) / np.sqrt(1 - optimizer.beta2**t) + optimizer.epsilon), t, m, v


OPTIMIZERS = {"SGD": (_decay_in_gradient, _sgd), "Adam": (_decay_in_gradient, _adam)}


# ---- one pass, one step, one run ----


def forward(network, X):
    """Return every layer's z and activations: ``[(None, X), (z, a), …]``, the last ``a`` being the prediction."""
    layers = [(None, np.asarray(X, np.float64))]
    for W, b, activation in zip(network.weights, network.biases, network.activations):
        z = layers[-1][1] @ W + b
        layers.append((z, ACTIVATIONS[activation][0](z)))
    return layers


def loss(network, X, y, kind, sample_weight=None):
    """Return the mean of the rows' losses; with weights, Σ wᵢ lossᵢ / Σ wᵢ. `kind` is a name in `LOSSES`."""
    rows, _ = _losses_and_delta(network, forward(network, X), y, kind)
    return np.average(rows, weights=sample_weight)


_mean_loss = loss  # for `train`, where a loss is a name


def gradients(network, X, y, kind, sample_weight=None):
    """Return dloss/dW and dloss/db of every layer, by backpropagation: two lists."""
    layers = forward(network, X)
    _, delta = _losses_and_delta(network, layers, y, kind)
    weight = np.ones(len(delta)) if sample_weight is None else np.asarray(sample_weight, np.float64)
    delta = delta * (weight / weight.sum())[:, None]
    dW, db = [], []
    for layer in range(len(network.weights) - 1, -1, -1):
        _, x = layers[layer]
        dW.insert(0, x.T @ delta)
        db.insert(0, delta.sum(axis=0))
        if layer > 0:
            _, through = ACTIVATIONS[network.hidden]
            delta = through(x, delta @ network.weights[layer].T)
    return dW, db


def _losses_and_delta(network, layers, y, kind):
    z, a = layers[-1]
    _, through = ACTIVATIONS[network.output]
    return LOSSES[kind](z, a, one_hot(y, a.shape[1]), through)


def step(network, X, y, kind, optimizer, state, sample_weight=None):
    """Do one step in place, with PyTorch's formulas.

    `optimizer` is an object with the name and the attributes of one in `fastprop.options`. `state` is a dict, empty
    before the first step, in which it keeps what it needs for the next: velocities, moments, the number of steps.
    """
    dW, db = gradients(network, X, y, kind, sample_weight)
    decay, rule = OPTIMIZERS[type(optimizer).__name__]
    for number, (w, g) in enumerate(zip(network.weights + network.biases, dW + db)):
        w[...], g = decay(optimizer, w, g)
        change, *state[number] = rule(optimizer, g, *state.get(number, ()))
        w -= change


@np.errstate(over="ignore", invalid="ignore")
def train(
    network,
    X,
    y,
    *,
    epochs,
    batch_size,
    loss,
    optimizer,
    validation=None,
    sample_weight=None,
    shuffle=True,
    seed=0,
    callback=lambda epoch, history: False,
):
    """Train in place; return training and validation loss of the epochs that were done, (2, epochs), NaN where unknown.

    `validation` is (X, y) or (X, y, sample_weight).
    The training loss of an epoch is the mean of what each row's loss was when its minibatch came up, before the step.
    A run whose loss or weights are no longer finite ends there; so does one whose callback returns true. An epoch whose
    training loss is not finite has no validation loss.
    """
    X, y = np.asarray(X, np.float64), np.asarray(y)
    weight = np.ones(len(X)) if sample_weight is None else np.asarray(sample_weight, np.float64)
    parameters = network.weights + network.biases
    state, history = {}, np.empty((2, 0))
    for epoch in range(epochs):
        order = row_order(len(X), seed, epoch) if shuffle else np.arange(len(X))
        total = 0.0
        for first in range(0, len(X), batch_size):
            rows = order[first : first + batch_size]
            total += weight[rows].sum() * _mean_loss(network, X[rows], y[rows], loss, weight[rows])
            step(network, X[rows], y[rows], loss, optimizer, state, weight[rows])
            if not np.isfinite(total):
                break
        measured = validation is not None and np.isfinite(total)
        validation_loss = _mean_loss(network, *validation[:2], loss, *validation[2:]) if measured else np.nan
        history = np.column_stack([history, [total / weight.sum(), validation_loss]])
        if not (np.isfinite(total) and all(np.isfinite(array).all() for array in parameters)):
            break
        if callback(epoch, history):
            break
    return history


# ---- targets and the order of rows ----


def one_hot(y, columns):
    """Return targets (n, columns): `y` itself, or, for integer labels (n,), 1 in the column of the label."""
    y = np.asarray(y)
    if y.ndim == 1 and columns > 1:
        return np.eye(columns)[y]
    return y.reshape(len(y), columns).astype(np.float64)


def row_order(rows, seed, epoch):
    """Return the order of the rows in an epoch: Fisher and Yates's shuffle, driven by SplitMix64.

    Source: Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.
    """
    golden, modulus = 0x9E3779B97F4A7C15, 2**64

    def mix(x):
        x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9 % modulus
        x = (x ^ (x >> 27)) * 0x94D049BB133111EB % modulus
        return x ^ (x >> 31)

    state = mix((mix((seed + golden) % modulus) + epoch) % modulus)
    order = list(range(rows))
    for i in range(rows - 1, 0, -1):
        state = (state + golden) % modulus
        j = (mix(state) >> 32) * (i + 1) >> 32  # the high 32 bits, scaled to 0 … i
        order[i], order[j] = order[j], order[i]
    return np.array(order)
