"""Warns of targets that the output activation never gives, such as 7 for a sigmoid."""

import numpy as np

from fastprop import checks
from fastprop.notices import DataWarning, warn
from fastprop.reference import ACTIVATIONS
from fastprop.row_blocks import row_blocks

ROUNDING = 1e-6
"""By how much targets may be outside the range of the activation, which have been scaled into it."""


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
    weighs = data.weights > 0 if len(data.weights) else np.ones(len(targets), bool)
    low, high = np.full((2, targets.shape[1]), np.nan)
    for rows in row_blocks(*targets.shape):
        some = targets[rows][weighs[rows]]
        low, high = np.fmin(low, some.min(axis=0, initial=np.inf)), np.fmax(high, some.max(axis=0, initial=-np.inf))
    unreachable = np.flatnonzero((low < lowest) | (high > highest))
    if len(unreachable) == 0:
        return False
    column = unreachable[0]
    where = ""
    if targets.shape[1] > 1:
        label = column if data.target_names is None else repr(data.target_names[column])
        more = f" and {len(unreachable) - 1} more" if len(unreachable) > 1 else ""
        where = f" in column {label}{more}"
    span = f"from {row.minimum:.3g} to {row.maximum:.3g}" if np.isfinite(row.maximum) else f"above {row.minimum:.3g}"
    warn(
        f"{name} goes from {low[column]:.6g} to {high[column]:.6g}{where}, but {checks.with_article(data.task.output)} "
        f"output is {span}: make the network with output='identity', or scale {name} into this range.",
        DataWarning,
    )
    return True
