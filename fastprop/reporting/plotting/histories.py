"""The picture of one training: its losses and metrics after each epoch."""

import numpy as np

from fastprop.reporting.formatting import words
from fastprop.reporting.plotting.figures import BEST, add_legend, finish, new_figure, set_scale, simplify


def history(path, losses, metrics, best_epoch, title):
    """Draw the losses of a training and below them its metrics into a picture file.

    Parameters
    ----------
    path : str, Path or None
        Its ending, such as ``.png``, ``.svg`` or ``.pdf``, gives the format; None to have the figure returned.
    losses, metrics : dict
        By the name of a line, its values after each epoch, (epochs,).
    best_epoch : int
        The epoch, counted from 0, whose weights are kept, which is marked; -1 for none.
    title : str
        The title of the picture.

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
    panels = figure.subplots(2 if metrics else 1, 1, sharex=True, squeeze=False)[:, 0]
    for axes, lines in zip(panels, (losses, metrics)):
        for position, (name, values) in enumerate(lines.items()):
            _draw_line(axes, name, values, f"C{position}")
        if best_epoch >= 0:
            axes.axvline(best_epoch + 1, color=BEST, linestyle="--", linewidth=1, label=f"kept: epoch {best_epoch + 1}")
        simplify(axes)
        add_legend(axes)
    known = np.concatenate([values[np.isfinite(values)] for values in losses.values()])
    set_scale(panels[0], known)
    panels[0].set_ylabel("loss")
    panels[0].set_title(title)
    if metrics:
        panels[-1].set_ylabel(words(next(iter(metrics))) if len(metrics) == 1 else "metrics")
    panels[-1].set_xlabel("epochs")
    panels[-1].xaxis.get_major_locator().set_params(integer=True)
    return finish(figure, path)


def _draw_line(axes, name, values, color):
    """Draw a line over the epochs, with marks where these are few."""
    epochs = np.arange(1, len(values) + 1)
    axes.plot(epochs, values, ".-" if len(values) <= 30 else "-", color=color, label=words(name))
