"""Schedules of the learning rate, and of weight decay and dropout.

A schedule gives a factor by which the value is multiplied that the optimizer or the run has, so that this can be swept
with any schedule. In the formulas below, `done` is the number of epochs or steps that are done, as ``by`` says, and
`total` the number of those that the run has. A class that names one of ``torch.optim.lr_scheduler`` has its formula.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias, get_args

from fastprop import checks
from fastprop.annotations import ScheduleUnit

__all__ = [
    "CosineDecay",
    "CosineLog",
    "ExponentialDecay",
    "FlatCosine",
    "InverseScaling",
    "OneCycle",
    "ReduceOnPlateau",
    "StepDecay",
    "Warmup",
]

UNITS = get_args(ScheduleUnit)
"""What a schedule may count."""

MAX_CYCLES = 960
"""The largest number of waves of `CosineLog`: 2 ** MAX_CYCLES times a number of steps, below 2 ** 63, is a float64."""


class _Schedule:
    """What all schedules have in common."""

    needs_end = False
    """Whether the factor depends on how many epochs the run has."""


@dataclass(frozen=True)
class StepDecay(_Schedule):
    """Multiply the learning rate by a factor after every `every` epochs or steps, as ``StepLR`` does.

    The rate is multiplied by factor ** (done // every).

    Parameters
    ----------
    every : int
        At least 1, in epochs or steps.
    factor : float
        At least 0.
    by : str
        ``"epoch"`` or ``"step"``: what it counts.

    Raises
    ------
    ValueError, TypeError
        If a value is out of its range.

    Examples
    --------
    >>> import fastprop as fp
    >>> fp.StepDecay(30)
    StepDecay(every=30, factor=0.1, by='epoch')
    """

    every: int
    factor: float = 0.1
    by: ScheduleUnit = "epoch"

    def __post_init__(self):
        object.__setattr__(self, "every", checks.whole_number(self.every, "every"))
        checks.number_fields(self, "factor")
        checks.choice(self.by, "by", UNITS)


@dataclass(frozen=True)
class ExponentialDecay(_Schedule):
    """Multiply the learning rate by a factor after each epoch or step, as ``ExponentialLR`` does.

    The rate is multiplied by factor ** done.

    Parameters
    ----------
    factor : float
        At least 0.
    by : str
        ``"epoch"`` or ``"step"``: what it counts.

    Raises
    ------
    ValueError, TypeError
        If a value is out of its range.

    Examples
    --------
    >>> import fastprop as fp
    >>> fp.ExponentialDecay(0.9)
    ExponentialDecay(factor=0.9, by='epoch')
    """

    factor: float = 0.95
    by: ScheduleUnit = "epoch"

    def __post_init__(self):
        checks.number_fields(self, "factor")
        checks.choice(self.by, "by", UNITS)


@dataclass(frozen=True)
class CosineDecay(_Schedule):
    """Lower the learning rate along half a cosine wave, over the whole run, as ``CosineAnnealingLR`` does.

    The rate is multiplied by final + (1 - final) / 2 · (1 + cos(π · done / total)).

    Parameters
    ----------
    final : float
        At least 0: the factor that would follow after the last epoch or step.
    by : str
        ``"epoch"`` or ``"step"``: what it counts.

    Raises
    ------
    ValueError, TypeError
        If a value is out of its range.

    References
    ----------
    Loshchilov and Hutter, "SGDR: stochastic gradient descent with warm restarts", ICLR 2017.

    Examples
    --------
    >>> import fastprop as fp
    >>> fp.CosineDecay(final=0.01)
    CosineDecay(final=0.01, by='epoch')
    """

    final: float = 0.0
    by: ScheduleUnit = "epoch"

    needs_end = True

    def __post_init__(self):
        checks.number_fields(self, "final")
        checks.choice(self.by, "by", UNITS)


@dataclass(frozen=True)
class FlatCosine(_Schedule):
    """Keep the learning rate for a part of the run, then lower it along half a cosine wave.

    The rate is multiplied by 1 until flat · total, and after it by
    final + (1 - final) / 2 · (1 + cos(π · (done - flat · total) / (total - flat · total))).

    Parameters
    ----------
    flat : float
        From 0 to below 1: the share of the run in which the rate stays.
    final : float
        At least 0: the factor that would follow after the last epoch or step.
    by : str
        ``"epoch"`` or ``"step"``: what it counts.

    Raises
    ------
    ValueError, TypeError
        If a value is out of its range.

    References
    ----------
    Holzmüller, Grinsztajn and Steinwart, "Better by default: strong pre-tuned MLPs and boosted trees on tabular data",
    NeurIPS 2024, whose RealMLP lowers weight decay and dropout so.

    Examples
    --------
    >>> import fastprop as fp
    >>> fp.FlatCosine(0.7)
    FlatCosine(flat=0.7, final=0.0, by='step')
    """

    flat: float = 0.5
    final: float = 0.0
    by: ScheduleUnit = "step"

    needs_end = True

    def __post_init__(self):
        checks.number_fields(self, "flat", below=1.0)
        checks.number_fields(self, "final")
        checks.choice(self.by, "by", UNITS)


@dataclass(frozen=True)
class CosineLog(_Schedule):
    """Raise and lower the learning rate in cosine waves, each twice as long as the one before.

    The rate is multiplied by (1 - cos(2π · log₂(1 + (2 ** cycles - 1) · done / total))) / 2: it is 0 where a wave
    begins, at the first step, too.

    Parameters
    ----------
    cycles : int
        From 1 to 960: the waves of the run.
    by : str
        ``"epoch"`` or ``"step"``: what it counts.

    Raises
    ------
    ValueError, TypeError
        If a value is out of its range.

    References
    ----------
    Holzmüller, Grinsztajn and Steinwart, "Better by default: strong pre-tuned MLPs and boosted trees on tabular data",
    NeurIPS 2024: "coslog4", the schedule of RealMLP.

    Examples
    --------
    >>> import fastprop as fp
    >>> fp.CosineLog()
    CosineLog(cycles=4, by='step')
    """

    cycles: int = 4
    by: ScheduleUnit = "step"

    needs_end = True

    def __post_init__(self):
        object.__setattr__(self, "cycles", checks.whole_number(self.cycles, "cycles", maximum=MAX_CYCLES))
        checks.choice(self.by, "by", UNITS)


@dataclass(frozen=True)
class OneCycle(_Schedule):
    """Raise the learning rate, then lower it, over all steps of the run, as ``OneCycleLR`` does.

    The factor goes from `start` to 1 in the first rise · total steps, and then to `final`, each time along half a
    cosine wave. Momentum does not change.

    Parameters
    ----------
    start, final : float
        At least 0: the factors of the first and the last step.
    rise : float
        From 0 to below 1: the share of the steps in which the learning rate rises.

    Raises
    ------
    ValueError, TypeError
        If a value is out of its range.

    References
    ----------
    Smith and Topin, "Super-convergence: very fast training of neural networks using large learning rates", 2018.

    Examples
    --------
    >>> import fastprop as fp
    >>> fp.OneCycle(rise=0.2)
    OneCycle(start=0.04, final=4e-06, rise=0.2)
    """

    start: float = 0.04
    final: float = 4e-6
    rise: float = 0.3

    by = "step"
    needs_end = True

    def __post_init__(self):
        checks.number_fields(self, "start", "final")
        checks.number_fields(self, "rise", below=1.0)


@dataclass(frozen=True)
class InverseScaling(_Schedule):
    """Lower the learning rate as a power of the number of steps or epochs, as scikit-learn's ``"invscaling"`` does.

    The rate is multiplied by (1 + done) ** -power.

    Parameters
    ----------
    power : float
        At least 0.
    by : str
        ``"epoch"`` or ``"step"``: what it counts.

    Raises
    ------
    ValueError, TypeError
        If a value is out of its range.

    Examples
    --------
    >>> import fastprop as fp
    >>> fp.InverseScaling(0.25)
    InverseScaling(power=0.25, by='step')
    """

    power: float = 0.5
    by: ScheduleUnit = "step"

    def __post_init__(self):
        checks.number_fields(self, "power")
        checks.choice(self.by, "by", UNITS)


@dataclass(frozen=True)
class ReduceOnPlateau(_Schedule):
    """Multiply the learning rate by a factor whenever the loss no longer falls, as ``ReduceLROnPlateau`` does.

    The loss is that of validation, or without validation that of training, after each epoch. It falls if it is below
    (1 - threshold) · the lowest so far. When it has not fallen for more than `patience` epochs, the rate is multiplied
    by `factor`, and the count of such epochs begins anew.

    Parameters
    ----------
    factor : float
        From 0 to below 1.
    patience : int
        At least 0, in epochs.
    threshold : float
        From 0 to below 1: the relative improvement that counts as a fall.
    minimum : float
        From 0 to below 1: the lower limit of the product of all factors.

    Raises
    ------
    ValueError, TypeError
        If a value is out of its range.

    Examples
    --------
    >>> import fastprop as fp
    >>> fp.ReduceOnPlateau(0.5, patience=5)
    ReduceOnPlateau(factor=0.5, patience=5, threshold=0.0001, minimum=0.0)
    """

    factor: float = 0.1
    patience: int = 10
    threshold: float = 1e-4
    minimum: float = 0.0

    by = "epoch"

    def __post_init__(self):
        checks.number_fields(self, "factor", "threshold", "minimum", below=1.0)
        object.__setattr__(self, "patience", checks.whole_number(self.patience, "patience", minimum=0))


AfterWarmup: TypeAlias = (
    StepDecay | ExponentialDecay | CosineDecay | FlatCosine | CosineLog | OneCycle | InverseScaling | ReduceOnPlateau
)


@dataclass(frozen=True)
class Warmup(_Schedule):
    """Raise the learning rate to its full value in equal parts, before another schedule or none.

    While done < length, the rate is multiplied by (done + 1) / length, as by
    ``LinearLR(start_factor=1/length, total_iters=length-1)``. The schedule that follows counts from the end of the
    warm-up, as in ``SequentialLR``; a `ReduceOnPlateau` looks at all epochs.

    Parameters
    ----------
    length : int
        At least 1: the epochs or steps of the warm-up; the last of them is the first with the full learning rate.
    then : schedule, optional
        What follows; its ``by`` must be that of the warm-up, unless it is a `ReduceOnPlateau`.
    by : str
        ``"epoch"`` or ``"step"``: what it counts.

    Raises
    ------
    ValueError, TypeError
        If a value is out of its range, or `then` counts something else.

    References
    ----------
    Goyal et al., "Accurate, large minibatch SGD: training ImageNet in 1 hour", 2017.

    Examples
    --------
    >>> import fastprop as fp
    >>> fp.Warmup(5, fp.CosineDecay())
    Warmup(length=5, then=CosineDecay(final=0.0, by='epoch'), by='epoch')
    """

    length: int
    then: AfterWarmup | None = None
    by: ScheduleUnit = "epoch"

    def __post_init__(self):
        object.__setattr__(self, "length", checks.whole_number(self.length, "length"))
        checks.choice(self.by, "by", UNITS)
        if self.then is None:
            return
        checks.instance(self.then, "then", get_args(AfterWarmup), "fp.CosineDecay()")
        if self.then.by != self.by and not isinstance(self.then, ReduceOnPlateau):
            raise ValueError(
                f"a warm-up by {self.by} cannot go before {self.then}, which counts each {self.then.by}: "
                f"give Warmup by={self.then.by!r}."
            )

    @property
    def needs_end(self) -> bool:
        """Whether what follows depends on how many epochs the run has."""
        return self.then is not None and self.then.needs_end


Schedule: TypeAlias = AfterWarmup | Warmup

SCHEDULES = get_args(Schedule)
"""All schedules."""
