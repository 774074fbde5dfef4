"""`TunedSearch`: what came of a search for a table, the configurations that were kept and the ensemble of these."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastprop import metrics
from fastprop.annotations import FloatArray
from fastprop.calibration import fit_temperature
from fastprop.ensembles import Ensemble
from fastprop.intervals import FoldErrors
from fastprop.metrics import SCORES, Score
from fastprop.network import MLP
from fastprop.tabular.column_inputs import ColumnInputs


class KeptConfiguration(NamedTuple):
    """A configuration whose networks are kept."""

    index: int  # in the order in which configurations were drawn
    values: dict[str, Any]  # of its hyperparameters, by name
    encoding: str  # the name of the inputs that it was trained on
    cost: float  # its score, in the sign that makes the lowest the best
    score: float  # on average over the folds
    networks: tuple[MLP, ...]  # (folds,)
    outputs: FloatArray  # (n, n_out), out-of-fold
    losses: NDArray[np.float64]  # (epochs,) the mean loss of held-out rows over the folds after each epoch


class TunedSearch(NamedTuple):
    """What came of a search."""

    kept: list[KeptConfiguration]  # best first
    weights: NDArray[np.float64]  # (kept,) of the configurations in the ensemble, whose sum is 1
    cross_fitted: NDArray[np.float64]  # (n, n_out) as `outputs`, but weights are chosen by the rows of other folds
    folds: list[tuple[NDArray[np.int64], NDArray[np.int64]]]  # training rows and held-out rows of each
    score_name: str
    tried: int  # the number of configurations that were begun
    epochs: int  # that a configuration has at most
    seconds: float
    is_interrupted: bool  # whether Ctrl-C ended the search
    y: NDArray[Any]  # the targets
    score_weights: NDArray[np.float64] | None  # (n,) by which scores weigh rows; None if all weigh the same
    output: str  # the output activation of the networks
    calibrates: bool  # whether the ensemble has a temperature

    @property
    def ensemble(self) -> Ensemble:
        """The ensemble of the networks of all folds of the configurations that have a weight.

        Where numbers are predicted, it knows the errors of its out-of-fold outputs; where classes are, it may have the
        temperature that these outputs need.
        """
        is_numeric = self.output not in ("softmax", "sigmoid")
        errors = FoldErrors.of(self.outputs, self.y, self.folds) if is_numeric else None
        networks = [each.networks for each in self.kept]
        return Ensemble.of_folds(networks, self.weights, fold_errors=errors, temperature=self.temperature)

    @property
    def temperature(self) -> float:
        """The temperature of the ensemble, which its out-of-fold outputs need; 1 if it has none."""
        return fit_temperature(self.outputs, self.y, self.score_weights) if self.calibrates else 1.0

    @property
    def held_out(self) -> NDArray[np.int64]:
        """The rows that folds hold out, in order: all, but those of weight 0."""
        return np.sort(np.concatenate([rows for _, rows in self.folds]))

    @property
    def score(self) -> Score | None:
        """The score that is called `score_name`, which weighs rows if they have weights; None if that is the loss."""
        score = SCORES.get(self.score_name)
        return score if score is None or self.score_weights is None else score.weighted()

    def measured(self, outputs: NDArray[np.float64], rows: NDArray[np.int64]) -> float:
        """Return the `score` of outputs (m, n_out) for some rows, (m,) int; NaN if that is the loss."""
        weights = None if self.score_weights is None else self.score_weights[rows]
        return np.nan if self.score is None else metrics.measure(self.score, outputs, self.y[rows], rows, weights).value

    @property
    def outputs(self) -> NDArray[np.float64]:
        """The out-of-fold outputs of the ensemble, (n, n_out): for each row, of the networks not trained on it."""
        mean = np.asarray(sum(weight * each.outputs for weight, each in zip(self.weights, self.kept)), np.float64)
        is_of_classes = self.output == "softmax"
        return mean / mean.sum(axis=1, keepdims=True) if is_of_classes else mean  # rounding leaves sums near 1

    @property
    def out_of_fold_score(self) -> float:
        """The score of the `cross_fitted` outputs, called `score_name`; NaN if that is the loss."""
        return self.measured(self.cross_fitted[self.held_out], self.held_out)

    def with_weight(self) -> TunedSearch:
        """Return the same without the configurations whose weight is 0."""
        chosen = [each for each, weight in zip(self.kept, self.weights) if weight > 0]
        return self._replace(kept=chosen, weights=self.weights[self.weights > 0])

    def encoders(self, X: Mapping[str, ColumnInputs]) -> list[Any]:
        """Return the encoder of the inputs of each network of the ensemble; `X` is what was trained on."""
        chosen = [each.encoding for each in self.with_weight().kept]
        of_folds = {
            name: [X[name].encoder_of(training) for training, _ in self.folds] for name in dict.fromkeys(chosen)
        }
        return [encoder for name in chosen for encoder in of_folds[name]]
