"""Pictures of an ensemble: its learning curves, how sure it is, and what it learns from."""

import numpy as np

from fastprop.reporting.formatting import shortened, words
from fastprop.reporting.plotting.figures import BEST, STOPPED, add_legend_below, finish, new_figure, set_scale, simplify


def losses_of_configurations(path, losses, labels, **options):
    """Draw a line for each configuration: its loss on held-out rows after each epoch, (epochs,), with a label.

    What all pictures take: `path` is that of a picture file, or a file, or None to have the figure returned; and
    `options` are those of ``savefig``.
    """
    axes = new_figure().subplots()
    for values, label in zip(losses, labels):
        axes.plot(np.arange(1, len(values) + 1), values, label=label)
    set_scale(axes, np.concatenate(losses))
    return _finish(axes, "epochs", "loss on held-out rows", path, options)


def reliability(path, confidence, accuracy, **options):
    """Draw how often the likeliest class is right, (bins,), against its mean probability in each bin, (bins,)."""
    axes = new_figure().subplots()
    axes.plot([0, 1], [0, 1], "--", color=STOPPED, label="as sure as right")
    axes.plot(confidence, accuracy, "o-", color="C0", label="rows by their probability")
    low = min(np.min(confidence), np.min(accuracy))
    axes.set(xlim=(low - 0.02, 1.02), ylim=(low - 0.02, 1.02))
    return _finish(axes, "mean probability of the likeliest class", "share of rows in which it is right", path, options)


def predictions(path, predicted, y, **options):
    """Draw a dot for each row at its prediction, (n,), and its target, (n,)."""
    axes = new_figure().subplots()
    ends = [min(np.min(predicted), np.min(y)), max(np.max(predicted), np.max(y))]
    axes.plot(ends, ends, "--", color=STOPPED)
    axes.plot(predicted, y, ".", color="C0", markersize=3, rasterized=True)
    return _finish(axes, "prediction", "target", path, options)


def importance(path, names, losses, score_name, **options):
    """Draw a bar for each column, (columns,): by how much a score is worse when its cells are permuted."""
    axes = new_figure().subplots()
    axes.barh(np.arange(len(names))[::-1], losses, color="C0")
    axes.set_yticks(np.arange(len(names))[::-1], [shortened(name, 24) for name in names])
    axes.axvline(0, color=BEST, linewidth=0.8)
    return _finish(axes, f"by how much {words(score_name)} is worse where the column is permuted", "", path, options)


def _finish(axes, x_label, y_label, path, options):
    """Write the names of the axes and a legend, if there is something in it, and finish the figure."""
    axes.set_xlabel(x_label)
    axes.set_ylabel(y_label)
    simplify(axes)
    add_legend_below(axes.figure, axes)
    return finish(axes.figure, path, **options)
