"""A run of L-BFGS: SciPy says where to go, the kernels or the reference say how high and how steep it is there."""

import time

import numpy as np

from fastprop import reference
from fastprop.integrations import scipy_minimize
from fastprop.kernels import layout
from fastprop.options import SGD, ClipNorm
from fastprop.runs import prediction
from fastprop.runs.history import History
from fastprop.runs.kernel_run import KernelRun
from fastprop.runs.reference_run import rows_of


class LBFGSRun:
    """A training run of one network with all rows in each step: a job for `jobs.run`, whose history fills as it goes.

    An epoch is an iteration, and what is measured is of the weights that it ended with.
    """

    def __init__(self, objective, network, data, rows, held_out, held_out_rows, options):
        self._objective, self._network, self._options, self._stop = objective, network, options, False
        self._until, self.states = None, [None]  # it goes on from its beginning
        self._places = layout.places(network.layer_sizes, network.dtype)[:, 0]
        self._point = self._best = None
        self._measured = (held_out, held_out_rows) if len(held_out_rows) else (data, rows)
        metrics = {name: np.full(options.epochs, np.nan) for name in options.metrics}
        self.history = History(*np.full((4, options.epochs), np.nan), metrics)
        self.histories = [self.history]
        self._watched = self.history.validation_loss if len(held_out_rows) else self.history.loss

    def __call__(self, until=None):
        """Train to the end, or until so many iterations are done."""
        self._until = until
        start, history, optimizer = time.perf_counter(), self.history, self._options.optimizer
        point = self._network.parameters[self._places].astype(np.float64)
        if np.isfinite(self._evaluate(point)[0]):
            limits = optimizer.memory, optimizer.tolerance, self._options.epochs
            point = scipy_minimize.lbfgs(self._evaluate, point, *limits, self._after_iteration)
            if history.stopped == "finished" and history.epochs < self._options.epochs:
                history.stopped = "converged"
            history.best_epoch = history.epochs - 1
        else:
            history.stopped = "diverged"
        if self._best is not None:
            point, history.best_epoch = self._best, self._improved()
        self._network.parameters[self._places] = point
        history.seconds = time.perf_counter() - start

    def prepare(self):
        """Import SciPy, and compile the kernel."""
        scipy_minimize.minimizer()
        self._objective.prepare()

    def stop(self):
        """Ask a call in another thread to end after the iteration it is at."""
        self._stop = True

    @np.errstate(over="ignore", invalid="ignore")
    def _evaluate(self, point):
        """The loss with that of weight decay, λ/2 ‖w‖², and its gradient."""
        if self._point is None or not np.array_equal(point, self._point):
            self._point = point.copy()
            self._network.parameters[self._places] = point
            self._losses, self._gradient = self._objective(point)
        decay = self._options.optimizer.weight_decay
        return self._losses[0] + decay / 2 * (point @ point), self._gradient + decay * point

    def _after_iteration(self, point):
        self._evaluate(point)  # mostly where the line search was last
        epoch, history, options = self.history.epochs, self.history, self._options
        history.loss[epoch], history.validation_loss[epoch] = self._losses
        if options.gradient_norm:
            history.gradient_norm[epoch] = np.linalg.norm(self._gradient)
        if options.metrics:
            data, rows = self._measured
            outputs = prediction.predict(self._network, data.inputs, rows)
            for name, score in zip(options.metrics, prediction.measure(options.metrics, outputs, data.y[rows])):
                history.metrics[name][epoch] = score
        history.epochs, last = epoch + 1, epoch + 1 == options.epochs
        if options.callback is not None and options.callback(epoch, history):
            history.stopped = "callback"
        elif self._stop and not last:
            history.stopped = "interrupted"
        elif epoch + 1 == self._until and not last:
            history.stopped = "halved"
        if options.early_stopping is not None:
            improved = self._improved()
            if improved == epoch and options.early_stopping.restore_best:
                self._best = point.copy()
            if history.stopped == "finished" and epoch - improved >= options.early_stopping.patience and not last:
                history.stopped = "early"
        if history.stopped != "finished":
            raise StopIteration

    def _improved(self):
        watched, min_improvement = (
            self._watched[: self.history.epochs],
            self._options.early_stopping.minimum_improvement,
        )
        return reference.last_improvement(watched, min_improvement)


class KernelObjective:
    """The losses of a network's parameters and the gradient of the first, on the kernels.

    One epoch of one step with a learning rate of 0 does it: clipping by norm needs the whole gradient, and so it is
    there afterwards.
    """

    def __init__(self, network, data, rows, held_out, held_out_rows, options, threads):
        options = options._replace(epochs=1, batch_size=len(rows), shuffle=False, early_stopping=None, callback=None)
        options = options._replace(optimizer=SGD(0.0), clip=ClipNorm(1.0))
        self._run = KernelRun([network], data, rows, held_out, held_out_rows, [options], threads)
        self._places = layout.places(network.layer_sizes, network.dtype)[:, 0]
        self.prepare = self._run.prepare

    def __call__(self, point):
        losses, gradient = self._run.losses_and_gradient()
        return losses, gradient[self._places].astype(np.float64)


class ReferenceObjective:
    """The same in plain NumPy and float64."""

    def __init__(self, network, data, rows, held_out, held_out_rows, options, threads):
        self._like, self._loss = network, options.loss
        self._data = rows_of(data, rows)
        self._validation = rows_of(held_out, held_out_rows) if len(held_out_rows) else None

    def __call__(self, point):
        network = self._network(point)
        (X, y, weights), validation_loss = self._data, np.nan
        if self._validation is not None:
            validation_loss = reference.loss(network, *self._validation[:2], self._loss, self._validation[2])
        layers = zip(*reference.gradients(network, X, y, self._loss, weights))
        gradient = np.concatenate([np.vstack([db, dW]).ravel() for dW, db in layers])
        return (reference.loss(network, X, y, self._loss, weights), validation_loss), gradient

    def prepare(self):
        """Nothing is to be compiled."""

    def _network(self, point):
        sizes = self._like.layer_sizes
        ends = np.cumsum([(1 + n_in) * n_out for n_in, n_out in zip(sizes, sizes[1:])])
        layers = [layer.reshape(-1, n_out) for layer, n_out in zip(np.split(point, ends[:-1]), sizes[1:])]
        weights, biases = [layer[1:] for layer in layers], [layer[0] for layer in layers]
        prototype = self._like
        return reference.Network(
            weights, biases, prototype.hidden, prototype.output, prototype.input_mean, prototype.input_scale
        )


OBJECTIVES = {"kernels": KernelObjective, "reference": ReferenceObjective}
