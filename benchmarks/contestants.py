"""The trainers that are compared: fastprop and its peers, each used as a good user of it would.

All train the same network: sigmoid units, squared error (mean over rows and outputs), plain SGD, float32,
rows reshuffled every epoch, the last, partial batch of an epoch trained on too. A contestant imports its
library when it is prepared, so that one which is not installed is only missing from the table.
"""

import numpy as np

from .cases import learning_rates


class UnavailableError(Exception):
    """A contestant cannot run on this machine; the message says why."""


class UnequalWorkError(Exception):
    """A contestant did not train what the others trained."""


class Contestant:
    """One trainer, driven in three calls: `prepare`, then `epochs` any number of times, then `parameters`."""

    name: str
    comparable = True  # whether it trains exactly the network described above

    def enters(self, workload):
        """Whether this trainer is a candidate for the workload."""
        return True

    def threads_used(self, workload, threads):
        """How many of the `threads` it puts to work: all, unless it is known to use fewer."""
        return threads

    def prepare(self, workload, data, weights, threads):
        """Take over the data and the initial weights, in the form the library likes best.

        Parameters
        ----------
        workload : Workload
        data : (inputs (rows, n_in), targets (rows, n_out)), float32
        weights : list of (weights (n_in, n_out), biases (n_out,)), float32, one pair a layer
        threads : int
        """
        raise NotImplementedError

    def epochs(self, n, shuffle=True):
        """Train `n` more epochs; without `shuffle`, in row order. Returns once the work is done."""
        raise NotImplementedError

    def parameters(self):
        """The trained layers of some configurations: a dict, configuration -> list of (weights, biases)."""
        raise NotImplementedError


