"""Prints the result of a training, and that of a sweep as a table for people and as JSON for programs."""

import numpy as np

from fastprop.metrics.scores import shown_score


def print_problem(problem):
    """Print what target and columns are taken for, at once: a reader that stops at a line must not end the command."""
    print("".join(f"{line}\n" for line in problem.lines()), end="")


def print_table(result, rows):
    """Print the best `rows`, best first."""
    print("\n".join(result.ranked_table().lines(rows)))


def print_losses(history, factor, score_factor):
    """Print the losses of a training and its score on the held-out rows, if any; both times a factor of their own."""
    loss, held_out = (factor * each[history.best_epoch] for each in (history.loss, history.validation_loss))
    print(f"loss {loss:.6g}" + (f", on the held-out rows {held_out:.6g}" if np.isfinite(held_out) else ""))
    if history.score_name == "mse" and np.isfinite(history.score):
        print(f"mse {score_factor * history.score:.6g} on the held-out rows, on which r2 is undefined")
    elif np.isfinite(history.score):
        print(f"{history.score_name} {shown_score(score_factor * history.score)} on the held-out rows")


def as_json(result):
    """Return the result of a sweep as objects of JSON; NaN and infinity, which JSON lacks, become null."""
    rows = [dict(zip(result.table.dtype.names, map(_json_value, row.tolist()))) for row in result.table]
    best = int(result.ranking[0]) if result.can_be_best.any() else None
    whole = {"best": best, "score": result.score_name, "seconds": result.seconds, "configurations": rows}
    return whole if result.outer is None else whole | {"outer": _outer_as_json(result.outer)}


def _outer_as_json(outer):
    """Return the scores of outer folds, their mean and its interval as an object of JSON."""
    interval = list(map(_json_value, outer.interval()))
    scores = list(map(_json_value, outer.scores.tolist()))
    chosen = [{name: _json_value(value) for name, value in each.items()} for each in outer.chosen]
    return {"mean": _json_value(outer.mean), "interval": interval, "scores": scores, "chosen": chosen}


def _json_value(value):
    if isinstance(value, float):
        return value if np.isfinite(value) else None
    return value if isinstance(value, (int, str, tuple)) else repr(value)
