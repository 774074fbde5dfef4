"""`TrainingOptions`: one row for each option of a training run.

All code that has to know all options derives them from these rows: the options that a sweep can sweep and those that
must be equal in a pack (`sweeping.configurations`), those that a resumed run must have in common with its checkpoint
(`checkpoints`), those that the reference takes (`reference_run`, `stream_run`), and those that L-BFGS does not take.
"""

import os
from collections.abc import Callable, Mapping
from functools import partial
from operator import itemgetter
from typing import Annotated, NamedTuple, get_type_hints

from fastprop import checks
from fastprop.options import (
    CLIPS,
    EMA,
    OPTIMIZERS,
    SCHEDULES,
    SGD,
    Checkpoint,
    ClipNorm,
    EarlyStopping,
    ReduceOnPlateau,
)
from fastprop.options.optimizers import HYPERPARAMETERS, PER_LANE
from fastprop.reference import PRECISIONS


def _equal(value):
    """In a pack all networks have the same value."""
    return value


def _per_lane(value):
    """In a pack each network has a value of its own, which the arguments of the kernels give to its lane."""
    return None


def _structure(optimizer):
    """In a pack all networks have the same update; its hyperparameters differ from lane to lane."""
    return optimizer.pack_key


class Option(NamedTuple):
    """A row of `OPTIONS`, which describes one option. The defaults are those that are safe for a new option."""

    check: Callable  # value, name → the value that is kept; raises an error that says what to do
    column: type | None = None  # type of its column in the table of a sweep; None if a sweep cannot sweep it
    pack_key: Callable = _equal  # value → the part of it that must be equal in a pack
    compared_on_resume: bool = True  # whether a run that goes on from a checkpoint must have the same value
    in_reference: bool = True  # whether `reference.train` takes it
    in_stream: bool = False  # whether `train_stream` takes it
    minibatch_only: bool = False  # whether an optimizer that takes all rows in each step refuses it


def _or_none(check):
    return lambda value, name: None if value is None else check(value, name)


def _instance(classes, example):
    return lambda value, name: checks.instance(value, name, classes, example)


def _seed(value, name):
    return checks.seed(value)


@_or_none
def _loss(value, name):
    checks.loss_name(value)
    return value


@_or_none
def _callback(value, name):
    if not callable(value):
        raise TypeError(f"callback must be callable, not {checks.shown(value)}: give a function of epoch and history.")
    return value


def _metrics(value, name):
    """Return the names unchanged: `train` checks them, because it has the data that they must fit."""
    return value


@_or_none
def _checkpoint(value, name):
    value = checks.instance(value, name, (Checkpoint, str, os.PathLike), "'run.checkpoint'")
    value = value if isinstance(value, Checkpoint) else Checkpoint(value)
    checks.new_file(value.path)
    return value


_dropout = partial(checks.number, below=1.0)
_layer_rates = _or_none(checks.layer_rates)
_optimizer = _instance(OPTIMIZERS, "fp.SGD(0.1)")
_schedule = _or_none(_instance(SCHEDULES, "fp.CosineDecay()"))


@_or_none
def _planned_schedule(value, name):
    _schedule(value, name)
    if ReduceOnPlateau in (type(value), type(getattr(value, "then", None))):
        raise ValueError(f"{name} cannot be {value}, which waits for losses: give one that follows a plan.")
    return value


@_or_none
def _changes(value, name):
    if not isinstance(value, Mapping) or not all(isinstance(values, Mapping) for values in value.values()):
        raise TypeError(
            f"{name} must map numbers of epochs to values by name, not be {checks.shown(value)}: give it such as "
            "{10: {'learning_rate': 0.01}}."
        )
    epochs = [checks.whole_number(each, f"an epoch of {name}") for each in value]
    by_epoch = dict(zip(epochs, value.values()))
    for epoch in epochs:
        for each in by_epoch[epoch]:
            if each not in CHANGEABLE:
                raise ValueError(
                    f"{name}[{epoch}] has {checks.shown(each)}, which cannot change in training: what can are "
                    f"{', '.join(CHANGEABLE)}."
                )
    return {epoch: dict(by_epoch[epoch]) for epoch in sorted(by_epoch)} or None


@_or_none
def _precision(value, name):
    return checks.choice(value, name, PRECISIONS)


_FACTOR = {"pack_key": _per_lane, "in_stream": True, "minibatch_only": True}

_clip = _or_none(_instance(CLIPS, "fp.ClipNorm(1.0)"))
_average = _or_none(_instance(EMA, "fp.EMA(0.999)"))
_early_stopping = _or_none(_instance(EarlyStopping, "fp.EarlyStopping()"))


