"""Limits of the gradient, applied before weight decay and l1."""

from dataclasses import dataclass
from typing import TypeAlias, get_args

from fastprop import checks

__all__ = ["ClipNorm", "ClipValue"]


@dataclass(frozen=True)
class ClipNorm:
    """Shrink a gradient whose norm, over all parameters of the network, is above a limit.

    g ← g · min(1, limit / (‖g‖₂ + 1e-6)), as ``torch.nn.utils.clip_grad_norm_``.

    Parameters
    ----------
    limit : float
        At least 0.

    Raises
    ------
    ValueError, TypeError
        If it is out of its range.

    References
    ----------
    Pascanu, Mikolov and Bengio, "On the difficulty of training recurrent neural networks", ICML 2013.

    Examples
    --------
    >>> import fastprop as fp
    >>> fp.ClipNorm(1)
    ClipNorm(limit=1.0)
    """

    limit: float

    def __post_init__(self):
        checks.number_fields(self, "limit")


@dataclass(frozen=True)
class ClipValue:
    """Clip each element of the gradient to the range ± limit, as ``torch.nn.utils.clip_grad_value_``.

    Parameters
    ----------
    limit : float
        At least 0.

    Raises
    ------
    ValueError, TypeError
        If it is out of its range.

    Examples
    --------
    >>> import fastprop as fp
    >>> fp.ClipValue(0.5)
    ClipValue(limit=0.5)
    """

    limit: float

    def __post_init__(self):
        checks.number_fields(self, "limit")


Clip: TypeAlias = ClipNorm | ClipValue

CLIPS = get_args(Clip)
"""All kinds of clipping."""
