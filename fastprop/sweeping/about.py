"""What a sweep ran on: the data, the options and the machine, in words for readers of a saved result or a report."""

import functools
import platform
from datetime import datetime

import numba
import numpy as np

from fastprop import available_cores
from fastprop.options import PopulationBased
from fastprop.reporting.formatting import short, words
from fastprop.version import __version__

ALWAYS = "optimizer", "epochs", "batch_size", "schedule"
"""Options that are told whatever they are; others are where they are not as they are by default."""

UNTOLD = "loss", "callback", "gradient_norm", "metrics", "checkpoint"
"""Options that are told otherwise, or are none of a sweep."""


def what_it_ran_on(experiment, options, swept, rule):
    """Return by name what a sweep runs on, all of which JSON can hold.

    Parameters
    ----------
    experiment : Experiment
    options : TrainingOptions
        Those that hold for all configurations, unless they are swept.
    swept : list of str
        The names of the swept hyperparameters.
    rule : Halving, MedianStopping, PopulationBased or None
        What happens at rungs.
    """
    prototype = next(iter(experiment.prototypes.values()))
    fold = experiment.folds[0]
    return {
        "date": datetime.now().isoformat(sep=" ", timespec="minutes"),
        "swept": words(", ".join(swept)),
        "network": repr(prototype),
        "loss": ", ".join(map(short, experiment.prototypes)),
        **_options(options, swept),
        "search" if isinstance(rule, PopulationBased) else "halving": "none" if rule is None else str(rule),
        **_data(experiment),
        "training rows": len(fold.rows),
        "held-out rows": len(fold.scored),
        "folds": len(experiment.folds),
        "standardized": fold.mean is not None or prototype.input_mean is not None,
        "machine": machine(),
        "fastprop": f"{__version__}",
        "backend": experiment.backend,
        "Python": versions(),
    }


def _options(options, swept):
    """Return the options of training by name, and "swept" for those that differ between configurations."""
    told = {}
    for name, value in options._asdict().items():
        if name in UNTOLD:
            continue
        if name in swept:
            told[words(name)] = "swept"
        elif name in ALWAYS or value != options._field_defaults[name]:
            told[words(name)] = "none" if value is None else str(value)
    return told


def _data(experiment):
    """Return the size of the data, and what its targets are."""
    data = experiment.data
    rows, columns = data.inputs.shape
    rows -= data.copies
    weights = ", with weights" if len(data.weights) else ""
    return {"data": f"{rows:,} rows of {columns:,} inputs{weights}", "targets": data.task.described()}


def machine():
    """Return the system, the processor and the number of its cores that may be used."""
    return f"{platform.system()} {platform.machine()}, {_processor()}, {available_cores.count()} cores"


def versions():
    """Return the versions of Python, NumPy and Numba, as they follow the word Python."""
    return f"{platform.python_version()}, NumPy {np.__version__}, Numba {numba.__version__}"


@functools.cache
def _processor():
    """Return the name of the processor, or its kind where the system does not tell; it is read once a process."""
    try:
        with open("/proc/cpuinfo") as file:
            names = [line.partition(":")[2].strip() for line in file if line.startswith("model name")]
    except OSError:  # there is such a file on Linux alone
        names = []
    return names[0] if names else platform.processor() or "a processor of unknown name"
