"""Options: small frozen objects, checked when they are made."""

from dataclasses import dataclass

from fastprop import checks


@dataclass(frozen=True)
class SGD:
    """Stochastic gradient descent with momentum, by PyTorch's formulas.

    With gradient g: v ← momentum · v + g, then w ← w - learning_rate · v, or, with Nesterov's,
    w ← w - learning_rate · (g + momentum · v). v starts at zero with each call of `train`.

    Parameters
    ----------
    learning_rate : float
        At least 0.
    momentum : float
        From 0 to below 1.
    nesterov : bool
        Needs a momentum.

    Raises
    ------
    ValueError, TypeError
        If a value is out of its range.

    References
    ----------
    Sutskever, Martens, Dahl and Hinton, "On the importance of initialization and momentum in deep learning", ICML 2013.

    Examples
    --------
    >>> import fastprop as fp
    >>> fp.SGD(0.5, momentum=0.9)
    SGD(learning_rate=0.5, momentum=0.9, nesterov=False)
    """

    learning_rate: float = 0.1
    momentum: float = 0.0
    nesterov: bool = False

    def __post_init__(self):
        object.__setattr__(self, "learning_rate", checks.number(self.learning_rate, "learning_rate"))
        object.__setattr__(self, "momentum", checks.number(self.momentum, "momentum", below=1.0))
        object.__setattr__(self, "nesterov", checks.flag(self.nesterov, "nesterov"))
        if self.nesterov and self.momentum == 0:
            raise ValueError("nesterov needs a momentum above 0, not 0: give one, such as momentum=0.9.")
