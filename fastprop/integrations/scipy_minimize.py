"""SciPy: minimization of a function of a vector (extra ``lbfgs``)."""

LINE_SEARCH = 20
"""The largest number of evaluations in the line search of an iteration; SciPy's default."""


def minimizer():
    """Return SciPy's ``minimize``, or raise an ImportError that says how to install it."""
    try:
        from scipy.optimize import minimize
    except ImportError as error:
        raise ImportError("L-BFGS needs SciPy: pip install scipy.") from error
    return minimize


def lbfgs(function, start, memory, tolerance, iterations, after_iteration):
    """Minimize a function by L-BFGS-B without bounds.

    Parameters
    ----------
    function : callable
        Takes a vector (P,) float64; returns the function's value and its gradient (P,).
    start : ndarray
        (P,) float64: where to begin.
    memory : int
        The number of recent steps from which the curvature is modeled.
    tolerance : float
        Minimization ends when no element of the gradient is larger.
    iterations : int
        The largest number of iterations.
    after_iteration : callable
        Called with the vector (P,) after each iteration; minimization ends if it raises StopIteration.

    Returns
    -------
    ndarray
        (P,) float64: the vector that minimization ended with.

    Raises
    ------
    ImportError
        If SciPy is not installed.
    """
    options = {
        "maxiter": iterations,
        "maxfun": 1 + (1 + LINE_SEARCH) * iterations,  # never fewer than the iterations need
        "maxls": LINE_SEARCH,
        "gtol": tolerance,
        "maxcor": memory,
    }
    result = minimizer()(function, start, jac=True, method="L-BFGS-B", callback=after_iteration, options=options)
    return result.x
