"""The picture of a learning-rate range test."""

import numpy as np

from fastprop.reporting.plotting.figures import new_figure, save, simplify


def range_test(path, learning_rates, losses, smoothed, suggestion):
    """Draw the losses of a learning-rate range test into a picture file.

    Parameters
    ----------
    path : str or Path
        Its ending, such as ``.png``, ``.svg`` or ``.pdf``, gives the format.
    learning_rates, losses, smoothed : ndarray
        (steps,): the rate of each step, the loss of its minibatch, and the moving average of the losses.
    suggestion : float
        The learning rate to mark.

    Raises
    ------
    ImportError
        If Matplotlib is not installed.
    """
    figure = new_figure()
    axes = figure.subplots()
    axes.plot(learning_rates, losses, ".", color="0.7", label="of each minibatch")
    axes.plot(learning_rates, smoothed, label="smoothed")
    axes.axvline(suggestion, color="C2", linestyle="--", linewidth=1, label=f"suggestion {suggestion:.2g}")
    falling = losses[: np.nanargmin(smoothed) + 1]  # the losses of the diverging end would fill the whole scale
    margin = 0.1 * np.ptp(falling)
    axes.set_ylim(falling.min() - margin, falling.max() + margin)
    axes.set_xscale("log")
    axes.set_xlabel("learning rate")
    axes.set_ylabel("loss")
    simplify(axes)
    axes.legend()
    axes.set_title(f"{len(losses)} steps, each at a higher learning rate")
    save(figure, path)
