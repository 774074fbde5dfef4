"""What a sweep tries: a network and a setting for each configuration of its grid."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from fastprop import checks
from fastprop.kernels import optimizers
from fastprop.network import MLP
from fastprop.runs import Setting

OPTIMIZING = dict.fromkeys(optimizers.HYPERPARAMETERS, float)
"""Hyperparameters that belong to the optimizer."""

IN_SETTING = {"batch_size": int, "seed": int, "dropout": float} | dict.fromkeys(
    ("loss", "optimizer", "schedule", "clip", "average", "early_stopping"), object
)
"""Hyperparameters that belong to the run."""

IN_NETWORK = dict.fromkeys(("layer_sizes", "hidden", "initialization"), object)
"""Hyperparameters that a new network is made for."""

HYPERPARAMETERS = OPTIMIZING | IN_SETTING | IN_NETWORK
"""What can be swept, and the type of its column in the table."""


class Candidate(NamedTuple):
    """A configuration and the setting that it stands for; networks begin with `like` what it does not name."""

    configuration: dict
    setting: Setting

    def value(self, name, like):
        """What it has of a hyperparameter; NaN for a number that its optimizer does not have."""
        if name in OPTIMIZING:
            return getattr(self.setting.optimizer, name, np.nan)
        if name in IN_SETTING:
            return getattr(self.setting, name)
        return self.configuration[name] if name in self.configuration else getattr(like, name)

    def shape(self, like):
        """What must be equal in a pack."""
        setting, names = self.setting, ("loss", "batch_size", "schedule", "clip", "average", "early_stopping")
        own = [self.configuration.get(name, getattr(like, name)) for name in ("layer_sizes", "hidden", "output")]
        own += [getattr(setting, name) for name in names]
        return *own, setting.optimizer.rule, setting.optimizer.l1 > 0

    def network(self, like):
        """A new network as it begins: a copy of `like`, unless the configuration names what that is made of."""
        if self.configuration.keys().isdisjoint(("seed", *IN_NETWORK)):
            return like.copy()
        own = {name: self.configuration.get(name, getattr(like, name)) for name in IN_NETWORK}
        new = MLP(**own, output=like.output, seed=self.setting.seed, dtype=like.dtype)
        new.input_mean, new.input_scale = like.input_mean, like.input_scale
        return new


class Candidates:
    """The candidates of configurations, each checked; `likes` has for each loss the network that its runs begin with.

    `network` is what all begin with, or the sizes of the layers of a new one for each loss.
    """

    def __init__(self, configurations, network, setting, y):
        self._network, self._setting, self._y = network, setting, y
        self.likes = {}
        self._candidates = [self._candidate(configuration) for configuration in configurations]

    def __len__(self):
        return len(self._candidates)

    def __getitem__(self, number):
        return self._candidates[number]

    def like(self, number):
        """The network that candidate `number` begins with what it does not name."""
        return self.likes[self[number].setting.loss]

    def _candidate(self, configuration):
        setting = _setting(self._setting, configuration)
        like = self._network
        if not isinstance(like, MLP):
            output = checks.output_for(setting.loss, self._y, like[-1])
            setting = setting._replace(loss=checks.loss(setting.loss, output))
            like = self.likes.get(setting.loss) or MLP(like, output=output, seed=self._setting.seed)
        else:
            setting = setting._replace(loss=checks.loss(setting.loss, like.output))
        self.likes[setting.loss] = like
        if not configuration.keys().isdisjoint(IN_NETWORK):
            _check(configuration, like)
        return Candidate(configuration, setting)


def _setting(setting, configuration):
    """The setting of a configuration: what the grid names, and the sweep's own for the rest."""
    in_optimizer = {name: configuration[name] for name in OPTIMIZING if name in configuration}
    in_setting = {name: configuration[name] for name in IN_SETTING if name in configuration}
    own = setting._replace(**in_setting).checked() if in_setting else setting
    checks.known_to(own.optimizer, in_optimizer)
    return own._replace(optimizer=replace(own.optimizer, **in_optimizer)) if in_optimizer else own


def _check(configuration, like):
    """Refuse what no network can be made of; `like` has what the configuration does not name."""
    sizes = like.layer_sizes
    if "layer_sizes" in configuration:
        sizes = configuration["layer_sizes"] = checks.ends(configuration["layer_sizes"], (sizes[0], sizes[-1]))
    hidden = checks.hidden(configuration.get("hidden", like.hidden), len(sizes) - 2)
    if "hidden" in configuration:
        configuration["hidden"] = hidden
    checks.initialization(configuration.get("initialization"), sizes, like.dtype)
