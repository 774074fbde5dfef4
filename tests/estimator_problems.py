"""Small tables that the tests of the estimators learn from."""

import numpy as np

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(300, 4))
LABELS = np.where(X[:, 0] * X[:, 1] > 0, "above", "below")
PRICES = 2e6 + 1e5 * X[:, 0] + 5e4 * X[:, 1]


def frame(library, rows=300):
    """Return a table of pandas or polars with missing cells, words and counts."""
    is_missing = np.arange(rows) % 17 == 0
    return library.DataFrame({
        "size": [None if missing else value for missing, value in zip(is_missing, X[:rows, 0].tolist())],
        "town": np.array(["Oslo", "Rome", "Lima"])[np.arange(rows) % 3].tolist(),
        "rooms": (np.arange(rows) % 5).tolist(),
    })  # fmt: skip
