"""Reads the data that a command names, and says what its target is taken for."""

import csv
from typing import NamedTuple

import numpy as np

import fastprop as fp
from fastprop import checks
from fastprop.notices import warn
from fastprop.tabular import Table, Targets, notes_on_sizes, targets_of


class Problem(NamedTuple):
    """What a command trains on."""

    X: np.ndarray
    targets: Targets
    feature_names: tuple | None

    @property
    def y(self):
        """What the network is trained on, (n,) or (n, outputs)."""
        return self.targets.y

    def layer_sizes(self, hidden):
        """Return the layer sizes of a network with these hidden layers."""
        return self.X.shape[1], *hidden, self.targets.task.outputs

    def network(self, hidden, activation, seed):
        """Return an untrained network with the output that fits the targets."""
        return self.named(
            fp.MLP(self.layer_sizes(hidden), hidden=activation, output=self.targets.task.output, seed=checks.seed(seed))
        )

    def named(self, network):
        """Return a network, which now has the names of columns and classes."""
        network.feature_names = self.feature_names
        network.class_names = self.targets.class_names
        return network


def problem_of(options):
    """Return the `Problem` that the arguments of a command describe.

    Notes on the data are warnings, which `cli.main` prints.
    """
    table = _table(options)
    targets = targets_of(table, options.loss, getattr(options, "score", None), options.task)
    if not getattr(options, "standardize", False):
        for note in notes_on_sizes(checks.matrix(table.X), table.feature_names):
            warn(note, fp.DataWarning)
    return Problem(table.X, targets, table.feature_names)


def _table(options):
    if options.data != "digits":
        drop, features = (_names(options.data, lines) for lines in (options.drop, options.features))
        return fp.datasets.read(options.data, options.target, drop=drop or (), features=features)
    if options.target is not None or options.drop or options.features:
        raise ValueError(
            "digits has its own target and no names of columns: leave --target, --drop and --features out."
        )
    return Table(*fp.datasets.digits(), None, "digit")


def _names(path, lines):
    """Return the names of columns in lines, or None for None.

    A line is a name, or several with commas between, in quotes where one holds a comma itself.
    """
    if not lines:
        return lines
    known = fp.datasets.column_names(path)
    split = csv.reader([line for line in lines if line not in known], skipinitialspace=True)
    return [line for line in lines if line in known] + [name.strip() for names in split for name in names]
