"""Files of a sweep's result, which `SweepResult.save` writes and `load_sweep` reads."""

import math
from typing import NamedTuple

import numpy as np

from fastprop import checks
from fastprop.exchange import state_shapes
from fastprop.files import archives
from fastprop.network import MLP
from fastprop.options import decoded, encoded
from fastprop.sweeping.lineages import Lineages
from fastprop.sweeping.outer_folds import OuterScores

FORMAT = 5
"""The version of the file's layout; raise it when the content changes its meaning."""


CRITERIA = "validation_loss", "loss"
"""The columns that may rank without a score."""

STANDARDIZATION = "input_mean", "input_scale"
"""Attributes of networks that are equal for all configurations: of all training rows, or of those of each fold."""

VALUES = "values at rungs."
"""The beginning of names of arrays that have the values of a population at its rungs."""

OUTER = "scores", "counts", "out_of_fold"
"""Fields of `OuterScores` that are arrays."""

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
    networks: dict[int, tuple[MLP, ...]]  # by row index, best first: one, or one for each fold
    out_of_fold: dict[int, np.ndarray]  # by row index, (n, n_out)
    fold_of_rows: np.ndarray | None  # (n,) int64: the fold that held out each row of the data, -1 for none
    lineages: Lineages | None  # of a population
    outer: OuterScores | None  # of a nested cross-validation


def write(path, saved):
    """Write a result to a file, which it replaces as a whole; OSError if it cannot be written."""
    objects = [name for name, values in saved.columns.items() if values.dtype.hasobject]
    description = {
        "format": FORMAT,
        "arguments": saved.description,
        "seconds": saved.seconds,
        "values": {name: [encoded(value) for value in saved.columns[name]] for name in objects},
        "networks": [[index, [each.about for each in networks]] for index, networks in saved.networks.items()],
        "out_of_fold": list(saved.out_of_fold),
    }
    arrays = {f"table.{name}": values for name, values in saved.columns.items() if name not in objects}
    arrays |= {name: getattr(saved, name) for name in ARRAYS}
    if saved.networks:
        networks = list(saved.networks.values())
        every = [network for of_row in networks for network in of_row]
        arrays["parameters"] = np.concatenate([each.ravel() for network in every for each in _layers(network)])
        if networks[0][0].input_mean is not None:  # fitted on the same rows for the networks of all configurations
            for name in STANDARDIZATION:
                arrays[name] = np.stack([getattr(network, name) for network in networks[0]])
    if saved.out_of_fold:
        arrays["out_of_fold"] = np.stack(list(saved.out_of_fold.values()))
    if saved.fold_of_rows is not None:
        arrays["fold_of_rows"] = saved.fold_of_rows
    if saved.lineages is not None:
        arrays["parents"] = saved.lineages.parents
        arrays |= {f"{VALUES}{name}": each for name, each in saved.lineages.values.items()}
    if saved.outer is not None:
        description["chosen"] = [{name: encoded(value) for name, value in each.items()} for each in saved.outer.chosen]
        arrays |= {f"outer.{name}": getattr(saved.outer, name) for name in OUTER}
    archives.write(path, description, arrays, "result")


def read(path, build):
    """Return what `build` makes of the `Saved` content of a file; ValueError if it is none that `write` wrote."""
    remedy = "give the path of a file that SweepResult.save wrote"
    return archives.read(path, "result of a sweep", remedy, lambda *content: build(_saved(*content)))


def _saved(description, arrays):
    if description["format"] != FORMAT:
        raise ValueError(f"it has format {description['format']}, and this version of fastprop reads {FORMAT}")
    prefix = "table."
    columns = {name.removeprefix(prefix): values for name, values in arrays.items() if name.startswith(prefix)}
    columns |= {name: [decoded(value) for value in values] for name, values in description["values"].items()}
    _check(description["arguments"], description["seconds"], columns, arrays)
    networks = dict(_networks(description["networks"], arrays, description["arguments"]))
    return Saved(
        description=description["arguments"],
        seconds=description["seconds"],
        columns=columns,
        networks=networks,
        out_of_fold=dict(_outputs(description["out_of_fold"], arrays, networks)),
        fold_of_rows=arrays.get("fold_of_rows"),
        lineages=_lineages(arrays),
        outer=_outer(description, arrays),
        **{name: arrays[name] for name in ARRAYS},
    )


