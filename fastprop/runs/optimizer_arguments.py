"""Makes the arguments of the kernels, arrays and numbers, from optimizers, schedules, clipping and an average."""

import functools
from operator import attrgetter, itemgetter

import numpy as np

from fastprop.kernels import averages, layout, optimizers, schedules, update_rules
from fastprop.options import Warmup


def optimizer_arguments(options_of_lanes, layer_sizes, parameters, final, members, batches):
    """Return the kernels' `Optimizer` of a run, and the `Step` of each member.

    `options_of_lanes` has one element for each lane. `final` is the array of the parameters that the run ends with:
    `parameters` itself, or the moving average if the options have one. `batches` is the number of steps in an epoch.
    """
    options = options_of_lanes[0]
    row = update_rules.RULES[options.optimizer.rule]
    size = layout.line(parameters.dtype)
    given = _given([each.optimizer for each in options_of_lanes], size)
    by_name = dict(zip(update_rules.GIVEN, given))
    plateau = np.zeros((3, size))
    plateau[schedules.FACTOR] = 1
    plateau[schedules.BEST] = np.inf
    step = optimizers.Step(
        hyperparameters=_hyperparameters(given, parameters.dtype),
        given=given,
        rates=by_name["learning_rate"].copy(),
        norms=np.zeros(size),
        powers=np.ones((2, size)),
        plateau=plateau,
        done=np.zeros(2, np.int64),
    )
    others = [optimizers.Step(*(array.copy() for array in step)) for _ in range(members - 1)]
    rule = optimizers.Rule(
        code=row.code,
        with_l1=bool(by_name["l1"].any()),
        clip=optimizers.UNLIMITED if options.clip is None else optimizers.CLIPS[type(options.clip).__name__],
        limit=0.0 if options.clip is None else options.clip.limit,
        state=layout.aligned_zeros(row.states * len(parameters), parameters.dtype),
        factors=_factors(options_of_lanes, layer_sizes, parameters),
    )
    of_rate, of_decay, of_dropout = (schedule_argument(each, options.epochs, batches) for each in options.schedules)
    optimizer = optimizers.Optimizer(
        rule=rule,
        average=_average(options.average, final),
        changes_every_step=row.per_step or any(each is not None for each in options.schedules),
        schedule=of_rate,
        weight_decay_schedule=of_decay,
        dropout_schedule=of_dropout,
        schedules_dropout=options.dropout_schedule is not None,
    )
    return optimizer, [step, *others]


def _given(each_optimizer, size):
    """Return the values of each hyperparameter in the order of `GIVEN`, (hyperparameters, size) float64.

    Those of the lanes are repeated to fill a row; 0 stands for a hyperparameter that the optimizer does not have.
    """
    values = np.array([_values_of_given(_WITHOUT | vars(optimizer)) for optimizer in each_optimizer], np.float64).T
    repeated = np.empty((len(values), size // len(each_optimizer), len(each_optimizer)))
    repeated[:] = values[:, None]
    return repeated.reshape(len(values), size)


_WITHOUT = dict.fromkeys(update_rules.GIVEN, 0.0)
"""The hyperparameters of an optimizer that has none of them."""

_values_of_given = itemgetter(*update_rules.GIVEN)
"""Hyperparameters by name → a tuple of their values in the order of `GIVEN`."""


def _hyperparameters(given, dtype):
    """Return the rows of `Step.hyperparameters`, (rows, size) of a dtype, as they are before the first step."""
    values = np.full((len(update_rules.ROWS), given.shape[1]), np.nan)  # `begin_step` sets those of bias correction
    values[: len(given)] = given
    rows = dict(zip(update_rules.ROWS, values))
    for name in ("beta1", "beta2", "smoothing"):
        rows[f"one_minus_{name}"][:] = 1 - rows[name]
    rows["shrinkage"][:] = 1 - rows["learning_rate"] * rows["weight_decay"]
    rows["clip_factor"][:] = 1
    with np.errstate(over="ignore"):
        return values.astype(dtype)


def _factors(options_of_lanes, layer_sizes, parameters):
    """Return by what the learning rate of each parameter is multiplied, and then its weight decay, (2 · P,).

    They are laid out like `parameters`, and empty if all are 1.
    """
    if not any(map(attrgetter("has_factors"), options_of_lanes)):
        return parameters[:0]
    factors = layout.aligned_zeros(2 * len(parameters), parameters.dtype)
    rates, decays = (layout.layers(each, layer_sizes, len(options_of_lanes)) for each in np.split(factors, 2))
    with np.errstate(over="ignore"):
        for lane, options in enumerate(options_of_lanes):
            for layer, decay, rate in zip(rates, decays, options.layer_rates or [1.0] * len(rates)):
                layer[..., lane] = rate
                layer[0, :, lane] = rate * options.bias_rate
                decay[..., lane] = 1
                decay[0, :, lane] = options.bias_decay
    return factors


def _average(average, final):
    if average is None:
        return averages.EMA(parameters=final[:0], rest=1.0, start=0)
    return averages.EMA(parameters=final, rest=1 - average.decay, start=average.start_epoch)


@functools.lru_cache(maxsize=256)
def schedule_argument(schedule, epochs, batches):
    """Return the kernels' `Schedule` of an option, or None, in a run of some epochs that have `batches` steps each."""
    warmup = 0  # in epochs or steps
    by_step = schedule is not None and schedule.by == "step"
    if isinstance(schedule, Warmup):
        warmup, schedule = schedule.length, schedule.then
    code = schedules.CONSTANT
    constants = np.zeros(schedules.MAX_CONSTANTS)
    if schedule is not None:
        row = schedules.SCHEDULES[type(schedule).__name__]
        code = row.code
        constants[: len(row.constants)] = [getattr(schedule, name) for name in row.constants]
    return schedules.Schedule(code, by_step, epochs * (batches if by_step else 1), warmup, constants)
