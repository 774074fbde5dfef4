"""Optimizers, by PyTorch's formulas and with its defaults.

The state that an optimizer keeps for each parameter (velocities, moments) starts at zero with each call of `train`.
With a schedule, the learning rate η below is that of the step.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, NamedTuple, Self, TypeAlias, get_args

from fastprop import checks

__all__ = ["LBFGS", "SGD", "Adagrad", "Adam", "AdamW", "Lion", "RMSprop"]


class Hyperparameter(NamedTuple):
    """A row of `HYPERPARAMETERS`: how a hyperparameter is checked, and whether a sweep can sweep it."""

    check: Callable  # value, name → the value that is kept; raises an error that says what to do
    per_lane: bool = True  # whether a sweep can sweep it, and kernels have a row of it, with a value for each lane


_fraction = partial(checks.number, below=1.0)

HYPERPARAMETERS = {
    "learning_rate": Hyperparameter(checks.number),
    "momentum": Hyperparameter(_fraction),
    "weight_decay": Hyperparameter(checks.number),
    "l1": Hyperparameter(checks.number),
    "beta1": Hyperparameter(_fraction),
    "beta2": Hyperparameter(_fraction),
    "epsilon": Hyperparameter(partial(checks.number, minimum=1e-30)),
    "smoothing": Hyperparameter(_fraction),
    "nesterov": Hyperparameter(checks.flag, per_lane=False),
    "memory": Hyperparameter(checks.whole_number, per_lane=False),
    "tolerance": Hyperparameter(checks.number, per_lane=False),
}
"""One row for each hyperparameter. Those that a sweep can sweep are columns of its table, in this order."""

PER_LANE = tuple(name for name, row in HYPERPARAMETERS.items() if row.per_lane)
"""Hyperparameters that may differ between the networks of a pack."""


class Optimizer:
    """What all optimizers have in common."""

    rules: ClassVar[tuple[str, ...]] = ()
    """The names of the kernels' update rules that it may take, see `kernels.update_rules.RULES`."""

    takes_all_rows = False
    """Whether a step takes all rows, and not a minibatch."""

    @property
    def rule(self) -> str:
        """The name of the kernels' update rule: one of `rules`."""
        (rule,) = self.rules
        return rule

    @property
    def pack_key(self) -> tuple[object, ...]:
        """What must be equal in a pack: the kernel branches on it once for all lanes."""
        return self.rule, self.l1 > 0

    def __post_init__(self):
        self._set_checked(vars(self))

    def changed(self, **values: Any) -> Self:
        """Return a copy with other values. Only these are checked, because a sweep makes one for each configuration."""
        other = object.__new__(type(self))
        vars(other).update(vars(self))
        other._set_checked(values)
        return other

    def with_checked(self, values: Mapping[str, Any]) -> Self:
        """Return a copy with other values that have been checked."""
        other = object.__new__(type(self))
        vars(other).update(vars(self) | values)
        return other

    def _set_checked(self, values):
        fields = vars(self)
        for name in fields:
            if name in values:
                fields[name] = HYPERPARAMETERS[name].check(values[name], name)


@dataclass(frozen=True)
class SGD(Optimizer):
    """Stochastic gradient descent with momentum, by PyTorch's formulas.

    With gradient g: g ← g + weight_decay · w + l1 · sign w, v ← momentum · v + g, then w ← w - η v, or, with
    Nesterov's, w ← w - η (g + momentum · v).

    Parameters
    ----------
    learning_rate : float
        η, at least 0.
    momentum : float
        From 0 to below 1.
    nesterov : bool
        Whether to take Nesterov's step, which needs a momentum above 0.
    weight_decay, l1 : float
        At least 0; they apply to weights and biases alike.

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
    SGD(learning_rate=0.5, momentum=0.9, nesterov=False, weight_decay=0.0, l1=0.0)
    """

    learning_rate: float = 0.1
    momentum: float = 0.0
    nesterov: bool = False
    weight_decay: float = 0.0
    l1: float = 0.0

    def _set_checked(self, values):
        super()._set_checked(values)
        if self.nesterov and self.momentum == 0:
            raise ValueError("nesterov needs a momentum above 0, not 0: give one, such as momentum=0.9.")

    rules = "sgd", "momentum", "nesterov"

    @property
    def rule(self) -> str:
        """The name of the kernels' update rule: one of `rules`."""
        return "nesterov" if self.nesterov else "momentum" if self.momentum > 0 else "sgd"


