"""`KernelTeam`: a team that trains a state on the kernels; each member is a thread.

The first member is the calling thread. The others come and go as `kernels/pacing.py` decides, and a run goes on without
those that the system does not start.
"""

import contextlib
import gc
import threading
import time
from functools import partial

from fastprop import cost_model
from fastprop.kernels import epochs, pacing, team
from fastprop.standard_streams import say
from fastprop.thread_pool import present_core, spread_over_cores

_PREPARED = set()
"""The pairs (dtype, type of the plan) for which this process has the compiled kernel."""


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
        self._least_epochs = _least_epochs(state.networks[0], training[0]) if len(training) > 1 else 0

    def prepare(self):
        """Compile the kernel, or load it from the disk, by training for no epochs; say so if that takes long."""
        kind = self._state.parameters.dtype, type(self._training[0].plan)
        if kind in _PREPARED:
            return
        seconds = self._state.seconds[0]
        notice = threading.Timer(1.0, say, ["compiling for this machine, once ..."])
        with contextlib.suppress(RuntimeError):  # the system gives no more threads
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
        end = self._train_part(until)
        while self._state.done == end < until and not self._state.all_ended:
            end = self._train_part(until)

    def _train_part(self, until):
        """Train until epoch `until` is done, or if other members stay away, about as long as they do; return the epoch.

        A thread that only waits, or has little to do, is not worth its start, for which this thread would wait on a
        busy machine.
        """
        start = time.perf_counter()
        begin, record = self._state.done, self._state.record
        pause = seconds_of_pause(self._training[0].member.pacing)
        training = self._training
        if until - begin < self._least_epochs:
            training = training[:1]
        elif pause > 0 and len(training) > 1:
            training = training[:1]
            until = min(until, begin + max(1, int(pause * begin / self._state.seconds[0]) if begin > 0 else 1))
        run_members([each._replace(begin=begin, until=until, record=record) for each in training])
        self._state.clear_padding()
        self._state.seconds[0] += time.perf_counter() - start
        return until

    @property
    def nbytes(self):
        """The memory of what members work with, in bytes."""
        return sum(each.memory.nbytes + each.order.nbytes for each in self._training)

    def gradient(self):
        """Return the gradient (P,) of the last step, padding included.

        Only a team that trains one network and keeps the whole gradient has it.
        """
        plan = self._training[0].plan
        memory = self._training[0].memory
        return memory[plan.workspace.gradients :][: plan.sizes.parameters[-1]]


def _least_epochs(network, leader):
    """Return for how many epochs a call of the kernel has to train at the least, so that members are started."""
    rows, has_to_prove_itself = leader.data.rows.shape[1], leader.member.pacing.proving_time > 0
    return cost_model.epochs_of_team(network.layer_sizes, leader.batch_size, network.dtype, rows, has_to_prove_itself)


def run_members(training):
    """Call the kernel with the `Training` of each member: the first in this thread, each other in a new thread.

    If a member raises, the others leave the barrier; the first error is raised here once all have returned.
    """
    leader, *others = training
    barrier = leader.member.barrier
    reset(leader.member, waits=bool(others))
    if not others:
        epochs.train(leader)
        return
    errors, over, core = [], threading.Event(), present_core()

    def work(each, enter):
        try:
            enter(each)
        except BaseException as error:
            errors.append(error)
            abandon(barrier)

    threads = []
    try:
        for each in others:
            thread = threading.Thread(target=work, args=(each, partial(come_and_go, over=over, core=core)), daemon=True)
            thread.start()
            threads.append(thread)
    except RuntimeError:  # the system gives no more threads, for which the first member is not to wait
        leader.member.pacing.state[pacing.STARTS] = 0
    except BaseException as error:
        errors.append(error)
        abandon(barrier)
    spread_over_cores(0, core)  # it has waited for the others to start, and may have been woken on the core of one
    work(leader, epochs.train)
    over.set()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


def reset(member, waits):
    """Let the first member begin a call of the kernel alone, and wait for others if `waits`, as these are started."""
    member.barrier[team.STATE] = team.GOING
    member.barrier[team.SIZE] = member.barrier[team.NEXT_SIZE] = 1
    member.pacing.members[pacing.READY :: pacing.LINE] = 0
    member.pacing.state[pacing.STARTS] = waits


def come_and_go(training, over, core):
    """Join the team again and again, each time after the pause that it is sent away for, until the call is over.

    `core` is that of the first member, from which on the members' cores are counted.
    """
    member = training.member
    spread_over_cores(member.position, core)
    while member.barrier[team.STATE] == team.GOING and not over.wait(max(0, seconds_of_pause(member.pacing))):
        epochs.train(training)


def seconds_of_pause(limits):
    """Return for how long members that are not in the team stay away from now on, in seconds; it may be negative."""
    return (int(limits.pause[pacing.END]) - pacing.now()) / 1e9


def abandon(barrier):
    """Make all members leave the barrier and return from the kernel, because one of them will never reach it."""
    barrier[team.STATE] = team.STOPPED
    barrier[team.ABANDONED] = 1
