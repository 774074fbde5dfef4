"""What a sweep does about a score that fails: it says so, and goes on, unless the function is no score at all."""

from fastprop import checks
from fastprop.notices import warn


class ScoreProblems:
    """Looks for problems in the measurements of the score called `name`, and says once that there are some."""

    def __init__(self, name):
        self._name = name
        self._said = False

    def check(self, index, grid, fits):
        """Look through the `FitOutcome` of each fold of a configuration, whose values are ``grid[index]``.

        Raises
        ------
        ValueError
            If the function returned what is no number, so that it is no score.
        """
        failed = next((fit.score for fit in fits if fit.score.problem), None)
        if failed is None or (self._said and not failed.remedy):
            return
        values = ", ".join(f"{name}={checks.shown(value)}" for name, value in grid[index].items())
        what = f"score {self._name!r} {failed.problem} at configuration {index} ({values})"
        if failed.remedy:
            raise ValueError(f"{what}: {failed.remedy}.")
        self._said = True
        warn(
            f"{what}: this configuration's score is NaN, which ranks last, as is that of any other at which it fails.",
            RuntimeWarning,
        )
