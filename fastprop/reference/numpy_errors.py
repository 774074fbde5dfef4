"""NumPy's settings of floating-point errors with which fastprop computes, whatever ``np.seterr`` was called with."""

ERRORS = {"divide": "warn", "over": "ignore", "under": "ignore", "invalid": "warn"}
"""NumPy's defaults, but for numbers that are too large: fastprop looks for infinite ones where they matter."""
