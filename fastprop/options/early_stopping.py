"""Early stopping: when a run ends before its last epoch, and with which weights."""

from dataclasses import dataclass

from fastprop import checks

__all__ = ["EarlyStopping"]


@dataclass(frozen=True)
class EarlyStopping:
    """End a run when its loss no longer falls, and go back to the best weights.

    The loss is that of validation, or without validation that of training, after each epoch. An epoch is an improvement
    if its loss is below that of the last improvement by more than `minimum_improvement`. The run ends `patience` epochs
    after the last improvement. With a patience of None it never ends early, but keeps the weights of its best epoch, as
    RealMLP does (Holzmüller et al., NeurIPS 2024): a schedule is then gone through to its end.

    Parameters
    ----------
    patience : int or None
        At least 1, in epochs. None needs `restore_best`.
    minimum_improvement : float
        At least 0, in units of the loss.
    restore_best : bool
        Whether the network ends with the weights of the last improvement, however the run ends, by divergence too.

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
    >>> X, y = fp.datasets.digits()
    >>> network = fp.MLP((64, 10), output="softmax")
    >>> history = fp.train(network, X, y, epochs=9, validation=0.2, early_stopping=fp.EarlyStopping(None))
    >>> bool(history.validation_loss[history.best_epoch] == history.validation_loss.min()), history.epochs
    (True, 9)
    """

    patience: int | None = 10
    minimum_improvement: float = 0.0
    restore_best: bool = True

    def __post_init__(self):
        if self.patience is not None:
            object.__setattr__(self, "patience", checks.whole_number(self.patience, "patience"))
        checks.number_fields(self, "minimum_improvement")
        object.__setattr__(self, "restore_best", checks.flag(self.restore_best, "restore_best"))
        if self.patience is None and not self.restore_best:
            raise ValueError("restore_best must be True where patience is None: give a patience, or leave both out.")

    def is_over(self, epochs: int) -> bool:
        """Return whether a run ends that many `epochs` after its last improvement."""
        return self.patience is not None and epochs >= self.patience
