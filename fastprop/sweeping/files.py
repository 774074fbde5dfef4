"""Files of a sweep's result: what `SweepResult.save` writes and `load_sweep` reads."""

import numpy as np

from fastprop import atomic_files
from fastprop.network import MLP
from fastprop.options import decoded, encoded

FORMAT = 1
"""Raise this number when what is in the file changes its meaning."""


def write(path, result):
    """Write a result to a file, which it replaces as a whole; OSError if it cannot be written."""
    table, networks = result.table, result.networks
    objects = [name for name in table.dtype.names if table.dtype[name].hasobject]
    description = {
        "format": FORMAT,
        "arguments": result.description._replace(configurations=len(table))._asdict(),
        "seconds": result.seconds,
        "values": {name: [encoded(value) for value in table[name]] for name in objects},
        "networks": [[index, network.about] for index, network in networks.items()],
    }
    arrays = {f"table.{name}": table[name] for name in table.dtype.names if name not in objects}
    arrays |= {"history": result.history, "rung_costs": result.rung_costs}
    if networks:
        first = next(iter(networks.values()))
        arrays["parameters"] = np.concatenate(
            [each.ravel() for network in networks.values() for each in _layers(network)]
        )
        if first.input_mean is not None:  # fitted on the same rows for all networks that are kept
            arrays |= {"input_mean": first.input_mean, "input_scale": first.input_scale}
    atomic_files.write(path, description, arrays, "result")


def read(path, new):
    """Return the result in a file: `new` of what describes it, filled; ValueError if `write` did not write the file."""
    try:
        description, arrays = atomic_files.read(path)
        if description["format"] != FORMAT:
            raise ValueError(f"format {description['format']}")
        result = new(**description["arguments"])
        values = description["values"]
        for name in result.table.dtype.names:
            column = result.table[name]
            if name in values:
                for index, value in enumerate(values[name]):
                    column[index] = decoded(value)
            else:
                column[...] = arrays[f"table.{name}"]
        result.history[...] = arrays["history"]
        result.rung_costs[...] = arrays["rung_costs"]
        result.seconds = description["seconds"]
        for index, network in _networks(description["networks"], arrays):
            result.keep(index, network, len(description["networks"]))
        return result
    except Exception as error:  # an archive with wrong bytes may raise anything
        missing = isinstance(error, FileNotFoundError)
        reason = "missing" if missing else "no result of a sweep, a damaged one, or that of another version of fastprop"
        raise ValueError(f"{path} is {reason}: give the path of a file that SweepResult.save wrote.") from error


def _networks(abouts, arrays):
    """Yield the index and the network of each row that has one, from one vector with the parameters of all."""
    standardization = [arrays.get(name) for name in ("input_mean", "input_scale")]
    for array in standardization:
        if array is not None:
            array.flags.writeable = False
    first = 0
    for index, about in abouts:
        network, given = MLP(**about), []
        for array in _layers(network):
            given.append(arrays["parameters"][first : first + array.size].reshape(array.shape))
            first += array.size
        half = len(given) // 2
        yield index, MLP.restored(about, given[:half], given[half:], standardization)


def _layers(network):
    return network.weights + network.biases