class Fastprop(Contestant):
    """fastprop, through its public calls: `train` for one network, `sweep` for many.

    A sweep starts from the initial weights at every call, copies them for each configuration (inside the timing)
    and hands out its best network only.
    """

    name = "fastprop"

    def threads_used(self, workload, threads):
        return threads if workload.configurations > 1 else 1

    def prepare(self, workload, data, weights, threads):
        import fastprop

        self.library = fastprop
        self.data = data
        self.learning_rates = learning_rates(workload)
        self.options = {
            "batch_size": workload.batch_size,
            "loss": workload.loss,
            "seed": 0,
            "threads": threads,
        }
        units = {"hidden": workload.hidden, "output": workload.output}
        self.network = fastprop.MLP(workload.layer_sizes, **units, seed=0)
        for layer, (initial_weights, initial_biases) in enumerate(weights):
            self.network.weights[layer][...] = initial_weights
            self.network.biases[layer][...] = initial_biases

    def epochs(self, n, shuffle=True):
        self.options |= {"epochs": n, "shuffle": shuffle}
        if len(self.learning_rates) == 1:
            self.train(self.network, self.learning_rates[0])
        else:
            grid, optimizer = {"learning_rate": self.learning_rates}, self.library.SGD()
            self.result = self.library.sweep(self.network, *self.data, grid, optimizer=optimizer, **self.options)

    def train(self, network, learning_rate):
        return self.library.train(network, *self.data, optimizer=self.library.SGD(learning_rate), **self.options)

    def parameters(self):
        if len(self.learning_rates) == 1:
            return {0: layers_of(self.network)}
        losses = self.result.table["loss"]
        alone = {k: self.train_alone(k) for k in (0, len(losses) // 2, len(losses) - 1)}
        return alone | {int(np.nanargmin(losses)): layers_of(self.result.best_network)}

    def train_alone(self, configuration):
        """Do again what the sweep did for one configuration, whose network it did not keep; return the layers."""
        network = self.network.copy()
        loss = self.train(network, self.learning_rates[configuration]).loss[-1]
        loss_in_sweep = self.result.table["loss"][configuration]
        if loss != loss_in_sweep:
            raise UnequalWorkError(f"configuration {configuration} ends at {loss} alone, {loss_in_sweep} in the sweep")
        return layers_of(network)


def layers_of(network):
    """The (weights, biases) of every layer of a fastprop network."""
    return list(zip(network.weights, network.biases))


class NumPy(Contestant):
    """Backpropagation written out in NumPy; the networks of a sweep are trained one after another."""

    name = "numpy"

    def prepare(self, workload, data, weights, threads):
        self.inputs, self.targets = data
        self.batch_size = workload.batch_size
        self.learning_rates = learning_rates(workload).tolist()
        self.networks = [[(w.copy(), b.copy()) for w, b in weights] for _ in self.learning_rates]
        self.rng = np.random.default_rng(0)

    def epochs(self, n, shuffle=True):
        rows = len(self.inputs)
        for _ in range(n):
            order = self.rng.permutation(rows) if shuffle else np.arange(rows)
            for layers, learning_rate in zip(self.networks, self.learning_rates):
                for start in range(0, rows, self.batch_size):
                    batch = order[start : start + self.batch_size]
                    self.step(layers, self.inputs[batch], self.targets[batch], learning_rate)

    @staticmethod
    def step(layers, x, targets, learning_rate):
        """One step of gradient descent, in place: x (B, n_in), targets (B, n_out)."""
        activations = [x]
        for weights, biases in layers:
            activations.append(1 / (1 + np.exp(-(activations[-1] @ weights + biases))))
        output = activations[-1]
        delta = (2 / targets.size) * (output - targets) * output * (1 - output)
        for number in reversed(range(len(layers))):
            weights, biases = layers[number]
            below = activations[number]
            delta_below = (delta @ weights.T) * below * (1 - below) if number > 0 else None
            weights -= learning_rate * (below.T @ delta)
            biases -= learning_rate * delta.sum(axis=0)
            delta = delta_below

    def parameters(self):
        return dict(enumerate(self.networks))


class ScikitLearn(Contestant):
    """scikit-learn's MLPRegressor, an epoch a `partial_fit`.

    Its output unit is the identity, so this is the same shape of work and not the same network.
    """

    name = "scikit-learn"
    comparable = False

    def enters(self, workload):
        return workload.configurations == 1

    def prepare(self, workload, data, weights, threads):
        from sklearn.neural_network import MLPRegressor

        self.inputs, targets = data
        self.targets = targets.ravel() if targets.shape[1] == 1 else targets
        self.regressor = MLPRegressor(
            hidden_layer_sizes=workload.layer_sizes[1:-1],
            activation="logistic",
            solver="sgd",
            alpha=0,
            batch_size=workload.batch_size,
            learning_rate_init=workload.learning_rate,
            momentum=0,
            random_state=0,
        )

    def epochs(self, n, shuffle=True):
        self.regressor.shuffle = shuffle
        for _ in range(n):
            self.regressor.partial_fit(self.inputs, self.targets)

    def parameters(self):
        return {0: list(zip(self.regressor.coefs_, self.regressor.intercepts_))}


class Torch(Contestant):
    """PyTorch, eager: whole-batch indexing, autograd, updates in place (faster here than `torch.optim.SGD`).

    A sweep is batched by hand: every parameter has a leading axis of configurations, a layer is a `baddbmm`.
    """

    name = "torch"

    def prepare(self, workload, data, weights, threads):
        import torch

        torch.set_num_threads(threads)
        self.torch = torch
        self.batch_size = workload.batch_size
        self.inputs, self.targets = map(torch.from_numpy, data)
        rates = torch.from_numpy(learning_rates(workload)).float()
        if workload.configurations == 1:
            self.rate = rates[0]
            arrays = [array for layer in weights for array in layer]
        else:
            self.rate = rates[:, None, None]
            copies = (workload.configurations, 1, 1)  # makes weights (K, n_in, n_out), biases (K, 1, n_out)
            arrays = [np.tile(array, copies) for layer in weights for array in layer]
        self.tensors = [torch.tensor(array) for array in arrays]
        self.step = self.make_step()

    def epochs(self, n, shuffle=True):
        rows = len(self.inputs)
        for _ in range(n):
            order = self.torch.randperm(rows) if shuffle else self.torch.arange(rows)
            for batch in order.split(self.batch_size):
                self.step(batch)

    def make_step(self):
        """The function that trains on one batch of row numbers."""
        for tensor in self.tensors:
            tensor.requires_grad_()

        def step(batch):
            loss = self.loss(self.tensors, self.inputs[batch], self.targets[batch])
            gradients = self.torch.autograd.grad(loss, self.tensors)
            with self.torch.no_grad():
                for tensor, gradient in zip(self.tensors, gradients):
                    tensor.addcmul_(gradient, self.rate, value=-1)

        return step

    def loss(self, tensors, x, targets):
        """Squared error, mean over rows and outputs, summed over the configurations."""
        for weights, biases in zip(tensors[::2], tensors[1::2]):
            x = self.torch.sigmoid(self.linear(x, weights, biases))
        squares = self.torch.nn.functional.mse_loss(x, targets.expand_as(x), reduction="sum")
        return squares / targets.numel()

    def linear(self, x, weights, biases):
        """x @ weights + biases, of one network (2-d weights) or of every configuration (3-d weights)."""
        if weights.ndim == 2:
            return self.torch.addmm(biases, x, weights)
        return self.torch.baddbmm(biases, x.expand(len(weights), -1, -1), weights)

    def parameters(self):
        arrays = [tensor.detach().numpy() for tensor in self.tensors]
        layers = list(zip(arrays[::2], arrays[1::2]))
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
        except Exception as error:  # whatever its compiler or the C++ compiler under it raises
            raise UnavailableError(str(error).partition("\n")[0]) from error

    def make_step(self):
        inputs, targets, tensors, rate = self.inputs, self.targets, self.tensors, self.rate

        @self.torch.compile(dynamic=False)  # one specialisation for full batches, one for the last
        def step(batch):
            x, y = inputs[batch], targets[batch]
            gradients = self.torch.func.grad(self.loss)(tensors, x, y)
            for tensor, gradient in zip(tensors, gradients):
                tensor.sub_(rate * gradient)

        return step

    def linear(self, x, weights, biases):
        return x @ weights + biases  # fused better by the compiler than addmm and baddbmm


class Jax(Contestant):
    """JAX: an epoch is one jitted `lax.scan` over its minibatches, rows gathered inside, parameters donated.

    A sweep is a `vmap` of the epoch, its configurations split over the host devices, one a thread.

    Parameters
    ----------
    name : str
    host_order : bool
        Whether NumPy draws the order of the rows, and not `jax.random.permutation` within the epoch. That is how it
        is commonly done, but it sorts, which on a CPU takes longer than a small epoch.
    """

    def __init__(self, name, host_order):
        self.name, self.host_order = name, host_order

    def prepare(self, workload, data, weights, threads):
        import jax

        self.jax = jax
        self.rng = np.random.default_rng(0)
        rates = learning_rates(workload).astype(np.float32)
        epoch = make_jax_epoch(workload.batch_size)
        if workload.configurations == 1:
            everywhere = split = None
            rates = rates[0]
        else:
            mesh = jax.make_mesh((len(jax.devices()),), ("configurations",))
            by_configuration, whole = jax.P("configurations"), jax.P()
            split, everywhere = jax.NamedSharding(mesh, by_configuration), jax.NamedSharding(mesh, whole)
            epoch = jax.shard_map(
                jax.vmap(epoch, in_axes=(0, 0, None, None, None)),
                mesh=mesh,
                in_specs=(by_configuration, by_configuration, whole, whole, whole),
                out_specs=by_configuration,
            )
            weights = jax.tree.map(lambda array: np.tile(array, (len(rates),) + (1,) * array.ndim), weights)
        self.epoch = jax.jit(epoch, donate_argnums=0)
        self.layers, self.rates = jax.device_put((weights, rates), split, may_alias=False)
        self.data = jax.device_put(data, everywhere)
        self.everywhere = everywhere

    def epochs(self, n, shuffle=True):
        for _ in range(n):
            order = self.jax.device_put(self.draw_order(shuffle).astype(np.int32), self.everywhere)
            self.layers = self.epoch(self.layers, self.rates, *self.data, order)
        self.jax.block_until_ready(self.layers)

    def draw_order(self, shuffle):
        """The order of the rows, or the seed from which the epoch draws it."""
        rows = len(self.data[0])
        if not shuffle:
            return np.arange(rows)
        return self.rng.permutation(rows) if self.host_order else self.rng.integers(2**31, size=())

    def parameters(self):
        layers = self.jax.tree.map(np.asarray, self.layers)
        if self.rates.ndim == 0:
            return {0: layers}
        return {k: [(w[k], b[k]) for w, b in layers] for k in range(len(self.rates))}


def make_jax_epoch(batch_size):
    """The function that trains one network for one epoch: full batches in a scan, then the remainder."""
    import jax
    import jax.numpy as jnp

    def loss(layers, x, targets):
        for weights, biases in layers:
            x = jax.nn.sigmoid(x @ weights + biases)
        return jnp.mean((x - targets) ** 2)

    def epoch(layers, learning_rate, inputs, targets, order):
        if order.ndim == 0:  # a seed
            order = jax.random.permutation(jax.random.key(order), len(inputs))

        def step(layers, batch):
            gradients = jax.grad(loss)(layers, inputs[batch], targets[batch])
            return jax.tree.map(lambda p, g: p - learning_rate * g, layers, gradients), None

        full = len(order) // batch_size * batch_size
        layers, _ = jax.lax.scan(step, layers, order[:full].reshape(-1, batch_size), unroll=8)
        if full < len(order):
            layers, _ = step(layers, order[full:])
        return layers

    return epoch


CONTESTANTS = {
    contestant.name: contestant
    for contestant in (
        Fastprop(),
        Torch(),
        TorchCompiled(),
        Jax("jax", host_order=False),
        Jax("jax-host-order", host_order=True),
        ScikitLearn(),
        NumPy(),
    )
}
