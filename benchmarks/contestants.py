"""The trainers that are compared: fastprop and its peers, each used as a good user of it would.

All train the same network: squared error (mean over rows and outputs), plain SGD or Adam at PyTorch's defaults,
float32, rows reshuffled every epoch unless all make one step, the last, partial batch of an epoch trained on too.
A contestant imports its library when it is prepared, so that one which is not installed is only missing from the
table.
"""

import numpy as np

from .cases import learning_rates, make_data, make_weights


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

    def prepare(self, workload, data, weights, threads):
        """Take over the data and the initial weights, in the form the library likes best; keep the workload.

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


# --- the state of a network: for each of its arrays what the optimizer keeps, a tuple with the array first --


def sgd(rate, gradient, parameter):
    """Take one step, in place (NumPy, PyTorch) or on new arrays (JAX); return what is kept."""
    parameter -= rate * gradient
    return (parameter,)


def adam(rate, gradient, parameter, mean, square, mean_share, square_share):
    """Take one step by PyTorch's formula, at its defaults; see `sgd`.

    The shares are what the averages would be if every gradient had been 1: PyTorch's 1 - β₁ⁿ and 1 - β₂ⁿ.
    """
    mean += 0.1 * (gradient - mean)
    square += 0.001 * (gradient * gradient - square)
    mean_share += 0.1 * (1 - mean_share)
    square_share += 0.001 * (1 - square_share)
    parameter -= rate * (mean / mean_share) / ((square / square_share) ** 0.5 + 1e-8)
    return parameter, mean, square, mean_share, square_share


ZERO = np.float32(0)
OPTIMIZERS = {  # name: a step, and what is kept of an array at first
    "SGD": (sgd, lambda array: (array,)),
    "Adam": (adam, lambda array: (array, 0 * array, 0 * array, ZERO, ZERO)),
}


def initial_state(workload, weights):
    """The state before the first step, in memory of its own."""
    _, keep = OPTIMIZERS[workload.optimizer]
    return [tuple(map(np.array, keep(array))) for array in flatten(weights)]


def arrays_of(state):
    """Weights and biases of all layers in one list."""
    return [array for array, *_ in state]


def layers_of(state):
    """The (weights, biases) of every layer."""
    arrays = arrays_of(state)
    return list(zip(arrays[::2], arrays[1::2]))


# --- the contestants ----------------------------------------------------------------------------------------


class Fastprop(Contestant):
    """fastprop, through its public calls: `train` for one network, `sweep` for many.

    A sweep starts from the initial weights at every call, copies them for each configuration (inside the timing)
    and hands out its best network only.
    """

    name = "fastprop"

    def prepare(self, workload, data, weights, threads):
        import fastprop

        self.library, self.workload, self.data = fastprop, workload, data
        self.optimizer = getattr(fastprop, workload.optimizer)
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
            grid, optimizer = {"learning_rate": self.learning_rates}, self.optimizer()
            self.result = self.library.sweep(self.network, *self.data, grid, optimizer=optimizer, **self.options)

    def train(self, network, learning_rate):
        return self.library.train(network, *self.data, optimizer=self.optimizer(learning_rate), **self.options)

    def parameters(self):
        if len(self.learning_rates) == 1:
            return {0: network_layers(self.network)}
        losses = self.result.table["loss"]
        alone = {k: self.train_alone(k) for k in (0, len(losses) // 2, len(losses) - 1)}
        return alone | {int(np.nanargmin(losses)): network_layers(self.result.best_network)}

    def train_alone(self, configuration):
        """Do again what the sweep did for one configuration, whose network it did not keep; return the layers."""
        network = self.network.copy()
        loss = self.train(network, self.learning_rates[configuration]).loss[-1]
        loss_in_sweep = self.result.table["loss"][configuration]
        if loss != loss_in_sweep:
            raise UnequalWorkError(f"configuration {configuration} ends at {loss} alone, {loss_in_sweep} in the sweep")
        return network_layers(network)


def network_layers(network):
    """The (weights, biases) of every layer of a fastprop network."""
    return list(zip(network.weights, network.biases))


FUNCTIONS = {  # of z, and the derivative from the function's value a
    "identity": (lambda z: z, lambda a: 1),
    "sigmoid": (lambda z: 1 / (1 + np.exp(-z)), lambda a: a * (1 - a)),
    "tanh": (np.tanh, lambda a: 1 - a * a),
}


class NumPy(Contestant):
    """Backpropagation written out in NumPy; the networks of a sweep are trained one after another."""

    name = "numpy"

    def prepare(self, workload, data, weights, threads):
        self.workload = workload
        self.inputs, self.targets = data
        self.learning_rates = learning_rates(workload).tolist()
        self.networks = [self.make_network(initial_state(workload, weights)) for _ in self.learning_rates]
        self.update, _ = OPTIMIZERS[workload.optimizer]
        self.rng = np.random.default_rng(0)

    def make_network(self, state):
        """For each layer what is kept of the weights and of the biases, the activation and its derivative."""
        kept_and_named = zip(state[::2], state[1::2], self.workload.activations)
        return [(weights, biases, *FUNCTIONS[name]) for weights, biases, name in kept_and_named]

    def epochs(self, n, shuffle=True):
        rows, batch_size = len(self.inputs), self.workload.batch_size
        for _ in range(n):
            order = self.rng.permutation(rows) if shuffle else np.arange(rows)
            for network, learning_rate in zip(self.networks, self.learning_rates):
                for start in range(0, rows, batch_size):
                    batch = order[start : start + batch_size]
                    self.step(network, self.inputs[batch], self.targets[batch], learning_rate)

    def step(self, network, x, targets, learning_rate):
        """Take one step, in place: x (B, n_in), targets (B, n_out)."""
        activations = [x]
        for (weights, *_), (biases, *_), function, _ in network:
            activations.append(function(activations[-1] @ weights + biases))
        delta = (2 / targets.size) * (activations[-1] - targets)
        for kept_weights, kept_biases, _, derivative in reversed(network):
            delta = delta * derivative(activations.pop())
            delta_below = delta @ kept_weights[0].T if len(activations) > 1 else None
            self.update(learning_rate, activations[-1].T @ delta, *kept_weights)
            self.update(learning_rate, delta.sum(axis=0), *kept_biases)
            delta = delta_below

    def parameters(self):
        return {k: [(w[0], b[0]) for w, b, *_ in network] for k, network in enumerate(self.networks)}


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

        self.workload = workload
        self.inputs, targets = data
        self.targets = targets.ravel() if targets.shape[1] == 1 else targets
        self.regressor = MLPRegressor(
            hidden_layer_sizes=workload.layer_sizes[1:-1],
            activation={"sigmoid": "logistic"}.get(workload.hidden, workload.hidden),
            solver=workload.optimizer.lower(),
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
        """The rows of each step of an epoch."""
        if self.workload.full_batch:
            return [slice(None)]
        draw_order = self.torch.randperm if shuffle else self.torch.arange
        return draw_order(len(self.inputs)).split(self.workload.batch_size)

    def make_step(self, tensors):
        """The function that trains on some rows."""
        for tensor in tensors:
            tensor.requires_grad_()
        update = {"SGD": self.make_sgd, "Adam": self.make_adam}[self.workload.optimizer](tensors)

        def step(batch):
            loss = self.loss(tensors, self.inputs[batch], self.targets[batch])
            update(self.torch.autograd.grad(loss, tensors))

        return step

    def make_sgd(self, tensors):
        """The function that takes the gradients and changes the tensors."""

        def update(gradients):
            with self.torch.no_grad():
                for tensor, gradient in zip(tensors, gradients):
                    tensor.addcmul_(gradient, self.rate, value=-1)

        return update

    def make_adam(self, tensors):
        """See `make_sgd`; for one network only."""
        adam = self.torch.optim.Adam(tensors, self.workload.learning_rate, fused=True)

        def update(gradients):
            for tensor, gradient in zip(tensors, gradients):
                tensor.grad = gradient
            adam.step()

        return update

    def loss(self, tensors, x, targets):
        """Squared error, mean over rows and outputs, summed over the configurations."""
        for weights, biases, name in zip(tensors[::2], tensors[1::2], self.workload.activations):
            x = self.activations[name](self.linear(x, weights, biases))
        squares = self.torch.nn.functional.mse_loss(x, targets.expand_as(x), reduction="sum")
        return squares / targets.numel()

    def linear(self, x, weights, biases):
        """x @ weights + biases, of one network (2-d weights) or of every configuration (3-d weights)."""
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
        except Exception as error:  # whatever its compiler or the C++ compiler under it raises
            raise UnavailableError(str(error).partition("\n")[0]) from error

    def make_step(self, tensors):
        inputs, targets, state, rate = self.inputs, self.targets, self.state, self.rate
        update, _ = OPTIMIZERS[self.workload.optimizer]

        @self.torch.compile(dynamic=False)  # one specialisation for full batches, one for the last
        def step(batch):
            gradients = self.torch.func.grad(self.loss)(tensors, inputs[batch], targets[batch])
            for gradient, kept in zip(gradients, state):
                update(rate, gradient, *kept)

        return step

    def linear(self, x, weights, biases):
        return x @ weights + biases  # fused better by the compiler than addmm and baddbmm


class Jax(Contestant):
    """JAX: an epoch is one jitted `lax.scan` over its minibatches, rows gathered inside, parameters donated.

    Full batches need no order of the rows, and one jitted loop goes through any number of epochs.
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

    def enters(self, workload):
        return not (self.host_order and workload.full_batch)

    def prepare(self, workload, data, weights, threads):
        import jax

        self.jax, self.workload = jax, workload
        self.rng = np.random.default_rng(0)
        rates, state = learning_rates(workload).astype(np.float32), initial_state(workload, weights)
        train = make_jax_training(workload)
        if workload.configurations == 1:
            everywhere = split = None
            rates = rates[0]
        else:
            mesh = jax.make_mesh((len(jax.devices()),), ("configurations",))
            by_configuration, whole = jax.P("configurations"), jax.P()
            split, everywhere = jax.NamedSharding(mesh, by_configuration), jax.NamedSharding(mesh, whole)
            train = jax.shard_map(
                jax.vmap(train, in_axes=(0, 0, None, None, None)),
                mesh=mesh,
                in_specs=(by_configuration, by_configuration, whole, whole, whole),
                out_specs=by_configuration,
            )
            state = jax.tree.map(lambda array: np.tile(array, (len(rates),) + (1,) * array.ndim), state)
        self.train = jax.jit(train, donate_argnums=0)
        self.state, self.rates = jax.device_put((state, rates), split, may_alias=False)
        self.data = jax.device_put(data, everywhere)
        self.everywhere = everywhere

    def epochs(self, n, shuffle=True):
        for order in [np.int32(n)] if self.workload.full_batch else (self.draw_order(shuffle) for _ in range(n)):
            order = self.jax.device_put(order.astype(np.int32), self.everywhere)
            self.state = self.train(self.state, self.rates, *self.data, order)
        self.jax.block_until_ready(self.state)

    def draw_order(self, shuffle):
        """The order of the rows, or the seed from which the epoch draws it."""
        rows = len(self.data[0])
        if not shuffle:
            return np.arange(rows)
        return self.rng.permutation(rows) if self.host_order else self.rng.integers(2**31, size=())

    def parameters(self):
        layers = layers_of(self.jax.tree.map(np.asarray, self.state))
        if self.rates.ndim == 0:
            return {0: layers}
        return {k: [(w[k], b[k]) for w, b in layers] for k in range(len(self.rates))}


