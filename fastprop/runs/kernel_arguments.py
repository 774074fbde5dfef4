"""Makes the arguments of the kernels, arrays and numbers, from networks, options and data."""

import functools

import numpy as np
from numpy.lib.stride_tricks import as_strided

from fastprop import checks, cost_model
from fastprop.data import EncodedRows, SparseRows, scaled_weights
from fastprop.kernels import epochs, layout, rounded_dense, unrolled
from fastprop.kernels.activations import ACTIVATIONS
from fastprop.kernels.dropout import Dropout
from fastprop.kernels.inputs import Sparse
from fastprop.kernels.losses import LOSSES
from fastprop.kernels.minibatch import Data, Network
from fastprop.kernels.pacing import new_pacing
from fastprop.kernels.team import Member, new_barrier
from fastprop.options import loss_option
from fastprop.reference import rounded_layers


def training(state, split, options_of_lanes, batch_size, members=1, keeps_gradient=False):
    """Return the kernels' `Training` of each member that trains a state. `KernelTeam` sets `begin` and `until`.

    Parameters
    ----------
    state : PackedState
    split : Split
    options_of_lanes : list of TrainingOptions
        One for each lane of the state; in a pack they differ in seed, dropout, factors of rates and the
        optimizer's hyperparameters.
    batch_size : int
        Rows of a minibatch, no more than there are training rows.
    members : int
        Threads that share each minibatch: the members of the team.
    keeps_gradient : bool
        Whether the workspace holds the whole gradient after each step, even if no option needs it.
    """
    network = state.networks[0]
    options = options_of_lanes[0]
    rows = split.rows
    seeds = seeds_of_orders(options_of_lanes)
    shares_rows = state.width > 1 and len(seeds) == 1
    sizes = network.layer_sizes, batch_size, network.dtype, storing(network)
    keeps_gradient = keeps_gradient or options.measures_norm
    plans, size = layout.plans(*sizes, members, state.width, shares_rows, keeps_gradient)
    layers = rounded_layers(network.layer_sizes, options.precision)
    if any(layers):
        plans, size = rounded_dense.rounding_plans(plans, size, layers)
    has_dropout = any(each.dropout for each in options_of_lanes)
    shape = network.layer_sizes, codes(network), network.dtype, state.width
    pays = unrolled.pays(state.width, options.epochs, len(rows))
    addresses = unrolled.addresses(*shape, shares_rows, has_dropout) if pays else (0, 0)
    learned = network_argument(network, state.learned, split.data.inputs, options.loss, addresses)
    final = learned._replace(parameters=state.parameters)
    if split.held_out is not split.data:  # whose inputs may be relative to another origin
        final = network_argument(network, state.parameters, split.held_out.inputs, options.loss, addresses)
    data, validation = data_arguments(split)
    rates, dropout_seeds = zip(*((each.dropout, each.seed) for each in options_of_lanes))
    dropouts = dropout_arguments(rates, dropout_seeds, plans, rows, network.dtype)
    memory = layout.new_workspace(plans, size, network.dtype)
    order = np.empty((len(seeds), len(rows)), np.int64)
    seeds = np.array(seeds)
    kind = network.layer_sizes, batch_size, network.dtype
    has_to_prove_itself = members > 1 and not cost_model.pays_on_far_cores(*kind, members)
    barrier, pacing = new_barrier(1), new_pacing(members, (*kind, options.precision) if has_to_prove_itself else None)
    return [
        epochs.Training(
            network=learned,
            final=final,
            optimizer=state.optimizer,
            data=data,
            validation=validation,
            plan=plan,
            memory=memory,
            member=Member(
                position=position,
                team_size=members,
                barrier=barrier,
                pacing=pacing,
                step=state.steps[position],
                first_step=state.steps[0],
                scales=layout.aligned_zeros(layout.MAX_LANES, np.float64),
                dropout=dropouts[position],
                no_dropout=dropouts[position]._replace(keys=dropouts[position].keys[:0]),
            ),
            order=order,
            seeds=seeds,
            shuffled=options.shuffle,
            batch_size=batch_size,
            begin=0,
            until=0,
            record=state.record,
        )
        for position, plan in enumerate(plans)
    ]


