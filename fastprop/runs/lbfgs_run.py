"""`LBFGSRun`: a run of L-BFGS. SciPy chooses the parameters; the kernels or the reference give loss and gradient."""

import time

import numpy as np

from fastprop import reference
from fastprop.integrations import scipy_minimize
from fastprop.kernels import layout
from fastprop.options import SGD
from fastprop.runs import kernel_arguments, prediction
from fastprop.runs.history import HistoryLog
from fastprop.runs.kernel_team import KernelTeam
from fastprop.runs.packed_state import PackedState
from fastprop.runs.reference_run import rows_of
from fastprop.runs.run import Run


class LBFGSRun(Run):
    """A training run of one network with all rows in each step; it can only begin anew.

    An epoch is an iteration; losses and metrics are those of the parameters that the iteration ended with.

    Parameters
    ----------
    objective : KernelObjective or ReferenceObjective
    network : MLP
    split : Split
    options : TrainingOptions
    """

    def __init__(self, objective, network, split, options):
        super().__init__(options, [network])
        self._objective = objective
        self._network = network
        self._offsets = parameter_offsets(network)
        self._data, self._rows = split.measured
        self._point = None  # (P,) float64: the parameters of the last evaluation
        self._losses = None  # training and validation loss there
        self._gradient = None  # (P,) float64: the gradient of the training loss there
        self._changed = None  # (P,) float64: the parameters that the callback has put into the network, if it has
        self._best = None  # (P,) float64: the parameters of the last improvement
        self._ended = ""  # why the run ended by itself, see `stop_reason`
        self._log = HistoryLog(options.metrics)
        self.histories = [self._log.history]
        self._measure = prediction.EpochMetrics(options.metrics)
        self._watched = "validation_loss" if len(split.held_out_rows) else "loss"

    def __call__(self, until=None):
        """Train to the end, or until `until` iterations are done."""
        if until is not None:
            self._until = until
        start = time.perf_counter()
        history = self.history
        point = self._network.parameters[self._offsets].astype(np.float64)
        if np.isfinite(self._evaluate(point)[0]):
            self._ended = "converged"  # unless an iteration says otherwise
            point = self._minimize(point)
            history.best_epoch = history.epochs - 1
        else:
            self._ended = "diverged"
        if self._best is not None:
            point = self._best
            history.best_epoch = self._last_improvement()
        self._set_parameters(point)
        if not np.isfinite(self._network.parameters).all():  # they may be too large for its dtype
            self._ended = "diverged"
            history.best_epoch = -1
        history.stopped = self._stop_reason(self._ended, history.epochs)
        history.seconds = time.perf_counter() - start

    def prepare(self):
        """Import SciPy, and compile the kernel."""
        scipy_minimize.minimizer()
        self._objective.prepare()

    def _minimize(self, point):
        """Minimize from a point, and again from each one that the callback gives the network; return the last point."""
        optimizer = self._options.optimizer
        while True:
            limits = optimizer.memory, optimizer.tolerance, self._options.epochs - self.history.epochs
            point = scipy_minimize.lbfgs(self._evaluate, point, *limits, self._after_iteration)
            if self._changed is None:
                return point
            point, self._changed = self._changed, None
            if self._ended != "converged":
                return point

    @np.errstate(over="ignore", invalid="ignore")
    def _evaluate(self, point):
        """Return the loss plus weight decay, λ/2 ‖w‖², and the gradient (P,) of the sum."""
        if self._point is None or not np.array_equal(point, self._point):
            self._point = point.copy()
            self._set_parameters(point)
            self._losses, self._gradient = self._objective(point)
        decay = self._options.optimizer.weight_decay
        return self._losses[0] + decay / 2 * (point @ point), self._gradient + decay * point

    def _set_parameters(self, point):
        with np.errstate(over="ignore"):
            self._network.parameters[self._offsets] = point

    def _after_iteration(self, point):
        """Write what was measured into the history; raise StopIteration to end."""
        self._evaluate(point)  # nothing to compute if the line search evaluated this point last, as it mostly does
        options = self._options
        history = self.history
        epoch = self.history.epochs
        metrics = ()
        if options.metrics:
            outputs = prediction.predict(self._network, self._data.inputs, self._rows)
            metrics = self._measure(outputs, self._data, self._rows, epoch)
        norm = np.linalg.norm(self._gradient) if options.gradient_norm else np.nan
        self._log.append((*self._losses, np.nan, norm), metrics)
        if options.callback is not None:
            self._call_back(epoch)
        stops_early = False
        if options.early_stopping is not None:
            improved = self._last_improvement()
            if improved == epoch and options.early_stopping.restore_best:
                self._best = point.copy()
            stops_early = options.early_stopping.is_over(epoch - improved)
        over = stops_early or self._called_off or self._stop_requested or history.epochs >= self._until
        if over or self._ends_by_time():
            self._ended = "early" if stops_early else ""
            raise StopIteration
        if self._changed is not None:
            raise StopIteration

    def _call_back(self, epoch):
        """Call the callback as every run does, and note the parameters if it changes them."""
        before = self._network.parameters.copy()
        super()._call_back(epoch)
        if not np.array_equal(self._network.parameters, before):
            self._changed = self._network.parameters[self._offsets].astype(np.float64)
            self._point = None

    def _last_improvement(self):
        watched = getattr(self.history, self._watched)
        return reference.last_improvement(watched, self._options.early_stopping.minimum_improvement)