class TrainingOptions(NamedTuple):
    """The options of a run; `train` describes each. All runs of a sweep share those that the sweep does not sweep.

    The columns of a sweep's table are in the order of these rows.
    """

    epochs: Annotated[int, Option(checks.whole_number, compared_on_resume=False)]
    batch_size: Annotated[int, Option(checks.whole_number, column=int, in_stream=True, minibatch_only=True)] = 32
    seed: Annotated[int, Option(_seed, column=int, pack_key=_per_lane, in_stream=True)] = 0
    dropout: Annotated[float, Option(_dropout, column=float, pack_key=_per_lane, minibatch_only=True)] = 0.0
    loss: Annotated[object, Option(_loss, column=object, in_stream=True)] = None
    optimizer: Annotated[object, Option(_optimizer, column=object, pack_key=_structure, in_stream=True)] = SGD(0.1)
    schedule: Annotated[object, Option(_schedule, column=object, in_stream=True, minibatch_only=True)] = None
    weight_decay_schedule: Annotated[object, Option(_planned_schedule, column=object, minibatch_only=True)] = None
    dropout_schedule: Annotated[object, Option(_planned_schedule, column=object, minibatch_only=True)] = None
    layer_rates: Annotated[object, Option(_layer_rates, column=object, **_FACTOR)] = None
    bias_rate: Annotated[float, Option(checks.number, column=float, **_FACTOR)] = 1.0
    bias_decay: Annotated[float, Option(checks.number, column=float, **_FACTOR)] = 1.0
    precision: Annotated[str | None, Option(_precision, column=object, in_stream=True, minibatch_only=True)] = None
    clip: Annotated[object, Option(_clip, column=object, in_stream=True, minibatch_only=True)] = None
    average: Annotated[object, Option(_average, column=object, minibatch_only=True)] = None
    early_stopping: Annotated[object, Option(_early_stopping, column=object)] = None
    changes: Annotated[dict | None, Option(_changes, pack_key=_per_lane, minibatch_only=True)] = None
    shuffle: Annotated[bool, Option(checks.flag, in_stream=True)] = True
    callback: Annotated[object, Option(_callback, compared_on_resume=False, in_reference=False)] = None
    gradient_norm: Annotated[bool, Option(checks.flag, in_reference=False)] = False
    metrics: Annotated[tuple, Option(_metrics, in_reference=False)] = ()
    checkpoint: Annotated[object, Option(_checkpoint, compared_on_resume=False, in_reference=False)] = None

    @classmethod
    def of_arguments(cls, arguments):
        """Return the checked options among the arguments of a function, by name; it may have others, too."""
        return cls(**{name: arguments[name] for name in cls._fields if name in arguments}).checked()

    @property
    def schedules(self):
        """What changes by a plan from step to step or from epoch to epoch, each a schedule or None."""
        return self.schedule, self.weight_decay_schedule, self.dropout_schedule

    @property
    def has_factors(self):
        """Whether some parameters have another learning rate or weight decay than the optimizer's."""
        return not self.bias_rate == self.bias_decay == 1.0 or any(rate != 1.0 for rate in self.layer_rates or ())

    @property
    def measures_norm(self):
        """Whether the norm of each step's gradient is measured, to be recorded or to be limited."""
        return self.gradient_norm or isinstance(self.clip, ClipNorm)

    @property
    def compared(self):
        """What must be equal in a run that goes on from another: by name, the values of some of the options."""
        values = {name: value for (name, row), value in zip(OPTIONS.items(), self) if row.compared_on_resume}
        return values | {"precision": None if self.precision == "float32" else self.precision}  # which mean the same

    @property
    def pack_key(self):
        """What must be equal in a pack: a tuple that can be hashed."""
        return *_EQUAL_IN_PACK(self), *(key(self[index]) for index, key in _PACK_KEYS)

    def for_reference(self, stream=False):
        """Return by name the options that `reference.train` takes; with `stream`, those that `train_stream` takes."""
        return {
            name: value
            for (name, row), value in zip(OPTIONS.items(), self)
            if row.in_reference and (row.in_stream or not stream)
        }

    def checked(self):
        """Return the options with checked values; ValueError or TypeError if one is not as `train` describes it."""
        return self.changed(**self._asdict())

    def changed(self, **values):
        """Return the options with some other values, which are checked; ValueError or TypeError as `checked`."""
        changed = self._replace(**{name: OPTIONS[name].check(value, name) for name, value in values.items()})
        if changed.optimizer.takes_all_rows:
            _refuse_minibatch_options(changed)
        if changed.changes is not None:
            _check_changes(changed)
        return changed

    def with_values(self, values, argument="grid"):
        """Return the options with some values by name, of options or of hyperparameters of the optimizer.

        `argument` is the name of the argument that has the values, which are checked.
        """
        options = self
        if in_options := {name: value for name, value in values.items() if name in SWEPT}:
            options = options.changed(**in_options)
        if in_optimizer := {name: value for name, value in values.items() if name in PER_LANE}:
            checks.hyperparameters_of(options.optimizer, in_optimizer, PER_LANE, argument)
            options = options._replace(optimizer=options.optimizer.changed(**in_optimizer))
        return options

    def with_lane_values(self, lane_values):
        """Yield the options of each lane of a pack.

        `lane_values` has by name, of some `SPECIAL_VALUES`, a list with the value of each lane. The values have been
        checked, and so has what they lead to.
        """
        in_optimizer = [name for name in lane_values if name in PER_LANE]
        replaced = {name: values for name, values in lane_values.items() if name not in PER_LANE}
        if in_optimizer:
            of_optimizers = zip(*(lane_values[name] for name in in_optimizer))
            replaced["optimizer"] = [
                self.optimizer.with_checked(dict(zip(in_optimizer, each))) for each in of_optimizers
            ]
        fields = list(self)
        indices = [self._fields.index(name) for name in replaced]
        for values in zip(*replaced.values()):
            for index, value in zip(indices, values):
                fields[index] = value
            yield self._make(fields)

    def after(self, epochs):
        """Return the options that hold when some epochs are done, by the `changes` until then."""
        values, argument = {}, ""
        for epoch, changed in (self.changes or {}).items():
            if epoch <= epochs:
                values, argument = values | changed, f"changes[{epoch}]"
        return self._replace(changes=None).with_values(values, argument)._replace(changes=self.changes)

    @property
    def stages(self):
        """The options that hold at first and after each of the `changes`, a list."""
        return [self.after(epochs) for epochs in (0, *(self.changes or ()))]


