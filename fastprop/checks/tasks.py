"""Checks of what can be measured: whether a metric fits the task."""

from fastprop.checks.networks import loss_name
from fastprop.checks.values import choice, shown


def classifies(has_labels, loss):
    """Whether the task is one of classes: it has labels, or the loss of a classifier."""
    return has_labels or loss_name(loss) in ("binary_cross_entropy", "cross_entropy")


def metrics(names, known, network, data, loss):
    """Return `names`, metrics of the table `known`, as a tuple; each must fit the network, its data and loss."""
    if isinstance(names, str) or not isinstance(names, (tuple, list)):
        raise TypeError(f"metrics must be a tuple of names, not {shown(names)}: give one such as ('accuracy',).")
    for name in names:
        _check_fit(choice(name, "each of metrics", known), "metric", known, network, data, loss)
    return tuple(names)


def score(value, known, network, data, loss):
    """Return `value`: None, a function, or the name of a score of the table `known` that fits the task."""
    if isinstance(value, str) and value in known:
        _check_fit(value, "score", known, network, data, loss)
    elif value is not None and not callable(value):
        raise ValueError(
            f"score must be one of {', '.join(known)}, or a function, not {shown(value)}: choose one of these."
        )
    return value


def _check_fit(name, what, known, network, data, loss):
    outputs, classes = network.layer_sizes[-1], classifies(data.has_labels, loss)
    one_of_several = data.has_labels or network.output == "softmax"  # or each output is a class apart
    there = {
        "numbers": not data.has_labels,
        "classes": classes,
        "two classes": classes and (outputs == 1 or (outputs == 2 and one_of_several)),
        "probabilities": classes and network.output == ("softmax" if outputs > 1 else "sigmoid"),
    }
    needs = known[name].needs
    if not there[needs]:
        fitting = ", ".join(other for other, score in known.items() if there[score.needs])
        raise ValueError(
            f"{what} {name!r} needs {needs}, which {outputs} {network.output} outputs trained by "
            f"{loss_name(loss)!r} on {'labels' if data.has_labels else 'targets'} are not: choose from {fitting}."
        )
