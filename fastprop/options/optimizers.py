"""Optimizers, by PyTorch's formulas."""

from dataclasses import dataclass

from fastprop import checks


@dataclass(frozen=True)
class SGD:
    """Stochastic gradient descent with momentum, by PyTorch's formulas.

    With gradient g: g ← g + weight_decay · w, v ← momentum · v + g, then w ← w - learning_rate · v, or, with
    Nesterov's, w ← w - learning_rate · (g + momentum · v). v starts at zero with each call of `train`.

    Parameters
    ----------
    learning_rate : float
        At least 0.
    momentum : float
        From 0 to below 1.
    nesterov : bool
        Needs a momentum.
    weight_decay : float
        At least 0; of weights and biases alike.

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
    SGD(learning_rate=0.5, momentum=0.9, nesterov=False, weight_decay=0.0)
    """

    learning_rate: float = 0.1
    momentum: float = 0.0
    nesterov: bool = False
    weight_decay: float = 0.0

    def __post_init__(self):
        checks.number_fields(self, "learning_rate", "weight_decay")
        checks.number_fields(self, "momentum", below=1.0)
        object.__setattr__(self, "nesterov", checks.flag(self.nesterov, "nesterov"))
        if self.nesterov and self.momentum == 0:
            raise ValueError("nesterov needs a momentum above 0, not 0: give one, such as momentum=0.9.")

    @property
    def rule(self):
        """The name of the kernels' update: sgd, momentum or nesterov."""
        return "nesterov" if self.nesterov else "momentum" if self.momentum > 0 else "sgd"


@dataclass(frozen=True)
class Adam:
    """Adam, which divides each step by the recent size of the gradient, by PyTorch's formulas.

    With gradient g in step t = 1, 2, …: g ← g + weight_decay · w, m ← β₁ m + (1 - β₁) g, v ← β₂ v + (1 - β₂) g², then
    w ← w - learning_rate / (1 - β₁ᵗ) · m / (√v / √(1 - β₂ᵗ) + ε). m and v start at zero with each call of `train`.

    Parameters
    ----------
    learning_rate : float
        At least 0; a step moves a parameter by about so much, or less.
    beta1 : float
        From 0 to below 1: what m keeps in a step.
    beta2 : float
        From 0 to below 1: what v keeps in a step.
    epsilon : float
        At least 1e-30, which float32 can tell from zero: a gradient of zero would be divided by zero.
    weight_decay : float
        At least 0; of weights and biases alike.

    Raises
    ------
    ValueError, TypeError
        If a value is out of its range.

    References
    ----------
    Kingma and Ba, "Adam: a method for stochastic optimization", ICLR 2015.

    Examples
    --------
    >>> import fastprop as fp
    >>> fp.Adam(0.01, beta2=0.99)
    Adam(learning_rate=0.01, beta1=0.9, beta2=0.99, epsilon=1e-08, weight_decay=0.0)
    """

    learning_rate: float = 1e-3
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    weight_decay: float = 0.0

    def __post_init__(self):
        checks.number_fields(self, "learning_rate", "weight_decay")
        checks.number_fields(self, "beta1", "beta2", below=1.0)
        checks.number_fields(self, "epsilon", least=1e-30)

    @property
    def rule(self):
        """The name of the kernels' update."""
        return "adam"
