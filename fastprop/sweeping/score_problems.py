"""What a sweep does about a score that fails: it says so, and goes on, unless the function is no score at all."""

from fastprop import checks
from fastprop.notices import warn


class ScoreProblems:
    """Looks for problems in the measurements of the score called `name`, and says once that there are some.

    They are said after all configurations that were measured together have been recorded, so that a journal loses none.
    """

    def __init__(self, name):
        self._name = name
        self._said = False
        self._found = []  # (words, remedy) of those to be said

    def add(self, index, grid, fits):
        """Look through the `FitOutcome` of each fold of a configuration, whose values are ``grid[index]``.

        Returns
        -------
        bool
            Whether the function returned what is no number, so that the configuration has no score to be recorded.
        """
        failed = next((fit.score for fit in fits if fit.score.problem), None)
        if failed is None:
            return False
        if not self._said or failed.remedy:
            values = ", ".join(f"{name}={checks.shown(value)}" for name, value in grid[index].items())
            what = f"score {self._name!r} {failed.problem} at configuration {index} ({values})"
            self._found.append((what, failed.remedy))
        return bool(failed.remedy)

    def tell(self):
        """Warn of the first problem that was found, once.

        Raises
        ------
        ValueError
            If the function returned what is no number, so that it is no score.
        """
        found, self._found = self._found, []
        for what, remedy in found:
            if remedy:
                raise ValueError(f"{what}: {remedy}.")
        if found and not self._said:
            self._said = True
            warn(
                f"{found[0][0]}: this configuration's score is NaN, which ranks last, as is that of any other at which "
                "it fails.",
                RuntimeWarning,
            )
