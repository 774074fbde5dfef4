"""PyTorch as a contestant: eager, and through `torch.compile`."""

import numpy as np

from ..cases import learning_rates
from .contestant import OPTIMIZERS, Contestant, UnavailableError, arrays_of, initial_state, layers_of


class Torch(Contestant):
    """PyTorch, eager: whole-batch indexing, autograd; SGD in place (faster here than `torch.optim.SGD`), Adam fused.

    A sweep is batched by hand: every parameter has a leading axis of configurations, a layer is a `baddbmm`.
    """

    name = "torch"

    def prepare(self, workload, data, weights, threads):
        import torch

        torch.set_num_threads(threads)
        self.torch, self.workload = torch, workload
        self.activations = {"identity": lambda x: x, "sigmoid": torch.sigmoid, "tanh": torch.tanh}
        self.inputs, self.targets = map(torch.from_numpy, data)
        rates, state = torch.from_numpy(learning_rates(workload)).float(), initial_state(workload, weights)
        if workload.configurations == 1:
            self.rate = rates[0]
        else:
            self.rate = rates[:, None, None]
            copies = (workload.configurations, 1, 1)  # makes weights (K, n_in, n_out), biases (K, 1, n_out)
            state = [[np.tile(array, copies) for array in kept] for kept in state]
        self.state = [tuple(map(torch.tensor, kept)) for kept in state]
        self.step = self.make_step(arrays_of(self.state))

    def epochs(self, n, shuffle=True):
        for _ in range(n):
            for batch in self.batches(shuffle):
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
        update = {"SGD": self.make_sgd, "Adam": self.make_adam}[self.workload.optimizer](tensors)

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

    def make_adam(self, tensors):
        """Return what `make_sgd` returns, for Adam and one network only."""
        adam = self.torch.optim.Adam(tensors, self.workload.learning_rate, fused=True)

        def update(gradients):
            for tensor, gradient in zip(tensors, gradients):
                tensor.grad = gradient
            adam.step()

        return update

    def loss(self, tensors, x, targets):
        """Return the squared error, its mean over rows and outputs, summed over the configurations."""
        for weights, biases, name in zip(tensors[::2], tensors[1::2], self.workload.activations):
            x = self.activations[name](self.linear(x, weights, biases))
        squares = self.torch.nn.functional.mse_loss(x, targets.expand_as(x), reduction="sum")
        return squares / targets.numel()

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
