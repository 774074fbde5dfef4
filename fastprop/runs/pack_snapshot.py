"""`PackSnapshot`: what the networks of a `PackedState` were trained to after some epochs, and what was measured."""

from typing import NamedTuple

import numpy as np

from fastprop.kernels import epochs, layout
from fastprop.runs.history import History, Measured

ENDED = {0: "", epochs.DIVERGING: "diverged", epochs.DIVERGED: "diverged", epochs.EARLY: "early"}
"""The word for each value of `Record.ended`."""

CRITERIA = {"loss": 0, "validation_loss": 1}
"""The rows of `Record.losses`, by the names that they have in a `History`."""


class PackSnapshot(NamedTuple):
    """Networks of one shape, one alone or one in each lane of a pack, as they are after some epochs.

    Training cannot go on from it.
    """

    networks: list  # of MLP: those with which training began
    parameters: np.ndarray  # (P,) in all lanes: those that networks end with which have not ended
    record: epochs.Record
    metrics: dict[str, np.ndarray]  # by name (epochs, networks) float64
    seconds: float  # time that training took, of all networks together

    def network(self, lane):
        """Return a copy of a network, with the parameters that it would have if training ended now."""
        network = self.networks[lane].copy()
        alone, in_pack = offsets(self.networks[0], self.width)
        source = self.record.ended_parameters if self.width > 1 and self.record.ended[lane] else self.parameters
        source = self.record.best if self.restores_best(lane) else source
        network.parameters[alone] = source[in_pack[:, lane]]
        return network

    @property
    def width(self):
        """The number of lanes."""
        return len(self.record.done)

    @property
    def keeps_best(self):
        """Whether the parameters of each network's last improvement are kept, to be restored at the end."""
        return len(self.record.best) > 0

    def restores_best(self, lane):
        """Return whether a network ends with the parameters of its last improvement."""
        return self.keeps_best and self.record.improvement[1, lane] >= 0

    def histories(self, stop_reason):
        """Return the `History` of each network; ``stop_reason(ended, done)`` says why one ended."""
        endings = zip(self.stopped(stop_reason), self._best_epochs().tolist())
        return [self._history(lane, *each) for lane, each in enumerate(endings)]

    def stopped(self, stop_reason):
        """Return why each network ended, see `histories`."""
        endings = list(zip(self.record.ended.tolist(), self.record.done.tolist()))[: len(self.networks)]
        words = {each: stop_reason(ENDED[each[0]], each[1]) for each in set(endings)}
        return [words[each] for each in endings]

    def _history(self, lane, stopped, best_epoch):
        record = self.record
        done = record.done.item(lane)
        measured = record.losses[0], record.losses[1], record.rates, record.norms  # (epochs, lanes) each
        by_name = {name: values[:done, lane] for name, values in self.metrics.items()}
        seconds = self.seconds / len(self.networks)
        return History(*[values[:done, lane] for values in measured], by_name, done, stopped, seconds, best_epoch)

    def last_losses(self, criterion):
        """Return `Trained.last_losses` of the networks."""
        return self._losses_at(self._last_epochs())[CRITERIA[criterion]].tolist()

    def measured(self, criterion):
        """Return `Trained.measured` of the networks."""
        record, lanes = self.record, slice(len(self.networks))
        done = record.done[lanes]
        longest = done.max()
        history = record.losses[CRITERIA[criterion], :longest, lanes].T
        if done.min() < longest:
            history = np.where(np.arange(longest) < done[:, None], history, np.nan)
        loss, validation_loss = self._losses_at(self._last_epochs())
        seconds = np.full(len(done), self.seconds / len(done))
        return Measured(loss, validation_loss, done, self._best_epochs() + 1, seconds, history)

    def _best_epochs(self):
        """Return the epoch whose parameters each network has in the end, (networks,) int.

        It is -1 if they are not finite, or of no epoch.
        """
        record, lanes = self.record, slice(len(self.networks))
        lost = (record.ended[lanes] == epochs.DIVERGING) | (record.ended[lanes] == epochs.DIVERGED)
        if self.keeps_best:
            lost &= record.improvement[1, lanes] < 0
        return np.where(lost, -1, self._last_epochs())

    def _last_epochs(self):
        """Return the last epoch of each network, or the one whose weights are restored, (networks,) int; -1 for none.

        A network that diverged has a last epoch too, though its parameters are of no use.
        """
        record, lanes = self.record, slice(len(self.networks))
        last = record.done[lanes] - 1
        if not self.keeps_best:
            return last
        improved = record.improvement[1, lanes]
        return np.where(improved >= 0, improved.astype(int), last)

    def _losses_at(self, measured):
        """Return both losses of each network at an epoch of its own, (2, networks); NaN where that is -1."""
        return np.where(measured >= 0, self.record.losses[:, measured, np.arange(len(measured))], np.nan)

    @property
    def rungs_reached(self):
        """The number of epochs of `keep_at_rungs` that were reached before all networks had ended."""
        return int((~np.isnan(self.record.kept_improvements[:, 0])).sum())

    def losses_at_rungs(self, criterion):
        """Return `last_losses` at the epochs of `PackedState.keep_at_rungs` that were reached, a list for each."""
        record, lanes, reached = self.record, np.arange(len(self.networks)), self.rungs_reached
        measured = np.minimum(record.done[lanes], record.rungs[:reached, None]) - 1
        if self.keeps_best:
            improved = record.kept_improvements[:reached, lanes]
            measured = np.where(improved >= 0, improved.astype(int), measured)
        return record.losses[CRITERIA[criterion], measured, lanes].tolist()

    def stopped_at_rungs(self):
        """Return why each network ended at the epochs of `keep_at_rungs` that were reached, a list for each."""
        rungs = self.record.rungs[: self.rungs_reached].tolist()
        ended, done = self.record.ended.tolist(), self.record.done.tolist()
        lanes = range(len(self.networks))
        if not any(ended):
            return [["halved"] * len(lanes)] * len(rungs)
        return [[(ENDED[ended[lane]] if done[lane] <= rung else "") or "halved" for lane in lanes] for rung in rungs]

    def at_rung(self, rung):
        """Return the snapshot of one of the epochs of `keep_at_rungs`, by its index."""
        record, epoch = self.record, self.record.rungs.item(rung)
        kept = record.kept[rung]
        record = record._replace(
            done=np.minimum(record.done, epoch),
            ended=np.where(record.done <= epoch, record.ended, 0),
            improvement=np.stack([record.improvement[0], record.kept_improvements[rung]]),
            best=kept[: len(record.best)],
            ended_parameters=kept[: len(record.ended_parameters)],
        )
        seconds = self.seconds * (epoch / int(self.record.done.max()))
        return self._replace(parameters=kept, record=record, seconds=seconds)


def offsets(network, width):
    """Return the offsets of a network's parameters without the padding: alone, (P,), and in a pack, (P, width)."""
    shape = network.layer_sizes, network.dtype
    return layout.parameter_offsets(*shape)[:, 0], layout.parameter_offsets(*shape, width)
