"""NumPy's settings of floating-point errors with which fastprop computes, whatever ``np.seterr`` was called with."""

ERRORS = {"over": "ignore", "under": "ignore"}
"""Numbers may be too large or too small: fastprop looks for infinite ones where they matter."""
