"""Checks of what is asked of a sweep's result."""

from fastprop.checks.values import choice, whole_number


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
        raise ValueError(f"an ensemble of {count} needs as many finished configurations, not {finished}: choose less.")
    if count > kept:
        raise ValueError(
            f"an ensemble of {count} needs as many networks, and {kept} {'was' if kept == 1 else 'were'} kept: "
            f"sweep with keep={count}."
        )
    return count


def picture(kind, names, kinds, swept, rungs):
    """Return the kind of a picture and the hyperparameters to draw, those that tell most where nobody says.

    `kinds` has for each kind how many hyperparameters it shows, at least and at most; None is as many as there are.
    """
    others = [name for name in swept if name != "seed"]
    if names is None:
        chosen = others or list(swept)
    else:
        chosen = [choice(name, "each of hyperparameters", swept) for name in _listed(names)]
    if kind is None:
        kind = "score" if len(chosen) == 1 else "heat_map" if len(chosen) == 2 else "parallel_coordinates"
    minimum, maximum = kinds[choice(kind, "kind", kinds)]
    if kind == "rungs" and rungs < 2:
        raise ValueError("kind 'rungs' needs a sweep that stopped configurations on the way: sweep with halving=3.")
    if names is None and len(chosen) < minimum:
        chosen = list(swept)
    if len(chosen) < minimum:
        raise ValueError(
            f"kind {kind!r} needs {minimum} swept hyperparameters, not {len(chosen)} ({', '.join(chosen)}): "
            "choose kind='score', or sweep another one."
        )
    if names is not None and maximum is not None and len(chosen) > maximum:
        raise ValueError(f"kind {kind!r} shows {maximum} of the hyperparameters, not {len(chosen)}: name fewer.")
    return kind, chosen[:maximum]


def _listed(names):
    return [names] if isinstance(names, str) else list(names)
