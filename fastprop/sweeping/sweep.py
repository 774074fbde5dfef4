"""`sweep`: many runs over one copy of the data, on all cores, each the same to the last bit as if it ran alone."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import ExitStack
from datetime import datetime
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from fastprop import checks, metrics
from fastprop.annotations import Backend, LossName, Path, ScoreFunction, ScoreName, Splitter, Validation
from fastprop.data import Dataset, Split, cross_validation_folds, row_weights
from fastprop.network import MLP
from fastprop.options import (
    EMA,
    HALVINGS,
    LBFGS,
    SGD,
    Clip,
    CrossEntropy,
    Descent,
    EarlyStopping,
    Halving,
    Huber,
    MedianStopping,
    OptunaSearch,
    Schedule,
)
from fastprop.runs import BACKENDS, TrainingOptions
from fastprop.sweeping.checked_grid import checked_grid
from fastprop.sweeping.configurations import Candidates
from fastprop.sweeping.crews import ExecutorBackend, ThreadBackend
from fastprop.sweeping.fits import Experiment, Fold
from fastprop.sweeping.grids import Draws, Explicit, Product
from fastprop.sweeping.halving_runner import HalvingRunner, train_again
from fastprop.sweeping.journal import Journal, describe
from fastprop.sweeping.results import SweepResult
from fastprop.sweeping.search import Search
from fastprop.version import __version__


def sweep(
    network: MLP | Sequence[int],
    X: ArrayLike,
    y: ArrayLike,
    grid: Mapping[str, Any] | Sequence[Mapping[str, Any]],
    *,
    epochs: int,
    samples: int | None = None,
    search: OptunaSearch | None = None,
    batch_size: int = 32,
    loss: LossName | Huber | CrossEntropy | None = None,
    optimizer: Descent | LBFGS = SGD(0.1),
    schedule: Schedule | None = None,
    clip: Clip | None = None,
    dropout: float = 0.0,
    average: EMA | None = None,
    early_stopping: EarlyStopping | None = None,
    validation: Validation | None = None,
    cv: int | Splitter | Iterable[tuple[ArrayLike, ArrayLike]] | None = None,
    score: ScoreName | ScoreFunction | None = None,
    halving: int | Halving | MedianStopping | None = None,
    sample_weight: ArrayLike | None = None,
    class_weight: Mapping[Any, float] | Literal["balanced"] | None = None,
    standardize: bool = False,
    shuffle: bool = True,
    seed: int = 0,
    keep: int | Literal["best", "all"] = "best",
    threads: int | None = None,
    executor: Executor | None = None,
    journal: Path | None = None,
    progress: bool = False,
    backend: Backend = "kernels",
) -> SweepResult:
    """Train one network for each configuration of a grid, on all cores, over one copy of the data.

    Row k of the result equals, to the last bit, ``train(MLP(…, seed=s), …, seed=s)`` with the hyperparameters of row k,
    on any number of threads and whatever the other configurations do.

    Parameters
    ----------
    network : MLP or sequence of int
        What to train: a copy of this network for each configuration, or new networks of these layer sizes (sigmoid
        hidden layers; the output that goes with the loss, or without one softmax for labels, identity for numbers).
        A configuration with a ``seed``, ``layer_sizes``, ``hidden`` or ``initialization`` of its own begins with a new
        network.
    X, y : array_like
        See `train`.
    grid : mapping or list of mappings
        Hyperparameters and their values: a mapping of name to values stands for all combinations, a list of
        mappings for just these. Known: learning_rate and the optimizer's other numbers, optimizer, schedule, clip,
        dropout, average, early_stopping, loss, batch_size, seed (of initial weights, row order and dropout),
        layer_sizes, hidden, initialization. Of a mapping, values may also be a distribution: `loguniform`, `uniform`,
        `integers`, `choice`, or one of SciPy's with its numbers (anything with ``rvs(random_state=…)``).
    samples : int, optional
        How many configurations to draw from a mapping with distributions in it; its lists are drawn from as well.
        What is drawn depends on `seed`, and begins with what fewer samples are.
    search : OptunaSearch, optional
        What chooses the samples in place of chance, the later ones by what came of the earlier ones.
    epochs, batch_size, loss, optimizer, schedule, clip, dropout, average, early_stopping, shuffle, seed, backend
        See `train`: these hold where the grid says nothing else.
    validation, sample_weight, class_weight
        See `train`.
    cv : int, splitter or iterable, optional
        Cross-validation in place of `validation`: every configuration is trained once for each fold, on all of them at
        a time. How many folds (of labels stratified, in the order of the rows: those that scikit-learn makes of an
        int), or a splitter with ``split(X, y)``, or pairs of training rows and held-out rows. The networks that are
        kept are then trained once more, on all rows, but not after Ctrl-C.
    score : str or callable, optional
        What to measure on the held-out rows, and to rank by: ``"accuracy"``, ``"roc_auc"``, ``"log_loss"``, ``"r2"``,
        ``"mse"`` or ``"mae"`` (see `fastprop.metrics`), or a function of a network's outputs (n, n_out) and of the
        labels (n,) or targets (n, n_out), where higher is better. If none is named, accuracy or r2 is measured, and the
        loss ranks.
    halving : int, Halving or MedianStopping, optional
        How worse configurations are stopped on the way. A number is the factor of `Halving`. Those that go on do so
        from where they are, with the same result as if nothing had been stopped (by `LBFGS` and on the reference by
        training again from the beginning).
    keep : str or int
        Which trained networks to keep: ``"best"``, ``"all"``, or how many of the best.
    standardize : bool
        See `train`: fitted once for all configurations, or to the training rows of each fold; but if the given network
        has a standardization, that goes for new networks too.
    threads : int, optional
        How many configurations run at a time; by default as many as there are cores, or workers of the executor.
    executor : concurrent.futures.Executor, optional
        Who trains in place of threads of this process: processes, here or on other machines, of any executor, such as
        ``ProcessPoolExecutor``, loky's, or that of a Dask client, ``client.get_executor()``. The data travels once to
        each worker. If one dies, what it was at is trained again, by new ones where the executor is broken. Where an
        executor does not say how many workers it has, or will have, `threads` does.
    journal : str or Path, optional
        A file in which what comes of each configuration is recorded as soon as it is there, a line of JSON each. A
        sweep that was broken off, in whatever way, goes on from it when it is called again with the same arguments and
        ends as if nothing had happened; `threads`, `keep` and `progress` may be others. Where more networks are to be
        kept than before, those that the file does not hold are trained again.
    progress : bool
        Whether to show a progress bar.

    Returns
    -------
    SweepResult
        After Ctrl-C, what was finished by then.

    Raises
    ------
    ValueError, TypeError
        If an argument is not as described, or the journal is that of another sweep, before anything is trained; the
        message says what to do.
    RuntimeError
        If the workers of the executor lack fastprop or have another version, or die over and over at the same place.
    OSError
        If the journal cannot be written, or another sweep writes it; what it has recorded stays as it is.

    Examples
    --------
    >>> import fastprop as fp
    >>> X, y = fp.datasets.digits()
    >>> result = fp.sweep((64, 16, 10), X, y, {"learning_rate": [0.01, 0.5]}, epochs=3, validation=0.2)
    >>> float(result.best["learning_rate"])
    0.5
    """
    if search is not None:
        checks.instance(search, "search", OptunaSearch, "fp.OptunaSearch(study)")
    swept = checked_grid(grid, samples, search is not None)
    checks.choice(backend, "backend", BACKENDS)
    crew = _crew(executor, threads)
    if not isinstance(network, MLP):
        network = checks.layer_sizes(network)
    options = TrainingOptions(
        epochs=epochs,
        batch_size=batch_size,
        loss=loss,
        optimizer=optimizer,
        shuffle=shuffle,
        seed=seed,
        schedule=schedule,
        clip=clip,
        dropout=dropout,
        average=average,
        early_stopping=early_stopping,
    ).checked()
    search = None if search is None else Search(search, swept)
    configurations = _configurations(swept, samples, search, options.seed)
    candidates = Candidates(configurations, network, options, y)
    if search is not None:
        candidates.check(search.extremes())
    rows = len(configurations) if search is None else samples
    keep = checks.kept(keep, rows)
    if halving is not None and not isinstance(halving, HALVINGS):
        halving = Halving(checks.whole_number(halving, "halving", minimum=2))
    weights = row_weights(class_weight, y, sample_weight)
    experiment = _experiment(candidates.prototypes, X, y, weights, validation, cv, score, standardize, backend)
    together = rows if search is None else min(rows, search.at_once)
    rungs = [options.epochs] if halving is None else halving.rungs(options.epochs, together)
    result = _empty_result(list(candidates.columns), rows, experiment, rungs, score)
    with ExitStack() as stack:
        if journal is not None:
            checks.new_file(checks.instance(journal, "journal", (str, os.PathLike), "'runs.jsonl'"))
            description = describe(experiment, candidates.configurations, rows, options, halving)
            if search is not None:
                description["search"] = f"{swept}"
            journal = stack.enter_context(Journal(journal, description, options.epochs))
        stack.enter_context(crew)
        keep_now = 0 if cv is not None else keep
        rounds = HalvingRunner(experiment, candidates, result, halving, keep_now, crew, progress, journal)
        if search is not None:
            whole = search(rounds, candidates, result)
        else:
            result.enter(np.arange(rows), candidates)
            whole = rounds(np.arange(rows))
        if whole:
            train_again(experiment if cv is None else experiment.on_all_rows(), candidates, result, keep, crew)
    return result


def _crew(executor, threads):
    """Who trains, checked."""
    if executor is None:
        return ThreadBackend(checks.threads(threads))
    checks.instance(executor, "executor", Executor, "loky.get_reusable_executor() or client.get_executor() of Dask")
    return ExecutorBackend(executor, threads and checks.threads(threads))


def _experiment(prototypes, X, y, weights, validation, cv, score, standardize, backend):
    """Check data and what is to be measured on it, and cut it into folds."""
    prototype = next(iter(prototypes.values()))
    checks.held_out(validation, cv, score, list(prototypes))
    ends, dtype = (prototype.layer_sizes[0], prototype.layer_sizes[-1]), prototype.dtype
    for loss in prototypes:
        data = Dataset.of(X, y, *ends, loss, dtype, weights)
        _, rows, held_out, held_out_rows = Split.of(validation, data, *ends, loss, dtype)
    classes = data.labels if data.has_labels else None
    pairs = [(rows, held_out_rows)] if cv is None else cross_validation_folds(cv, X, y, classes)
    standardize = checks.flag(standardize, "standardize") and prototype.input_mean is None
    folds = tuple(Fold.of(data, *pair, standardize) for pair in pairs)
    tasks = [metrics.Task(ends[1], each.output, loss, data.has_labels) for loss, each in prototypes.items()]
    for task in tasks:
        score = metrics.checked_score(score, task)
    return Experiment(data, held_out, folds, prototypes, backend, score or metrics.default_score(*tasks))


def _configurations(swept, samples, search, seed):
    """What a checked grid stands for; none yet where they are searched."""
    if search is not None:
        return Explicit([], swept)
    if samples is not None:
        return Draws(swept, samples, seed)
    return Product(swept) if isinstance(swept, dict) else Explicit(swept)


def _empty_result(names, rows, experiment, rungs, score):
    """The result of a sweep that has not begun."""
    return SweepResult(
        names,
        rows,
        rungs[-1],
        rungs,
        "validation_loss" if len(experiment.folds[0].held_out) else "loss",
        metrics.name_of(experiment.score),
        metrics.sign_of(experiment.score) if score is not None or len(experiment.prototypes) > 1 else None,
        _about(experiment),
    )


def _about(experiment):
    """What a sweep ran on, as it is to be read in years."""
    prototype, fold = next(iter(experiment.prototypes.values())), experiment.folds[0]
    return {
        "date": datetime.now().isoformat(sep=" ", timespec="minutes"),
        "fastprop": __version__,
        "backend": experiment.backend,
        "network": repr(prototype),
        "training rows": len(fold.rows),
        "held-out rows": len(fold.held_out),
        "folds": len(experiment.folds),
        "standardized": fold.mean is not None or prototype.input_mean is not None,
    }
