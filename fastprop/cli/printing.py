"""Prints the result of a training, and that of a sweep as a table for people and as JSON for programs."""

import numpy as np

from fastprop import metrics


def print_table(result, rows):
    """Print the best `rows`, best first."""
    print("\n".join(result.ranked_table().lines(rows)))


def print_losses(history, task):
    """Print the losses of a training for a `Task`, and its score on the held-out rows, if there are any."""
    loss = history.loss[history.best_epoch]
    if not np.isfinite(history.score):
        print(f"loss {loss:.6g}")
        return
    print(f"loss {loss:.6g}, on the held-out rows {history.validation_loss[history.best_epoch]:.6g}")
    print(f"{metrics.default_score(task).name} {history.score:.4f} on the held-out rows")


def as_json(result):
    """Return the result of a sweep as objects of JSON; NaN and infinity, which JSON lacks, become null."""
    rows = [dict(zip(result.table.dtype.names, map(_json_value, row.tolist()))) for row in result.table]
    best = int(result.ranking[0]) if result.can_be_best.any() else None
    return {"best": best, "score": result.score_name, "seconds": result.seconds, "configurations": rows}


def _json_value(value):
    if isinstance(value, float):
        return value if np.isfinite(value) else None
    return value if isinstance(value, (int, str, tuple)) else repr(value)
