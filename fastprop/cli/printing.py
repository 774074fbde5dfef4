"""Prints the result of a training, and that of a sweep as a table for people and as JSON for programs."""

import numpy as np

from fastprop import metrics


def print_problem(problem):
    """Print what target and columns are taken for, at once: a reader that stops at a line must not end the command."""
    print("".join(f"{line}\n" for line in problem.lines()), end="")


def print_table(result, rows):
    """Print the best `rows`, best first."""
    print("\n".join(result.ranked_table().lines(rows)))


def print_losses(history, task, factor=1.0):
    """Print the losses of a training for a `Task`, times a factor, and its score on the held-out rows, if any."""
    loss = factor * history.loss[history.best_epoch]
    if not np.isfinite(history.score):
        print(f"loss {loss:.6g}")
        return
    print(f"loss {loss:.6g}, on the held-out rows {factor * history.validation_loss[history.best_epoch]:.6g}")
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