@dataclass(frozen=True)
class Adam(Optimizer):
    """Adam, which divides each step by the recent size of the gradient, by PyTorch's formulas.

    With gradient g in step t = 1, 2, …: g ← g + weight_decay · w + l1 · sign w, m ← β₁ m + (1 - β₁) g,
    v ← β₂ v + (1 - β₂) g², then w ← w - η / (1 - β₁ᵗ) · m / (√v / √(1 - β₂ᵗ) + ε).

    Parameters
    ----------
    learning_rate : float
        η, at least 0; a step moves a parameter by at most about this much.
    beta1 : float
        From 0 to below 1: the share of m that is kept in a step.
    beta2 : float
        From 0 to below 1: the share of v that is kept in a step.
    epsilon : float
        At least 1e-30, which is above zero in float32 too, so that a gradient of zero is not divided by zero.
    weight_decay, l1 : float
        At least 0; they apply to weights and biases alike.

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
    Adam(learning_rate=0.01, beta1=0.9, beta2=0.99, epsilon=1e-08, weight_decay=0.0, l1=0.0)
    """

    learning_rate: float = 1e-3
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    weight_decay: float = 0.0
    l1: float = 0.0

    rules = ("adam",)


@dataclass(frozen=True)
class AdamW(Adam):
    """Adam with weight decay that is decoupled from the gradient, by PyTorch's formulas.

    First w ← w - η · weight_decay · w, then the step of `Adam` without weight decay.

    Parameters
    ----------
    learning_rate, beta1, beta2, epsilon, l1 : float
        See `Adam`.
    weight_decay : float
        At least 0; it applies to weights and biases alike.

    Raises
    ------
    ValueError, TypeError
        If a value is out of its range.

    References
    ----------
    Loshchilov and Hutter, "Decoupled weight decay regularization", ICLR 2019.

    Examples
    --------
    >>> import fastprop as fp
    >>> fp.AdamW(0.01)
    AdamW(learning_rate=0.01, beta1=0.9, beta2=0.999, epsilon=1e-08, weight_decay=0.01, l1=0.0)
    """

    weight_decay: float = 0.01

    rules = ("adamw",)


@dataclass(frozen=True)
class RMSprop(Optimizer):
    """RMSprop, which divides each step by the recent size of the gradient, by PyTorch's formulas.

    With gradient g: g ← g + weight_decay · w + l1 · sign w, s ← smoothing · s + (1 - smoothing) g²,
    v ← momentum · v + g / (√s + ε), then w ← w - η v.

    Parameters
    ----------
    learning_rate : float
        η, at least 0.
    smoothing : float
        From 0 to below 1: the share of s that is kept in a step; PyTorch's alpha.
    epsilon : float
        At least 1e-30, which is above zero in float32 too, so that a gradient of zero is not divided by zero.
    momentum : float
        From 0 to below 1.
    weight_decay, l1 : float
        At least 0; they apply to weights and biases alike.

    Raises
    ------
    ValueError, TypeError
        If a value is out of its range.

    References
    ----------
    Tieleman and Hinton, "Lecture 6.5: rmsprop", Neural networks for machine learning, Coursera 2012.

    Examples
    --------
    >>> import fastprop as fp
    >>> fp.RMSprop(momentum=0.9)
    RMSprop(learning_rate=0.01, smoothing=0.99, epsilon=1e-08, momentum=0.9, weight_decay=0.0, l1=0.0)
    """

    learning_rate: float = 0.01
    smoothing: float = 0.99
    epsilon: float = 1e-8
    momentum: float = 0.0
    weight_decay: float = 0.0
    l1: float = 0.0

    rules = "rmsprop", "rmsprop_momentum"

    @property
    def rule(self) -> str:
        """The name of the kernels' update rule: one of `rules`."""
        return "rmsprop_momentum" if self.momentum > 0 else "rmsprop"


