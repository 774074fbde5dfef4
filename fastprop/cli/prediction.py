"""The command ``fastprop predict``: what a saved network predicts for the rows of a table."""

import csv
import io
import sys

import fastprop as fp
from fastprop import atomic_files
from fastprop.cli import outputs

ROWS = 10_000
"""Rows that are predicted and written at a time."""


def predict(options):
    """Run ``fastprop predict``."""
    outputs.check(options)
    network = fp.load(options.network)
    X = _inputs(options.data, network)
    if options.output is None:
        _write(sys.stdout, network, X)
        return 0
    with atomic_files.replacing(options.output, "file of predictions") as file:
        text = io.TextIOWrapper(file, "utf-8", newline="")
        _write(text, network, X)
        text.detach()  # it writes what it holds, and leaves the file open
    print(f"predictions: {options.output} ({len(X)} rows)")
    return 0


def _inputs(data, network):
    """Return the inputs of the network from the data that is named."""
    if data == "digits":
        X, _ = fp.datasets.digits()
        return X
    return fp.datasets.read_inputs(data, network.feature_names)


def _write(file, network, X):
    """Write predictions as CSV, a block of rows at a time."""
    writer = csv.writer(file, lineterminator="\n")
    for first in range(0, len(X), ROWS):
        predicted = network.predict(X[first : first + ROWS])
        if first == 0:
            writer.writerow(_header(network))
        writer.writerows(_cells(network, predicted))


def _header(network):
    """Return the names of the columns of predictions."""
    kind = "probability" if network.output in ("softmax", "sigmoid") else "output"
    if network.class_names is None:
        count = network.layer_sizes[-1]
        return ["prediction"] if count == 1 else [f"{kind}_{index + 1}" for index in range(count)]
    names = network.class_names if network.layer_sizes[-1] > 1 else network.class_names[1:]
    return ["prediction", *(f"{kind}_{name}" for name in names)]


def _cells(network, predicted):
    """Yield the cells of each row of outputs (n, outputs): the name of its class, if there are classes, and numbers."""
    classes = predicted.argmax(axis=1) if predicted.shape[1] > 1 else (predicted[:, 0] > 0.5).astype(int)
    for label, numbers in zip(classes.tolist(), predicted):
        name = [] if network.class_names is None else [network.class_names[label]]
        yield name + [str(number) for number in numbers]  # as many digits as its dtype has