class KernelObjective:
    """Computes losses and the gradient on the kernels, by an epoch of one step at learning rate 0 over all rows."""

    def __init__(self, network, split, options, threads):
        rows = len(split.rows)
        options = options._replace(
            epochs=1, batch_size=rows, optimizer=SGD(0.0), shuffle=False, early_stopping=None, metrics=()
        )
        self._state = PackedState([network], [options], steps_per_epoch=1, members=threads)
        training = kernel_arguments.training(self._state, split, [options], rows, threads, keeps_gradient=True)
        self._team = KernelTeam(self._state, training)
        self._offsets = parameter_offsets(network)

    def __call__(self, point):
        """Return training and validation loss (2,) of the network's parameters `point`, and the gradient (P,)."""
        self._state.restart()
        self._team.train(until=1)
        return self._state.record.losses[:, 0, 0].copy(), self._team.gradient()[self._offsets].astype(np.float64)

    def prepare(self):
        """Compile the kernel, or load it from the disk."""
        self._team.prepare()


class ReferenceObjective:
    """Computes losses and the gradient on the reference, in plain NumPy and float64."""

    def __init__(self, network, split, options, threads):
        self._prototype = network
        self._loss = options.loss
        self._training = rows_of(split.data, split.rows)
        self._validation = rows_of(split.held_out, split.held_out_rows) if len(split.held_out_rows) else None

    def __call__(self, point):
        """Return training and validation loss of the parameters `point`, and the gradient (P,)."""
        network = self._network_of(point)
        X, y, weights = self._training
        validation_loss = np.nan
        if self._validation is not None:
            held_out_X, held_out_y, held_out_weights = self._validation
            validation_loss = reference.loss(network, held_out_X, held_out_y, self._loss, held_out_weights)
        layers = zip(*reference.gradients(network, X, y, self._loss, weights))
        gradient = np.concatenate([np.vstack([db, dW]).ravel() for dW, db in layers])
        return (reference.loss(network, X, y, self._loss, weights), validation_loss), gradient

    def prepare(self):
        """Do nothing: NumPy is not compiled."""

    def _network_of(self, point):
        prototype = self._prototype
        sizes = self._prototype.layer_sizes
        ends = np.cumsum([(1 + n_in) * n_out for n_in, n_out in zip(sizes, sizes[1:])])
        layers = [layer.reshape(-1, n_out) for layer, n_out in zip(np.split(point, ends[:-1]), sizes[1:])]
        return reference.Network(
            [layer[1:] for layer in layers],
            [layer[0] for layer in layers],
            prototype.hidden,
            prototype.output,
            prototype.input_mean,
            prototype.input_scale,
        )


OBJECTIVES = {"kernels": KernelObjective, "reference": ReferenceObjective}
"""The objective of each backend."""


def parameter_offsets(network):
    """Return the offsets (P,) of a network's parameters without the padding."""
    return layout.parameter_offsets(network.layer_sizes, network.dtype)[:, 0]
