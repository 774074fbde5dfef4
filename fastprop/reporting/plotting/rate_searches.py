"""The picture of a search for a learning rate."""

import numpy as np

from fastprop.reporting.plotting.figures import add_legend, finish, new_figure, set_limits, simplify


def rate_search(path, rates, epochs, losses, untrained_loss, suggestion):
    """Draw the losses of a search for a learning rate into a picture file, as a line for each rung.

    Parameters
    ----------
    path : str, Path or None
        Its ending, such as ``.png``, ``.svg`` or ``.pdf``, gives the format; None to have the figure returned.
    rates : ndarray
        (rates,): the rates that were tried.
    epochs : list of int
        The epochs of the rungs.
    losses : ndarray
        (rungs, rates): the losses at each rung, NaN where a rate did not reach it.
    untrained_loss : float
        The loss before training.
    suggestion : float
        The learning rate to mark.

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
    axes = figure.subplots()
    shades = np.linspace(0.75, 0, len(epochs))
    for epoch, of_rung, shade in zip(epochs, losses, shades):
        label = f"after {epoch} epoch{'s' if epoch > 1 else ''}"
        axes.plot(rates, of_rung, ".-", color=f"{shade:.2f}", label=label)
    axes.axvline(suggestion, color="C2", linestyle="--", linewidth=1, label=f"suggestion {suggestion:.2g}")
    if np.isfinite(untrained_loss):
        axes.axhline(untrained_loss, color="C0", linestyle=":", linewidth=1, label="before training")
    known = losses[np.isfinite(losses)]
    worst = 1.2 * untrained_loss if np.isfinite(untrained_loss) else np.inf
    shown = known[known <= worst] if (known <= worst).any() else known
    set_limits(axes, shown.min(), shown.max())
    axes.set_xscale("log")
    axes.set_xlabel("learning rate")
    axes.set_ylabel("loss")
    simplify(axes)
    add_legend(axes)
    axes.set_title(f"{len(rates)} learning rates, of which the better half goes on")
    return finish(figure, path)
