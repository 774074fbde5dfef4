"""Configurations: the hyperparameter values of each row of a sweep, and the network and options that they stand for."""

from functools import cached_property
from typing import NamedTuple

import numpy as np

from fastprop import checks, cost_model
from fastprop.network import MLP, drawn_anew
from fastprop.options.optimizers import PER_LANE
from fastprop.reference import rounded_layers
from fastprop.runs.training_options import NUMBERS, SWEPT, check_number
from fastprop.sweeping.kinds import rows_of_kinds, values_of_row

IN_OPTIMIZER = dict.fromkeys(PER_LANE, float)
"""Hyperparameters of the optimizer, and the type of each one's column in the table."""

IN_OPTIONS = SWEPT
"""Hyperparameters that are `TrainingOptions`, and the type of each one's column."""

IN_NETWORK = dict.fromkeys(("layer_sizes", "hidden", "initialization"), object)
"""Hyperparameters of the network, and the type of each one's column. A new network is made for each of their values."""

KEPT = 4096
"""Kinds of configurations of which one is kept. Those of other kinds are made from the grid, as there may be many."""

HYPERPARAMETERS = IN_OPTIMIZER | IN_OPTIONS | IN_NETWORK
"""All that can be swept, in the order of the table's columns."""


class Configuration:
    """One row of a sweep: the options and the network that its hyperparameter values stand for.

    Where the values do not name a property of the network, it is that of the sweep's `prototype` for the loss.

    Parameters
    ----------
    options : TrainingOptions
        All options, those that `numbers` replace included.
    of_network : dict
        By name, the values of `IN_NETWORK` that its row of the grid names.
    has_seed : bool
        Whether the row names a seed.
    numbers : dict, optional
        By name, the checked values of `NUMBERS` that are not yet in the options. So the options, which workers need,
        are made by these, and what the configurations of a job share is sent to them once.
    """

    def __init__(self, options, of_network, has_seed, numbers=None):
        self._options = options
        self._of_network = of_network
        self._has_seed = has_seed
        self._numbers = numbers

    @cached_property
    def options(self):
        """The `TrainingOptions`, with the values that the row names."""
        return self._options if self._numbers is None else self._options.with_numbers(self._numbers)

    def with_numbers(self, numbers):
        """Return the configuration with other numbers, see above."""
        return Configuration(self._options, self._of_network, self._has_seed, numbers)

    def with_options(self, options):
        """Return the configuration with other options."""
        return Configuration(options, self._of_network, self._has_seed)

    def value(self, name, prototype):
        """Return the value of a hyperparameter; NaN if it is one that the optimizer does not have."""
        if name in IN_OPTIMIZER:
            return getattr(self.options.optimizer, name, np.nan)
        if name in IN_OPTIONS:
            return getattr(self.options, name)
        return self._in_network(name, prototype)

    def shape(self, prototype):
        """Return layer sizes, hidden activations and output activation of its network."""
        return self._in_network("layer_sizes", prototype), self._in_network("hidden", prototype), prototype.output

    def pack_key(self, prototype):
        """Return what must be equal for all fits that train in one pack."""
        return *self.shape(prototype), *self.options.pack_key

    def pack_group(self, prototype):
        """Return the `cost_model.PackGroup` of the configuration's fits."""
        sizes = self._in_network("layer_sizes", prototype)
        can_go_on = not self.options.optimizer.takes_all_rows
        can_pack = can_go_on and not any(rounded_layers(sizes, self.options.precision))
        return cost_model.PackGroup(sizes, self.options.batch_size, can_pack, can_go_on)

    @property
    def initial_weights_key(self):
        """A key that is equal for configurations of one `pack_key` whose networks begin with the same weights."""
        return self._has_new_network and (self.options.seed, id(self._of_network.get("initialization")))

    @property
    def _has_new_network(self):
        """Whether its network is made from its values, and not copied from the prototype."""
        return self._has_seed or bool(self._of_network)

    def network(self, prototype):
        """Return its network with the initial weights."""
        if not self._has_new_network:
            return prototype.copy()
        if not self._of_network:
            return drawn_anew(prototype, self.options.seed)
        arguments = {name: self._in_network(name, prototype) for name in IN_NETWORK}
        new = MLP(**arguments, output=prototype.output, seed=self.options.seed, dtype=prototype.dtype)
        for name in ("input_mean", "input_scale", "feature_names", "class_names"):
            setattr(new, name, getattr(prototype, name))
        return new

    def _in_network(self, name, prototype):
        return self._of_network[name] if name in self._of_network else getattr(prototype, name)


class _Kind(NamedTuple):
    """Configurations that differ in no more than `NUMBERS`, see `kinds`."""

    configuration: Configuration  # one of them
    names: list[str]  # of the `NUMBERS` that their rows name


class Configurations:
    """The configurations of a grid, all checked at once.

    There may be millions, so that only a few elements of arrays are kept for each, and ``configurations[index]`` is
    made when it is asked for. Those that differ in no more than `NUMBERS` are of one kind.

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
        if kind >= len(self._kept):
            return self._configuration(self.grid[index])
        configuration, names = self._kept[kind]
        return configuration.with_numbers({name: self.columns[name].item(index) for name in names})

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
            self._take_in_block(first, columns)

    def _take_in_block(self, first, columns):
        """Fill the arrays for a block of the grid, of which one configuration is made for each kind."""
        numbers = {
            name: np.array([check_number(value, name) for value in each.values], HYPERPARAMETERS[name])
            for name, each in columns.items()
            if name in NUMBERS
        }
        firsts, kinds = rows_of_kinds(columns, numbers)
        block = slice(first, first + len(kinds))
        self._kinds[block] = len(self._kept) + kinds
        of_kinds = {name: [] for name in self.columns}
        groups = []
        for row in firsts.tolist():
            values = values_of_row(columns, row)
            configuration = self._configuration(values)
            prototype = self.prototypes[configuration.options.loss]
            if len(self._kept) < KEPT:
                self._kept.append(_Kind(configuration, [name for name in numbers if name in values]))
            for name, column in of_kinds.items():
                column.append(configuration.value(name, prototype))
            groups.append(self._group(configuration, prototype))
        self.group_indices[block] = np.array(groups)[kinds]
        for name, column in self.columns.items():
            column[block] = _array(of_kinds[name], column.dtype)[kinds]
            if name in numbers:
                is_named = columns[name].indices >= 0
                column[block][is_named] = numbers[name][columns[name].indices[is_named]]
        if self._options.shuffle:
            self.row_orders[block] = self.columns["seed"][block] if "seed" in self.columns else self._options.seed

    def _group(self, configuration, prototype):
        """Return the index of the group of a configuration, which may be a new one."""
        group = self._index_of_group.setdefault(configuration.pack_key(prototype), len(self._index_of_group))
        if group == len(self.groups):
            self.groups.append(configuration.pack_group(prototype))
        return group

    def _configuration(self, values):
        options = self._options.with_values(values)
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
