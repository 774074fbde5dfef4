"""Student's t distribution, without SciPy."""

import math


def cumulative(t, degrees):
    """Return the probability of a value of at most `t`, with a whole number of `degrees` of freedom.

    References
    ----------
    Abramowitz and Stegun, "Handbook of mathematical functions", 26.7.3 and 26.7.4.
    """
    angle = math.atan2(t, math.sqrt(degrees))
    sine, cosine = math.sin(angle), math.cos(angle)
    is_odd = degrees % 2
    term = cosine if is_odd else 1.0
    total = 0.0
    for power in range(2 + is_odd, degrees + 1, 2):
        total += term
        term *= cosine * cosine * (power - 1) / power
    total *= sine
    inside = (angle + total) * 2 / math.pi if is_odd else total  # of values between -t and t
    return (1 + inside) / 2


def quantile(probability, degrees):
    """Return the value below which values lie with a `probability` of 0.5 to below 1.

    Examples
    --------
    >>> from fastprop import student_t
    >>> round(student_t.quantile(0.975, degrees=4), 3)
    2.776
    """
    low, high = 0.0, 1.0
    while cumulative(high, degrees) < probability:
        low, high = high, 2 * high
    while (middle := (low + high) / 2) not in (low, high):
        low, high = (middle, high) if cumulative(middle, degrees) < probability else (low, middle)
    return high
