"""Files of a sweep's result, which `SweepResult.save` writes and `load_sweep` reads."""

import contextlib
import math
from typing import NamedTuple

import numpy as np

from fastprop import atomic_files
from fastprop.exchange import state_shapes
from fastprop.network import MLP
from fastprop.options import decoded, encoded

FORMAT = 3
"""The version of the file's layout; raise it when the content changes its meaning."""


ARRAYS = "history", "rung_costs", "fold_scores", "fold_seconds"
"""Fields of `Saved` that are arrays."""


class Saved(NamedTuple):
    """The content of a file: all of a sweep's result."""

    description: dict[str, object]  # the fields of a `SweepDescription`
    seconds: float  # how long the sweep took
    columns: dict[str, object]  # by the name of a column of the table, the values of all rows
    history: np.ndarray  # (configurations, epochs)
    rung_costs: np.ndarray  # (configurations, rungs)
    fold_scores: np.ndarray  # (configurations, rungs, folds)
    fold_seconds: np.ndarray  # (configurations, folds)
    networks: dict[int, MLP]  # by row index, best first


def write(path, saved):
    """Write a result to a file, which it replaces as a whole; OSError if it cannot be written."""
    objects = [name for name, values in saved.columns.items() if values.dtype.hasobject]
    description = {
        "format": FORMAT,
        "arguments": saved.description,
        "seconds": saved.seconds,
        "values": {name: [encoded(value) for value in saved.columns[name]] for name in objects},
        "networks": [[index, network.about] for index, network in saved.networks.items()],
    }
    arrays = {f"table.{name}": values for name, values in saved.columns.items() if name not in objects}
    arrays |= {name: getattr(saved, name) for name in ARRAYS}
    if saved.networks:
        networks = list(saved.networks.values())
        arrays["parameters"] = np.concatenate([each.ravel() for network in networks for each in _layers(network)])
        first = networks[0]
        if first.input_mean is not None:  # fitted on the same rows for all networks that are kept
            arrays |= {"input_mean": first.input_mean, "input_scale": first.input_scale}
    atomic_files.write(path, description, arrays, "result")


def read(path):
    """Return the content of a file; one that `write` did not write may raise any exception, see `refusing_damage`."""
    description, arrays = atomic_files.read(path)
    if description["format"] != FORMAT:
        raise ValueError(f"format {description['format']}")
    prefix = "table."
    columns = {name.removeprefix(prefix): values for name, values in arrays.items() if name.startswith(prefix)}
    columns |= {name: [decoded(value) for value in values] for name, values in description["values"].items()}
    return Saved(
        description=description["arguments"],
        seconds=description["seconds"],
        columns=columns,
        networks=dict(_networks(description["networks"], arrays)),
        **{name: arrays[name] for name in ARRAYS},
    )


@contextlib.contextmanager
def refusing_damage(path):
    """Raise a ValueError that names the file, in place of any error that occurs while it is read."""
    try:
        yield
    except Exception as error:  # a damaged file may raise any exception
        missing = isinstance(error, FileNotFoundError)
        reason = "missing" if missing else "no result of a sweep, a damaged one, or that of another version of fastprop"
        raise ValueError(f"{path} is {reason}: give the path of a file that SweepResult.save wrote.") from error


def _networks(abouts, arrays):
    """Yield the index and the network of each row that has one, from one vector with the parameters of all."""
    standardization = {name: arrays[name] for name in ("input_mean", "input_scale") if name in arrays}
    first = 0
    for index, about in abouts:
        state = dict(standardization)
        for name, shape in state_shapes(about["layer_sizes"]).items():
            size = math.prod(shape)
            state[name] = arrays["parameters"][first : first + size].reshape(shape)
            first += size
        yield index, MLP.restored(about, state)


def _layers(network):
    return network.weights + network.biases
