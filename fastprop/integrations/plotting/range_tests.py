"""The picture of a learning-rate range test."""

import numpy as np

from fastprop.integrations.plotting.figures import new_figure, plain, save


def range_test(result, path):
    """Draw the losses of a learning-rate range test into a picture file.

    Parameters
    ----------
    result : RangeTest
    path : str or Path
        The ending names the format: ``.png``, ``.svg``, ``.pdf``.

    Raises
    ------
    ImportError
        If Matplotlib is not installed.
    """
    figure = new_figure()
    axes = figure.subplots()
    axes.plot(result.learning_rates, result.losses, ".", color="0.7", label="of each minibatch")
    axes.plot(result.learning_rates, result.smoothed, label="smoothed")
    axes.axvline(
        result.suggestion, color="C2", linestyle="--", linewidth=1, label=f"suggestion {result.suggestion:.2g}"
    )
    falling = result.losses[: np.nanargmin(result.smoothed) + 1]  # where it diverges the scale would be of that alone
    margin = 0.1 * np.ptp(falling)
    axes.set_ylim(falling.min() - margin, falling.max() + margin)
    axes.set_xscale("log")
    axes.set_xlabel("learning rate")
    axes.set_ylabel("loss")
    plain(axes)
    axes.legend()
    axes.set_title(f"{len(result.losses)} steps, each at a higher learning rate")
    save(figure, path)
