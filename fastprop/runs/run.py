"""`Run`: what all kinds of runs have in common."""

import time

from fastprop import numpy_settings, thread_pool
from fastprop.runs.history import stop_reason
from fastprop.runs.trained import Trained


class Run:
    """One training, of one network or of a pack, which `thread_pool.run` calls and Ctrl-C stops.

    Subclasses have a method ``__call__(until=None)``, which trains to the end, or until epoch `until` is done.
    The methods of this class suit a run that compiles nothing, writes no checkpoint and exports no state, so that it
    can only begin anew. Subclasses replace those that do not suit them.

    Attributes
    ----------
    histories : list of History
        One for each network; they are filled while the run trains.
    deadline : float or None
        The time by `time.monotonic`, in seconds, after which the run ends when an epoch has ended.
    networks : list of MLP
        One for each history.
    can_go_on : bool
        Whether the run can be called again after a call that ended between two epochs and before the last, and exports
        the states from which others can go on.
    """

    can_go_on = False

    def __init__(self, options, networks):
        self._options = options
        self.networks = networks
        self._until = options.epochs
        self._called_off = False  # whether the callback returned true
        self._stop_requested = False
        self._time_is_over = False  # whether the run ended because of `deadline`
        self.deadline = None

    @property
    def history(self):
        """The history of the one network, or of the first."""
        return self.histories[0]

    @property
    def done(self):
        """The number of finished epochs."""
        return self.history.epochs

    @property
    def seconds(self):
        """Time that training took, in seconds."""
        return self.history.seconds

    def prepare(self):
        """Compile and import all that training needs."""

    def stop(self):
        """Ask a call in another thread to return soon: after its current epoch, iteration, minibatch or chunk."""
        self._stop_requested = True

    def _call_back(self, epoch):
        """Call the callback after an epoch, in the calling thread, and note whether it ends training."""
        self._called_off = bool(
            thread_pool.in_calling_thread(numpy_settings.call_as_caller, self._options.callback, epoch, self.history)
        )

    def _ends_by_time(self):
        """Return whether the time of the run is over, and note that it ends because of this."""
        self._time_is_over = self.deadline is not None and time.monotonic() >= self.deadline
        return self._time_is_over

    def go_on(self, states):
        """Go on from `states`, one for each network, which a run with the same options and rows has exported."""

    def export(self, lane):
        """Return the state of a network, from which `go_on` continues; None for a run that can only begin anew."""

    @property
    def states(self):
        """The state of each network, see `export`."""
        return [self.export(lane) for lane in range(len(self.networks))]

    def keep_at_rungs(self, rungs):
        """Have the next call keep what the networks are trained to after some epochs, if the run can go on."""

    def trained(self):
        """Return what the networks were trained to, which later calls do not change.

        Returns
        -------
        list of Trained or TrainedPack
            After each of the epochs of `keep_at_rungs` that was reached, and at the end of the last call.
        """
        return [Trained(self.networks, self.histories)]

    def close(self):
        """Leave the files of the run to others."""

    def resume(self):
        """Go on from the checkpoint, if there is one."""

    def _stop_reason(self, ended, done):
        """Return why a network of this run ended, see `stop_reason`."""
        return stop_reason(
            called_off=self._called_off,
            ended=ended,
            done=done,
            epochs=self._options.epochs,
            stop_requested=self._stop_requested,
            time_is_over=self._time_is_over,
            until=self._until,
        )