def make_jax_training(workload):
    """The function that trains one network for an epoch, or, on full batches, for any number of epochs."""
    import jax
    import jax.numpy as jnp

    batch_size, (update, _) = workload.batch_size, OPTIMIZERS[workload.optimizer]

    def loss(arrays, x, targets):
        for weights, biases, name in zip(arrays[::2], arrays[1::2], workload.activations):
            x = getattr(jax.nn, name)(x @ weights + biases)
        return jnp.mean((x - targets) ** 2)

    def step(state, learning_rate, x, targets):
        gradients = jax.grad(loss)(arrays_of(state), x, targets)
        return [update(learning_rate, gradient, *kept) for gradient, kept in zip(gradients, state)]

    def epoch(state, learning_rate, inputs, targets, order):
        if order.ndim == 0:  # a seed
            order = jax.random.permutation(jax.random.key(order), len(inputs))

        def scanned(state, batch):
            return step(state, learning_rate, inputs[batch], targets[batch]), None

        full = len(order) // batch_size * batch_size
        state, _ = jax.lax.scan(scanned, state, order[:full].reshape(-1, batch_size), unroll=8)
        if full < len(order):
            state, _ = scanned(state, order[full:])
        return state

    def full_batch_epochs(state, learning_rate, inputs, targets, count):
        return jax.lax.fori_loop(0, count, lambda _, state: step(state, learning_rate, inputs, targets), state)

    return full_batch_epochs if workload.full_batch else epoch


