"""`SweepProgress`: what the progress bar of a sweep shows."""

from contextlib import contextmanager

import numpy as np

from fastprop.progress_bar import ProgressBar


class SweepProgress:
    """Shows how many configurations have reached a rung, and what the best of them has.

    Parameters
    ----------
    result : SweepResult
        That of the sweep.
    is_shown : bool
        Whether the user asked for it.
    """

    def __init__(self, result, is_shown):
        self._result = result
        self._is_shown = is_shown
        self._lowest_cost = np.inf  # of all configurations so far

    def add(self, costs):
        """Take in the costs of configurations that have reached a rung."""
        self._lowest_cost = np.fmin(self._lowest_cost, np.fmin.reduce(costs))

    @contextmanager
    def bar(self, total, epoch):
        """Show the progress of `total` configurations on their way to an epoch within a ``with`` statement.

        It gives a function that shows how many of them are `missing`.
        """
        with ProgressBar(total, " configurations", shown=self._is_shown, smoothing=0) as bar:

            def show(missing):
                if self._is_shown:
                    bar.set_description(self._description(epoch))
                bar.update(total - missing - bar.n)

            yield show

    def _description(self, epoch):
        """Return the text before the bar: the epoch to come, if there are rungs, and the best so far."""
        result = self._result
        parts = [f"until epoch {epoch}"] if len(result.rungs) > 1 else []
        if np.isfinite(self._lowest_cost):
            name = result.score_name if result.ranks == "score" else result.ranks.replace("_", " ")
            best = -self._lowest_cost if result.higher_is_better else self._lowest_cost
            parts.append(f"best {name} {best:.4g}")
        return ", ".join(parts)
