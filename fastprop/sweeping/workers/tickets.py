"""Tickets, from which workers get the value that all of them share, and by which they store states."""

from fastprop.sweeping.fit_states import StoredStates


class Ticket:
    """An object that is sent with each job, and from which a worker gets the shared value; this one contains it."""

    def __init__(self, value):
        self._value = value

    def get(self):
        """Return the shared value."""
        return self._value

    def store(self, states):
        """Return `StoredStates`, by which workers get some states later, {position: arrays}; called in a worker.

        The calling process passes them on with each job that goes on from them.
        """
        return StoredStates(states)

    def is_over(self):
        """Return whether the sweep has ended, so that a worker's present job is of no more use."""
        return False

    def end(self):
        """Let all workers know that the sweep is over; what they have stored is there until the ticket is closed."""

    def close(self):
        """Free the resources of a ticket that has ended."""
