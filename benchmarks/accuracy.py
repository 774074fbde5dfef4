"""asv suite: the error of the kernels' results, in units of the rounding error of their dtype."""

import functools

import numpy as np

import fastprop as fp
from fastprop.kernels import compiler, functions
from fastprop.kernels.load_store import lanes, load, store

from .cases import SHAPES

DTYPES = ["float32", "float64"]


class Training:
    """Compares two epochs with those of the reference."""

    params = (list(map(str, SHAPES)), DTYPES)
    param_names = ("shape", "dtype")
    unit = "ε, relative to the largest parameter"

    def setup(self, name, dtype):
        (shape,) = (shape for shape in SHAPES if str(shape) == name)
        random = np.random.default_rng(0)
        X = random.normal(size=(shape.rows, shape.layer_sizes[0])).astype(dtype)
        y = random.random((shape.rows, shape.layer_sizes[-1])).astype(dtype)
        self.network = fp.MLP(shape.layer_sizes, dtype=dtype)
        self.expected = self.network.copy()
        for network, backend in (self.network, "kernels"), (self.expected, "reference"):
            options = {"epochs": 2, "batch_size": shape.batch_size, "loss": "mse", "backend": backend}
            assert fp.train(network, X, y, **options).stopped == "finished"

    def track_largest_difference(self, name, dtype):
        actual, expected = self.network.parameters, self.expected.parameters
        return round(float(np.abs(actual - expected).max() / np.abs(expected).max() / np.finfo(dtype).eps), 2)


EXACT = {
    functions.exp: np.exp,
    functions.log: np.log,
    functions.log1p: np.log1p,
    functions.sigmoid: lambda x: 1 / (1 + np.exp(-x)),
    functions.tanh: np.tanh,
}
"""For each function of vectors, the exact function, in any precision."""


def domain(function, dtype):
    """Return arguments from the whole range in which kernels call the function, many where errors matter most."""
    random = np.random.default_rng(0)
    count = 2**16
    limit = {"float32": 87, "float64": 708}[dtype]
    wide = random.uniform(-limit, limit, count)
    arguments = {
        functions.log: [np.exp(wide), random.uniform(0.5, 2, count)],
        functions.log1p: [np.exp(-np.abs(wide)), random.random(count)],
        functions.tanh: [random.uniform(-10, 10, count), random.normal(size=count)],
    }
    return np.concatenate(arguments.get(function, [wide, random.normal(size=count)])).astype(dtype)


def units_in_the_last_place(function, x):
    """Return the distance of the function of each element from the exact value."""

    @functools.partial(compiler.kernel, cached=False)
    def run(x, y):
        for i in range(0, len(x), lanes(x)):
            store(y, i, function(load(x, i)))

    y = np.empty_like(x)
    exact = EXACT[function](x.astype(np.longdouble))
    run(x, y)
    return np.abs(y - exact) / np.spacing(np.abs(exact).astype(x.dtype))


class Functions:
    """Measures the worst of 131,072 arguments from the range in which kernels call a function."""

    params = ([function.__name__ for function in EXACT], DTYPES)
    param_names = ("function", "dtype")
    unit = "units in the last place"

    def setup(self, name, dtype):
        if np.finfo(np.longdouble).eps > 1e-18:
            raise NotImplementedError("long double is no longer than float64 here")

    def track_largest_error(self, name, dtype):
        (function,) = (function for function in EXACT if function.__name__ == name)
        return round(float(units_in_the_last_place(function, domain(function, dtype)).max()), 2)