def _refuse_minibatch_options(options):
    """Refuse what means nothing to an optimizer that takes all rows in each step."""
    for name, row in OPTIONS.items():
        value = getattr(options, name)
        if row.minibatch_only and value != TrainingOptions._field_defaults[name]:
            raise ValueError(
                f"LBFGS takes all rows in each step and chooses its length, not "
                f"{checks.argument(name, repr(value))}: leave {checks.argument(name)} out."
            )
    if options.checkpoint is not None:
        raise ValueError(
            f"LBFGS writes no checkpoints: leave out {checks.argument('checkpoint')}, or use another optimizer."
        )


def _check_changes(options):
    """Refuse changes to values that the options cannot have, or that need another state of the optimizer."""
    for epoch, later in zip(options.changes, options.stages[1:]):
        if later.optimizer.rule != options.optimizer.rule:
            raise ValueError(
                f"{checks.argument('changes')} has momentum {later.optimizer.momentum} after epoch {epoch}, and "
                f"{options.optimizer.momentum} before: give it above 0 in both, or in neither, as 0 keeps no velocity."
            )


OPTIONS = {
    name: annotated.__metadata__[0] for name, annotated in get_type_hints(TrainingOptions, include_extras=True).items()
}
"""The `Option` row of each option, by name."""

SWEPT = {name: row.column for name, row in OPTIONS.items() if row.column is not None}
"""Options that a sweep can sweep, and the type of the column of each in its table."""

CHANGEABLE = (
    *PER_LANE,
    *(name for name, row in OPTIONS.items() if row.pack_key is _per_lane and row.column is not None),
)
"""What may change in training: what networks that train side by side in a pack may differ in."""

SPECIAL_VALUES = dict.fromkeys(PER_LANE, 0.0) | {
    name: TrainingOptions._field_defaults[name]
    for name, row in OPTIONS.items()
    if row.pack_key is _per_lane and row.column in (int, float)
}
"""By name of each hyperparameter that is a number of its own in each lane of a pack: the value that may mean "off".

It is 0 for a hyperparameter of the optimizer, such as a momentum, and the default for an option, such as 1 for
`bias_rate`. A configuration with this value may need another update or other checks. All other values are alike.
"""


def check_lane_value(value, name):
    """Return a value of one of `SPECIAL_VALUES`, checked."""
    row = HYPERPARAMETERS[name] if name in PER_LANE else OPTIONS[name]
    return row.check(value, name)


# A pack key is made for each configuration of a sweep, so that what it needs is looked up once, here.
_SWEPT_ROWS = [(index, row.pack_key) for index, row in enumerate(OPTIONS.values()) if row.column is not None]

_EQUAL_IN_PACK = itemgetter(*(index for index, key in _SWEPT_ROWS if key is _equal))
"""Options → the values of those that must be equal in a pack."""

_PACK_KEYS = [(index, key) for index, key in _SWEPT_ROWS if key not in (_equal, _per_lane)]
"""The index of every other option of which something must be equal in a pack, and the function that returns it."""
