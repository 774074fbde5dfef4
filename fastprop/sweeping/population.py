"""Population-based training: at a rung, configurations take over networks of others, and change hyperparameters."""

import numpy as np

from fastprop import checks
from fastprop.options import PopulationBased, choice, loguniform, uniform
from fastprop.runs.training_options import CHANGEABLE
from fastprop.sweeping import spaces
from fastprop.sweeping.configuration import HYPERPARAMETERS
from fastprop.sweeping.lineages import Lineages

NUMBERS = tuple(name for name in CHANGEABLE if HYPERPARAMETERS[name] is float)
"""What a population may change: numbers that may change in training. The seed may not, which each row keeps."""

ZERO_IN_ALL_OR_NONE = "momentum", "l1"
"""Numbers that are 0 in all configurations of a population or in none, because the update without them is another."""


def new_population(option, space, seed, configurations, halving):
    """Return the `Population` of a sweep's argument `search`, or None if that is another search.

    Parameters
    ----------
    option : PopulationBased, OptunaSearch or None
    space : dict or list
        The checked grid, see `checked_grid.checked_grid`.
    seed : int
        That of the sweep, by which all is drawn.
    configurations : Configurations
    halving : int, Halving, MedianStopping or None

    Raises
    ------
    ValueError
        If something cannot change in training, or ends networks that others are to go on from.
    """
    if not isinstance(option, PopulationBased):
        return None
    named = checks.argument("search", "PopulationBased()")
    if not isinstance(space, dict):
        raise ValueError(
            f"{named} changes values within their lists or distributions: give grid as a mapping of these."
        )
    options = configurations[0].options
    refusals = [
        (halving is not None, "halving", "stops the worst configurations", "has them go on from the best"),
        (options.early_stopping is not None, "early_stopping", "ends networks by themselves", "compares all at rungs"),
        (options.optimizer.takes_all_rows, "LBFGS", "keeps nothing to go on from", "has networks go on"),
    ]
    for is_given, name, what_it_does, what_a_population_does in refusals:
        if is_given:
            raise ValueError(
                f"{checks.argument(name)} {what_it_does}, and {named} {what_a_population_does}: leave one of the two "
                "out."
            )
    # A list is a choice of its values. What has a single value never changes, so that the population has no part in it.
    space = {name: choice(each) if isinstance(each, list) else each for name, each in space.items()}
    space = {name: each for name, each in space.items() if name == "seed" or spaces.combinations(each) > 1}
    for name, each in space.items():
        if name != "seed":
            _check(name, each)
    if not set(space) - {"seed"}:
        raise ValueError(
            f"{named} has nothing to change, as there are several values of no more than the seed: give those of "
            f"{checks.argument('learning_rate')}, or of another number that can change."
        )
    configurations.check(spaces.extreme_configurations(space))
    return Population(option, space, seed, configurations)


def _check(name, values):
    """Refuse values of a grid that a population cannot change; `values` is a distribution."""
    argument = checks.argument(f"grid[{name!r}]")
    if name not in NUMBERS:
        raise ValueError(
            f"{argument} has several values, between which no network can change in training, as one of a population "
            f"does but for its seed: give one value; what can change is {', '.join(map(checks.argument, NUMBERS))}."
        )
    if isinstance(values, choice) and next(spaces.distributions_in(values.values), None) is None:
        if name in ZERO_IN_ALL_OR_NONE and 0 in values.values and any(values.values):
            raise ValueError(
                f"{argument} has 0 and other values, between which no network can change in training: give "
                "values above 0, or one value."
            )
    elif not isinstance(values, (uniform, loguniform)):
        raise ValueError(
            f"{argument} is a distribution whose ends a population cannot know, {checks.shown(values)}: give "
            "fp.uniform, fp.loguniform, fp.choice of numbers or a list."
        )


