"""Minimization of a function of many numbers, by SciPy (extra ``lbfgs``)."""

LINE_SEARCH = 20
"""At most so many evaluations in the line search of an iteration; SciPy's default."""


def minimizer():
    """Return SciPy's ``minimize``, or raise an ImportError that says how to install it."""
    try:
        from scipy.optimize import minimize
    except ImportError as error:
        raise ImportError("L-BFGS needs SciPy: pip install scipy.") from error
    return minimize


def lbfgs(function, start, memory, tolerance, iterations, after_iteration):
    """Minimize by L-BFGS-B without bounds.

    Parameters
    ----------
    function : callable
        Of an array (P,) float64; returns a number and its gradient (P,).
    start : ndarray
        (P,) float64.
    memory, iterations : int
        How many corrections to keep; how many iterations to do at most.
    tolerance : float
        It ends where no element of the gradient is larger.
    after_iteration : callable
        Called with the array (P,) after each; it ends if this raises StopIteration.

    Returns
    -------
    ndarray
        (P,) float64: where it ended.

    Raises
    ------
    ImportError
        If SciPy is not installed.
    """
    evaluations = 1 + (1 + LINE_SEARCH) * iterations  # never fewer than the iterations need
    limits = {"maxiter": iterations, "maxfun": evaluations, "maxls": LINE_SEARCH, "gtol": tolerance, "maxcor": memory}
    return minimizer()(function, start, jac=True, method="L-BFGS-B", callback=after_iteration, options=limits).x
