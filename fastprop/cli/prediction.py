"""The commands ``fastprop predict`` and ``fastprop evaluate``: what a saved network makes of the rows of a table."""

import csv
import io
import sys

import numpy as np

import fastprop as fp
from fastprop import checks, files, metrics
from fastprop.cli import outputs
from fastprop.cli.saved_network import is_table_model, networks_of, pinball_of_model
from fastprop.integrations.arrow_columns import word_of
from fastprop.metrics.perfect_outputs import why_undefined
from fastprop.tabular import Choice, Table, sources
from fastprop.tabular.model import classes
from fastprop.task import Task

ROWS = 10_000
"""Rows that are predicted and written at a time."""


def predict(options):
    """Run ``fastprop predict``."""
    outputs.check(options)
    model = fp.load(options.network)
    columns = _columns(model, options)
    X = _inputs(model, options.data)
    if options.output is None:
        with files.naming(options.data):
            _write(sys.stdout, columns, X)
        return 0
    with files.naming(options.data), files.replacing(options.output, "file of predictions") as file:
        text = io.TextIOWrapper(file, "utf-8", newline="")
        _write(text, columns, X)
        text.detach()  # it writes what it holds, and leaves the file open
    print(f"predictions: {options.output} ({len(X)} rows)")
    return 0


def evaluate(options):
    """Run ``fastprop evaluate``."""
    model = fp.load(options.network)
    network = networks_of(model)[0]
    X = _inputs(model, options.data)
    y = _answers(model, options)
    n_out = network.layer_sizes[-1]
    with files.naming(options.data):
        if len(y) != len(X) or (y.ndim > 1 and y.shape[1] != n_out):
            raise ValueError(
                f"X has {len(X)} rows and the network {n_out} outputs, but y has the shape {y.shape}: give a row of "
                "targets for each row of X, and a target for each output or a class."
            )
        task = Task.of(y, n_out, network.output, checks.loss(pinball_of_model(model), network.output, n_out))
        predicted = _outputs(model, X)
    fitting = [score.name for score in metrics.SCORES.values() if score.fits(task)]
    print(f"rows {len(X)}")
    for name in [options.score] if options.score else fitting:
        score = metrics.chosen(name, "score", task)
        if options.score or not why_undefined(score, task, y, "the table"):
            print(f"{score.name} {metrics.measure(score, predicted, y).value:.6g}")
    return 0


def _inputs(model, data):
    """Return the inputs for a model from the data that is named."""
    if data == "digits":
        data, _ = fp.datasets.digits()
        return model.inputs(data) if is_table_model(model) else data
    if is_table_model(model):
        return model.inputs(data)
    if sources.is_array_file(data):
        with files.naming(data):
            return sources.read_array(data, networks_of(model)[0].layer_sizes[0])
    return fp.datasets.read_inputs(data, model.feature_names)


def _outputs(model, X):
    """Return the outputs (n, outputs) of a model for rows of its inputs; quantiles are sorted."""
    outputs = model.outputs_of(X) if is_table_model(model) else model.predict(X)
    return outputs if pinball_of_model(model) is None else np.sort(outputs, axis=1)


def _answers(model, options):
    """Return the targets of the data that is named as the model is measured against them, (n,) or (n, outputs)."""
    if options.data == "digits":
        return fp.datasets.digits()[1]
    target = options.target or getattr(model, "target_name", None)
    features = model.columns[:1] if is_table_model(model) else model.feature_names
    if sources.is_array_file(options.data):
        features = None
    elif target is not None and target not in sources.column_names(options.data):
        raise ValueError(
            f"{options.data} has no column {target!r}, the target, with which predictions are compared: give a table "
            "with it, name another by --target, or run fastprop predict."
        )
    with files.naming(options.data):
        found = sources.read(options.data, Choice(target, features=features))
        y, names = (found.y, found.class_names) if isinstance(found, Table) else found.answers()
    if model.class_names is None or y.ndim > 1:
        return y
    words = [names[label] for label in y] if names is not None else [word_of(float(label)) for label in y]
    class_of_word = {name: index for index, name in enumerate(model.class_names)}
    for row, word in enumerate(words):
        if word not in class_of_word:
            known = ", ".join(model.class_names[:10])
            column = f", column {target!r}" if target else ""
            raise ValueError(
                f"{options.data} has {word!r} as the target of row {row}{column}, but the model knows only {known}: "
                "remove it."
            )
    return np.array([class_of_word[word] for word in words])


def _columns(model, options):
    """Return the columns that are written: for each block of these the names, and the cells of rows of inputs."""
    columns = [(_header(model), lambda X: _cells(model, _outputs(model, X)))]
    if not options.std and options.interval is None:
        return columns
    ensemble = model.ensemble if isinstance(model, fp.TableEnsemble) else model
    if not isinstance(ensemble, fp.Ensemble):
        raise ValueError(
            f"{checks.argument('std' if options.std else 'interval')} needs an ensemble, and {options.network} holds "
            "one network: save an ensemble by fastprop fit."
        )
    suffixes, dtype = _suffixes(model), networks_of(model)[0].dtype
    if options.interval is not None:
        bounds = model.intervals_of if is_table_model(model) else ensemble.predict_interval
        names = [f"{bound}{suffix}" for suffix in suffixes for bound in ("lower", "upper")]
        columns.append((names, lambda X: _texts(bounds(X, options.interval), dtype)))
    if options.std:
        std = model.std_of if is_table_model(model) else ensemble.predict_std
        columns.append(([f"std{suffix}" for suffix in suffixes], lambda X: _texts(std(X), dtype)))
    return columns


def _suffixes(model):
    """Return what the names of columns end in that each output has, (outputs,): nothing for one output."""
    count = networks_of(model)[0].layer_sizes[-1]
    if count == 1:
        return [""]
    return [f"_{name}" for name in model.class_names or range(1, count + 1)]


def _texts(numbers, dtype):
    """Return the cells of each row of `numbers`, (n, columns) or (n, n_out, 2), with as many digits as a dtype has."""
    return [[str(number) for number in row] for row in numbers.reshape(len(numbers), -1).astype(dtype)]


def _write(file, columns, X):
    """Write columns of predictions as CSV, a block of rows at a time."""
    writer = csv.writer(file, lineterminator="\n")
    for first in range(0, len(X), ROWS):
        blocks = [cells_of(X[first : first + ROWS]) for _, cells_of in columns]
        if first == 0:
            writer.writerow([name for names, _ in columns for name in names])
        writer.writerows([cell for cells in row for cell in cells] for row in zip(*blocks))


def _header(model):
    """Return the names of the columns of predictions."""
    network = networks_of(model)[0]
    kind = "probability" if network.output in ("softmax", "sigmoid") else "output"
    if (loss := pinball_of_model(model)) is not None:
        return [f"quantile_{quantile:g}" for quantile in loss.quantiles]
    if model.class_names is None:
        count = network.layer_sizes[-1]
        return ["prediction"] if count == 1 else [f"{kind}_{index + 1}" for index in range(count)]
    names = model.class_names if network.layer_sizes[-1] > 1 else model.class_names[1:]
    return ["prediction", *(f"{kind}_{name}" for name in names)]


def _cells(model, predicted):
    """Yield the cells of each row of outputs (n, outputs): the name of its class, if there are classes, and numbers."""
    for label, numbers in zip(classes(predicted).tolist(), _texts(predicted, predicted.dtype)):
        yield ([] if model.class_names is None else [model.class_names[label]]) + numbers
