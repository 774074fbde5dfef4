"""Warns of targets that a network cannot learn, such as 7 for a sigmoid."""

import numpy as np

from fastprop import checks
from fastprop.data.rounding import limits, warn_of_rounded_targets
from fastprop.notices import DataWarning, warn
from fastprop.reference import ACTIVATIONS

ROUNDING = 1e-6
"""By how much targets may be outside the range of the activation, which have been scaled into it."""


def warn_of_targets(data, dtype, name="y"):
    """Warn of targets of a `Dataset` that a network of `dtype` cannot learn; return whether there are any.

    Its output never gives them, or rounding takes their differences away. `name` is that of y.
    """
    return warn_of_unreachable(data, name) or warn_of_rounded_targets(data, dtype, name)


def warn_of_unreachable(data, name="y"):
    """Warn of targets of a `Dataset` outside the range of the network's output; return whether there are any.

    Training goes on: the outputs stay at the end of the range for such rows. `name` is that of y.
    """
    row = ACTIVATIONS[data.task.output]
    if data.has_labels or np.isinf([row.minimum, row.maximum]).all():
        return False
    targets = data.targets
    lowest, highest = row.minimum - ROUNDING, row.maximum + ROUNDING
    if targets.min() >= lowest and targets.max() <= highest:  # also those of rows that weigh nothing
        return False
    low, high = limits(targets, data.weights)
    unreachable = np.flatnonzero((low < lowest) | (high > highest))
    if len(unreachable) == 0:
        return False
    column = unreachable[0]
    where = ""
    if targets.shape[1] > 1:
        label = column if data.target_names is None else repr(data.target_names[column])
        more = f" and {len(unreachable) - 1} more" if len(unreachable) > 1 else ""
        where = f" in column {label}{more}"
    identity = "make the network with output='identity', or "
    span = f"from {row.minimum:.3g} to {row.maximum:.3g}" if np.isfinite(row.maximum) else f"above {row.minimum:.3g}"
    warn(
        f"{name} goes from {low[column]:.6g} to {high[column]:.6g}{where}, but {checks.with_article(data.task.output)} "
        f"output is {span}: "
        f"{checks.remedies('', output=identity)}scale {name} into this range.",
        DataWarning,
    )
    return True
