"""The kinds of pictures of a ranked table, and which of them is drawn."""

from collections.abc import Callable
from typing import NamedTuple

from fastprop import checks
from fastprop.reporting.plotting.figures import finish, new_figure
from fastprop.reporting.plotting.heat_maps import heat_map
from fastprop.reporting.plotting.learning_curves import learning_curves, rungs
from fastprop.reporting.plotting.parallel_coordinates import parallel_coordinates
from fastprop.reporting.plotting.scores import score


class Kind(NamedTuple):
    """A row of `KINDS`."""

    draw: Callable  # takes a figure, a `RankedTable` and the names of hyperparameters, one after another
    minimum: int  # the smallest number of hyperparameters that it shows
    maximum: int | None  # the largest number of them; None: as many as there are


KINDS = {
    "score": Kind(score, 1, 1),
    "heat_map": Kind(heat_map, 2, 2),
    "parallel_coordinates": Kind(parallel_coordinates, 1, None),
    "learning_curves": Kind(learning_curves, 1, 1),
    "rungs": Kind(rungs, 1, 1),
}
"""The kinds of pictures, by name."""


def choose(kind, hyperparameters, ranked):
    """Return the kind of a picture and the names of the hyperparameters to draw, both checked.

    Parameters
    ----------
    kind : str or None
        One of `KINDS`; None stands for the kind that shows as many hyperparameters as there are.
    hyperparameters : str, list of str, or None
        None stands for those that were swept, as many as the kind shows; ``"seed"`` only if there are too few others.
    ranked : RankedTable
    """
    swept = ranked.hyperparameters
    without_seed = [name for name in swept if name != "seed"]
    if hyperparameters is None:
        names = without_seed or list(swept)
    else:
        given = [hyperparameters] if isinstance(hyperparameters, str) else hyperparameters
        names = [checks.choice(name, "each of hyperparameters", swept) for name in given]
    if kind is None:
        kind = "score" if len(names) == 1 else "heat_map" if len(names) == 2 else "parallel_coordinates"
    _, minimum, maximum = KINDS[checks.choice(kind, "kind", KINDS)]
    if kind == "rungs" and len(ranked.rungs) < 2:
        raise ValueError("kind 'rungs' needs a sweep that stopped configurations on the way: sweep with halving=3.")
    if hyperparameters is None and len(names) < minimum:
        names = list(swept)
    if len(names) < minimum:
        raise ValueError(
            f"kind {kind!r} needs {minimum} swept hyperparameters, not {len(names)} ({', '.join(names)}): "
            "choose kind='score', or sweep another one."
        )
    if hyperparameters is not None and maximum is not None and len(names) > maximum:
        raise ValueError(f"kind {kind!r} shows {maximum} of the hyperparameters, not {len(names)}: name fewer.")
    return kind, names[:maximum]


def draw(path, ranked, kind, hyperparameters, **options):
    """Draw a ranked table into a picture file, or return its figure.

    Parameters
    ----------
    path : str, Path, file object or None
        Its ending, such as ``.png``, ``.svg`` or ``.pdf``, gives the format; a file object needs the option ``format``.
        None to have the figure returned.
    ranked : RankedTable
    kind : str
        One of `KINDS`.
    hyperparameters : list of str
        The columns to draw, as many as the kind shows.
    **options
        The options of Matplotlib's ``savefig``.

    Returns
    -------
    Figure or None
        The figure, if the path is None.

    Raises
    ------
    ImportError
        If Matplotlib is not installed.
    """
    figure = new_figure()
    KINDS[kind].draw(figure, ranked, *hyperparameters)
    return finish(figure, path, **options)