def seeds_of_orders(options_of_lanes):
    """Return the seed of each lane's order of rows, or one seed where all lanes have the same order."""
    if not options_of_lanes[0].shuffle:
        return [0]
    seeds = [options.seed for options in options_of_lanes]
    return seeds[:1] if len(set(seeds)) == 1 else seeds


def codes(network):
    """Return the code of each layer's activation, see kernels/activations.py."""
    return tuple(ACTIVATIONS[name].code for name in network.activations)


def storing(network):
    """Return for each layer whether its activation's derivative is stored."""
    return tuple(ACTIVATIONS[name].stores_derivative for name in network.activations)


def network_argument(network, parameters, inputs, loss, unrolled_addresses):
    """Return the kernels' `Network` of a network, or of a pack of such networks, for what they are given as `inputs`.

    For `unrolled_addresses` see `unrolled.addresses`.
    """
    mean, inverse_std = _standardization([network], inputs)
    return Network(
        parameters=parameters,
        activations=np.array(codes(network)),
        loss=LOSSES[checks.loss_name(loss)].code,
        loss_parameters=loss_parameters(loss),
        mean=mean[0],
        input_inverse_std=inverse_std[0],
        unrolled_addresses=np.array(unrolled_addresses, np.int64),
    )


def networks_argument(networks, inputs):
    """Return the kernels' `Network` of several networks that predict together, see `epochs.predict`.

    They are similar, see `prediction.Predictor`. The parameters of several are copied side by side.
    """
    first = networks[0]
    parameters = first.parameters[None]
    if len(networks) > 1:
        parameters = layout.aligned_zeros(len(networks) * len(first.parameters), first.dtype)
        np.concatenate([each.parameters for each in networks], out=parameters)
        parameters = parameters.reshape(len(networks), -1)
    mean, inverse_std = _standardization(networks, inputs)
    return Network(
        parameters=parameters,
        activations=np.array(codes(first)),
        loss=-1,
        loss_parameters=loss_parameters(None),
        mean=mean,
        input_inverse_std=inverse_std,
        unrolled_addresses=np.zeros(2, np.int64),
    )


@functools.lru_cache(maxsize=64)
def loss_parameters(loss):
    """Return the parameters of a loss, one after the other, (any,) float64; empty where it has none."""
    option = loss_option(loss)
    values = [] if option is None else list(vars(option).values())
    return np.concatenate([np.zeros(0), *(np.atleast_1d(value) for value in values)])


def _standardization(networks, inputs):
    """Return the means and the inverse deviations by which kernels standardize the values of `inputs`.

    Both are (K, padded I) for K networks, which are all standardized or all not; (K, 0) where nothing is standardized.
    """
    first = networks[0]
    mean, scale = None, None
    if first.input_mean is not None:
        mean = np.array([each.input_mean for each in networks])
        scale = np.array([each.input_scale for each in networks])
    mean, scale = inputs.relative(mean, scale)
    if mean is None:
        return np.zeros((2, len(networks), 0), first.dtype)
    n_in = first.layer_sizes[0]
    arrays = np.zeros((2, len(networks), layout.padded(n_in, first.dtype)), first.dtype)
    with np.errstate(over="ignore", divide="ignore"):
        arrays[0, :, :n_in] = mean
        arrays[1, :, :n_in] = np.minimum(1 / np.asarray(scale).astype(first.dtype), np.finfo(first.dtype).max)
    return arrays


@functools.lru_cache(maxsize=2)
def no_dropout(dtype):
    """Return the kernels' `Dropout` of networks that predict."""
    (dropout,) = dropout_arguments([0.0], [0], [None], None, dtype)
    return dropout


