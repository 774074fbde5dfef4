"""`KernelTeam`: a team that trains a state on the kernels; each member is a thread."""

import gc
import threading
import time

from fastprop.kernels import epochs, team
from fastprop.standard_streams import say
from fastprop.thread_pool import spread_over_cores

_PREPARED = set()
"""The pairs (dtype, whether a pack is trained) for which this process has the compiled kernel."""


class KernelTeam:
    """Trains a `PackedState` with one kernel call for each member.

    Parameters
    ----------
    state : PackedState
    training : list of kernels.epochs.Training
        One for each member.
    """

    def __init__(self, state, training):
        self._state = state
        self._training = training

    def prepare(self):
        """Compile the kernel, or load it from the disk, by training for no epochs; say so if that takes long."""
        kind = self._state.parameters.dtype, self._state.width > 1
        if kind in _PREPARED:
            return
        seconds = self._state.seconds[0]
        notice = threading.Timer(1.0, say, ["compiling for this machine, once ..."])
        notice.start()
        collects = gc.isenabled()
        gc.disable()  # Numba makes many objects, none of which is garbage, and collecting would visit them all
        try:
            self.train(until=0)
        finally:
            if collects:
                gc.enable()
            notice.cancel()
        self._state.seconds[0] = seconds
        _PREPARED.add(kind)

    def train(self, until):
        """Train until epoch `until` is done, or until all networks have ended or the record says stop."""
        start = time.perf_counter()
        begin = self._state.done
        self._training[0].member.barrier[team.STATE] = epochs.GOING
        record = self._state.record
        run_members([each._replace(begin=begin, until=until, record=record) for each in self._training])
        self._state.unpack()
        self._state.seconds[0] += time.perf_counter() - start

    def gradient(self):
        """Return the gradient (P,) of the last step, padding included.

        Only a team that trains one network and keeps the whole gradient has it.
        """
        plan = self._training[0].plan
        memory = self._training[0].memory
        return memory[plan.workspace.gradients :][: plan.sizes.parameters[-1]]


def run_members(training):
    """Call the kernel with the `Training` of each member: the first in this thread, each other in a new thread.

    If a member raises, the others leave the barrier; the first error is raised here once all have returned.
    """
    leader, *others = training
    if not others:
        epochs.train(leader)
        return
    errors = []

    def give_up(error):
        errors.append(error)
        abandon(leader.member.barrier)

    def work(each):
        try:
            spread_over_cores(each.member.position)
            epochs.train(each)
        except BaseException as error:
            give_up(error)

    threads = []
    try:
        for each in others:
            thread = threading.Thread(target=work, args=(each,), daemon=True)
            thread.start()
            threads.append(thread)
    except BaseException as error:  # for example, the system gives no more threads
        give_up(error)
    work(leader)
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


def abandon(barrier):
    """Make all members leave the barrier and return from the kernel, because one of them will never reach it."""
    barrier[team.STATE] = epochs.STOPPED
    barrier[team.ABANDONED] = 1
