"""Checks of what is asked of a sweep's result."""

from fastprop.checks.values import whole_number


def ensemble(networks):
    """Refuse networks whose outputs have no mean."""
    if not networks:
        raise ValueError("an ensemble needs networks, and there are none: give at least one.")
    kinds = {(each.layer_sizes[0], each.layer_sizes[-1], each.output, each.dtype): each for each in networks}
    if len(kinds) > 1:
        one, other, *_ = kinds.values()
        raise ValueError(
            f"an ensemble needs networks with equal inputs, outputs, output activations and dtypes, not {one} and "
            f"{other}: leave out one kind."
        )


def ensemble_size(count, kept, finished):
    """Return of how many networks to make an ensemble, where so many were kept of the configurations that finished."""
    count = whole_number(count, "the size of an ensemble")
    if count > kept and count > finished:
        raise ValueError(f"an ensemble of {count} needs as many finished configurations, not {finished}: choose fewer.")
    if count > kept:
        raise ValueError(
            f"an ensemble of {count} needs as many networks, and {kept} {'was' if kept == 1 else 'were'} kept: "
            f"sweep with keep={count}."
        )
    return count