def dropout_arguments(rates, seeds, plans, rows, dtype):
    """Return the kernels' `Dropout` of each plan's member.

    `rates` and `seeds` have one element for each lane; `rows` are the indices of the training rows.
    """
    line = layout.line(dtype)
    seeds = np.array(seeds if len(set(seeds)) > 1 else seeds[:1], np.uint64)
    rates = np.array((rates * line)[:line], np.float64)
    indices = np.zeros(0, np.int64)
    sizes = [0] * len(plans)
    if rates.any():
        indices = np.zeros(rows.max() + 1, np.int64)
        indices[rows] = np.arange(len(rows))
        sizes = [(len(plan.sizes.layers) - 2) * plan.strategy.chunk_rows * plan.sizes.width for plan in plans]
    thresholds = (rates * 2**32).astype(np.uint32)
    scales = np.array([1 / (1 - rates), 1 - rates], dtype)
    return [
        Dropout(np.zeros(size, np.uint32), seeds, indices, rates, thresholds.copy(), scales.copy()) for size in sizes
    ]


def data_arguments(split):
    """Return the kernels' `Data` of the rows to train on, and of the rows that are held out."""
    training = data_argument(split.data, split.rows)
    if split.held_out is split.data:
        return training, with_rows(training, split.held_out_rows)
    return training, data_argument(split.held_out, split.held_out_rows)


def data_argument(data, rows):
    """Return the kernels' `Data` of some `rows` of a data set."""
    dtype = data.targets.dtype
    weights = data.weights
    if len(weights):
        mantissas, exponents = np.frexp(weights)
        weights = np.ldexp(mantissas.astype(dtype).astype(np.float64), exponents)
    return inputs_argument(data.inputs.values, rows, dtype)._replace(
        targets=read_only(data.targets.reshape(-1)),
        labels=read_only(data.labels.reshape(-1)),
        weights=read_only(scaled_weights(weights, rows)),
    )


def with_rows(data, rows):
    """Return the kernels' `Data` with other `rows` to use.

    The losses of rows are multiplied by their weights in the network's dtype, in which weights that are all very small
    would become 0.
    """
    return data._replace(rows=read_only(rows[None]), weights=read_only(scaled_weights(data.weights, rows)))


def inputs_argument(inputs, rows, dtype):
    """Return the kernels' `Data` of some `rows` of the values (n, n_in) of `Inputs`, for a network of `dtype`."""
    nothing = none(dtype)
    others = {"targets": nothing, "labels": none("int64"), "weights": none("float64"), "rows": read_only(rows[None])}
    no_bytes, no_columns = none("uint8"), none("int32")
    if isinstance(inputs, SparseRows):
        sparse = _sparse_argument(inputs, dtype)
        return Data(inputs=read_only(inputs.values.view()), bytes=no_bytes, sparse=sparse, row_stride=0, **others)
    n, row_stride = inputs.shape
    if not inputs.flags.c_contiguous:
        row_stride = inputs.strides[0] // inputs.itemsize
        inputs = as_strided(inputs, [(n - 1) * row_stride + inputs.shape[1]], [inputs.itemsize])
    is_bytes = inputs.dtype == np.uint8
    return Data(
        inputs=nothing if is_bytes else read_only(inputs.reshape(-1)),
        bytes=read_only(inputs.reshape(-1)) if is_bytes else no_bytes,
        sparse=Sparse(none("int64"), no_columns, nothing, nothing, no_columns),
        row_stride=row_stride,
        **others,
    )


def _sparse_argument(rows, dtype):
    """Return the kernels' `Sparse` of `SparseRows`, or of `EncodedRows`, whose columns stand in groups."""
    n_in = rows.shape[1]
    is_grouped = isinstance(rows, EncodedRows)
    background = np.zeros(layout.padded(n_in, dtype), dtype)
    below = np.zeros(len(background) if is_grouped else 0, dtype)
    background[:n_in] = rows.background
    if is_grouped:
        below[:n_in] = rows.below
    group_begins = rows.group_begins if is_grouped else np.zeros(0, np.int32)
    arrays = rows.begins, rows.columns, background, below, group_begins
    return Sparse(*(read_only(each.view()) for each in arrays))


@functools.lru_cache(maxsize=16)
def none(dtype):
    """Return no elements of a dtype, (0,), read-only."""
    return read_only(np.zeros(0, dtype))


def read_only(view):
    """Make a view read-only and return it, so that data of all sources has one type and the kernel is compiled once."""
    view.flags.writeable = False
    return view