@dataclass(frozen=True)
class Adagrad(Optimizer):
    """Adagrad, which divides each step by the size of all gradients so far, by PyTorch's formulas.

    With gradient g: g ← g + weight_decay · w + l1 · sign w, s ← s + g², then w ← w - η g / (√s + ε).

    Parameters
    ----------
    learning_rate : float
        η, at least 0.
    epsilon : float
        At least 1e-30, which is above zero in float32 too, so that a gradient of zero is not divided by zero.
    weight_decay, l1 : float
        At least 0; they apply to weights and biases alike.

    Raises
    ------
    ValueError, TypeError
        If a value is out of its range.

    References
    ----------
    Duchi, Hazan and Singer, "Adaptive subgradient methods for online learning and stochastic optimization", Journal of
    Machine Learning Research 12 (2011).

    Examples
    --------
    >>> import fastprop as fp
    >>> fp.Adagrad(0.1)
    Adagrad(learning_rate=0.1, epsilon=1e-10, weight_decay=0.0, l1=0.0)
    """

    learning_rate: float = 0.01
    epsilon: float = 1e-10
    weight_decay: float = 0.0
    l1: float = 0.0

    rules = ("adagrad",)


@dataclass(frozen=True)
class Lion(Optimizer):
    """Lion: each step has the size η, and the sign of a moving average of the gradients.

    With gradient g: g ← g + l1 · sign w, w ← w - η · weight_decay · w, then w ← w - η sign(β₁ m + (1 - β₁) g), and
    finally m ← β₂ m + (1 - β₂) g.

    Parameters
    ----------
    learning_rate : float
        η, at least 0: a third to a tenth of what suits `AdamW`.
    beta1 : float
        From 0 to below 1: the share of m in the average whose sign a step takes.
    beta2 : float
        From 0 to below 1: the share of m that is kept in a step.
    weight_decay, l1 : float
        At least 0; they apply to weights and biases alike.

    Raises
    ------
    ValueError, TypeError
        If a value is out of its range.

    References
    ----------
    Chen et al., "Symbolic discovery of optimization algorithms", NeurIPS 2023.

    Examples
    --------
    >>> import fastprop as fp
    >>> fp.Lion(weight_decay=0.1)
    Lion(learning_rate=0.0001, beta1=0.9, beta2=0.99, weight_decay=0.1, l1=0.0)
    """

    learning_rate: float = 1e-4
    beta1: float = 0.9
    beta2: float = 0.99
    weight_decay: float = 0.0
    l1: float = 0.0

    rules = ("lion",)


@dataclass(frozen=True)
class LBFGS(Optimizer):
    """The quasi-Newton method L-BFGS on all rows at once, by SciPy's L-BFGS-B (extra ``lbfgs``).

    It suits small data, where it reaches a lower loss than the other optimizers. An epoch is an iteration, which ends
    with a line search of one or a few passes over all rows. L-BFGS minimizes the loss + weight_decay / 2 · ‖w‖². A run
    ends as ``"converged"`` when no element of the gradient is larger than `tolerance`, or when the loss no longer falls
    in its last bits.

    Parameters
    ----------
    memory : int
        At least 1: the number of recent steps from which it models the curvature.
    tolerance : float
        At least 0: the largest element of the gradient with which a run counts as converged.
    weight_decay : float
        At least 0; it applies to weights and biases alike. scikit-learn's alpha is this times the number of rows, and
        applies to weights only.

    Raises
    ------
    ValueError, TypeError
        If a value is out of its range.

    References
    ----------
    Liu and Nocedal, "On the limited memory BFGS method for large scale optimization", Mathematical Programming 45
    (1989).

    Examples
    --------
    >>> import fastprop as fp
    >>> fp.LBFGS(tolerance=1e-4)
    LBFGS(memory=10, tolerance=0.0001, weight_decay=0.0)
    """

    memory: int = 10
    tolerance: float = 1e-5
    weight_decay: float = 0.0

    takes_all_rows = True

    @property
    def pack_key(self) -> tuple[object, ...]:
        """What must be equal in a pack; no two networks are packed, since each chooses the length of its steps."""
        return ("lbfgs",)


Descent: TypeAlias = SGD | Adam | AdamW | RMSprop | Adagrad | Lion

DESCENTS = get_args(Descent)
"""The optimizers whose steps have a learning rate, and are done by the kernels."""

OPTIMIZERS = *DESCENTS, LBFGS
"""All optimizers."""
