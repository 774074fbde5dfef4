"""The moving average of the weights that a run ends with."""

from dataclasses import dataclass

from fastprop import checks

__all__ = ["EMA"]


@dataclass(frozen=True)
class EMA:
    """End with an exponential moving average of the weights, on which validation is measured too.

    The average begins as the weights before epoch `start_epoch`. After each step from then on it moves by
    (1 - decay) · (w - average), as with ``torch.optim.swa_utils.get_ema_multi_avg_fn``.

    Parameters
    ----------
    decay : float
        From 0 to below 1: the share of the average that is kept in a step.
    start_epoch : int
        At least 0. Before this epoch, and in a run that is shorter, the weights themselves are measured and kept.

    Raises
    ------
    ValueError, TypeError
        If a value is out of its range.

    References
    ----------
    Polyak and Juditsky, "Acceleration of stochastic approximation by averaging", SIAM Journal on Control and
    Optimization 30 (1992).

    Examples
    --------
    >>> import fastprop as fp
    >>> fp.EMA(0.99)
    EMA(decay=0.99, start_epoch=0)
    """

    decay: float = 0.999
    start_epoch: int = 0

    def __post_init__(self):
        checks.number_fields(self, "decay", below=1.0)
        object.__setattr__(self, "start_epoch", checks.whole_number(self.start_epoch, "start_epoch", minimum=0))
