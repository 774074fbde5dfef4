"""`Configuration`: the options and the network of one row of a sweep; and several of one kind."""

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from fastprop import cost_model
from fastprop.network import MLP, drawn_anew
from fastprop.options.optimizers import PER_LANE
from fastprop.reference import rounded_layers
from fastprop.runs.training_options import SWEPT, TrainingOptions

IN_OPTIMIZER = dict.fromkeys(PER_LANE, float)
"""Hyperparameters of the optimizer, and the type of each one's column in the table."""

IN_OPTIONS = SWEPT
"""Hyperparameters that are `TrainingOptions`, and the type of each one's column."""

IN_NETWORK = dict.fromkeys(("layer_sizes", "hidden", "initialization"), object)
"""Hyperparameters of the network, and the type of each one's column. A new network is made for each of their values."""

HYPERPARAMETERS = IN_OPTIMIZER | IN_OPTIONS | IN_NETWORK
"""All that can be swept, in the order of the table's columns."""


class Configuration(NamedTuple):
    """One row of a sweep: the options and the network that its hyperparameter values stand for.

    Where the values do not name a property of the network, it is that of the sweep's `prototype` for the loss.
    """

    options: TrainingOptions  # all options, with those that the values name
    of_network: dict[str, object]  # the values of `IN_NETWORK` that its row of the grid names, by name
    names_seed: bool  # whether the row names a seed

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
        takes_all_rows, is_rounded = self.kernel_key(prototype)
        can_pack = not (takes_all_rows or is_rounded)
        return cost_model.PackGroup(sizes, self.options.batch_size, can_pack, can_go_on=not takes_all_rows)

    def kernel_key(self, prototype):
        """Return what decides which kernel trains its fits: whether steps take all rows, and whether layers round."""
        sizes = self._in_network("layer_sizes", prototype)
        return self.options.optimizer.takes_all_rows, any(rounded_layers(sizes, self.options.precision))

    @property
    def initial_weights_key(self):
        """A key that is equal for configurations of one `pack_key` whose networks begin with the same weights."""
        return self._has_new_network and (self.options.seed, id(self.of_network.get("initialization")))

    @property
    def _has_new_network(self):
        """Whether its network is made from its values, and not copied from the prototype."""
        return self.names_seed or bool(self.of_network)

    def network(self, prototype):
        """Return its network with the initial weights."""
        if not self._has_new_network:
            return prototype.copy()
        if not self.of_network:
            return drawn_anew(prototype, self.options.seed)
        arguments = {name: self._in_network(name, prototype) for name in IN_NETWORK}
        new = MLP(**arguments, output=prototype.output, seed=self.options.seed, dtype=prototype.dtype)
        for name in ("input_mean", "input_scale", "feature_names", "class_names"):
            setattr(new, name, getattr(prototype, name))
        return new

    def _in_network(self, name, prototype):
        return self.of_network[name] if name in self.of_network else getattr(prototype, name)


class ConfigurationsOfKind(Sequence):
    """Configurations of one kind, see `kinds`, each of which is made when it is asked for.

    Parameters
    ----------
    example : Configuration
        One of this kind, which need not be among them.
    lane_values : dict
        By name of some of `SPECIAL_VALUES`, a list of the checked value of each.
    count : int
        How many they are.
    """

    def __init__(self, example, lane_values, count):
        self._example = example
        self._lane_values = lane_values
        self._count = count

    def __len__(self):
        return self._count

    def __getitem__(self, index):
        chosen = range(self._count)[index]
        if isinstance(index, slice):
            lane_values = {name: values[index] for name, values in self._lane_values.items()}
            return ConfigurationsOfKind(self._example, lane_values, len(chosen))
        (one,) = self[chosen : chosen + 1]
        return one

    def __iter__(self):
        if not self._lane_values:
            return itertools.repeat(self._example, self._count)
        options, *others = self._example
        return (Configuration(each, *others) for each in options.with_lane_values(self._lane_values))

    def option_values(self, name):
        """Return the value of one of the `TrainingOptions` for each, a list."""
        return self._lane_values.get(name) or [getattr(self._example.options, name)] * self._count


def option_values(configurations, name):
    """Return the value of one of the `TrainingOptions` for each of some configurations, a list."""
    if isinstance(configurations, ConfigurationsOfKind):
        return configurations.option_values(name)
    return [getattr(each.options, name) for each in configurations]
