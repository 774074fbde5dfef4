"""A sweep's journal: a file of the outcomes at each rung, from which an interrupted sweep goes on.

The first line of the file says which sweep this is, so that no other one goes on from it. A line follows for each
configuration at each rung, in the order in which they were done.
"""

import base64
from collections import deque

import numpy as np

from fastprop.metrics import name_of
from fastprop.runs import checkpoints
from fastprop.sweeping.journal_file import JournalFile
from fastprop.sweeping.outcomes import ConfigurationOutcome

FORMAT = 1
"""The version of the lines; raise it when they change their meaning or their fields."""

HEADER = "fastprop sweep"
"""The field of the first line, whose value is what `describe` returns."""

RECORDED = "score", "score_std", "loss", "validation_loss", "epochs", "stopped", "seconds", "history"
"""Fields of a line that are also fields of a `ConfigurationOutcome`; the history is cut to the epochs done.

The other fields are ``configuration`` and ``rung``, both indices; ``hyperparameters``, the values that the grid gives;
and ``network``, the parameters in base64, where the network was kept.
"""


def describe(experiment, grid, rows, options, halving):
    """Return by name, as strings, what a sweep must have in common with the one from which it goes on."""
    folds = experiment.folds
    prototypes = experiment.prototypes
    about = checkpoints.describe(next(iter(prototypes.values())), options, experiment.split(fold=0))
    about |= {
        "journal format": FORMAT,
        "epochs": options.epochs,
        "configurations": rows,
        "grid": checkpoints.digest(*(_bytes(_text(values)) for values in grid)),
        "first weights": checkpoints.digest(*(prototype.parameters for prototype in prototypes.values())),
        "folds": f"{len(folds)}, {checkpoints.digest(*(each for fold in folds for each in fold[:2]))}",
        "standardize": folds[0].mean is not None,
        "score": name_of(experiment.score),
        "halving": halving,
        "backend": experiment.backend,
    }
    return {name: str(value) for name, value in about.items()}


class Journal:
    """The outcomes of the configurations of a sweep, in the file at `path`.

    `description` is that of the sweep, see `describe`. An outcome that is added is in the file after the next `flush`.
    """

    def __init__(self, path, description, epochs):
        self._description = description
        self._epochs = epochs
        self._recorded = {}  # by index and rung: the hyperparameters, the outcome, the network's parameters or None
        self._added = deque()
        self._file = JournalFile(path)
        try:
            self._file.read({HEADER: description}, self._check_header, self._take_in)
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()

    def close(self):
        """Close the file, so that another sweep can open it."""
        self._file.close()

    def take(self, index, rung, values):
        """Return, and forget, what is recorded of a configuration at a rung; `values` are its hyperparameter values.

        Returns
        -------
        tuple or None
            (`ConfigurationOutcome`, bytes of the network's parameters or None), if anything is recorded.

        Raises
        ------
        ValueError
            If the configuration that is recorded has other values, because a search chose them.
        """
        hyperparameters, *found = self._recorded.pop((index, rung), (None, None))
        if hyperparameters not in (None, plain := _plain(values)):
            raise ValueError(
                f"{self._file.path} is the journal of another sweep, whose configuration {index} is {hyperparameters} "
                f"and not {plain}: have the same ones chosen, by a seed, or name another file."
            )
        return found if hyperparameters is not None else None

    def add(self, index, rung, values, outcome, network):
        """Add the outcome of a configuration at a rung, and its network if there is one."""
        self._added.append((index, rung, values, outcome, network))

    def flush(self):
        """Write what was added, and wait until it is on the disk; OSError if it cannot be written."""
        while self._added:
            self._file.append(_entry(*self._added[0]))
            self._added.popleft()  # after the append, so that after Ctrl-C the entry may be there twice but is not lost
        self._file.write()

    def _check_header(self, entry):
        try:
            recorded = dict(entry[HEADER])
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{self._file.path} is no journal of a sweep: name another file.") from error
        if differing := checkpoints.differences(recorded, self._description):
            raise ValueError(
                f"{self._file.path} is the journal of another sweep, whose {differing}: "
                "give what it was given, or name another file."
            )

    def _take_in(self, entry):
        history = np.full(self._epochs, np.nan)
        history[: entry["epochs"]] = entry["history"]
        outcome = ConfigurationOutcome(**{name: entry[name] for name in RECORDED} | {"history": history})
        parameters = base64.b64decode(entry["network"], validate=True) if "network" in entry else None
        self._recorded[entry["configuration"], entry["rung"]] = entry["hyperparameters"], outcome, parameters


def _entry(index, rung, values, outcome, network):
    entry = {"configuration": int(index), "rung": rung, "hyperparameters": _plain(values)}
    entry |= {name: getattr(outcome, name) for name in RECORDED}
    entry["history"] = outcome.history[: outcome.epochs].tolist()
    if network is not None:
        entry["network"] = base64.b64encode(network.flat_parameters).decode()
    return entry


def _plain(values):
    """Return hyperparameter values that JSON can hold: numbers, strings and None unchanged, all else as a string."""
    plain = {}
    for name, value in values.items():
        value = value.item() if isinstance(value, np.generic) else value
        plain[name] = value if isinstance(value, (int, float, str, type(None))) else str(value)
    return plain


def _text(value):
    """Return a string that differs for values that differ, for any value of a grid."""
    if isinstance(value, np.ndarray):
        return checkpoints.digest(np.atleast_1d(value))
    if isinstance(value, dict):
        return "".join(f"{name}: {_text(each)}; " for name, each in value.items())
    if isinstance(value, (list, tuple)):
        return f"({', '.join(map(_text, value))})"
    return str(value)


def _bytes(text):
    return np.frombuffer(text.encode(), np.uint8)
