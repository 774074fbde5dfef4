"""Prints the result of a sweep, as a table for people and as JSON for programs."""

import numpy as np


def print_table(result, rows):
    """Print the best `rows`, best first."""
    print("\n".join(result.ranked_table().lines(rows)))


def as_json(result):
    """Return the result of a sweep as objects of JSON; NaN and infinity, which JSON lacks, become null."""
    rows = [dict(zip(result.table.dtype.names, map(_json_value, row.tolist()))) for row in result.table]
    best = int(result.ranking[0]) if result.finished.any() else None
    return {"best": best, "score": result.score_name, "seconds": result.seconds, "configurations": rows}


def _json_value(value):
    if isinstance(value, float):
        return value if np.isfinite(value) else None
    return value if isinstance(value, (int, str, tuple)) else repr(value)
