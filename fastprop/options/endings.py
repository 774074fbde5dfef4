"""What a run ends with: when it stops, and which of the weights that it had on the way it leaves."""

from dataclasses import dataclass

from fastprop import checks


@dataclass(frozen=True)
class EarlyStopping:
    """End a run when its loss no longer falls, and go back to the best weights.

    The loss is that of validation, or without validation that of training, after each epoch. An epoch is an improvement
    if its loss is below the last improvement's - minimum_improvement. The run ends `patience` epochs after the last.

    Parameters
    ----------
    patience : int
        At least 1.
    minimum_improvement : float
        At least 0.
    restore_best : bool
        Whether the network has the weights of the last improvement in the end, however the run ends; but one that
        diverges ends with what it has.

    Raises
    ------
    ValueError, TypeError
        If a value is out of its range.

    References
    ----------
    Prechelt, "Early stopping - but when?", Neural Networks: Tricks of the Trade, 1998.

    Examples
    --------
    >>> import fastprop as fp
    >>> fp.EarlyStopping(patience=5)
    EarlyStopping(patience=5, minimum_improvement=0.0, restore_best=True)
    """

    patience: int = 10
    minimum_improvement: float = 0.0
    restore_best: bool = True

    def __post_init__(self):
        object.__setattr__(self, "patience", checks.whole_number(self.patience, "patience"))
        checks.number_fields(self, "minimum_improvement")
        object.__setattr__(self, "restore_best", checks.flag(self.restore_best, "restore_best"))


@dataclass(frozen=True)
class EMA:
    """End with a moving average of the weights (Polyak averaging), on which validation is measured too.

    The average begins as the weights before epoch `start_epoch`. After each step from there on it moves by
    (1 - decay) · (w - average), as ``torch.optim.swa_utils.get_ema_multi_avg_fn`` has it.

    Parameters
    ----------
    decay : float
        From 0 to below 1: what the average keeps in a step.
    start_epoch : int
        At least 0; until then, and in a run that is shorter, the weights count as they are.

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
