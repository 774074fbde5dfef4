"""PyTorch as a contestant: eager, and through `torch.compile`."""

import itertools

import numpy as np

from ..cases import learning_rates, schedule_factors
from .contestant import OPTIMIZERS, Contestant, UnavailableError, arrays_of, initial_state, layers_of


class Torch(Contestant):
    """PyTorch, eager: whole-batch indexing, autograd; SGD in place (faster here than `torch.optim.SGD`), Adam and AdamW
    fused.

    A sweep is batched by hand: every parameter has a leading axis of configurations, a layer is a `baddbmm`. The fused
    optimizers take each configuration as a group of parameters.
    """

    name = "torch"

    def prepare(self, workload, data, weights, threads):
        import torch

        torch.set_num_threads(threads)
        self.torch, self.workload = torch, workload
        self.activations = {
            "identity": lambda x: x,
            "relu": torch.relu,
            "sigmoid": torch.sigmoid,
            "softmax": lambda x: torch.log_softmax(x, -1),  # of which the cross-entropy takes a mean
            "tanh": torch.tanh,
        }
        self.loss_sum = {"mse": self.squared_error, "cross_entropy": self.cross_entropy}[workload.loss]
        self.inputs, self.targets = map(torch.from_numpy, data)
        rates, state = torch.from_numpy(learning_rates(workload)).float(), initial_state(workload, weights)
        if workload.configurations == 1:
            self.rate = rates[0]
        else:
            self.rate = rates[:, None, None]
            copies = (workload.configurations, 1, 1)  # makes weights (K, n_in, n_out), biases (K, 1, n_out)
            state = [[np.tile(array, copies) for array in kept] for kept in state]
        self.state = [tuple(map(torch.tensor, kept)) for kept in state]
        self.initial_rate = self.rate.clone()
        self.step = self.make_step(arrays_of(self.state))

    def epochs(self, n, shuffle=True):
        for factors in schedule_factors(self.workload, n):
            for batch, factor in zip(self.batches(shuffle), factors or itertools.repeat(None)):
                if factor is not None:
                    self.torch.mul(self.initial_rate, factor, out=self.rate)
                self.step(batch)

    def batches(self, shuffle):
        """Return the rows of each step of an epoch."""
        if self.workload.full_batch:
            return [slice(None)]
        draw_order = self.torch.randperm if shuffle else self.torch.arange
        return draw_order(len(self.inputs)).split(self.workload.batch_size)

    def make_step(self, tensors):
        """Return the function that trains on some rows."""
        for tensor in tensors:
            tensor.requires_grad_()
        make_update = {"SGD": self.make_sgd, "Adam": self.make_fused, "AdamW": self.make_fused}
        update = make_update[self.workload.optimizer](tensors)

        def step(batch):
            loss = self.loss(tensors, self.inputs[batch], self.targets[batch])
            update(self.torch.autograd.grad(loss, tensors))

        return step

    def make_sgd(self, tensors):
        """Return the function that takes the gradients and changes the tensors."""

        def update(gradients):
            with self.torch.no_grad():
                for tensor, gradient in zip(tensors, gradients):
                    tensor.addcmul_(gradient, self.rate, value=-1)

        return update

    def make_fused(self, tensors):
        """Return what `make_sgd` returns, for PyTorch's fused optimizers; the rates are views of `self.rate`."""
        networks = self.split(tensor.detach() for tensor in tensors)
        rates = self.rate.reshape(-1).unbind()
        groups = [{"params": network, "lr": rate} for network, rate in zip(networks, rates)]
        optimizer = getattr(self.torch.optim, self.workload.optimizer)(groups, fused=True)

        def update(gradients):
            for network, gradients_of_network in zip(networks, self.split(gradients)):
                for tensor, gradient in zip(network, gradients_of_network):
                    tensor.grad = gradient
            optimizer.step()

        return update

    def split(self, tensors):
        """Return for each configuration a list of its parts of the tensors, as views."""
        if self.rate.ndim == 0:
            return [list(tensors)]
        return list(zip(*(tensor.unbind() for tensor in tensors)))

    def loss(self, tensors, x, targets):
        """Return the loss, its mean over rows and outputs, or over rows, summed over the configurations."""
        for weights, biases, name in zip(tensors[::2], tensors[1::2], self.workload.activations):
            x = self.activations[name](self.linear(x, weights, biases))
        return self.loss_sum(x, targets) / targets.numel()

    def squared_error(self, outputs, targets):
        """Return the sum of the squared errors of all configurations."""
        return self.torch.nn.functional.mse_loss(outputs, targets.expand_as(outputs), reduction="sum")

    def cross_entropy(self, outputs, classes):
        """Return the sum of the cross-entropies of all configurations, from log-probabilities."""
        classes = classes.expand(outputs.shape[:-1]).flatten()
        return self.torch.nn.functional.nll_loss(outputs.flatten(0, -2), classes, reduction="sum")

    def linear(self, x, weights, biases):
        """Return x @ weights + biases, of one network (2-d weights) or of every configuration (3-d weights)."""
        if weights.ndim == 2:
            return self.torch.addmm(biases, x, weights)
        return self.torch.baddbmm(biases, x.expand(len(weights), -1, -1), weights)

    def parameters(self):
        layers = [(w.detach().numpy(), b.detach().numpy()) for w, b in layers_of(self.state)]
        if self.rate.ndim == 0:
            return {0: layers}
        return {k: [(w[k], b[k, 0]) for w, b in layers] for k in range(len(self.rate))}


class TorchCompiled(Torch):
    """PyTorch with the whole training step, gathering of the rows included, through `torch.compile`."""

    name = "torch.compile"

    def prepare(self, workload, data, weights, threads):
        super().prepare(workload, data, weights, threads)
        try:
            self.torch.compile(lambda x: x + 1)(self.torch.ones(1))
        except Exception as error:  # its compiler, or the C++ compiler that it calls, may raise any exception
            raise UnavailableError(str(error).partition("\n")[0]) from error

    def make_step(self, tensors):
        inputs, targets, state, rate = self.inputs, self.targets, self.state, self.rate
        update, _ = OPTIMIZERS[self.workload.optimizer]

        @self.torch.compile(dynamic=False)  # one specialization for full batches, one for the last
        def step(batch):
            gradients = self.torch.func.grad(self.loss)(tensors, inputs[batch], targets[batch])
            for gradient, kept in zip(gradients, state):
                update(rate, gradient, *kept)

        return step

    def linear(self, x, weights, biases):
        return x @ weights + biases  # fused better by the compiler than addmm and baddbmm
