"""A run on the kernels, of one network or of a pack of them."""

import gc
import sys
import threading
import time

import numpy as np

from fastprop import options
from fastprop.jobs import settle
from fastprop.kernels import fused, jit, layout
from fastprop.kernels.team import STATE, Team
from fastprop.runs import arguments
from fastprop.runs.setting import History

_PREPARED = set()
"""The kinds of run for which the kernel is compiled in this process."""


class KernelRun:
    """A training run of one network, or of a pack side by side: a job for `jobs.run`, whose histories fill as it goes.

    Of a pack, networks have one shape, and settings differ in seed and in the optimizer's numbers alone.
    `most_rows` is the largest number of rows of the runs that this one takes over from.
    """

    def __init__(self, networks, data, rows, held_out, held_out_rows, settings, threads=1, most_rows=0):
        (first, *_), (setting, *_) = networks, settings
        self._networks, self._setting, self._called_off, self._seconds = networks, setting, False, 0.0
        self._kind = first.dtype, len(networks) > 1
        batch_size = min(setting.batch_size, max(most_rows, len(rows)))
        width = 1 if len(networks) == 1 else jit.lanes(first.dtype)
        settings = [settings[min(lane, len(settings) - 1)] for lane in range(width)]
        seeds = list(dict.fromkeys(setting.seed for setting in settings)) if setting.shuffle else [0]
        seeds = seeds if len(seeds) == 1 else [setting.seed for setting in settings]
        shared = width > 1 and len(seeds) == 1
        shape = first.layer_sizes, batch_size, first.dtype, arguments.storing(first)
        plans, size = layout.plans(*shape, threads, width, shared, isinstance(setting.clip, options.ClipNorm))
        self._parameters = first.parameters if width == 1 else self._pack(width)
        stopping = setting.early_stopping
        restores = stopping is not None and stopping.restore_best
        self._record = fused.Record(
            stop=np.zeros(1, np.int64),
            done=np.zeros(width, np.int64),
            ended=np.zeros(width, np.int64),
            losses=np.full((2, setting.epochs, width), np.nan),
            totals=layout.aligned_zeros(16, np.float64)[:width],
            lost=np.zeros(0 if width == 1 else len(self._parameters), first.dtype),
            best=np.zeros(len(self._parameters) if restores else 0, first.dtype),
            improvement=np.array([[np.inf] * width, [-1.0] * width]),
            patience=0 if stopping is None else stopping.patience,
            least=0.0 if stopping is None else stopping.minimum_improvement,
        )
        optimizers = [setting.optimizer for setting in settings]
        optimizer, steps = arguments.of_optimizers(
            setting, optimizers, self._parameters, threads, -(-len(rows) // batch_size)
        )
        self._shared = (
            arguments.of_network(first, self._parameters, setting.loss),
            optimizer,
            arguments.of_data(data, rows),
            arguments.of_data(held_out, held_out_rows),
        )
        board = layout.aligned_zeros(24, np.int64)
        self._own = [
            (plan, Team(member, threads, board, steps[member], layout.aligned_zeros(16, np.float64)))
            for member, plan in enumerate(plans)
        ]
        self._memory = layout.workspace(plans, size, first.dtype)
        order = np.empty((len(seeds), len(rows)), np.int64)
        self._order = order, np.array(seeds), setting.shuffle, batch_size

    def take_over(self, earlier):
        """Go on from where `earlier` has come to, a run of the same network and setting with other rows."""
        network, _, *data = self._shared
        self._shared = network, earlier._shared[1], *data
        self._own = [
            (plan, team._replace(step=other.step)) for (plan, team), (_, other) in zip(self._own, earlier._own)
        ]
        losses = earlier._record.losses
        if losses.shape[1] < self._setting.epochs:  # twice as long: a copy for each epoch would be dear
            losses = np.concatenate([losses, np.full_like(losses, np.nan)], axis=1)
        self._record.done[:] = earlier._record.done
        self._record = self._record._replace(losses=losses)
        self._seconds = earlier._seconds

    def __call__(self):
        self._train_all()
        self._restore()

    def _train_all(self):
        if self._setting.callback is None:
            self._train(until=self._setting.epochs)
            return
        for epoch in range(self._setting.epochs):
            self._train(until=epoch + 1)
            if self.history.stopped != "finished":
                return
            if self._setting.callback(epoch, self.history):
                self._called_off = True
                return

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
        self._seconds = 0.0
        _PREPARED.add(self._kind)

    def stop(self):
        """Ask a call in another thread to end after the minibatch it is at."""
        self._record.stop[0] = 1

    def losses_and_gradient(self):
        """Do the first epoch, however often; return its losses (2,), and the gradient of its last step (P,).

        Of a run of one network whose plan keeps the whole gradient.
        """
        plan, team = self._own[0]
        self._record.done[:] = self._record.ended[:] = team.board[STATE] = 0
        self._train(until=1)
        return self._record.losses[:, 0, 0].copy(), self._memory[plan.gradients :][: plan.parameters[-1]]

    @property
    def histories(self):
        """Of each network."""
        return [self._history(number) for number in range(len(self._networks))]

    @property
    def history(self):
        """Of the one network, or the first."""
        return self._history(0)

    def _history(self, number):
        done, ended = int(self._record.done[number]), self._record.ended[number]
        if self._called_off:
            stopped = "callback"
        elif ended:
            stopped = "diverged" if ended != fused.EARLY else "early" if done < self._setting.epochs else "finished"
        else:
            stopped = "interrupted" if self._record.stop[0] and done < self._setting.epochs else "finished"
        improved = int(self._record.improvement[1, number])
        kept = improved if len(self._record.best) > 0 and stopped != "diverged" else done - 1
        return History(*self._record.losses[:, :, number], done, stopped, self._seconds / len(self._networks), kept)

    def _train(self, until):
        start, begin = time.perf_counter(), int(self._record.done.max())

        def take_part(plan, team):
            if team.members > 1:
                settle(team.member)
            fused.train(*self._shared, plan, self._memory, team, *self._order, begin, until, self._record)

        leader, *others = self._own
        threads = [threading.Thread(target=take_part, args=own, daemon=True) for own in others]
        for thread in threads:
            thread.start()
        take_part(*leader)
        for thread in threads:
            thread.join()
        if len(self._networks) > 1:
            self._unpack()
        elif self._record.ended[0] in (fused.LOST, fused.BURIED):
            layout.clear_padding(self._parameters, self._networks[0].layer_sizes)
        self._seconds += time.perf_counter() - start

    def _pack(self, width):
        """Lay the networks' parameters side by side, the last one's also in the lanes that are left."""
        first = self._networks[0]
        size = layout.parameter_starts(first.layer_sizes, first.dtype, width)[-1]
        parameters = layout.aligned_zeros(int(size), first.dtype)
        alone, packed = self._places(width)
        apart = [self._networks[min(lane, len(self._networks) - 1)].parameters for lane in range(width)]
        parameters[packed] = np.stack(apart, axis=1)[alone]
        return parameters

    def _unpack(self):
        """Give each network its parameters: as they are, or were when it ended."""
        alone, packed = self._places(len(self._record.done))
        now, then = self._parameters[packed], self._record.lost[packed]
        for lane, network in enumerate(self._networks):
            network.parameters[alone] = (then if self._record.ended[lane] else now)[:, lane]

    def _restore(self):
        """Give each network that has not diverged the parameters of its last improvement, where that is asked for."""
        if len(self._record.best) > 0:
            alone, among = self._places(len(self._record.done))
            for lane, network in enumerate(self._networks):
                if self._record.improvement[1, lane] >= 0 and self._history(lane).stopped != "diverged":
                    network.parameters[alone] = self._record.best[among][:, lane]

    def _places(self, width):
        """Where a network's numbers stand alone, and where each network's in a pack."""
        first = self._networks[0]
        return layout.places(first.layer_sizes, first.dtype)[:, 0], layout.places(first.layer_sizes, first.dtype, width)
