"""`KernelRun`: a run on the kernels, of one network or of a pack of them."""

import time

import numpy as np

from fastprop import checks
from fastprop.kernels import compiler
from fastprop.runs import checkpoints, kernel_arguments, prediction
from fastprop.runs.kernel_team import KernelTeam
from fastprop.runs.packed_state import PackedState
from fastprop.runs.run import Run
from fastprop.runs.trained import TrainedPack


class KernelRun(Run):
    """A training run of one network, or of a pack of networks side by side.

    After a call that ends before the last epoch, it can be called again, or another run can go on from its `states`.

    The networks of a pack have one shape, and their options differ in seed, dropout, factors of rates, the
    optimizer's hyperparameters and their changes alone.

    Parameters
    ----------
    networks : list of MLP
    split : Split
        Its data must be readable for the networks, see `Split.readable`.
    options_of_networks : list of TrainingOptions
        One for each network.
    members : int
        Threads that share each minibatch: the members of the team.
    earlier : KernelRun, optional
        A run of the same network and options, but on other rows and for fewer epochs, from which this one continues.
        It cannot be used afterward.

    Attributes
    ----------
    state : PackedState
    max_rows : int
        The largest number of training rows of this run and of those from which it continues.
    """

    can_go_on = True

    def __init__(self, networks, split, options_of_networks, members=1, earlier=None):
        options = options_of_networks[0]
        super().__init__(options, networks)
        self._data, self._rows = split.measured
        self._epoch_metrics = prediction.EpochMetrics(options.metrics)
        self._checkpoint = None
        if options.checkpoint is not None:
            description = checkpoints.describe(networks[0], options, split)
            self._checkpoint = checkpoints.CheckpointFile(options.checkpoint, description)
        self.max_rows = max(len(split.rows), 0 if earlier is None else earlier.max_rows)
        self._batch_size = min(options.batch_size, self.max_rows)
        width = 1 if len(networks) == 1 else compiler.lanes(networks[0].dtype)
        options_of_lanes = [options_of_networks[min(lane, len(networks) - 1)] for lane in range(width)]
        if earlier is not None:  # whose record takes the place of this one
            options_of_lanes = [each._replace(epochs=1) for each in options_of_lanes]
        self.state = PackedState(networks, options_of_lanes, -(-len(split.rows) // self._batch_size), members)
        if earlier is not None:
            self.state.adopt(earlier.state)
        self._split = split
        self._options_of_lanes = options_of_lanes
        self._options_now = [None] * width  # of each lane, as the latest change has left them; None if unknown
        self._members = members
        self._epochs_of_changes = epochs_of_changes(options_of_lanes)
        self._team = self._new_team(options_of_lanes)

    def _new_team(self, options_of_lanes):
        sizes = self._batch_size, self._members
        return KernelTeam(self.state, kernel_arguments.training(self.state, self._split, options_of_lanes, *sizes))

    def _change(self):
        """Have the options that hold from this epoch on; what was trained so far stays as it is."""
        done = self.state.done
        self._options_now = [
            each.after(done) if now is None or done in (each.changes or ()) else now
            for now, each in zip(self._options_now, self._options_of_lanes)
        ]
        self.state.change(self._options_now)
        self._team = self._new_team(self._options_now)

    def prepare(self):
        """Keep other runs from the checkpoint, and compile the kernel; say so if that takes long."""
        if self._checkpoint is not None:
            self._checkpoint.open()
        self._team.prepare()

    def __call__(self, until=None):
        """Train to the end, or until epoch `until` is done, and at another call until a later one."""
        if until is not None:
            self._until = until
        ended_with = self._train()
        if not self._may_go_on:
            self.state.restore_best()
        if self._checkpoint is not None:
            self._checkpoint.end(self.state.networks[0], ended_with)

    def _train(self):
        """Train until the run is over or is to stop; return the state to write at the end, if there is one."""
        while not self._is_over():
            if self.state.done in self._epochs_of_changes:
                self._change()
            until = min(self._next_epoch(), self.state.make_room(self._until))
            self._team.train(until)
            if self.state.done < until and not self._is_over():
                return None  # stopped within an epoch: no run can continue from there
            if self._options.metrics:
                self._measure()
            if self._options.callback is not None:
                self._call_back(self.state.done - 1)
            over = self._called_off or self._stop_requested or self._is_over() or self._ends_by_time()
            if over:
                return self.state.export(0) if self._checkpoint is not None else None
            if self._checkpoint is not None and self._checkpoint.is_due(self.state.done):
                self._checkpoint.write(self.state.export(0))
        return None

    def _call_back(self, epoch):
        """Call the callback as every run does, unless this one has diverged."""
        if self.history.stopped != "diverged":
            super()._call_back(epoch)

    def _is_over(self):
        return self.state.done >= self._until or self.state.all_ended

    def _next_epoch(self):
        """Return the epoch until which the kernels can train before Python has something to do."""
        done = self.state.done
        if self._options.callback is not None or self._options.metrics:
            return done + 1
        pace = self.state.seconds[0] / done if done else np.inf  # seconds
        next_epochs = [self._until, *(epoch for epoch in self._epochs_of_changes if epoch > done)]
        if self._checkpoint is not None:
            next_epochs.append(self._checkpoint.next_epoch(done, pace))
        if self.deadline is not None:  # for half of the time that is left, because the pace may change
            next_epochs.append(done + max(1, int((self.deadline - time.monotonic()) / 2 / pace)))
        return min(next_epochs)

    def _measure(self):
        """Measure the metrics of a network alone after an epoch, if it is finite; those of a pack have none."""
        (network,) = self.networks
        if np.isfinite(network.parameters).all():
            epoch = self.state.done - 1
            outputs = prediction.predict(network, self._data.inputs, self._rows)
            self.state.metrics[:, epoch, 0] = self._epoch_metrics(outputs, self._data, self._rows, epoch)

    def close(self):
        """Leave the checkpoint to other runs."""
        if self._checkpoint is not None:
            self._checkpoint.close()

    def stop(self):
        """Ask a call in another thread to return after its current minibatch."""
        super().stop()
        self.state.record.stop[0] = 1

    def resume(self):
        """Go on from the checkpoint, if there is one."""
        state = self._checkpoint.read(self.state.networks[0], self.state.check)
        if state is None:
            return
        done = int(state["done"].max())
        if done > self._options.epochs:
            raise ValueError(
                f"{self._options.checkpoint.path} has {done} epochs done, but {checks.argument('epochs')} is "
                f"{self._options.epochs}: give at least as many, or leave out "
                f"{checks.argument('resume')} to begin anew."
            )
        self.go_on([state])

    def go_on(self, states):
        """Go on from `states`, one for each network, which a run with these options and rows has exported."""
        self.state.load(states)
        if self._epochs_of_changes and self.state.done not in self._epochs_of_changes:  # then training begins so
            self._change()

    def replace(self, lane, state, options):
        """Have the network in a lane go on from the state of another one, with options that have just changed."""
        self.state.load_lane(lane, state)
        self._options_of_lanes[lane] = options
        self._options_now[lane] = None
        self._epochs_of_changes = epochs_of_changes(self._options_of_lanes)

    @property
    def _may_go_on(self):
        return self._until < self._options.epochs

    def keep_at_rungs(self, rungs):
        """Have the next call keep what the networks are trained to after some epochs."""
        self.state.keep_at_rungs(rungs)

    def trained(self):
        """Return what the networks were trained to, see `Run.trained`."""
        snapshot = self.state.snapshot() if self._may_go_on else self.state.now
        last = TrainedPack(lambda: snapshot, snapshot.stopped(self._stop_reason), snapshot.last_losses)
        return [*TrainedPack.at_rungs(snapshot), last]

    @property
    def seconds(self):
        """Time that training took, of all networks together, in seconds."""
        return self.state.seconds.item()

    @property
    def nbytes(self):
        """The memory of the arrays of the run, in bytes, about."""
        return self.state.nbytes + self._team.nbytes

    def export(self, lane):
        """Return the state of a network, from which another run can go on."""
        return self.state.export(lane)

    @property
    def histories(self):
        """The history of each network."""
        return self.state.now.histories(self._stop_reason)

    @property
    def done(self):
        """The number of finished epochs, of the network that has the most."""
        return self.state.done


def epochs_of_changes(options_of_lanes):
    """Return after how many epochs the options of a lane change, a sorted list."""
    return sorted({epoch for each in options_of_lanes for epoch in each.changes or ()})
