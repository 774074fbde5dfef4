"""Reads the data that a command names, says what its columns and its target are taken for, and makes the model."""

import csv
import hashlib
import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np

import fastprop as fp
from fastprop import checks, files
from fastprop.data import Dataset, ScaledTargets, Split, TargetScaling
from fastprop.data.target_scaling import POWERS
from fastprop.tabular import Choice, Encoder, Table, Targets, sources, targets_of
from fastprop.tabular.numeric_encodings import SEARCH, searched_names

SHOWN = 8
"""Columns of numbers whose names are printed."""


LISTS_OF_COLUMNS = "drop", "features", "categorical", "numeric"
"""Arguments that name columns of a table."""

HELD_OUT_SHARE = 0.2
"""The share of the rows that a sweep without a cross-validation holds out."""


class Problem(NamedTuple):
    """What a command trains on."""

    X: object  # (n, n_in): an array, or the `ColumnInputs` of a table
    targets: Targets
    encoder: Encoder | None  # of the columns of a table, fitted to the rows that are trained on
    scaling: TargetScaling | None  # of targets that are numbers, fitted likewise
    target_name: str
    data: dict  # name of the file, its checksum and its number of rows

    @property
    def y(self):
        """What a single network is trained on, (n,) or (n, outputs)."""
        return self.targets.y if self.scaling is None else self.scaling.scaled(self.targets.y)

    @property
    def y_of_folds(self):
        """What the networks of a sweep are trained on, which are scaled by the training rows of each fold."""
        return self.targets.y if self.scaling is None else ScaledTargets(self.targets.y)

    def layer_sizes(self, hidden):
        """Return the layer sizes of a network with these hidden layers."""
        return self.X.shape[1], *hidden, self.targets.task.outputs

    def network(self, hidden, activation, seed):
        """Return an untrained network with the output that fits the targets."""
        return fp.MLP(
            self.layer_sizes(hidden),
            hidden=activation,
            output=self.targets.task.output,
            dtype="float32" if self.scaling is None else self.scaling.dtype,
            seed=checks.seed(seed),
            class_names=self.targets.class_names,
        )

    def factor(self, loss=None):
        """By what a loss is multiplied to be in the unit of the targets; by default that which is trained on."""
        loss = checks.loss_name(loss or self.targets.task.loss)
        return 1.0 if self.scaling is None else self.scaling.loss_factor(loss)

    def factor_of_score(self, name):
        """By what a score that is measured by default is multiplied to be in the unit of the targets, if it has one."""
        return self.factor(name) if name in POWERS else 1.0

    def unscale(self, network):
        """Have a network that was trained on scaled targets answer in their own unit."""
        if self.scaling is not None:
            self.scaling.fold_into(network)

    def model(self, trained):
        """Return what is saved of a network that answers in the unit of the targets: it knows columns and classes."""
        network = trained.copy()
        network.class_names = self.targets.class_names
        network.training = (network.training or {}) | {"data": self.data}
        if self.encoder is None:
            return network
        network.feature_names = self.encoder.feature_names
        return fp.TableModel(network, self.encoder, self.target_name)

    def lines(self):
        """Return what the target and each column are taken for, as lines of text."""
        lines = [f"task: {self.targets.description}"]
        if self.encoder is None:
            return lines
        plain = [plan.name for plan in self.encoder.plans if plan.kind == "number" and not plan.has_missing]
        others = Encoder([plan for plan in self.encoder.plans if plan.name not in plain])
        if plain:
            more = f", … ({len(plain)} in all)" if len(plain) > SHOWN else ""
            encoding = next(plan for plan in self.encoder.plans if plan.name == plain[0]).encoding
            how = "" if encoding == "standard" else f", {encoding}"
            lines.append(f"numbers{how}: {', '.join(plain[:SHOWN])}{more}")
        return lines + [f"column {line}" for line in (others.lines() if others.plans else ())]


def problem_of(options):
    """Return the `Problem` that the arguments of a command describe.

    The columns of a table are encoded, and inputs and targets scaled, by the rows that are trained on, in each fold of
    a cross-validation anew. The encoder and the scaling of the problem are those of the network that is kept, which is
    trained on all rows after a cross-validation.
    """
    with files.naming(options.data):
        found = _table(options)
        is_array = isinstance(found, Table)
        table = found if is_array else Table(np.zeros((len(found.target.values), 1)), *_answers(found))
        if is_array:
            checks.inputs(table.X, table.X.shape[1])
    targets = targets_of(table, options.loss, getattr(options, "score", None), options.task)
    with files.naming(options.data):
        rows = _training_rows(targets, options)
        X = table.X if is_array else found.inputs()
        encoder = None if is_array else X.encoder.fitted_to(found.columns, rows)
        for plan in () if is_array else encoder.plans:
            if plan.kind == "number":
                plan.refuse_infinite(found.columns[plan.name])
    is_scaled = targets.task.output == "identity" and targets.task.class_count == 0
    y = targets.y[rows].reshape(len(rows), -1)
    scaling = TargetScaling.fit(y, checks.loss_name(targets.task.loss)) if is_scaled else None
    if scaling is not None:
        scaling.refuse_precision(options.precision)
    return Problem(X, targets, encoder, scaling, table.target_name, _described(options.data, len(targets.y)))


def _described(source, rows):
    """Return the name of a file of data, its checksum and its number of rows, by name."""
    if source == "digits":
        return {"name": source, "rows": rows}
    with open(source, "rb") as file:
        checksum = hashlib.file_digest(file, "sha256").hexdigest()
    return {"name": Path(source).name, "sha256": checksum, "rows": rows}


def share(options):
    """Return the share of the rows that a command holds out, or None."""
    if options.validation is None and getattr(options, "cv", None) is None and hasattr(options, "cv"):
        return HELD_OUT_SHARE
    return options.validation or None


def _answers(found):
    y, names = found.answers()
    return y, tuple(found.columns), found.target_name, names


def _training_rows(targets, options):
    """Return the indices of the rows that a command trains on, as `fp.train` and `fp.sweep` choose them."""
    rows, held_out = len(targets.y), share(options)
    if held_out is None:
        return np.arange(rows)
    task = targets.task
    stand_in = fp.MLP((1, task.outputs), output=task.output)
    with warnings.catch_warnings():  # the training itself will warn
        warnings.simplefilter("ignore")
        data = Dataset.of(np.zeros((rows, 1)), targets.y, stand_in, task.loss)
        return Split.of(held_out, data, stand_in, task.loss).rows


def _table(options):
    if options.data != "digits":
        names = {name: _names(options.data, getattr(options, name)) for name in LISTS_OF_COLUMNS}
        encoding = searched_names(options.numeric_encoding)[0]
        return sources.read(options.data, Choice(options.target, numeric_encoding=encoding, **names))
    is_encoded = options.numeric_encoding not in ("standard", SEARCH)
    if any(getattr(options, name) for name in ("target", *LISTS_OF_COLUMNS)) or is_encoded:
        raise ValueError(
            "digits has its own target and no names of columns: leave --target, --drop, --features, --categorical, "
            "--numeric and --numeric-encoding out."
        )
    return Table(*fp.datasets.digits(), None, "digit")


def _names(path, lines):
    """Return the names of columns in lines, or None for None.

    A line is a name, or several with commas between, in quotes where one holds a comma itself.
    """
    if not lines:
        return None if lines is None else ()
    known = fp.datasets.column_names(path)
    split = csv.reader([line for line in lines if line not in known], skipinitialspace=True)
    names = [line for line in lines if line in known] + [name.strip() for names in split for name in names]
    return tuple(names)
