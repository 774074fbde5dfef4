"""Which engine chooses the configurations of a sweep from the results of earlier ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fastprop import checks

__all__ = ["OptunaSearch"]

if TYPE_CHECKING:
    import optuna


@dataclass(frozen=True)
class OptunaSearch:
    """An Optuna study that is asked for configurations, and told what came of them, in batches that train together.

    It chooses from the distributions and lists of a sweep's grid: the values of `choice` and of a list have no order
    for it. It is told the score if `sweep` is given one, else the loss that ranks, and must minimize or maximize
    accordingly. What `halving` stopped is told as pruned, what diverged or was interrupted as failed.

    Parameters
    ----------
    study : optuna.Study
        Of any sampler and storage. It may have trials already, and goes on from them.
    at_once : int
        How many configurations are asked for and trained at a time: of fewer, more is known when the next are chosen;
        more of them train faster. The choice depends on it, but not on the number of threads.

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
        """Whether its lowest value is best."""
        return self.study.direction.name == "MINIMIZE"
