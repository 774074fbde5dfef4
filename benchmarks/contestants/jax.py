"""JAX as a contestant."""

import numpy as np

from ..cases import learning_rates, schedule_factors
from .contestant import OPTIMIZERS, Contestant, arrays_of, initial_state, layers_of


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
                jax.vmap(train, in_axes=(0, 0, None, None, None, None)),
                mesh=mesh,
                in_specs=(by_configuration, by_configuration, whole, whole, whole, whole),
                out_specs=by_configuration,
            )
            state = jax.tree.map(lambda array: np.tile(array, (len(rates),) + (1,) * array.ndim), state)
        self.train = jax.jit(train, donate_argnums=0)
        self.state, self.rates = jax.device_put((state, rates), split, may_alias=False)
        self.data = jax.device_put(data, everywhere)
        self.everywhere = everywhere

    def epochs(self, n, shuffle=True):
        if self.workload.full_batch:
            self.train_on(np.int32(n), None)
        else:
            for factors in schedule_factors(self.workload, n):
                self.train_on(self.draw_order(shuffle), factors and np.float32(factors))
        self.jax.block_until_ready(self.state)

    def train_on(self, order, factors):
        """Train as the function of `make_jax_training` does."""
        order, factors = self.jax.device_put((order.astype(np.int32), factors), self.everywhere)
        self.state = self.train(self.state, self.rates, *self.data, order, factors)

    def draw_order(self, shuffle):
        """Return the order of the rows, or the seed from which the epoch draws it."""
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
    """Return the function that trains one network for an epoch, or, on full batches, for any number of epochs."""
    import jax
    import jax.numpy as jnp

    batch_size, (update, _) = workload.batch_size, OPTIMIZERS[workload.optimizer]
    losses = {
        "mse": lambda x, targets: jnp.mean((x - targets) ** 2),
        "cross_entropy": lambda x, classes: -jnp.mean(jnp.take_along_axis(x, classes[:, None], axis=1)),
    }
    instead = {"softmax": "log_softmax"}  # of which the cross-entropy takes a mean

    def loss(arrays, x, targets):
        for weights, biases, name in zip(arrays[::2], arrays[1::2], workload.activations):
            x = getattr(jax.nn, instead.get(name, name))(x @ weights + biases)
        return losses[workload.loss](x, targets)

    def step(state, learning_rate, x, targets):
        gradients = jax.grad(loss)(arrays_of(state), x, targets)
        return [update(learning_rate, gradient, *kept) for gradient, kept in zip(gradients, state)]

    def epoch(state, learning_rate, inputs, targets, order, factors):
        if order.ndim == 0:  # a seed
            order = jax.random.permutation(jax.random.key(order), len(inputs))

        def scanned(state, batch_and_factor):
            batch, factor = batch_and_factor
            rate = learning_rate if factor is None else learning_rate * factor
            return step(state, rate, inputs[batch], targets[batch]), None

        steps = len(order) // batch_size  # of whole minibatches
        batches = order[: steps * batch_size].reshape(steps, batch_size)
        state, _ = jax.lax.scan(scanned, state, (batches, None if factors is None else factors[:steps]), unroll=8)
        if steps < workload.steps:
            state, _ = scanned(state, (order[steps * batch_size :], None if factors is None else factors[-1]))
        return state

    def full_batch_epochs(state, learning_rate, inputs, targets, count, _):
        return jax.lax.fori_loop(0, count, lambda _, state: step(state, learning_rate, inputs, targets), state)

    return full_batch_epochs if workload.full_batch else epoch
