"""Configurations: the hyperparameter values of each row of a sweep, and the network and options that they stand for."""

from typing import NamedTuple

import numpy as np

from fastprop import checks
from fastprop.network import MLP
from fastprop.runs.training_options import SPECIAL_VALUES, check_lane_value
from fastprop.sweeping.configuration import HYPERPARAMETERS, IN_NETWORK, Configuration, ConfigurationsOfKind
from fastprop.sweeping.kinds import rows_of_kinds, values_of_row

KEPT = 4096
"""Kinds of configurations of which one is kept. Those of other kinds are made from the grid, as there may be many."""


class _Kind(NamedTuple):
    """Configurations of one kind, see `kinds`."""

    configuration: Configuration  # one of them
    names: list[str]  # those of `SPECIAL_VALUES` that their rows name


class Configurations:
    """The configurations of a grid, all checked at once.

    There may be millions, so that only a few elements of arrays are kept for each, and ``configurations[index]`` is
    made when it is asked for, from one of its kind, see `kinds`.

    Parameters
    ----------
    grid : sequence of dict
        See `grids`.
    network : MLP or tuple of int
        The network with which all begin, or the layer sizes of a new network for each loss.
    options : TrainingOptions
        The options that hold unless the grid names others.
    y : array_like
        The targets or labels, by which the output activation of a new network is chosen.

    Attributes
    ----------
    prototypes : dict
        By loss, the network with which the configurations of this loss begin.
    columns : dict
        By hyperparameter that the grid names, an array (configurations,) of its values.
    group_indices : ndarray
        (configurations,) int: the index in `groups` of each; fits of one group may train in one pack.
    groups : list of cost_model.PackGroup
        What the configurations of each group have in common.
    row_orders : ndarray
        (configurations,) int: configurations with equal values go through the rows in the same order.
    """

    def __init__(self, grid, network, options, y):
        self.grid = grid
        self._network = network
        self._options = options
        self._y = y
        self.prototypes = {}
        self.groups = []
        self.columns = {name: np.empty(0, dtype) for name, dtype in HYPERPARAMETERS.items() if name in grid.names}
        self.group_indices = np.empty(0, np.int32)
        self.row_orders = np.empty(0, np.int64)
        self._losses = {}  # for each loss of the grid, or None, the loss that it stands for
        self._index_of_group = {}  # by pack key
        self._kinds = np.empty(0, np.int32)  # of each configuration: the index of its kind
        self._kept = []  # a `_Kind` for each of the first `KEPT` kinds
        self._changed = {}  # by index, those that `change` has replaced
        if "loss" not in self.columns:
            self._options = options._replace(loss=self._resolved_loss(options.loss))
        self._take_in()

    def __len__(self):
        return len(self.grid)

    def __getitem__(self, index):
        if index in self._changed:
            return self._changed[index]
        kind = self._kinds.item(index)
        return self._configuration(self.grid[index]) if kind >= len(self._kept) else self._of_kind(kind, [index])[0]

    def some(self, indices):
        """Return the configurations of some indices, a list, as a sequence, which is small if all are of one kind."""
        kinds = self._kinds[indices].tolist()
        if kinds[0] >= len(self._kept) or len(set(kinds)) > 1 or not self._changed.keys().isdisjoint(indices):
            return [self[index] for index in indices]
        return self._of_kind(kinds[0], indices)

    def _of_kind(self, kind, indices):
        configuration, names = self._kept[kind]
        lane_values = {name: self.columns[name][indices].tolist() for name in names}
        return ConfigurationsOfKind(configuration, lane_values, len(indices))

    def dropouts(self, indices):
        """Return the dropout of the configurations at some indices, an array."""
        if "dropout" in self.columns:
            return self.columns["dropout"][indices]
        return np.full(len(indices), self._options.dropout, float)

    def extend(self, mappings):
        """Append configurations of these values."""
        self.grid.extend(mappings)
        self._take_in()

    def change(self, index, configuration, values):
        """Replace a configuration by one whose latest `changes` are `values`, but for the seed, which stays."""
        self._changed[index] = configuration
        for name, value in values.items():
            self.columns[name][index] = value

    def check(self, mappings):
        """Refuse values that cannot be trained; `prototypes` then has the networks with which they begin."""
        for values in mappings:
            self._configuration(values)

    def _take_in(self):
        """Check the configurations that are new, and fill the arrays for them."""
        begin = len(self.group_indices)
        end = len(self)
        self.columns = {name: _lengthened(column, end) for name, column in self.columns.items()}
        self.group_indices = _lengthened(self.group_indices, end)
        self.row_orders = _lengthened(self.row_orders, end)
        self._kinds = _lengthened(self._kinds, end)
        for first, columns in self.grid.blocks(begin):
            try:
                self._take_in_block(first, columns)
            except (ValueError, TypeError):
                if self.grid.is_listed:
                    self._refuse_row(first)
                raise

    def _refuse_row(self, first):
        """Refuse the first row, from one on, that cannot be trained, and name it, unless the fault is not its own.

        A row without values stands for the other options alone. What it is refused for is their fault, which each row
        has that does not replace them; messages are compared, because two errors are never equal.
        """
        fault_of_options = str(self._error({}, "grid"))
        for row in range(first, len(self)):
            name = f"grid[{row}]"
            error = self._error(self.grid[row], name)
            if error is not None and str(error) != fault_of_options:
                kind = TypeError if isinstance(error, TypeError) else ValueError
                raise kind(str(error) if name in str(error) else f"{name}: {error}") from error

    def _error(self, values, argument):
        """Return the error by which the configuration of some values is refused, or None."""
        try:
            self._configuration(values, argument)
        except (ValueError, TypeError) as error:
            return error
        return None

    def _take_in_block(self, first, columns):
        """Fill the arrays for a block of the grid, of which one configuration is made for each kind."""
        lane_values = {
            name: np.array([check_lane_value(value, name) for value in each.values], HYPERPARAMETERS[name])
            for name, each in columns.items()
            if name in SPECIAL_VALUES
        }
        firsts, kinds = rows_of_kinds(columns, lane_values)
        block = slice(first, first + len(kinds))
        self._kinds[block] = len(self._kept) + kinds
        of_kinds = {name: [] for name in self.columns}
        groups = []
        for row in firsts.tolist():
            values = values_of_row(columns, row)
            configuration = self._configuration(values)
            prototype = self.prototypes[configuration.options.loss]
            if len(self._kept) < KEPT:
                self._kept.append(_Kind(configuration, [name for name in lane_values if name in values]))
            for name, column in of_kinds.items():
                column.append(configuration.value(name, prototype))
            groups.append(self._group(configuration, prototype))
        self.group_indices[block] = np.array(groups)[kinds]
        for name, column in self.columns.items():
            column[block] = _array(of_kinds[name], column.dtype)[kinds]
            if name in lane_values:
                is_named = columns[name].indices >= 0
                column[block][is_named] = lane_values[name][columns[name].indices[is_named]]
        if self._options.shuffle:
            self.row_orders[block] = self.columns["seed"][block] if "seed" in self.columns else self._options.seed

    def _group(self, configuration, prototype):
        """Return the index of the group of a configuration, which may be a new one."""
        group = self._index_of_group.setdefault(configuration.pack_key(prototype), len(self._index_of_group))
        if group == len(self.groups):
            self.groups.append(configuration.pack_group(prototype))
        return group

    def _configuration(self, values, argument="grid"):
        """Return the checked configuration of some values by name; `argument` is what messages call what has them."""
        options = self._options.with_values(values, argument)
        if options.loss not in self._losses:
            self._losses[options.loss] = self._resolved_loss(options.loss)
        loss = self._losses[options.loss]
        of_network = {}
        if not values.keys().isdisjoint(IN_NETWORK):
            named = {name: value for name, value in values.items() if name in IN_NETWORK}
            of_network = named | _checked(named, self.prototypes[loss])
        if options.layer_rates is not None:
            checks.fits_layers(options.layer_rates, of_network.get("layer_sizes", self.prototypes[loss].layer_sizes))
        checks.fits_dtype(options.precision, self.prototypes[loss].dtype)
        options = options if loss is options.loss else options._replace(loss=loss)
        return Configuration(options, of_network, "seed" in values)

    def _resolved_loss(self, loss):
        """Return the loss, or for None the default loss; `prototypes` then has a network whose output fits it."""
        if isinstance(self._network, MLP):
            loss = checks.loss(loss, self._network.output, self._network.layer_sizes[-1])
            self.prototypes[loss] = self._network
            return loss
        output = checks.output_for(loss, self._y, self._network[-1])
        loss = checks.loss(loss, output, self._network[-1])
        if loss not in self.prototypes:
            self.prototypes[loss] = MLP(self._network, output=output, seed=self._options.seed)
        return loss


def _array(values, dtype):
    """Return an array of values, which stay as they are where they are objects, also tuples."""
    array = np.empty(len(values), dtype)
    for index, value in enumerate(values):
        array[index] = value
    return array


def _lengthened(array, count):
    return np.concatenate([array, np.zeros(count - len(array), array.dtype)])


def _checked(values, prototype):
    """Return the checked values from which a network is made; `prototype` has what they do not name."""
    checked = {}
    sizes = prototype.layer_sizes
    if "layer_sizes" in values:
        checked["layer_sizes"] = sizes = checks.layer_sizes_between(values["layer_sizes"], (sizes[0], sizes[-1]))
    hidden = checks.hidden(values.get("hidden", prototype.hidden), len(sizes) - 2)
    if "hidden" in values:
        checked["hidden"] = hidden
    checks.initialization(values.get("initialization"), sizes, prototype.dtype)
    return checked