# --- whether all did the same ---------------------------------------------------------------------------------

# Parameters may differ by this share of their largest change, plus this share of the largest of them. The change
# counts because a few small steps vanish beside the weights themselves.
CHANGE_TOLERANCE, ROUNDING = 2e-4, 2e-6


def check_equal_work(workload, contestants):
    """Raise `UnequalWorkError` unless the parameters of all who trained `checked_epochs` equal NumPy's to rounding."""
    numpy, weights = NumPy(), make_weights(workload)
    numpy.prepare(workload, make_data(workload), weights, threads=1)
    numpy.epochs(workload.checked_epochs, shuffle=False)
    reference = numpy.parameters()
    for contestant in contestants:
        if contestant.comparable:
            for configuration, layers in contestant.parameters().items():
                who = f"{contestant.name} on {workload.name}, configuration {configuration}"
                check_parameters(who, *map(flatten, (layers, reference[configuration], weights)))


def check_parameters(who, arrays, expected_arrays, initial_arrays):
    """Raise `UnequalWorkError` unless every array is as expected to float32 rounding."""
    for i, (array, expected, initial) in enumerate(zip(arrays, expected_arrays, initial_arrays)):
        error = np.max(np.abs(array - expected))
        allowed = CHANGE_TOLERANCE * np.max(np.abs(expected - initial)) + ROUNDING * np.max(np.abs(expected))
        if not error < allowed:
            raise UnequalWorkError(
                f"{who}: trained in row order, the {('weights', 'biases')[i % 2]} of layer {i // 2} are off NumPy's "
                f"by {error:.1e}; expected less than {allowed:.1e}"
            )


def flatten(layers):
    """Weights and biases of all layers in one list."""
    return [array for layer in layers for array in layer]


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
