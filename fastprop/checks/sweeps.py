"""Checks of the arguments of a sweep, of an ensemble and of a result's methods."""

import numpy as np

from fastprop.checks.arrays import numeric, read_only
from fastprop.checks.spelling import argument
from fastprop.checks.values import is_whole, shown, whole_number


def ranking(validation, cv, score, losses):
    """Refuse a sweep with both `validation` and `cv`, or with neither if a score on held-out rows is to rank."""
    if validation is not None and cv is not None:
        raise ValueError(
            f"{argument('cv')} holds out each fold's rows, and {argument('validation')} others: give one of them, "
            "and leave out the other."
        )
    if validation is not None or cv is not None:
        return
    if score is not None:
        raise ValueError(
            f"{argument('score', repr(score))} is measured on held-out rows, but there are none: give "
            f"{argument('validation')} or {argument('cv')}."
        )
    if len(losses) > 1:
        raise ValueError(
            f"losses of different kinds cannot be ranked, such as {shown(losses[0])} and {shown(losses[1])}, "
            f"but scores on held-out rows can: give {argument('validation')} or {argument('cv')}."
        )


def keep(value, configurations):
    """Return how many networks to keep of `configurations` configurations."""
    if isinstance(value, str) and value in ("best", "all"):
        return 1 if value == "best" else configurations
    if not is_whole(value) or value < 0:
        raise ValueError(f"keep must be 'best', 'all' or a number of networks, not {shown(value)}: give one of these.")
    return int(value)


def networks(value, network_class):
    """Return an iterable of networks as a list; all must be instances of `network_class`."""
    is_one = isinstance(value, (str, bytes, network_class)) or not np.iterable(value)
    given = [value] if is_one else list(value)
    wrong = given if is_one else [each for each in given if not isinstance(each, network_class)]
    if wrong:
        raise TypeError(
            f"an ensemble needs a list of networks, not {'' if is_one else 'one with '}{shown(wrong[0])}: give trained "
            "ones, such as [fp.load('a.safetensors'), network] or the networks of a sweep's result."
        )
    return given


def ensemble(networks):
    """Refuse an ensemble of no networks, and one of networks whose outputs cannot be averaged."""
    if not networks:
        raise ValueError("an ensemble needs networks, and there are none: give at least one.")
    by_interface = {(each.layer_sizes[-1], each.output, each.dtype): each for each in networks}
    if len(by_interface) > 1:
        one, other, *_ = by_interface.values()
        raise ValueError(
            f"an ensemble needs networks with equal outputs, output activations and dtypes, not {one} and {other}: "
            "leave out one kind."
        )
    class_names = list(dict.fromkeys(each.class_names for each in networks if each.class_names is not None))
    if len(class_names) > 1:
        raise ValueError(
            f"an ensemble needs networks of the same classes in the same order, not {shown(list(class_names[0]))} and "
            f"{shown(list(class_names[1]))}: leave out one kind."
        )


def ensemble_weights(weights, count):
    """Return the weights of `count` networks, (count,) float64 whose sum is 1; by default all are alike."""
    weights = np.ones(count) if weights is None else np.array(numeric(weights, "weights"), np.float64)
    if weights.shape != (count,) or not (np.isfinite(weights) & (weights > 0)).all():
        raise ValueError(
            f"weights must be {count} numbers above 0, one for each network, not {shown(weights.tolist())}: leave out "
            "networks without weight."
        )
    total = weights.sum()
    is_restored = abs(total - 1) < count * np.finfo(np.float64).eps  # then the same bits come back from a file
    return read_only(weights if is_restored else weights / total)


def output_of_classes(network):
    """Refuse a network whose outputs are not the probabilities of classes of which each row has one."""
    if network.output != "softmax" and (network.output, network.layer_sizes[-1]) != ("sigmoid", 1):
        raise ValueError(
            f"a temperature makes probabilities of classes, which {network} does not predict: leave it out."
        )


def equal_inputs(networks):
    """Refuse networks of an ensemble that cannot predict from one array, because their numbers of inputs differ."""
    counts = list(dict.fromkeys(each.layer_sizes[0] for each in networks))
    if len(counts) > 1:
        raise ValueError(
            f"the ensemble's networks have {counts[0]} and {counts[1]} inputs, which are a table's columns encoded in "
            "different ways: predict from a table, by fp.TableEnsemble, or leave out one kind."
        )


def ensemble_inputs(feature_names, orders):
    """Refuse inputs whose columns have no names (None) where networks have learned them in different `orders`."""
    if feature_names is None and len(orders) > 1:
        raise ValueError(
            f"X has no names of columns, and the ensemble's networks have learned them in different orders, "
            f"{shown(list(orders[0]))} and {shown(list(orders[1]))}: give a data frame."
        )


def ensemble_size(count, kept, finished):
    """Return `count`, the size of an ensemble, which can be no larger than the number of networks that were `kept`.

    `finished` is the number of configurations that finished; the message says which of the two is too small.
    """
    count = whole_number(count, "the size of an ensemble")
    if count > kept and count > finished:
        raise ValueError(f"an ensemble of {count} needs as many finished configurations, not {finished}: choose fewer.")
    if count > kept:
        raise ValueError(
            f"an ensemble of {count} needs as many networks, and {kept} {'was' if kept == 1 else 'were'} kept: "
            f"sweep with keep={count}."
        )
    return count
