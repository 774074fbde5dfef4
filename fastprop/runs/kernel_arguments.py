"""What a network, its options and data are to the kernels: arrays and numbers."""

from dataclasses import fields

import numpy as np
from numpy.lib.stride_tricks import as_strided

from fastprop import checks
from fastprop.kernels import layout
from fastprop.kernels import optimizers as optimizing
from fastprop.kernels.dropout import Dropout
from fastprop.kernels.enums import ACTIVATIONS, CLIPS, CONSTANT, LOSSES, RULES, SCHEDULES, STORING, UNLIMITED
from fastprop.kernels.minibatch import Data, Network
from fastprop.kernels.schedules import BEST, FACTOR, Schedule
from fastprop.options import Warmup


def codes(network):
    """Of each layer, what its activation is to a kernel."""
    return tuple(ACTIVATIONS[name] for name in network.activations)


def storing(network):
    """Of each layer, whether its activation stores slopes."""
    return tuple(code in STORING for code in codes(network))


def of_network(network, parameters, loss=None):
    """What a network, or a pack of its like, is to a kernel; without a loss it can only predict."""
    code = LOSSES[checks.loss_name(loss)] if loss is not None else -1
    huber_delta, label_smoothing = getattr(loss, "delta", 1.0), getattr(loss, "label_smoothing", 0.0)
    n_in, mean, inverse_std = network.layer_sizes[0], np.zeros(0, network.dtype), np.zeros(0, network.dtype)
    if network.input_mean is not None:
        mean, inverse_std = np.zeros((2, layout.padded(n_in, network.dtype)), network.dtype)
        mean[:n_in], inverse_std[:n_in] = network.input_mean, 1 / network.input_scale
    return Network(parameters, np.array(codes(network)), code, huber_delta, label_smoothing, mean, inverse_std)


def of_optimizers(options, optimizers, parameters, final, members, batches):
    """What `optimizers`, one a network, are to a kernel, and the `Step` of each member of a team.

    `final` are the parameters to end with: `parameters`, or, where the setting asks for it, their average.
    """
    rule, lanes = RULES[optimizers[0].rule], layout.line(parameters.dtype)
    optimizers = (optimizers * lanes)[:lanes]
    given = np.array([[getattr(each, name, 0.0) for each in optimizers] for name in optimizing.HYPERPARAMETERS])
    decay = given[optimizing.WEIGHT_DECAY]
    rests = 1 - given[[optimizing.BETA1, optimizing.BETA2, optimizing.SMOOTHING]]
    shrinkage = 1 - given[optimizing.LEARNING_RATE] * decay
    with np.errstate(over="ignore"):
        numbers = np.vstack([given, rests, given[:2], shrinkage, np.ones(lanes)], dtype=parameters.dtype)
    plateau = np.zeros((3, lanes))
    plateau[FACTOR], plateau[BEST] = 1, np.inf
    steps = [
        optimizing.Step(
            numbers=numbers.copy(),
            given=given,
            rates=given[optimizing.LEARNING_RATE].copy(),
            norms=np.zeros(lanes),
            powers=np.ones((2, lanes)),
            plateau=plateau.copy(),
            done=np.zeros(2, np.int64),
        )
        for _ in range(members)
    ]
    state = layout.aligned_zeros(optimizing.KEPT[rule] * len(parameters), parameters.dtype)
    changes_every_step = options.schedule is not None or optimizers[0].rule in ("adam", "adamw")
    schedule = of_schedule(options, batches)
    clip = UNLIMITED if options.clip is None else CLIPS[type(options.clip).__name__]
    limit = 0.0 if options.clip is None else options.clip.limit
    rest, begin = (1.0, 0) if options.average is None else (1 - options.average.decay, options.average.start_epoch)
    average = optimizing.EMA(final[:0] if options.average is None else final, rest, begin)
    with_l1 = bool(given[optimizing.L1].any())
    rule = optimizing.Rule(rule, with_l1, clip, limit, state)
    return optimizing.Optimizer(rule, average, changes_every_step, schedule), steps


def of_schedule(options, batches):
    """What the setting's schedule is to a kernel."""
    warmup, schedule = 0, options.schedule
    by_step = getattr(schedule, "by", "epoch") == "step"
    if isinstance(schedule, Warmup):
        warmup, schedule = schedule.length, schedule.then
    kind = SCHEDULES[type(schedule).__name__] if schedule is not None else CONSTANT
    numbers = [getattr(schedule, field.name) for field in fields(schedule)] if schedule is not None else []
    numbers = np.array([*(each for each in numbers if not isinstance(each, str)), 0, 0, 0, 0], np.float64)[:4]
    return Schedule(kind, by_step, options.epochs * (batches if by_step else 1), warmup, numbers)


def of_dropout(shares, seeds, plans, rows, dtype):
    """What dropout is to each member of a team: each network's share, its seed, and the place of each row in `rows`."""
    seeds, lanes = np.array(seeds if len(set(seeds)) > 1 else seeds[:1], np.uint64), layout.line(dtype)
    shares = np.array((shares * lanes)[:lanes], np.float64)
    numbers, sizes = np.zeros(0, np.int64), [0] * len(plans)
    if shares.any():
        numbers = np.zeros(rows.max() + 1, np.int64)
        numbers[rows] = np.arange(len(rows))
        sizes = [(len(plan.sizes) - 2) * plan.rows * plan.width for plan in plans]
    thresholds, scales = (shares * 2**32).astype(np.uint32), np.array([1 / (1 - shares), 1 - shares], dtype)
    return [Dropout(np.zeros(size, np.uint32), seeds, numbers, thresholds, scales) for size in sizes]


def of_data(data, rows):
    """What `rows` of a data set are to a kernel."""
    (n, apart), inputs = data.inputs.shape, data.inputs
    if not inputs.flags.c_contiguous:
        apart = inputs.strides[0] // inputs.itemsize
        inputs = as_strided(inputs, [(n - 1) * apart + inputs.shape[1]], [inputs.itemsize])
    bytewise = inputs.dtype == np.uint8
    numbers, in_bytes = np.zeros(0, data.weights.dtype), np.zeros(0, np.uint8)
    both = (numbers, inputs) if bytewise else (inputs, in_bytes)
    flat, rows = [array.reshape(-1) for array in (*both, data.targets, data.labels, data.weights)], rows[None]
    for array in (*flat, rows):
        array.flags.writeable = False  # one type for all data, for which the kernels are compiled once
    return Data(*flat, apart, rows)
