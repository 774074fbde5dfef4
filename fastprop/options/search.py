"""Search engines, which choose the configurations of a sweep from the results of earlier ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fastprop import checks

__all__ = ["OptunaSearch"]

if TYPE_CHECKING:
    import optuna


@dataclass(frozen=True)
class OptunaSearch:
    """An Optuna study that chooses the configurations of a sweep, in batches that train together.

    The study chooses from the distributions and lists of a sweep's grid; it takes the values of `choice` and of a list
    as unordered. It is told the score if `sweep` is given one, else the loss that ranks, and must minimize or maximize
    accordingly. A configuration that `halving` stopped is told as pruned; one that diverged, was interrupted, or whose
    score is no finite number, as failed. If the sampler ends the study, as `GridSampler` does when all is tried, the
    sweep ends, with fewer rows. Distributions within layer sizes are parameters of their own, such as
    ``layer_sizes[0][1]``: the element 1 of the first choice.

    Parameters
    ----------
    study : optuna.Study
        A study of any sampler and storage. It may have trials already, and continues from them.
    at_once : int
        How many configurations are asked for and trained at a time. With a smaller number, the study knows more when it
        chooses; with a larger one, training is faster. The choice depends on this number, but not on that of threads.

    Raises
    ------
    ValueError, TypeError
        If a value is not as described.

    Examples
    --------
    >>> import fastprop as fp, optuna
    >>> optuna.logging.set_verbosity(optuna.logging.WARNING)
    >>> study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=0))
    >>> X, y = fp.datasets.digits()
    >>> grid = {"learning_rate": fp.loguniform(1e-3, 10), "hidden": fp.choice(["tanh", "relu"])}
    >>> search = fp.OptunaSearch(study, at_once=16)
    >>> result = fp.sweep((64, 16, 10), X, y, grid, samples=48, search=search, epochs=3, validation=0.2)
    >>> bool(result.best["learning_rate"] == study.best_params["learning_rate"])
    True
    """

    study: optuna.Study
    at_once: int = 64

    def __post_init__(self):
        if not hasattr(self.study, "ask") or not hasattr(self.study, "directions"):
            raise TypeError(
                f"study must be an Optuna study, not {checks.shown(self.study)}: give one, such as "
                "optuna.create_study()."
            )
        if len(self.study.directions) > 1:
            raise ValueError(
                f"study has {len(self.study.directions)} objectives, and a sweep ranks by one: give a study of one."
            )
        object.__setattr__(self, "at_once", checks.whole_number(self.at_once, "at_once"))

    @property
    def minimizes(self) -> bool:
        """Whether the study's lowest value is the best."""
        return self.study.direction.name == "MINIMIZE"
