"""`PackedState`: what training changes of one network or of a pack, laid out as the kernels read it."""

import numpy as np

from fastprop.kernels import epochs, layout
from fastprop.runs.history import doubled
from fastprop.runs.optimizer_arguments import optimizer_arguments
from fastprop.runs.pack_snapshot import ENDED, PackSnapshot, offsets


class PackedState:
    """The parameters, the optimizer's state and the record of one network, or of a pack with a network in each lane.

    If a pack has fewer networks than lanes, the lanes that are left train copies of its last network.

    Attributes
    ----------
    networks : list of MLP
        Networks of one shape. One alone trains in place; those of a pack only begin, and may be one and the same.
    width : int
        The number of lanes that train side by side: 1, or the lanes of a vector.
    parameters : ndarray
        (P,) of the network's dtype: the parameters that the networks end with, learned ones or their moving average.
    learned : ndarray
        (P,) of the network's dtype: the parameters that steps change; without an average, the array `parameters`.
    optimizer : kernels.optimizers.Optimizer
    steps : list of kernels.optimizers.Step
        One for each member.
    record : kernels.epochs.Record
    metrics : ndarray
        (metrics, epochs, networks) float64, with room for as many epochs as the record; NaN where they were not
        measured.
    seconds : ndarray
        (1,) float64: time that the kernels took, in seconds.
    """

    def __init__(self, networks, options_of_lanes, steps_per_epoch, members=1):
        first = networks[0]
        options = options_of_lanes[0]
        self.networks = networks
        self.width = len(options_of_lanes)
        self.parameters = first.parameters if self.width == 1 else pack_parameters(networks, self.width)
        self.learned = self.parameters
        if options.average is not None:
            self.learned = layout.aligned_zeros(len(self.parameters), first.dtype)
            self.learned[:] = self.parameters
        self.optimizer, self.steps = optimizer_arguments(
            options_of_lanes,
            first.layer_sizes,
            self.learned,
            self.parameters,
            members,
            steps_per_epoch,
        )
        self._steps_per_epoch = steps_per_epoch
        self.record = empty_record(options, self.width, len(self.parameters), first.dtype)
        self._metric_names = [score.name for score in options.metrics]
        self.metrics = np.full((len(options.metrics), len(self.record.rates), len(networks)), np.nan)
        self.seconds = np.zeros(1)

    @property
    def done(self):
        """The number of finished epochs, of the network that has the most."""
        return int(self.record.done.max())

    @property
    def nbytes(self):
        """The memory of parameters, optimizer and record, in bytes."""
        of_record = [value for value in self.record if isinstance(value, np.ndarray)]
        return sum(array.nbytes for array in (self.learned, self.optimizer.rule.state, self.metrics, *of_record))

    @property
    def all_ended(self):
        """Whether every network ended by itself before the last epoch."""
        return self.record.ended.all()

    def restart(self):
        """Set the number of finished epochs to 0, without changing the parameters or the optimizer's state."""
        self.record.done[:] = 0
        self.record.ended[:] = 0

    def clear_padding(self):
        """Set the padding to 0 again, which divergence can turn to NaN; a pack has none."""
        if len(self.networks) == 1 and self.record.ended[0] in (epochs.DIVERGING, epochs.DIVERGED):
            layout.clear_padding(self.parameters, self.networks[0].layer_sizes)

    @property
    def now(self):
        """The `PackSnapshot` of this moment, whose arrays change while training goes on."""
        metrics = dict(zip(self._metric_names, self.metrics))
        return PackSnapshot(self.networks, self.parameters, self.record, metrics, self.seconds.item())

    def snapshot(self):
        """Return the `PackSnapshot` of this moment, which later training does not change."""
        changing = {name: getattr(self.record, name).copy() for name in ("done", "ended", "improvement", "best")}
        return self.now._replace(parameters=self.parameters.copy(), record=self.record._replace(**changing))

    def keep_at_rungs(self, rungs):
        """Have the kernels keep what networks would end with after some epochs, for `PackSnapshot.at_rung`."""
        self.record = self.record._replace(
            rungs=np.array(rungs, np.int64),
            kept=np.empty((len(rungs), len(self.parameters)), self.parameters.dtype),
            kept_improvements=np.full((len(rungs), self.width), np.nan),
        )

    def restore_best(self):
        """Give a network that trains in place the parameters of its last improvement, if it has improved."""
        if self.width == 1 and self.now.restores_best(0):
            self.parameters[:] = self.record.best

    def export(self, lane):
        """Return the state, between two epochs, from which a network that has not ended can go on: arrays by name."""
        _, in_pack = offsets(self.networks[0], self.width)
        state = {name: array[:, in_pack[:, lane]] for name, array in self._by_parameter().items()}
        state |= {name: array[..., lane].copy() for name, array in self._by_network().items()}
        return state | {"steps": self.steps[0].done.copy(), "seconds": self.seconds / len(self.networks)}

    def check(self, state):
        """Raise an exception if `state` is none that `export` can have returned for the same options and rows.

        Its arrays must have the shapes and dtypes that this state exports after as many epochs, and its counts must be
        in their ranges.
        """
        done = state["done"]
        if done.shape != () or done.dtype != np.int64 or done < 0 or state["losses"].shape != (2, done):
            raise ValueError("its losses are not those of the epochs that are done")
        begun, self.record.done[:] = self.record.done.copy(), done
        try:
            self.make_room(self.done)
            expected = self.export(0)
        finally:
            self.record.done[:] = begun
        for name in expected | state:
            ours, theirs = ((array.shape, array.dtype) for array in (expected[name], state[name]))
            if ours != theirs:
                raise ValueError(f"{name} is an array of {theirs} and not of {ours}")
        are_in_range = (
            int(state["ended"]) in ENDED
            and -1 <= state["improvement"][1] < done
            and (state["steps"] >= 0).all()
            and 0 <= state["seconds"][0] < np.inf
        )
        if not are_in_range:
            raise ValueError("its counts are out of their ranges")

    def load(self, states):
        """Go on from `states`, one for each network, which `export` returned for the same options and rows."""
        self.record.done[:] = states[0]["done"]  # the arrays by network hold as many epochs
        self.make_room(self.done)
        for lane in range(self.width):
            self.load_lane(lane, states[min(lane, len(states) - 1)])
        self.steps[0].done[:] = states[-1]["steps"]
        self.seconds[0] = sum(state["seconds"][0] for state in states)

    def load_lane(self, lane, state):
        """Have the network in a lane go on from a `state`, which `export` has returned after as many epochs."""
        _, in_pack = offsets(self.networks[0], self.width)
        for name, array in self._by_parameter().items():
            array[:, in_pack[:, lane]] = state[name]
        for name, array in self._by_network().items():
            array[..., lane :: self.width] = state[name][..., None]

    def change(self, options_of_lanes):
        """Go on with other options, one for each lane, which differ in no more than those of a pack may."""
        optimizer, steps = self.optimizer, self.steps
        sizes = self.networks[0].layer_sizes
        arguments = sizes, self.learned, self.parameters, len(steps), self._steps_per_epoch
        self.optimizer, self.steps = optimizer_arguments(options_of_lanes, *arguments)
        self.optimizer.rule.state[:] = optimizer.rule.state
        for step, before in zip(self.steps, steps):
            for name in ("norms", "powers", "plateau", "done"):
                getattr(step, name)[:] = getattr(before, name)

    def adopt(self, earlier):
        """Go on from `earlier`, a state of the same networks and options.

        Both share their arrays from now on, so that `earlier` cannot be used afterward.
        """
        self.learned = earlier.learned
        self.optimizer = earlier.optimizer
        self.steps = earlier.steps
        self.seconds = earlier.seconds
        measured = {name: getattr(earlier.record, name) for name in ("losses", "rates", "norms")}
        self.record.done[:] = earlier.record.done
        self.record = self.record._replace(**measured)

    def make_room(self, epochs):
        """Make room in the record for one epoch more than are done, and return for how many there is room then.

        `epochs` is the number of epochs after which the run ends. The record holds fewer, because a run may be planned
        to go on for very long and end early.
        """
        while self.done >= len(self.record.rates):
            longer = {name: doubled(getattr(self.record, name), axis=-2) for name in ("losses", "rates", "norms")}
            self.record = self.record._replace(**longer)
            self.metrics = doubled(self.metrics, axis=-2)
        return min(epochs, len(self.record.rates))

    def _by_parameter(self):
        """Return by name the arrays whose rows are laid out like the parameters, (any number, P)."""
        arrays = {
            "parameters": self.learned,
            "average": self.optimizer.average.parameters,
            "optimizer": self.optimizer.rule.state,
            "best": self.record.best,
        }
        return {name: array.reshape(-1, len(self.learned)) for name, array in arrays.items()}

    def _by_network(self):
        """Return by name the arrays whose last axis is that of the networks, cut to the finished epochs."""
        record = self.record
        step = self.steps[0]
        done = self.done
        return {
            "powers": step.powers,
            "plateau": step.plateau,
            "done": record.done,
            "ended": record.ended,
            "improvement": record.improvement,
            "losses": record.losses[:, :done],
            "rates": record.rates[:done],
            "norms": record.norms[:done],
            "metrics": self.metrics[:, :done],
        }


