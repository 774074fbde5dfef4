"""Endings: why the fits of a sweep ended, the values of `stopped`, and what follows for their configurations."""

import numpy as np

ENDED_WELL = "finished", "early", "converged", "out of time"
"""The values of `stopped` of configurations that trained until there was no more to gain, or no more time."""

NOT_RECORDED = "interrupted", "out of time"
"""The values of `stopped` of configurations that a journal does not have, because they are to be trained again."""

ENDINGS = "interrupted", "diverged", "out of time", "halved", "early", "converged", "finished"
"""Values of `stopped`, the worst first: that of a configuration is the first of these that one of its fits has."""

CODES = {stopped: code for code, stopped in enumerate(ENDINGS)}
"""The index of each of `ENDINGS`."""


def is_finished(stopped, final_epochs):
    """Return which configurations are finished: those that ended well, or diverged after weights to go back to.

    Both arguments are columns of a result's table, (configurations,), or the values of one row.

    Examples
    --------
    >>> import numpy as np
    >>> from fastprop.sweeping.endings import is_finished
    >>> is_finished(np.array(["finished", "diverged", "diverged", "halved"]), np.array([10, 0, 7, 5])).tolist()
    [True, False, True, False]
    """
    if isinstance(stopped, str):
        return stopped in ENDED_WELL or (stopped == "diverged" and final_epochs > 0)
    return np.isin(stopped, ENDED_WELL) | ((stopped == "diverged") & (final_epochs > 0))


def survived(stopped, rungs_reached):
    """Return which configurations were interrupted by Ctrl-C after at least one rung.

    They rank before those that were stopped at the last rung that they have reached.

    Both arguments are arrays (configurations,): a column of a result's table, and how many rungs each has reached.
    """
    return (stopped == "interrupted") & (rungs_reached > 0)
