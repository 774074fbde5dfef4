"""Configurations: the hyperparameters of each row of a sweep, and the network and the options that they stand for."""

from typing import NamedTuple

import numpy as np

from fastprop import checks, cost_model
from fastprop.network import MLP
from fastprop.options.optimizers import PER_LANE
from fastprop.runs.training_options import SWEPT, TrainingOptions

IN_OPTIMIZER = dict.fromkeys(PER_LANE, float)
"""Hyperparameters of the optimizer, and the type of the column of each in the table."""

IN_OPTIONS = SWEPT
"""Hyperparameters that are `TrainingOptions`, likewise."""

IN_NETWORK = dict.fromkeys(("layer_sizes", "hidden", "initialization"), object)
"""Hyperparameters of the network, likewise: for each of their values a new network is made."""

HYPERPARAMETERS = IN_OPTIMIZER | IN_OPTIONS | IN_NETWORK
"""All that can be swept, in the order of the table's columns."""


class Configuration(NamedTuple):
    """One row of a sweep: hyperparameter values, and the options that they stand for.

    What its values do not name of a network is that of the sweep's `prototype` for its loss.
    """

    values: dict[str, object]  # only those that its row of the grid names
    options: TrainingOptions

    def value(self, name, prototype):
        """Return its value of a hyperparameter; NaN for a number that its optimizer does not have."""
        if name in IN_OPTIMIZER:
            return getattr(self.options.optimizer, name, np.nan)
        if name in IN_OPTIONS:
            return getattr(self.options, name)
        return self._of_network(name, prototype)

    def pack_key(self, prototype):
        """Return what must be equal of fits that train in one pack."""
        sizes, hidden = self._of_network("layer_sizes", prototype), self._of_network("hidden", prototype)
        return sizes, hidden, prototype.output, self.options.pack_key

    def pack_group(self, prototype):
        """Return the `cost_model.PackGroup` of its fits."""
        sizes, options = self._of_network("layer_sizes", prototype), self.options
        return cost_model.PackGroup(sizes, options.batch_size, can_pack=not options.optimizer.takes_all_rows)

    @property
    def initial_weights_key(self):
        """What is equal of those configurations with one `pack_key` whose networks begin with the same weights."""
        return self._has_new_network and (self.options.seed, id(self.values.get("initialization")))

    @property
    def _has_new_network(self):
        """Whether its network is made of what its values name, and is no copy of the prototype."""
        return "seed" in self.values or not self.values.keys().isdisjoint(IN_NETWORK)

    def network(self, prototype):
        """Return its network as it begins."""
        if not self._has_new_network:
            return prototype.copy()
        arguments = {name: self._of_network(name, prototype) for name in IN_NETWORK}
        new = MLP(**arguments, output=prototype.output, seed=self.options.seed, dtype=prototype.dtype)
        new.input_mean, new.input_scale = prototype.input_mean, prototype.input_scale
        return new

    def _of_network(self, name, prototype):
        return self.values[name] if name in self.values else getattr(prototype, name)


class Configurations:
    """The configurations of a grid, all checked at once.

    There may be millions, so that only a few numbers are kept of each: ``configurations[index]`` is made when it is
    asked for.

    Parameters
    ----------
    grid : sequence of dict
        See `grids`.
    network : MLP or tuple of int
        What all begin with, or the layer sizes of a new network for each loss.
    options : TrainingOptions
        What holds where the grid says nothing else.
    y : array_like
        The targets or labels, by which the output of a new network is chosen.

    Attributes
    ----------
    prototypes : dict
        For each loss the network that its configurations begin with.
    columns : dict
        For each hyperparameter that the grid names an array of the values of all configurations.
    group_indices : ndarray
        (configurations,) int: the group of each, whose fits may train in one pack.
    groups : list of cost_model.PackGroup
        What the configurations of each group have in common.
    row_orders : ndarray
        (configurations,) int: those with the same go through the rows in the same order.
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
        self._in_options = [name for name in self.columns if name in IN_OPTIONS]
        self._in_optimizer = [name for name in self.columns if name in IN_OPTIMIZER]
        self._losses = {}  # for each loss of the grid, or None, the loss that it stands for
        self._index_of_group = {}  # by pack key
        self._take_in()

    def __len__(self):
        return len(self.grid)

    def __getitem__(self, index):
        return self._configuration(self.grid[index])

    def extend(self, mappings):
        """Append configurations of these values."""
        self.grid.extend(mappings)
        self._take_in()

    def check(self, mappings):
        """Refuse values that cannot be trained; then `prototypes` has the networks that they begin with."""
        for values in mappings:
            self._configuration(values)

    def _take_in(self):
        """Check those configurations that are new, and keep what there is to know of each."""
        begin, end = len(self.group_indices), len(self)
        self.columns = {name: _lengthened(column, end) for name, column in self.columns.items()}
        self.group_indices = _lengthened(self.group_indices, end)
        self.row_orders = _lengthened(self.row_orders, end)
        for index in range(begin, end):
            configuration = self[index]
            prototype = self.prototypes[configuration.options.loss]
            for name, column in self.columns.items():
                column[index] = configuration.value(name, prototype)
            group = self._index_of_group.setdefault(configuration.pack_key(prototype), len(self._index_of_group))
            if group == len(self.groups):
                self.groups.append(configuration.pack_group(prototype))
            self.group_indices[index] = group
            if self._options.shuffle:
                self.row_orders[index] = configuration.options.seed

    def _configuration(self, values):
        options = self._options_of(values)
        if options.loss not in self._losses:
            self._losses[options.loss] = self._resolved_loss(options.loss)
        loss = self._losses[options.loss]
        if not values.keys().isdisjoint(IN_NETWORK):
            values = values | _checked(values, self.prototypes[loss])
        return Configuration(values, options if loss is options.loss else options._replace(loss=loss))

    def _options_of(self, values):
        """Return the sweep's options with what values name of them."""
        options = self._options
        if in_options := {name: values[name] for name in self._in_options if name in values}:
            options = options.changed(**in_options)
        if in_optimizer := {name: values[name] for name in self._in_optimizer if name in values}:
            checks.hyperparameters_of(options.optimizer, in_optimizer)
            options = options._replace(optimizer=options.optimizer.changed(**in_optimizer))
        return options

    def _resolved_loss(self, loss):
        """Return the loss that a loss, or None, stands for; `prototypes` then has a network whose output fits it."""
        if isinstance(self._network, MLP):
            loss = checks.loss(loss, self._network.output)
            self.prototypes[loss] = self._network
            return loss
        output = checks.output_for(loss, self._y, self._network[-1])
        loss = checks.loss(loss, output)
        if loss not in self.prototypes:
            self.prototypes[loss] = MLP(self._network, output=output, seed=self._options.seed)
        return loss


def _lengthened(array, count):
    return np.concatenate([array, np.zeros(count - len(array), array.dtype)])


def _checked(values, prototype):
    """Return the checked values that a network is made of; `prototype` has what they do not name."""
    checked, sizes = {}, prototype.layer_sizes
    if "layer_sizes" in values:
        checked["layer_sizes"] = sizes = checks.layer_sizes_between(values["layer_sizes"], (sizes[0], sizes[-1]))
    hidden = checks.hidden(values.get("hidden", prototype.hidden), len(sizes) - 2)
    if "hidden" in values:
        checked["hidden"] = hidden
    checks.initialization(values.get("initialization"), sizes, prototype.dtype)
    return checked
