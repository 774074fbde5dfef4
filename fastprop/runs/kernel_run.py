"""A run on the kernels, of one network or of a pack of them."""

import gc
import sys
import threading
import time

import numpy as np

from fastprop.kernels import epochs, jit, layout, unrolled
from fastprop.kernels.team import STATE, Worker
from fastprop.runs import checkpoints, kernel_arguments, prediction
from fastprop.runs.history import History
from fastprop.thread_pool import settle

_PREPARED = set()
"""The kinds of run for which the kernel is compiled in this process."""


class KernelRun:
    """A training run of one network, or of a pack side by side: a job for `jobs.run`, whose histories fill as it goes.

    Of a pack, networks have one shape, and settings differ in seed, dropout and the optimizer's numbers alone.
    `most_rows` is the largest number of rows of the runs that this one takes over from.
    """

    def __init__(self, networks, data, rows, held_out, held_out_rows, options_list, threads=1, most_rows=0):
        (first, *_), (options, *_) = networks, options_list
        self._networks, self._options, self._called_off, self._seconds = networks, options, False, np.zeros(1)
        self._until, self.states = options.epochs, []
        self._measured = (held_out, held_out_rows) if len(held_out_rows) else (data, rows)
        self._metrics = np.full((len(options.metrics), options.epochs, len(networks)), np.nan)
        self._keeper = None
        if options.checkpoint is not None:
            description = checkpoints.describe(first, options, data, rows, held_out, held_out_rows)
            self._keeper = checkpoints.Keeper(options.checkpoint, description)
        self._kind = first.dtype, len(networks) > 1
        batch_size = min(options.batch_size, max(most_rows, len(rows)))
        width = 1 if len(networks) == 1 else jit.lanes(first.dtype)
        options_list = [options_list[min(lane, len(options_list) - 1)] for lane in range(width)]
        seeds = list(dict.fromkeys(options.seed for options in options_list)) if options.shuffle else [0]
        seeds = seeds if len(seeds) == 1 else [options.seed for options in options_list]
        shared = width > 1 and len(seeds) == 1
        shape = first.layer_sizes, batch_size, first.dtype, kernel_arguments.storing(first)
        plans, size = layout.plans(*shape, threads, width, shared, options.measures_norm)
        if width > 1 and not any(each.dropout for each in options_list):
            own = unrolled.addresses(first.layer_sizes, kernel_arguments.codes(first), first.dtype, shared)
            plans = [plan._replace(straight=np.array(own)) for plan in plans]
        self._parameters = self._learned = first.parameters if width == 1 else self._pack(width)
        if options.average is not None:  # then the network holds the average, and what is learned stands apart
            self._learned = layout.aligned_zeros(len(self._parameters), first.dtype)
            self._learned[:] = self._parameters
        stopping = options.early_stopping
        restores = stopping is not None and stopping.restore_best
        self._record = epochs.Record(
            stop=np.zeros(1, np.int64),
            done=np.zeros(width, np.int64),
            ended=np.zeros(width, np.int64),
            losses=np.full((2, options.epochs, width), np.nan),
            rates=np.full((options.epochs, width), np.nan),
            norms=np.full((options.epochs, width), np.nan),
            totals=layout.aligned_zeros(16, np.float64)[:width],
            lost=np.zeros(0 if width == 1 else len(self._parameters), first.dtype),
            best=np.zeros(len(self._parameters) if restores else 0, first.dtype),
            improvement=np.array([[np.inf] * width, [-1.0] * width]),
            patience=0 if stopping is None else stopping.patience,
            min_improvement=0.0 if stopping is None else stopping.minimum_improvement,
        )
        optimizers = [options.optimizer for options in options_list]
        self._optimizer, self._steps = kernel_arguments.of_optimizers(
            options, optimizers, self._learned, self._parameters, threads, -(-len(rows) // batch_size)
        )
        network = kernel_arguments.of_network(first, self._learned, options.loss)
        self._shared = (
            network,
            network._replace(parameters=self._parameters),
            self._optimizer,
            kernel_arguments.of_data(data, rows),
            kernel_arguments.of_data(held_out, held_out_rows),
        )
        barrier = layout.aligned_zeros(24, np.int64)
        shares, own_seeds = zip(*((each.dropout, each.seed) for each in options_list))
        dropouts = kernel_arguments.of_dropout(shares, own_seeds, plans, rows, first.dtype)
        self._own = [
            (
                plan,
                Worker(
                    member,
                    threads,
                    barrier,
                    self._steps[member],
                    layout.aligned_zeros(16, np.float64),
                    dropouts[member],
                    dropouts[member]._replace(keys=dropouts[member].keys[:0]),
                ),
            )
            for member, plan in enumerate(plans)
        ]
        self._memory = layout.workspace(plans, size, first.dtype)
        order = np.empty((len(seeds), len(rows)), np.int64)
        self._order = order, np.array(seeds), options.shuffle, batch_size

    def take_over(self, earlier):
        """Go on from where `earlier` has come to, a run of the same network and setting with other rows."""
        self._learned, self._optimizer, self._steps = earlier._learned, earlier._optimizer, earlier._steps
        self._shared = *earlier._shared[:3], *self._shared[3:]
        self._own = [
            (plan, team._replace(step=other.step)) for (plan, team), (_, other) in zip(self._own, earlier._own)
        ]
        measured = {name: getattr(earlier._record, name) for name in ("losses", "rates", "norms")}
        if len(measured["rates"]) < self._options.epochs:  # twice as long: a copy for each epoch would be dear
            measured = {name: np.concatenate([a, np.full_like(a, np.nan)], axis=-2) for name, a in measured.items()}
        self._record.done[:] = earlier._record.done
        self._record = self._record._replace(**measured)
        self._seconds = earlier._seconds

    def __call__(self, until=None):
        """Train to the end, or until so many epochs are done: then `states` holds what each network goes on from."""
        if until is not None:
            self._until = until
        self._train_all()
        if self._until < self._options.epochs:
            self.states = [self.state(number) for number in range(len(self._networks))]
        self._restore()

    def _train_all(self):
        while not self._is_over():
            until = self._next_epoch()
            self._train(until)
            if self._done() < until and not self._is_over():
                return  # amid an epoch, from where no run goes on
            self._measure()
            if self._options.callback is not None and self.history.stopped != "diverged":
                self._called_off = bool(self._options.callback(self._done() - 1, self.history))
            over = self._called_off or self._is_over()
            if self._keeper is not None and (over or self._keeper.is_due(self._done())):
                self._keeper.write(self.state(0))
            if over:
                return

    def _done(self):
        return int(self._record.done.max())

    def _is_over(self):
        return self._done() >= self._until or self._record.ended.all()

    def _next_epoch(self):
        """Until which epoch to train before there is something to do in Python."""
        done = self._done()
        if self._options.callback is not None or self._options.metrics:
            return done + 1
        if self._keeper is None:
            return self._until
        return min(self._until, self._keeper.next_epoch(done, self._seconds[0] / done if done else np.inf))

    def _measure(self):
        """Measure the metrics of each network that has gone through the last epoch and is finite."""
        names, (data, rows), done = self._options.metrics, self._measured, self._done()
        if not names:
            return
        for number, network in enumerate(self._networks):
            if self._record.done[number] == done and np.isfinite(network.parameters).all():
                outputs = prediction.predict(network, data.inputs, rows)
                self._metrics[:, done - 1, number] = prediction.measure(names, outputs, data.y[rows])

    def prepare(self):
        """Compile the kernel, or fetch it from the disk, by training for no epochs; say so if that takes long."""
        if self._kind in _PREPARED:
            return
        notice = threading.Timer(1.0, print, ["fastprop: compiling for this machine, once ..."], {"file": sys.stderr})
        notice.start()
        gc.disable()  # of what Numba makes nothing is garbage, and to find that out took 0.8 s
        try:
            self._train(until=0)
        finally:
            gc.enable()
            notice.cancel()
        self._seconds[0] = 0
        _PREPARED.add(self._kind)

    def stop(self):
        """Ask a call in another thread to end after the minibatch it is at."""
        self._record.stop[0] = 1

    def losses_and_gradient(self):
        """Do the first epoch, however often; return its losses (2,), and the gradient of its last step (P,).

        Of a run of one network whose plan keeps the whole gradient.
        """
        plan, team = self._own[0]
        self._record.done[:] = self._record.ended[:] = team.barrier[STATE] = 0
        self._train(until=1)
        return self._record.losses[:, 0, 0].copy(), self._memory[plan.gradients :][: plan.parameters[-1]]

    def resume(self):
        """Go on from the checkpoint, if it is there."""
        state = self._keeper.read()
        if state is None:
            return
        done = int(state["done"].max())
        if done > self._options.epochs:
            raise ValueError(
                f"{self._options.checkpoint.path} has {done} epochs done, but epochs is {self._options.epochs}: "
                "give at least as many, or leave out resume to begin anew."
            )
        self.go_on([state])

    def state(self, number):
        """All that a network which has not ended goes on from between two epochs: arrays by name, copies."""
        _, places = self._places(len(self._record.done))
        state = {name: array[:, places[:, number]] for name, array in self._like_parameters().items()}
        state |= {name: array[..., number].copy() for name, array in self._of_each().items()}
        return state | {"steps": self._steps[0].done.copy(), "seconds": self._seconds / len(self._networks)}

    def go_on(self, states):
        """Go on from `states`, one of each network, which other runs with these settings and rows came to."""
        width = len(self._record.done)
        _, places = self._places(width)
        self._record.done[:] = states[0]["done"]  # how long the rest is
        for lane in range(width):
            state = states[min(lane, len(states) - 1)]
            for name, array in self._like_parameters().items():
                array[:, places[:, lane]] = state[name]
            for name, array in self._of_each().items():
                array[..., lane::width] = state[name][..., None]
        self._steps[0].done[:], self._seconds[0] = state["steps"], sum(state["seconds"][0] for state in states)
        for step in self._steps[1:]:
            for array, first in zip(step, self._steps[0]):
                array[...] = first
        if len(self._networks) > 1:
            self._unpack()

    def _like_parameters(self):
        """What is laid out as the parameters are, (any number, P), by name."""
        arrays = {
            "parameters": self._learned,
            "average": self._optimizer.average.parameters,
            "optimizer": self._optimizer.rule.state,
            "best": self._record.best,
        }
        return {name: array.reshape(-1, len(self._learned)) for name, array in arrays.items()}

    def _of_each(self):
        """What holds a number of each network last, by name."""
        record, step, done = self._record, self._steps[0], self._done()
        return {
            "powers": step.powers,
            "plateau": step.plateau,
            "done": record.done,
            "ended": record.ended,
            "improvement": record.improvement,
            "losses": record.losses[:, :done],
            "rates": record.rates[:done],
            "norms": record.norms[:done],
            "metrics": self._metrics[:, :done],
        }

    @property
    def histories(self):
        """Of each network."""
        record, networks = self._record, range(len(self._networks))
        losses, metrics = record.losses.swapaxes(1, 2), self._metrics.transpose(2, 0, 1)  # network by network
        return [*map(self._history, networks, metrics, *losses, record.rates.T, record.norms.T)]

    @property
    def history(self):
        """Of the one network, or the first."""
        return self.histories[0]

    def _history(self, number, metrics, *measured):
        record, done, ended = self._record, int(self._record.done[number]), self._record.ended[number]
        if self._called_off:
            stopped = "callback"
        elif ended:
            stopped = "diverged" if ended != epochs.EARLY else "early" if done < self._options.epochs else "finished"
        elif done >= self._options.epochs:
            stopped = "finished"
        elif record.stop[0]:
            stopped = "interrupted"
        else:
            stopped = "halved" if self._until < self._options.epochs else "finished"
        improved = int(record.improvement[1, number])
        restored = len(record.best) > 0 and improved >= 0 and stopped != "diverged"
        kept = improved if restored else done - 1
        metrics = dict(zip(self._options.metrics, metrics))
        return History(*measured, metrics, done, stopped, float(self._seconds[0]) / len(self._networks), kept)

    def _train(self, until):
        start, begin = time.perf_counter(), int(self._record.done.max())

        def take_part(plan, team):
            if team.members > 1:
                settle(team.member)
            own = plan, self._memory, team, *self._order, begin, until, self._record
            epochs.train(epochs.Training(*self._shared, *own))

        leader, *others = self._own
        threads = [threading.Thread(target=take_part, args=own, daemon=True) for own in others]
        for thread in threads:
            thread.start()
        take_part(*leader)
        for thread in threads:
            thread.join()
        if len(self._networks) > 1:
            self._unpack()
        elif self._record.ended[0] in (epochs.DIVERGING, epochs.DIVERGED):
            layout.clear_padding(self._parameters, self._networks[0].layer_sizes)
        self._seconds[0] += time.perf_counter() - start

    def _pack(self, width):
        """Lay the networks' parameters side by side, the last one's also in the lanes that are left."""
        first = self._networks[0]
        size = layout.parameter_starts(first.layer_sizes, first.dtype, width)[-1]
        parameters = layout.aligned_zeros(int(size), first.dtype)
        alone, packed = self._places(width)
        apart = [self._networks[min(lane, len(self._networks) - 1)].parameters for lane in range(width)]
        parameters[packed] = np.array(apart).T[alone]
        return parameters

    def _unpack(self):
        """Give each network its parameters: as they are, or were when it ended."""
        alone, packed = self._places(len(self._record.done))
        trained = np.where(self._record.ended, self._record.lost[packed], self._parameters[packed])
        for network, numbers in zip(self._networks, trained.T):
            network.parameters[alone] = numbers

    def _restore(self):
        """Give each network that has not diverged the parameters of its last improvement, where that is asked for."""
        if len(self._record.best) > 0:
            alone, among = self._places(len(self._record.done))
            for lane, (network, history) in enumerate(zip(self._networks, self.histories)):
                if self._record.improvement[1, lane] >= 0 and history.stopped != "diverged":
                    network.parameters[alone] = self._record.best[among][:, lane]

    def _places(self, width):
        """Where a network's numbers stand alone, and where each network's in a pack."""
        first = self._networks[0]
        return layout.places(first.layer_sizes, first.dtype)[:, 0], layout.places(first.layer_sizes, first.dtype, width)
