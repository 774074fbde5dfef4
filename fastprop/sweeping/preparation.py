"""What a sweep compiles before its time begins."""

import numpy as np

from fastprop.kernels import layout, unrolled
from fastprop.sweeping.configuration import option_values
from fastprop.sweeping.fits import Pack
from fastprop.sweeping.pack_runs import PackRun


def prepare(experiment, job):
    """Compile all that a job needs, unless this process has compiled it for such a job."""
    key = compiled_key(experiment, job.fits.configurations, job.fits.fold)
    if key not in _PREPARED:
        PackRun(experiment, job).prepare()
        _PREPARED.add(key)


def compiled_key(experiment, configurations, fold):
    """Return what is equal for packs that need the same compiled functions, of which tiny networks have some by shape.

    `configurations` are those of the fits of a pack, which train on the fold with this index.
    """
    first = configurations[0]
    prototype = experiment.prototypes[first.options.loss]
    width, rows = len(configurations), len(experiment.folds[fold].rows)
    shape = first.shape(prototype)
    functions = None
    is_tiny = layout.parameter_count(shape[0]) <= unrolled.MAX_PARAMETERS
    if is_tiny and unrolled.pays(width, first.options.epochs, rows):
        shares_rows = not first.options.shuffle or len(set(option_values(configurations, "seed"))) == 1
        functions = *shape, shares_rows, any(option_values(configurations, "dropout"))
    return experiment.backend, prototype.dtype, width > 1, first.kernel_key(prototype), functions


_PREPARED = set()
"""The `compiled_key` of packs for which `prepare` has compiled all that they need."""


def examples(experiment, configurations, packs, fits):
    """Return a `Pack` of one fit or a few for each set of compiled functions that some packs of fits need.

    These are the first and the last of a pack, which have the same order of rows only if all between them have it, and
    one with dropout if there is any.

    Parameters
    ----------
    experiment : Experiment
    configurations : Configurations
    packs : list of Pack
    fits : FitArrays
    """
    positions = np.concatenate([pack.positions for pack in packs])
    begins = np.cumsum([0, *(len(pack.positions) for pack in packs)])  # of the packs, and where the last one ends
    indices = fits.indices[positions]
    firsts, lasts = indices[begins[:-1]], indices[begins[1:] - 1]
    rates, orders = configurations.dropouts(indices), configurations.row_orders
    features = firsts != lasts, orders[firsts] == orders[lasts], np.maximum.reduceat(rates, begins[:-1]) > 0
    kinds = np.ravel_multi_index(
        (configurations.group_indices[firsts], *(each.astype(int) for each in features)),
        (len(configurations.groups), 2, 2, 2),
    )
    found = {}
    for pack in np.sort(np.unique(kinds, return_index=True)[1]).tolist():
        dropping = begins[pack] + np.argmax(rates[begins[pack] : begins[pack + 1]])
        chosen = np.unique(positions[[begins[pack], begins[pack + 1] - 1, dropping]])
        of_pack = configurations.some(fits.indices[chosen].tolist())
        found.setdefault(compiled_key(experiment, of_pack, fits.folds[chosen[0]]), Pack(chosen, None))
    return list(found.values())
