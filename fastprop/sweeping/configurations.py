"""What a sweep tries: a network and a setting for each configuration of its grid."""

from typing import NamedTuple

import numpy as np

from fastprop import checks, cost_model
from fastprop.network import MLP
from fastprop.options.optimizers import PER_LANE
from fastprop.runs.training_options import SWEPT, TrainingOptions

IN_OPTIMIZER = dict.fromkeys(PER_LANE, float)
"""Hyperparameters of the optimizer, and the type of the column of each in the table."""

IN_OPTIONS = SWEPT
"""Hyperparameters of the run, likewise."""

IN_NETWORK = dict.fromkeys(("layer_sizes", "hidden", "initialization"), object)
"""Hyperparameters of the network, likewise: for each of their values a new network is made."""

HYPERPARAMETERS = IN_OPTIMIZER | IN_OPTIONS | IN_NETWORK
"""All that a sweep can sweep, in the order of the table's columns."""


class Candidate(NamedTuple):
    """A configuration and the setting that it stands for; networks begin with `prototype` what it does not name."""

    configuration: dict
    options: TrainingOptions

    def value(self, name, prototype):
        """What it has of a hyperparameter; NaN for a number that its optimizer does not have."""
        if name in IN_OPTIMIZER:
            return getattr(self.options.optimizer, name, np.nan)
        if name in IN_OPTIONS:
            return getattr(self.options, name)
        return self.configuration[name] if name in self.configuration else getattr(prototype, name)

    def shape(self, prototype):
        """What must be equal in a pack."""
        sizes, hidden = (self.configuration.get(name, getattr(prototype, name)) for name in ("layer_sizes", "hidden"))
        return sizes, hidden, prototype.output, self.options.pack_key

    def task(self, prototype):
        """What there is to know of its runs to schedule them."""
        sizes = self.configuration.get("layer_sizes", prototype.layer_sizes)
        return cost_model.Task(sizes, self.options.batch_size, self.options.optimizer.takes_all_rows)

    @property
    def beginning(self):
        """What is the same for candidates of one kind whose networks begin with the same weights."""
        return self._is_new and (self.options.seed, id(self.configuration.get("initialization")))

    @property
    def _is_new(self):
        """Whether its network is a new one, made of what the configuration names, and no copy."""
        return "seed" in self.configuration or not self.configuration.keys().isdisjoint(IN_NETWORK)

    def network(self, prototype):
        """A new network as it begins: a copy of `prototype`, unless the configuration names what that is made of."""
        if not self._is_new:
            return prototype.copy()
        own = {name: self.configuration.get(name, getattr(prototype, name)) for name in IN_NETWORK}
        new = MLP(**own, output=prototype.output, seed=self.options.seed, dtype=prototype.dtype)
        new.input_mean, new.input_scale = prototype.input_mean, prototype.input_scale
        return new


class Candidates:
    """The candidates of configurations: all checked at once, but each made anew whenever it is asked for.

    `network` is what all begin with, or the sizes of the layers of a new one for each loss. There may be hundreds of
    thousands, and so of each only a few numbers are kept.

    Attributes
    ----------
    configurations : sequence of dict
        What they are made of.
    likes : dict
        For each loss the network that its runs begin with.
    columns : dict
        By the name of each hyperparameter that a configuration has, an array of all candidates' values.
    kinds : ndarray
        (candidates,) int: those of one kind may be trained in a pack.
    tasks : list of scheduling.Task
        Of each kind.
    orders : ndarray
        (candidates,) int: those with the same have their rows in the same order.
    """

    def __init__(self, configurations, network, options, y):
        self.configurations, self._network, self._options, self._y = configurations, network, options, y
        self.prototypes, self.tasks, self._losses, self._kinds = {}, [], {}, {}
        self.columns = {
            name: np.empty(0, dtype) for name, dtype in HYPERPARAMETERS.items() if name in configurations.names
        }
        self.kinds, self.orders = np.empty(0, np.int32), np.empty(0, np.int64)
        self._of_optimizer = [name for name in self.columns if name in IN_OPTIMIZER]
        self._in_options = [name for name in self.columns if name in IN_OPTIONS]
        self._take_in()

    def __len__(self):
        return len(self.configurations)

    def __getitem__(self, number):
        return self._candidate(self.configurations[number])

    def extend(self, configurations):
        """Append the candidates of more configurations."""
        self.configurations.extend(configurations)
        self._take_in()

    def check(self, configurations):
        """Refuse what cannot be trained; then `prototypes` has the networks that these configurations begin with."""
        for configuration in configurations:
            self._candidate(configuration)

    def _take_in(self):
        """Check those that are new, and keep of each what there is to know of all."""
        first, count = len(self.kinds), len(self)
        self.columns = {name: _longer(column, count) for name, column in self.columns.items()}
        self.kinds, self.orders = _longer(self.kinds, count), _longer(self.orders, count)
        for number in range(first, count):
            candidate = self[number]
            prototype = self.prototypes[candidate.options.loss]
            for name, column in self.columns.items():
                column[number] = candidate.value(name, prototype)
            kind = self.kinds[number] = self._kinds.setdefault(candidate.shape(prototype), len(self._kinds))
            if kind == len(self.tasks):
                self.tasks.append(candidate.task(prototype))
            if self._options.shuffle:
                self.orders[number] = candidate.options.seed

    def _candidate(self, configuration):
        options = self._options_of(configuration)
        if options.loss not in self._losses:
            self._losses[options.loss] = self._loss(options.loss)
        loss = self._losses[options.loss]
        if not configuration.keys().isdisjoint(IN_NETWORK):
            _check(configuration, self.prototypes[loss])
        return Candidate(configuration, options if loss is options.loss else options._replace(loss=loss))

    def _options_of(self, configuration):
        """The setting of a configuration: what the grid names, and the sweep's own for the rest."""
        options = self._options
        if in_setting := {name: configuration[name] for name in self._in_options if name in configuration}:
            options = options.changed(**in_setting)
        if in_optimizer := {name: configuration[name] for name in self._of_optimizer if name in configuration}:
            checks.known_to(options.optimizer, in_optimizer)
            options = options._replace(optimizer=options.optimizer.changed(**in_optimizer))
        return options

    def _loss(self, loss):
        """The loss that a loss, or None, stands for: one that goes with the output of the network of its own."""
        prototype = self._network
        if not isinstance(prototype, MLP):
            output = checks.output_for(loss, self._y, prototype[-1])
            loss = checks.loss(loss, output)
            prototype = self.prototypes.get(loss) or MLP(prototype, output=output, seed=self._options.seed)
        else:
            loss = checks.loss(loss, prototype.output)
        self.prototypes[loss] = prototype
        return loss


def _longer(array, count):
    return np.concatenate([array, np.zeros(count - len(array), array.dtype)])


def _check(configuration, prototype):
    """Refuse what no network can be made of; `prototype` has what the configuration does not name."""
    sizes = prototype.layer_sizes
    if "layer_sizes" in configuration:
        sizes = configuration["layer_sizes"] = checks.ends(configuration["layer_sizes"], (sizes[0], sizes[-1]))
    hidden = checks.hidden(configuration.get("hidden", prototype.hidden), len(sizes) - 2)
    if "hidden" in configuration:
        configuration["hidden"] = hidden
    checks.initialization(configuration.get("initialization"), sizes, prototype.dtype)
