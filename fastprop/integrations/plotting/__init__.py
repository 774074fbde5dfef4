"""Pictures of results, with Matplotlib (extra ``plot``), which is imported when the first one is drawn."""

from fastprop.integrations.plotting.figures import new_figure, save
from fastprop.integrations.plotting.heat_maps import heat_map
from fastprop.integrations.plotting.learning_curves import learning_curves, rungs
from fastprop.integrations.plotting.parallel_coordinates import parallel_coordinates
from fastprop.integrations.plotting.range_tests import range_test
from fastprop.integrations.plotting.scores import score

__all__ = ["KINDS", "range_test", "sweep"]

_PICTURES = {
    "score": (score, (1, 1)),
    "heat_map": (heat_map, (2, 2)),
    "parallel_coordinates": (parallel_coordinates, (1, None)),
    "learning_curves": (learning_curves, (1, 1)),
    "rungs": (rungs, (1, 1)),
}

KINDS = {kind: shown for kind, (_, shown) in _PICTURES.items()}
"""The kinds of pictures of a sweep: how many hyperparameters each shows, at least and at most, or None."""


def sweep(result, path, kind, hyperparameters, **how):
    """Draw a sweep into a picture file, or into a file object of a ``format`` that is then given.

    Parameters
    ----------
    result : SweepResult
    path : str, Path or file object
        The ending names the format: ``.png``, ``.svg``, ``.pdf``.
    kind : str
        One of `KINDS`.
    hyperparameters : list of str
        The columns to draw, as many as it shows.

    Raises
    ------
    ImportError
        If Matplotlib is not installed.
    """
    figure = new_figure()
    draw, (_, maximum) = _PICTURES[kind]
    draw(figure, result, *([hyperparameters] if maximum is None else hyperparameters))
    save(figure, path, **how)
