"""Pictures of results, with Matplotlib (extra ``plot``)."""

import numpy as np


def sweep(result, path):
    """Draw loss and score of a sweep against its first hyperparameter into a picture file.

    Parameters
    ----------
    result : SweepResult
    path : str or Path
        The ending names the kind: ``.png``, ``.svg``, ``.pdf``.

    Raises
    ------
    ImportError
        If Matplotlib is not installed.
    """
    figure = _new_figure()
    name, table = result.hyperparameters[0], result.table
    finished, diverged = result.finished, table["stopped"] == "diverged"
    x, names = _positions(table[name])
    line = ".-" if len(result.hyperparameters) == 1 else "."
    top, bottom = figure.subplots(2, 1, sharex=True)
    for column, text in [("loss", "training"), ("validation_loss", "held out")]:
        if np.isfinite(table[column]).any():
            top.plot(x[finished], table[column][finished], line, label=text)
    bottom.plot(x[finished], table["score"][finished], line, color="C2")
    for axes in (top, bottom):
        axes.grid(alpha=0.3)
        axes.axvline(x[result.ranking[0]], color="0.6", linestyle="--", linewidth=1)
        for place in x[diverged]:
            axes.axvline(place, color="C3", alpha=0.3)
    top.set_yscale("log")
    top.set_ylabel("loss after the last epoch")
    top.legend()
    bottom.set_ylabel(f"{result.score_name} on held-out rows")
    bottom.set_xlabel(name.replace("_", " "))
    if names:
        bottom.set_xticks(range(len(names)), names)
    elif np.nanmin(x) > 0 and np.nanmax(x) > 20 * np.nanmin(x):
        bottom.set_xscale("log")
    best = f"best {name.replace('_', ' ')} {_label(result.best[name])}"
    top.set_title(f"{len(table)} configurations in {result.seconds:.2f} s, {best}")
    figure.savefig(path, dpi=120)


def range_test(result, path):
    """Draw the losses of a learning-rate range test into a picture file.

    Parameters
    ----------
    result : RangeTest
    path : str or Path
        The ending names the kind: ``.png``, ``.svg``, ``.pdf``.

    Raises
    ------
    ImportError
        If Matplotlib is not installed.
    """
    figure = _new_figure()
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
    axes.grid(alpha=0.3)
    axes.legend()
    axes.set_title(f"{len(result.losses)} steps, each at a higher learning rate")
    figure.savefig(path, dpi=120)


def _positions(values):
    """Where values stand on the axis, and the names of the places if they are no numbers."""
    if values.dtype.kind in "if":
        return values, []
    names = list(dict.fromkeys(map(_label, values)))
    return np.array([names.index(_label(value)) for value in values]), names


def _label(value):
    return "-".join(map(str, value)) if isinstance(value, tuple) else f"{value:.4g}"


def _new_figure():
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError("plots need Matplotlib: pip install 'fastprop[plot]'.") from error
    return Figure(figsize=(8, 6), layout="constrained")
