"""What came of a sweep, for people and for machines."""

import numpy as np

from fastprop import formatting


def print_table(result, rows):
    """Print the best rows, best first."""
    print("\n".join(formatting.lines(formatting.columns(result), result.top(rows))))


def as_json(result):
    """What came of a sweep as objects of JSON, which knows no NaN."""
    rows = [dict(zip(result.table.dtype.names, map(_json_value, row.tolist()))) for row in result.table]
    best = int(result.ranking[0]) if result.finished.any() else None
    return {"best": best, "score": result.score_name, "seconds": result.seconds, "configurations": rows}


def _json_value(value):
    if isinstance(value, float):
        return value if np.isfinite(value) else None
    return value if isinstance(value, (int, str, tuple)) else repr(value)
