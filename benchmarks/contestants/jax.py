"""JAX as a contestant."""

import numpy as np

from ..cases import learning_rates
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
