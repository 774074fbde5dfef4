"""Values that all workers share: the ticket, from which a worker gets the value, and what the calling process has."""

from fastprop.sweeping.fit_states import StoredStates


class Ticket:
    """An object that is sent with each call, from which a worker gets the shared value; this one contains it."""

    def __init__(self, value):
        self._value = value

    def get(self):
        """Return the shared value."""
        return self._value

    def store(self, states):
        """Return `StoredStates`, by which workers get some states later, {position: arrays}.

        The calling process passes them on with each job that goes on from them.
        """
        return StoredStates(states)

    def is_over(self):
        """Return whether the sweep has ended, so that a worker's present job is of no more use."""
        return False


class SharedValue:
    """A value that the calling process shares with all workers.

    Attributes
    ----------
    ticket : object
        What is sent with each call: a `Ticket`, or what becomes one on its way.
    """

    def __init__(self, ticket):
        self.ticket = ticket

    def end(self):
        """Let all workers know that the sweep is over; what they have stored is there until the value is closed."""

    def close(self):
        """Free the resources of a value whose sweep has ended."""