def _check(arguments, seconds, columns, arrays):
    """Refuse what a result could not be made of: other shapes, which would broadcast, or values of other types."""
    rows, rungs = arguments["configurations"], arguments["rungs"]
    folds = arguments["folds"]
    shapes = {"rung_costs": (rows, len(rungs)), "fold_scores": (rows, len(rungs), folds), "fold_seconds": (rows, folds)}
    for name, shape in shapes.items():
        if arrays[name].shape != shape:
            raise ValueError(f"{name} has shape {arrays[name].shape}, not {shape}")
    if arrays["history"].ndim != 2 or any(len(each) != rows for each in (arrays["history"], *columns.values())):
        raise ValueError(f"its arrays do not have {rows} rows each")
    if any(arrays[name].dtype != np.float64 for name in ARRAYS):
        raise ValueError("its measured values are no float64")
    are_known = (
        arguments["criterion"] in CRITERIA
        and arguments["sign"] in (None, 1, -1)
        and isinstance(arguments["score_name"], str)
        and isinstance(arguments["about"], dict)
        and all(type(each) is int for each in (rows, arguments["epochs"], *rungs))
        and isinstance(seconds, float)
    )
    if not are_known:
        raise ValueError("its description has values of other types")


def _networks(abouts, arrays, arguments):
    """Yield the index and the networks of each row that has any, from one vector with the parameters of all."""
    first, rows = 0, arguments["configurations"]
    count = arguments["folds"] if arguments.get("keeps_folds") else 1
    for index, of_folds in abouts:
        if len(of_folds) != count:
            raise ValueError(f"row {index} has {len(of_folds)} networks, not {count}")
        networks = []
        for fold, about in enumerate(of_folds):
            state = {name: arrays[name][fold] for name in STANDARDIZATION if name in arrays}
            for name, shape in state_shapes(checks.layer_sizes(about["layer_sizes"])).items():
                size = math.prod(shape)
                state[name] = arrays["parameters"][first : first + size].reshape(shape)
                first += size
            networks.append(MLP.restored(about, state))
            checks.finite_weights(networks[-1].parameters)
        if index not in range(rows):
            raise ValueError(f"it has a network of row {index}, and {rows} rows")
        yield index, tuple(networks)


def _lineages(arrays):
    """Return the lineages of a population, or None."""
    if "parents" not in arrays:
        return None
    parents, shape = arrays["parents"], arrays["rung_costs"].shape
    values = {name.removeprefix(VALUES): each for name, each in arrays.items() if name.startswith(VALUES)}
    if any(each.shape != shape or each.dtype not in (np.int64, np.float64) for each in (parents, *values.values())):
        raise ValueError("its lineages are not those of its rows and rungs")
    if parents.dtype != np.int64 or not ((parents >= 0) & (parents < shape[0])).all():
        raise ValueError("its lineages have parents that are no rows")
    return Lineages(parents, values)


def _outer(description, arrays):
    """Return the `OuterScores` of a nested cross-validation, or None."""
    if "chosen" not in description:
        return None
    chosen = tuple({name: decoded(value) for name, value in each.items()} for each in description["chosen"])
    values = {name: arrays[f"outer.{name}"] for name in OUTER}
    shapes = (len(chosen),), (len(chosen), 2)
    if (values["scores"].shape, values["counts"].shape) != shapes or values["out_of_fold"].ndim != 2:
        raise ValueError("its outer scores are not those of its outer folds")
    if values["scores"].dtype != np.float64 or values["counts"].dtype != np.int64:
        raise ValueError("its outer scores are no float64")
    checks.read_only(values["out_of_fold"])
    return OuterScores(description["arguments"]["score_name"], chosen=chosen, **values)


def _outputs(indices, arrays, networks):
    """Yield the index and the out-of-fold outputs, (n, n_out), of each row that has these."""
    if not indices:
        return
    outputs = arrays["out_of_fold"]
    if outputs.ndim != 3 or len(outputs) != len(indices) or not set(indices) <= set(networks):
        raise ValueError("its out-of-fold outputs are not those of its networks")
    for index, each in zip(indices, outputs):
        each.flags.writeable = False
        yield index, each


def _layers(network):
    return network.weights + network.biases