class Population:
    """The configurations of a sweep that a `PopulationBased` option changes.

    Parameters
    ----------
    option : PopulationBased
    space : dict
        The grid, {name: distribution}.
    seed : int
        By which parents and values are drawn.
    configurations : Configurations
    """

    def __init__(self, option, space, seed, configurations):
        self.option = option
        self._space = space
        self._seed = seed
        self._configurations = configurations

    @property
    def journaled(self):
        """What sweeps that share a journal must have in common, because each configuration depends on all: by name."""
        count = {"configurations of the population": len(self._configurations)}
        return {"search": self.option, **count} | {f"grid[{name!r}]": each for name, each in self._space.items()}

    def begin(self, indices, rung, result):
        """Have the lineages of a result tell with which values configurations train to a rung."""
        columns = {name: self._configurations.columns[name] for name in self._space}
        if rung == 0:
            result.lineages = Lineages.of(len(result.rungs), columns)
        result.lineages.enter(rung, indices, columns)

    def end(self, rung, result):
        """Have the lineages of a result know which configurations have not trained toward the last rung that began."""
        before = result.rungs[rung - 1] if rung > 0 else 0
        result.lineages.leave(rung, np.flatnonzero(result.table["epochs"] <= before))

    def values(self, index):
        """Return by name the values by which a journal knows a configuration: its row, and those that may change."""
        columns = self._configurations.columns
        return {"row": int(index)} | {name: columns[name].item(index) for name in self._space}

    def pairs(self, indices, costs, rung):
        """Return the configurations that take over a network at a rung, as pairs of indices.

        The first of a pair is the one that takes over, and the second the one whose network it is.

        Parameters
        ----------
        indices : ndarray
            (any number,) int: of the configurations that reached the rung.
        costs : ndarray
            (any number, rungs so far) float64: see `Halving.going_on`.
        rung : int
            The index of the rung.
        """
        parents = self.option.parents(costs, np.random.default_rng([self._seed, rung, 0]))
        taken = np.flatnonzero(parents != np.arange(len(parents)))
        return list(zip(indices[taken].tolist(), indices[parents[taken]].tolist()))

    def take_over(self, pairs, rung, result):
        """Have configurations be what others are at a rung, with changed values; see `pairs`."""
        columns = self._configurations.columns
        # All changes are made of the configurations as they are before any is changed.
        changed = {index: self._changed(index, parent, rung, result.rungs[rung]) for index, parent in pairs}
        for index, (configuration, values) in changed.items():
            self._configurations.change(index, configuration, values)
        for index, parent in pairs:
            result.copy_measured(index, parent)
            result.lineages.parents[index, rung] = parent
        result.enter(np.array([index for index, _ in pairs], int), columns)

    def _changed(self, index, parent, rung, done):
        """Return the configuration of a row that goes on from its parent's network when some epochs are `done`.

        Beside it, its values from then on are returned, by name.
        """
        random = np.random.default_rng([self._seed, rung, 1, index])
        configuration = self._configurations[parent]
        values = {
            name: self._explored(distribution, self._configurations.columns[name].item(parent), random)
            for name, distribution in self._space.items()
            if name != "seed"
        }
        if "seed" in self._space:
            values["seed"] = self._configurations.columns["seed"].item(index)
        options = configuration.options
        changed = options._replace(changes={**(options.changes or {}), done: values})
        return configuration._replace(options=changed), values

    def _explored(self, distribution, value, random):
        """Return a value of a distribution near another value of it, or with a probability of `resample` any value."""
        if random.random() < self.option.resample:
            return spaces.resolved(distribution, "", spaces.by_chance(random))
        if isinstance(distribution, choice):
            nearest = int(np.argmin(np.abs(np.array(distribution.values, float) - value)))
            moved = nearest + int(random.choice([-1, 1]))
            return distribution.values[min(max(moved, 0), len(distribution.values) - 1)]
        factor = self.option.factors[random.integers(len(self.option.factors))]
        return min(max(value * factor, distribution.low), distribution.high)
