"""`Dataset`: what a network is trained or measured on."""

from typing import NamedTuple

import numpy as np

from fastprop import checks


class Dataset(NamedTuple):
    """Checked data: arrays that are read-only, finite and of the network's dtype; `targets` or `labels` is empty.

    The inputs may also be bytes (uint8), and their rows may be strided: see `checks.is_readable_in_place`. All other
    arrays are C-contiguous.
    """

    inputs: np.ndarray  # (n, n_in)
    targets: np.ndarray  # (n, n_out); (0, n_out) where there are labels
    labels: np.ndarray  # (n,) int64; (0,) where there are targets
    weights: np.ndarray  # (n,); (0,) where all rows weigh 1

    @classmethod
    def of(cls, X, y, n_in, n_out, loss, dtype, sample_weight=None, names=("X", "y")):
        """Check `X` and `y` for a network of `n_in` inputs and `n_out` outputs, and copy only what must be converted.

        Parameters
        ----------
        X : array_like
            (n, n_in) numbers.
        y : array_like
            (n,) whole-number labels where there are several outputs, else (n, n_out) targets, which may also be (n,)
            for one output.
        n_in, n_out : int
        loss : str or option
            The loss, for which the targets must be fit.
        dtype : str
            The dtype of the network.
        sample_weight : array_like, optional
            (n,) positive numbers.
        names : pair of str
            The names of `X` and `y` in messages.
        """
        X = checks.inputs(X, n_in, dtype, names[0])
        y = checks.rows(y, len(X), names)
        weights = np.zeros(0, dtype) if sample_weight is None else checks.row_weights(sample_weight, len(X), dtype)
        if y.ndim == 1 and n_out > 1:
            return cls(X, np.zeros((0, n_out), dtype), checks.labels(y, n_out, names[1]), weights)
        return cls(X, checks.targets(y, n_out, loss, dtype, names[1]), np.zeros(0, np.int64), weights)

    @classmethod
    def of_chunk(cls, chunk, index, n_in, n_out, loss, dtype):
        """Check a chunk of a stream, (X, y) or (X, y, sample_weight); messages name its index."""
        try:
            X, y, *sample_weight = checks.chunk(chunk)
            return cls.of(X, y, n_in, n_out, loss, dtype, *sample_weight)
        except (TypeError, ValueError) as error:
            raise type(error)(f"in chunk {index}, {error}") from None

    @property
    def has_labels(self):
        """Whether there are labels in place of targets."""
        return len(self.labels) > 0

    @property
    def y(self):
        """What the network should give for each row: labels (n,) or targets (n, n_out)."""
        return self.labels if self.has_labels else self.targets
