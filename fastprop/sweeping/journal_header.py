"""The header of a journal: what a sweep must have in common with one from whose journal it takes results."""

import platform
from typing import NamedTuple

import numpy as np

from fastprop import checks
from fastprop.fingerprints import NoFingerprintError, fingerprint
from fastprop.network import MLP
from fastprop.runs import checkpoints
from fastprop.version import __version__

FORMAT = 4
"""The version of a journal's lines; raise it when they change their meaning or their fields."""

VERSION = "journal format"
"""The entry that holds the version; where it differs, no other entry can be compared."""

PYTHON = "Python"
"""The entry that holds the version of Python, where the digest of the score depends on it."""

OF_SCORE = " of the score"
"""The end of the names of entries that hold digests of parts of the score."""


class Known(NamedTuple):
    """What the header knows of an argument. Two are the same if both fields are equal."""

    text: str  # what a message shows
    digest: str = ""  # of all that the text leaves out


def describe(experiment, network, options, others):
    """Return by name, as a `Known`, each thing that a sweep must have in common with another.

    The configurations are not among them, because a journal is asked for each of them.

    Parameters
    ----------
    experiment : Experiment
    network : MLP or tuple of int
        The network that was given to `sweep`, or its layer sizes.
    options : TrainingOptions
    others : dict
        By name, what else must be equal: what a study chooses from, or all of a population; empty without these.

    Raises
    ------
    ValueError
        If the score has content that no other process can compare.
    """
    about = {VERSION: Known(f"{FORMAT}"), "fastprop": Known(__version__), "backend": Known(experiment.backend)}
    about |= _known_network(network, experiment)
    about |= {name: Known(text(value)) for name, value in options.compared.items()}
    about["epochs"] = Known(f"{options.epochs}")
    about |= _known_data(experiment)
    about |= _known_score(experiment.score)
    return about | {name: Known(text(values)) for name, values in others.items()}


def _known_network(network, experiment):
    prototypes = list(experiment.prototypes.values())
    given = isinstance(network, MLP)
    sizes = prototypes[0].layer_sizes
    arrays = [prototypes[0].parameters]  # the same for all losses
    standardization = [each for each in (prototypes[0].input_mean, prototypes[0].input_scale) if each is not None]
    return {
        "layer_sizes": Known(f"{sizes}"),
        "hidden": Known(f"{prototypes[0].hidden}"),
        "output": Known(prototypes[0].output if given else "the one that fits the loss"),
        "dtype": Known(prototypes[0].dtype),
        "first weights": Known("", checkpoints.digest(*arrays)),
        "the network's standardization": Known(
            "given" if standardization else "none", checkpoints.digest(*standardization)
        ),
    }


def _known_data(experiment):
    """Return what is known of the data that is trained on and held out, and of the folds."""
    folds = experiment.folds
    rows = f"{len(folds)} folds" if folds[1:] else f"{len(folds[0].rows)} to train on, {len(folds[0].scored)} held out"
    about = _known_dataset(experiment.data, "")
    if experiment.held_out is not experiment.data:
        about |= _known_dataset(experiment.held_out, "validation ")
    about["split of the rows"] = Known(rows, checkpoints.digest(*(each for fold in folds for each in fold[:3])))
    about["class_weight='balanced'"] = Known(f"{experiment.is_balanced}")
    about["standardize"] = Known(f"{folds[0].mean is not None}")
    if folds[0].scaling is not None:
        about["targets in training"] = Known("scaled by the training rows")
    return about


def _known_dataset(data, prefix):
    """Return what is known of a `Dataset`; the shapes that messages show are without the rows that are there again."""
    rows = len(data.inputs) - data.copies
    X, y, weights = data.inputs, data.given, data.weights  # y as scores get it: with all its digits and in its shape
    arrays = {
        "X": ((rows, *X.shape[1:]), X.arrays[0].dtype, X.arrays),
        "y": ((rows, *y.shape[1:]), y.dtype, (y,)),
        "sample weights": ((rows,), weights.dtype, (weights,)),
    }
    if len(weights) == 0:
        del arrays["sample weights"]
    about = {
        f"{prefix}{name}": Known(f"{shape} {dtype}", checkpoints.digest(*each))
        for name, (shape, dtype, each) in arrays.items()
    }
    return {f"{prefix}sample weights": Known("none")} | about


def _known_score(score):
    """Return what is known of a `Score`: its name and, of a function that is none of fastprop's, what decides it."""
    about = {"score": Known(score.name)}
    if score.takes_weights:
        about["weights of rows in the score"] = Known("used")
    if score.is_own:
        return about
    about[f"best value{OF_SCORE}"] = Known("the highest" if score.higher_is_better else "the lowest")
    try:
        parts, has_code = fingerprint(score.function)
    except NoFingerprintError as error:
        raise ValueError(
            f"the journal cannot tell the score {score.name} from another, because {error}: leave it out "
            "of the score, or leave out the journal."
        ) from error
    if has_code:
        about[PYTHON] = Known(".".join(platform.python_version_tuple()[:2]))
    return about | {f"{name}{OF_SCORE}": Known("", digest) for name, digest in parts.items()}


def text(value):
    """Return a string that differs for values that differ, for any value of a grid or of an option.

    They are numbers, strings, arrays, options of fastprop, None, and lists and tuples of these.

    Examples
    --------
    >>> import numpy as np
    >>> from fastprop.sweeping.journal_header import text
    >>> text((64, np.int64(32), 10))
    '(64, 32, 10)'
    """
    value = value.item() if isinstance(value, np.generic) else value
    if isinstance(value, np.ndarray):
        return f"{value.shape} {checkpoints.digest(np.atleast_1d(value))}"
    if isinstance(value, (list, tuple)):
        return f"({', '.join(map(text, value))})"
    return str(value)


def differences(recorded, expected):
    """Return in words which entries of a header are not as expected, each by `Known`; an empty string if all are."""
    names = [name for name in expected | recorded if recorded.get(name) != expected.get(name)]
    if VERSION in names:
        names = [VERSION]
    if PYTHON in names or "score" in names:  # then the parts of the score differ for that reason
        names = [name for name in names if not name.endswith(OF_SCORE)]
    if "score" in names:
        names = [name for name in names if name != PYTHON]
    return ", ".join(
        difference for name in names for difference in _differences(name, recorded.get(name), expected.get(name))
    )


def _differences(name, recorded, expected):
    """Return what to say of an entry, or of each of its parts, see `checks.differing_arguments`."""
    recorded, expected = recorded or Known("none"), expected or Known("none")
    is_plural = " " in name and name.split(" of ")[0].endswith("s")  # names of arguments are singular
    if "" in (recorded.text, expected.text) or recorded.text == expected.text:
        return [f"{checks.argument(name)} {'differ' if is_plural else 'differs'}"]
    return [
        f"{shown} {'are' if is_plural else 'is'} {' and not '.join(checks.excerpts(*texts))}"
        for shown, *texts in checks.differing_arguments(name, recorded.text, expected.text)
    ]
