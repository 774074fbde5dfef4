"""What a run has trained its networks to when a call of it has ended: what was measured, and their parameters."""

from functools import cache, cached_property, partial

from fastprop.runs.history import Measured


class Trained:
    """The networks of a run that is not called again, and the history of each."""

    def __init__(self, networks, histories):
        self._networks = networks
        self._histories = histories
        self.stopped = [history.stopped for history in histories]

    def last_losses(self, criterion):
        """Return the loss of each network after its last epoch, or after the one whose weights were restored.

        `criterion` is the name of an array of losses of a `History`. A loss is NaN before the first epoch has ended.
        """
        return getattr(self.measured(criterion), criterion).tolist()

    def measured(self, criterion):
        """Return what was `Measured` of the networks."""
        return Measured.of(self._histories, criterion)

    def network(self, lane):
        """Return a network with the parameters that it was trained to."""
        return self._networks[lane]


class TrainedPack:
    """What `Trained` has, of the networks of a `PackedState` that may go on.

    What was measured and networks are made when they are asked for, because few of them are where most networks go on.

    Parameters
    ----------
    make_snapshot : callable
        Returns the `PackSnapshot` that has what was measured, and the networks.
    stopped : list of str
        Why each network ended.
    last_losses : callable
        See `Trained.last_losses`.
    """

    def __init__(self, make_snapshot, stopped, last_losses):
        self._make_snapshot = make_snapshot
        self.stopped = stopped
        self.last_losses = last_losses

    @classmethod
    def at_rungs(cls, snapshot):
        """Return what there is for each epoch of `PackedState.keep_at_rungs` that was reached, in a list."""
        losses = cache(snapshot.losses_at_rungs)
        return [
            cls(partial(snapshot.at_rung, rung), stopped, lambda criterion, rung=rung: losses(criterion)[rung])
            for rung, stopped in enumerate(snapshot.stopped_at_rungs())
        ]

    @cached_property
    def _snapshot(self):
        return self._make_snapshot()

    def measured(self, criterion):
        """Return what was `Measured` of the networks."""
        return self._snapshot.measured(criterion)

    def network(self, lane):
        """Return a copy of a network with the parameters that it was trained to."""
        return self._snapshot.network(lane)