def pack_parameters(networks, width):
    """Return the packed parameters (P,) of networks, one in each lane; the last network fills the other lanes."""
    first = networks[0]
    size = layout.layer_offsets(first.layer_sizes, first.dtype, width)[-1]
    parameters = layout.aligned_zeros(int(size), first.dtype)
    alone, in_pack = offsets(first, width)
    of_lanes = [networks[min(lane, len(networks) - 1)].parameters for lane in range(width)]
    parameters[in_pack] = np.array(of_lanes).T[alone]
    return parameters


FIRST_EPOCHS = 1024
"""The largest number of epochs for which a record has room at first."""

NEVER = 2**63 - 1
"""The patience of runs that have none, in epochs: more than any run has."""


def empty_record(options, width, parameters, dtype):
    """Return the kernels' record of a run that has not begun; `parameters` is their number in all `width` lanes."""
    stopping = options.early_stopping
    room = min(options.epochs, FIRST_EPOCHS)
    restores = stopping is not None and stopping.restore_best
    return epochs.Record(
        stop=np.zeros(1, np.int64),
        done=np.zeros(width, np.int64),
        ended=np.zeros(width, np.int64),
        losses=np.full((2, room, width), np.nan),
        rates=np.full((room, width), np.nan),
        norms=np.full((room, width), np.nan),
        totals=layout.aligned_zeros(layout.MAX_LANES, np.float64)[:width],
        ended_parameters=np.zeros(0 if width == 1 else parameters, dtype),
        best=np.zeros(parameters if restores else 0, dtype),
        improvement=np.array([[np.inf] * width, [-1.0] * width]),
        rungs=np.zeros(0, np.int64),
        kept=np.zeros((0, parameters), dtype),
        kept_improvements=np.zeros((0, width)),
        patience=0 if stopping is None else stopping.patience or NEVER,
        min_improvement=0.0 if stopping is None else stopping.minimum_improvement,
    )
