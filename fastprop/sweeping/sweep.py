"""`sweep`: trains many networks over one copy of the data, on all cores, each with the same bits as if alone."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any, Literal

from fastprop import checks, interrupts, metrics, numpy_settings
from fastprop.annotations import (
    ArrayLike,
    Backend,
    ClassWeight,
    LossName,
    Path,
    Precision,
    ScoreFunction,
    ScoreName,
    Splitter,
    Validation,
)
from fastprop.data import warn_of_sizes
from fastprop.network import MLP
from fastprop.notices import DivergenceWarning, warn
from fastprop.options import (
    EMA,
    HALVINGS,
    LBFGS,
    SGD,
    Clip,
    Descent,
    EarlyStopping,
    Halving,
    LossOption,
    MedianStopping,
    OptunaSearch,
    PopulationBased,
    Schedule,
)
from fastprop.runs import BACKENDS, TrainingOptions
from fastprop.sweeping import divergence, fold_networks, outer_folds
from fastprop.sweeping.about import what_it_ran_on
from fastprop.sweeping.checked_grid import checked_grid
from fastprop.sweeping.configurations import Configurations
from fastprop.sweeping.fits import Experiment
from fastprop.sweeping.folds import common_origin, folds_of, split_of
from fastprop.sweeping.grids import grid_of
from fastprop.sweeping.journal import Journal
from fastprop.sweeping.journal_header import describe
from fastprop.sweeping.planned_sweep import PlannedSweep, execute, record_trainings
from fastprop.sweeping.population import new_population
from fastprop.sweeping.recorded_rows import SweepDescription
from fastprop.sweeping.results import SweepResult
from fastprop.sweeping.score_choice import choose_score
from fastprop.sweeping.search import Search
from fastprop.sweeping.workers import new_workers
from fastprop.thread_pool import Interrupted


@numpy_settings.own
def sweep(
    network: MLP | Sequence[int],
    X: ArrayLike,
    y: ArrayLike,
    grid: Mapping[str, Any] | Sequence[Mapping[str, Any]],
    *,
    epochs: int,
    seconds: float | None = None,
    samples: int | None = None,
    search: OptunaSearch | PopulationBased | None = None,
    batch_size: int = 32,
    loss: LossName | LossOption | None = None,
    optimizer: Descent | LBFGS = SGD(0.1),
    schedule: Schedule | None = None,
    weight_decay_schedule: Schedule | None = None,
    layer_rates: Sequence[float] | None = None,
    bias_rate: float = 1.0,
    bias_decay: float = 1.0,
    precision: Precision | None = None,
    clip: Clip | None = None,
    dropout: float = 0.0,
    dropout_schedule: Schedule | None = None,
    average: EMA | None = None,
    early_stopping: EarlyStopping | None = None,
    validation: Validation | None = None,
    cv: int | Splitter | Iterable[tuple[ArrayLike, ArrayLike]] | None = None,
    outer: int | Splitter | Iterable[tuple[ArrayLike, ArrayLike]] | None = None,
    score: ScoreName | ScoreFunction | metrics.Score | None = None,
    halving: int | Halving | MedianStopping | None = None,
    sample_weight: ArrayLike | None = None,
    class_weight: ClassWeight | None = None,
    standardize: bool = False,
    shuffle: bool = True,
    seed: int = 0,
    keep: int | Literal["best", "all"] = "best",
    refit: bool = True,
    threads: int | None = None,
    executor: Executor | None = None,
    journal: Path | None = None,
    progress: bool = False,
    backend: Backend = "kernels",
) -> SweepResult:
    """Train one network for each configuration of a grid, on all cores, over one copy of the data.

    Row k of the result equals, to the last bit, ``train(MLP(…, seed=s), …, seed=s)`` with the hyperparameters of row k.
    It depends neither on the number of threads nor on the other configurations.

    Parameters
    ----------
    network : MLP or sequence of int
        The network with which each configuration begins: a copy of this one, or a new one of these layer sizes. A new
        network has sigmoid hidden layers and the output that fits the loss; without a loss this is softmax for labels
        and identity for targets. A configuration that names ``seed``, ``layer_sizes``, ``hidden`` or
        ``initialization`` begins with a new network in either case.
    X, y : array_like
        See `train`. The ``columns`` of a table are encoded by the training rows of each fold anew, and by all rows for
        the networks that are trained on these in the end.
    grid : mapping or list of mappings
        Hyperparameters and their values. A mapping of names to lists of values stands for all combinations. A list of
        mappings of names to single values stands for these alone. The names are learning_rate and the other
        hyperparameters of the optimizer; optimizer, schedule, weight_decay_schedule, layer_rates, bias_rate,
        bias_decay, precision, clip, dropout, dropout_schedule, average, early_stopping, loss and batch_size; seed,
        which is that of the initial weights, of the order of the rows and of dropout; layer_sizes, hidden and
        initialization. In a mapping, a distribution may replace a list: `loguniform`, `uniform`, `integers`, `choice`,
        or a frozen distribution of SciPy (any object with ``rvs(random_state=…)``).
    seconds : float, optional
        How long to train at most, without compiling and the start of an executor's workers. When the time is over, no
        other configuration is begun, and those in training end after their epoch. They are ``"out of time"`` and may be
        the best, as they are; with `halving`, so may those that were to go on. Configurations that were not begun stay
        ``"not run"``. With `cv` the folds of a configuration share the time that is left, half a second at the least
        for each, or a fiftieth of `seconds` if that is less, so that one that was begun has all its folds; the training
        of the networks to keep comes on top. A journal has only what was finished, so that a later call trains the
        rest.
    samples : int, optional
        How many configurations to draw from a mapping that has distributions. Values are drawn from its lists, too.
        The draws depend on `seed`; a larger number of samples begins with the same draws as a smaller one.
    search : OptunaSearch or PopulationBased, optional
        A study chooses the samples, each batch by the results of earlier ones, so that they are not drawn by chance. In
        a population, the worst configurations take over networks of the best ones at rungs, and go on with other
        values; the table has the last ones, and `SweepResult.lineage` all. A journal then is of the same grid, samples
        and search, and networks that it lacks are trained again from the beginning.
    epochs, batch_size, loss, optimizer, schedule, weight_decay_schedule
        See `train`. They hold unless the grid names other values.
    layer_rates, bias_rate, bias_decay, precision, clip, dropout, dropout_schedule, average, early_stopping
        See `train`, likewise.
    shuffle, seed, backend
        See `train`, likewise.
    validation, sample_weight, class_weight
        See `train`.
    cv : int, splitter or iterable, optional
        Cross-validation in place of `validation`: each configuration is trained once for each fold, and its results are
        means over the folds. It is the number of folds, whose rows are drawn by a fixed seed, because tables often come
        sorted: scikit-learn's ``StratifiedKFold(cv, shuffle=True, random_state=0)`` makes the same folds for rows that
        have classes (labels, one-hot rows, or 0 and 1 for a sigmoid output), and ``KFold`` for others. Or it is a
        splitter with ``split(X, y)``; or pairs of training rows and held-out rows; or triples of training rows,
        validation rows, which may be none, and rows that are only scored, so that they do not end a training. A
        `DataWarning` names a class that a fold lacks. The networks that are kept are then trained once more on all
        rows, unless Ctrl-C was pressed.
        With `early_stopping` this training ends after as many epochs as the folds needed on average, which the table
        has as ``final_epochs``; schedules still have the epochs that were planned.
    outer : int, splitter or iterable, optional
        Nested cross-validation: how good the networks are that this sweep chooses, in `SweepResult.outer`. For each
        outer fold, which is taken as those of `cv` are, the whole sweep is repeated on the training rows alone, and its
        best network is tested on the rows that are held out. There, an int `cv` and a splitter make folds of these
        training rows, and pairs lose the other rows. All else in the result is as without `outer`. A journal of each
        outer fold stands beside `journal`, with ``.outer0`` and so on at the end of its name. The sweeps share the
        `seconds`, in which they also train the best networks once more; the result has the seconds of all searches.
    score : str, callable or Score, optional
        What to measure on the held-out rows, and to rank by: the name of a score, one of ``fp.metrics.SCORES`` such as
        ``"accuracy"`` or ``"r2"``; a function of a network's outputs (n, n_out) and of `y`, in the shape in which it
        was given, whose highest value is best; a scorer or metric of scikit-learn, which is best as it is there; or a
        `fastprop.metrics.Score`, which says what is best. The result must be one number. Where it is infinite or the
        function raises an exception, the configuration has NaN, which ranks last, and the first time a RuntimeWarning
        says so. By default accuracy, label accuracy or r2 is measured (mse where r2 is undefined, because held-out
        targets are all alike), and the loss ranks. A score that is undefined on the rows that a fold holds out, such as
        ``"roc_auc"`` on one class, is refused.
    halving : int, Halving or MedianStopping, optional
        How to stop the worse configurations before the end. An int is the factor of `Halving`. Configurations that go
        on have the same results as if none had been stopped. They go on from where they are; with `LBFGS`, and on the
        reference, they are trained again from the beginning.
    keep : str or int
        The trained networks to keep: ``"best"``, ``"all"``, or the number of the best ones to keep.
    refit : bool
        Whether the networks that are kept after a cross-validation are trained once more, on all rows. With
        ``refit=False`` the networks of the folds are kept instead, and nothing is trained on top:
        `SweepResult.fold_networks` has them, and `SweepResult.out_of_fold` what each gives for the rows that it was not
        trained on. They take as much memory as the configurations that are kept, times the folds, have parameters, and
        until a configuration has all its folds, as much as those that it has. A journal does not have them: where a
        configuration that is to be kept was taken from one, its folds are trained again.
    standardize : bool
        See `train`. Mean and deviation are computed once for all configurations, or on the training rows of each fold.
        If the given network has a standardization, new networks have the same one.
    threads : int, optional
        How many configurations train at a time, at the most: threads would only wait for Python where a training takes
        less time than it does. By default it is the number of threads of `train`, or that of the executor's workers;
        give it for an executor that does not say how many workers it has or will have.
    executor : concurrent.futures.Executor, optional
        Trains the configurations with its workers, in place of threads of this process. It may be any executor, whose
        workers are on this machine or on others, such as ``ProcessPoolExecutor``, one of loky, or that of a Dask
        client, ``client.get_executor()``. The data travels once to each worker. What networks go on from after a rung
        stays with the workers, in a temporary folder or in the memory of a Dask cluster. If a worker dies, its jobs are
        trained again; an executor that breaks because of it is replaced by a new one. With `seconds`, a network whose
        state was lost, and which does not come as far again in time, keeps the results that it had.
    journal : str or Path, optional
        A file in which the results of each configuration are recorded as soon as there are any, as lines of JSON. A
        sweep that was interrupted in any way goes on from the file when it is called again with the same arguments, and
        ends with the same result. The grid, `samples`, `halving`, `keep`, `threads` and `progress` may differ from
        before: each configuration that is recorded is taken over, and the others are trained. If more networks are to
        be kept, those that the file lacks are trained again. With a `search`, the trials of before are taken over. A
        score is known by its code and by all that this uses.
    progress : bool
        Whether to show a progress bar, see `train`.

    Returns
    -------
    SweepResult
        The results. After Ctrl-C, they are those of the configurations that were finished by then.

    Raises
    ------
    ValueError, TypeError
        If an argument is not as described, or the journal is that of another sweep. This is raised before anything is
        trained, and the message says what to do.
    RuntimeError
        If the executor's workers lack fastprop or have another version, or die repeatedly at the same configuration.
    OSError
        If the journal cannot be written, or another sweep writes it. What it has recorded stays as it is.

    Warns
    -----
    DivergenceWarning
        If no configuration finished, because they diverged, if one whose network is to be kept diverges when it is
        trained once more on all rows, or if even the best is of no use, see `train`.
    DataWarning
        If targets are outside the range of the output activation; or see `fp.DataWarning`.

    Examples
    --------
    >>> import fastprop as fp
    >>> X, y = fp.datasets.digits()
    >>> result = fp.sweep((64, 16, 10), X, y, {"learning_rate": [0.01, 0.5]}, epochs=3, validation=0.2)
    >>> result.best["learning_rate"]
    0.5
    """
    return _sweep(**locals())


def _sweep(*, outer_fold=None, **arguments):
    """Return the result of a sweep with the `arguments` of `sweep`; in an `OuterFold`, of one on its training rows."""
    # Parse: each argument by itself.
    arguments["cv"] = outer_folds.repeatable(arguments["cv"], arguments["outer"])
    given = SimpleNamespace(**arguments)
    if given.search is not None:
        checks.instance(given.search, "search", (OptunaSearch, PopulationBased), "fp.OptunaSearch(study)")
    space = checked_grid(given.grid, given.samples, isinstance(given.search, OptunaSearch))
    checks.choice(given.backend, "backend", BACKENDS)
    workers = new_workers(given.executor, given.threads)
    given.seconds = None if given.seconds is None else checks.number(given.seconds, "seconds")
    given.network = given.network if isinstance(given.network, MLP) else checks.layer_sizes(given.network)
    options = TrainingOptions.of_arguments(arguments)

    # Plan: which configurations are trained, on which rows, and where their results go.
    planned, scored = _planned(given, space, options, outer_fold)
    result, experiment = planned.result, planned.experiment

    # Execute.
    journal = _journal_at(given.journal, planned, given.network, options)
    _execute_or_interrupt(planned, workers, given.progress, journal)
    record_trainings(result, experiment, planned.configurations, given.class_weight)
    if outer_fold is not None:
        outer_fold.test(result, experiment)
    result.outer = outer_folds.nested(_sweep, arguments, planned.outer_folds, result)
    if experiment.keeps_folds:
        _keep_out_of_fold(result, experiment, scored)
    return result


def _planned(given, space, options, outer_fold):
    """Return the `PlannedSweep` of what was `given`, and the rows that each fold scores; see `_sweep`."""
    search, cv = given.search, given.cv
    has_study = isinstance(search, OptunaSearch)
    chooser = Search(search, space) if has_study else None
    grid = grid_of(space, given.samples, has_study, options.seed)
    configurations = Configurations(grid, given.network, options, given.y)
    if chooser is not None:
        configurations.check(chooser.extremes())
    rows = len(configurations) if chooser is None else given.samples
    kept = checks.keep(given.keep, rows)
    keeps_folds = not checks.flag(given.refit, "refit")
    population = new_population(search, space, options.seed, configurations, given.halving)
    rung_rule = _rung_rule(given.halving) if population is None else population.option
    checks.ranking(given.validation, cv, given.score, list(configurations.prototypes))
    if keeps_folds and cv is None:
        raise ValueError("refit=False keeps the networks of the folds of cv, but there is no cv: give it, or no refit.")
    outer_folds.check(given.outer, cv, keeps_folds, search)
    experiment, scored, data = _experiment(given, configurations, outer_fold, kept, keeps_folds)
    around = outer_folds.outer_folds(given.outer, given.X, given.y, data, experiment.score)
    together = rows if chooser is None else min(rows, chooser.batch)
    rungs = [options.epochs] if rung_rule is None else rung_rule.rungs(options.epochs, together)
    planned = PlannedSweep(
        experiment=experiment,
        configurations=configurations,
        result=SweepResult(_description(experiment, options, list(configurations.columns), rows, rung_rule, rungs)),
        rung_rule=rung_rule,
        population=population,
        seconds=outer_folds.first_seconds(given.seconds, around),
        keep=kept,
        search=chooser,
        is_cross_validated=cv is not None,
        outer_folds=around,
    )
    return planned, scored


def _experiment(given, configurations, outer_fold, kept, keeps_folds):
    """Return the `Experiment` of a sweep, the rows that each fold scores, and the `Dataset` before it has folds."""
    prototypes = configurations.prototypes
    left_out, tested = (None, None) if outer_fold is None else (outer_fold.left_out, outer_fold.tested)
    of_rows = given.sample_weight, given.class_weight, given.validation, left_out
    split, tasks = split_of(prototypes, given.X, given.y, *of_rows)
    data = split.data
    split, folds, all_rows, scored = folds_of(split, given.cv, given.X, given.y, prototypes, given.standardize, tested)
    prototype = next(iter(prototypes.values()))
    if prototype.input_mean is None and all_rows.mean is None:
        warn_of_sizes(split.data.inputs, all_rows.rows, prototype.dtype)
    split = split.readable(prototype.dtype, common_origin(prototype, [all_rows, *folds]))
    experiment = Experiment(
        data=split.data,
        held_out=split.held_out,
        folds=folds,
        all_rows=all_rows,
        prototypes=prototypes,
        backend=given.backend,
        score=choose_score(given.score, tasks, split, folds),
        is_balanced=checks.is_balanced(given.class_weight),
        keeps_folds=keeps_folds,
        ranks_by_score=given.score is not None or len(prototypes) > 1,
        kept=kept,
    )
    return experiment, scored, data


def _execute_or_interrupt(planned, workers, progress, journal):
    """Execute a `PlannedSweep` with a journal or without, and say what became of it; Ctrl-C ends it."""
    result = planned.result
    try:
        with journal as record, interrupts.around(workers):
            if record is not None:
                record.read()
            without_network = execute(planned, workers, progress, record)
            message = divergence.message_of_sweep(planned.experiment, planned.configurations, result, without_network)
            if message is not None:
                warn(message, DivergenceWarning)
    except Interrupted:  # the result has what was finished before
        result.is_interrupted = True
        interrupts.tell(f"the sweep after {result.finished.sum()} of {len(planned.configurations)} configurations")


def _keep_out_of_fold(result, experiment, scored):
    """Have a result keep what networks of folds give for the rows that each of these scores."""
    outputs = fold_networks.out_of_fold(result.fold_networks, experiment, scored)
    rows = len(experiment.data.inputs) - experiment.data.copies
    result.keep_out_of_fold(outputs, fold_networks.fold_of_rows(scored, rows))


def _journal_at(path, planned, network, options):
    """Return a context of the `Journal` of a `PlannedSweep` at a path, or of None without a path; see `describe`."""
    if path is None:
        return nullcontext()
    checks.new_file(checks.instance(path, "journal", (str, os.PathLike), "'runs.jsonl'"))
    chosen_by = planned.search or planned.population
    others = {} if chosen_by is None else chosen_by.journaled
    return interrupts.around(Journal(path, describe(planned.experiment, network, options, others)))


def _rung_rule(halving):
    """Return the option that `halving` stands for, or None."""
    if halving is None or isinstance(halving, HALVINGS):
        return halving
    return Halving(checks.whole_number(halving, "halving", minimum=2))


def _description(experiment, options, names, rows, rung_rule, rungs):
    """Return the `SweepDescription` of a sweep of the hyperparameters `names`."""
    return SweepDescription(
        swept=names,
        configurations=rows,
        epochs=rungs[-1],
        rungs=rungs,
        folds=len(experiment.folds),
        criterion=experiment.criterion,
        score_name=experiment.score.name,
        sign=experiment.score.sign if experiment.ranks_by_score else None,
        about=what_it_ran_on(experiment, options, names, rung_rule),
        keeps_folds=experiment.keeps_folds,
    )
