"""`sweep`: many runs over one copy of the data, on all cores, each the same to the last bit as if it ran alone."""

import functools
import threading
import time
from dataclasses import replace

import numpy as np

from fastprop import checks, jobs, metrics, scheduling
from fastprop.integrations import plotting
from fastprop.kernels import optimizers
from fastprop.moments import standardization
from fastprop.network import MLP
from fastprop.options import LBFGS, SGD
from fastprop.runs import RUNS, Setting, new_run, predict, score

OPTIMIZING = dict.fromkeys(optimizers.HYPERPARAMETERS, float)
"""Hyperparameters that belong to the optimizer."""

IN_SETTING = {"batch_size": int, "seed": int, "dropout": float} | dict.fromkeys(
    ("loss", "optimizer", "schedule", "clip", "average", "early_stopping"), object
)
"""Hyperparameters that belong to the run."""

IN_NETWORK = dict.fromkeys(("layer_sizes", "hidden", "initialization"), object)
"""Hyperparameters that a new network is made for."""

HYPERPARAMETERS = OPTIMIZING | IN_SETTING | IN_NETWORK
"""What can be swept, and the type of its column in the table."""

COLUMNS = {"loss": "loss_function"}
"""Hyperparameters whose column has a name of its own: ``loss`` is what came of a run."""

ENDED_WELL = "finished", "early", "converged"
"""How a run ends that may be the best."""


class SweepResult:
    """What came of a sweep.

    Attributes
    ----------
    table : ndarray
        Structured, one row a configuration in the order of the grid: the swept hyperparameters (NaN for a number that
        the row's optimizer does not have; a swept loss as ``loss_function``), ``loss`` and ``validation_loss`` after
        the last epoch (or that whose weights early stopping gave back), ``score`` on the held-out rows (NaN without
        validation), ``epochs`` done, ``stopped`` (see `History`; ``"not run"`` after Ctrl-C), ``seconds``.
    history : ndarray
        (configurations, epochs) validation loss, or training loss without validation; NaN past a run's end.
    score_name : str
        What ``score`` is: ``"accuracy"`` or ``"r2"``.
    best_network : MLP or None
        The trained network of the best row; None if no configuration was finished.
    seconds : float
        How long the sweep took, compiling not counted.
    """

    def __init__(self, swept, configurations, epochs, criterion, score_name, by_score):
        self.swept, self.hyperparameters = swept, [COLUMNS.get(name, name) for name in swept]
        columns = [(column, HYPERPARAMETERS[name]) for name, column in zip(swept, self.hyperparameters)]
        columns += [("loss", float), ("validation_loss", float), ("score", float)]
        self.table = np.zeros(configurations, [*columns, ("epochs", int), ("stopped", "U11"), ("seconds", float)])
        self.history = np.full((configurations, epochs), np.nan)
        self.best_network, self.seconds = None, 0.0
        self.criterion, self.score_name, self.by_score = criterion, score_name, by_score
        self._best, self._recording = (np.inf, 0), threading.Lock()
        for name in ("loss", "validation_loss", "score"):
            self.table[name] = np.nan
        self.table["stopped"] = "not run"

    @property
    def done(self):
        """How many configurations have run."""
        return int((self.table["stopped"] != "not run").sum())

    @property
    def best(self):
        """The best row, the first of equals: lowest validation loss, or training loss without validation.

        Of several losses, which cannot be compared: the highest score.
        """
        return self.top(1)[0]

    def top(self, count):
        """Return the best `count` rows, best first; runs that did not finish come last."""
        return self.table[self.ranking[:count]]

    @property
    def finished(self):
        """Which rows may be the best, (configurations,) bool: those that neither diverged nor were interrupted."""
        return np.isin(self.table["stopped"], ENDED_WELL)

    @property
    def ranking(self):
        """The numbers of the rows, best first."""
        costs = np.where(self.finished, self._cost(self.table), np.nan)
        return np.argsort(costs, kind="stable")

    def _cost(self, rows):
        """What is lowest for the best."""
        return -rows["score"] if self.by_score else rows[self.criterion]

    def record(self, number, network, history, score):
        """Enter what came of a configuration, from any thread. Of the networks only the best is kept."""
        row = self.table[number]
        row["epochs"], row["stopped"], row["seconds"] = history.epochs, history.stopped, history.seconds
        row["score"] = score
        if history.epochs:
            row["loss"] = history.loss[history.best_epoch]
            row["validation_loss"] = history.validation_loss[history.best_epoch]
        self.history[number] = getattr(history, self.criterion)
        with self._recording:
            if history.stopped in ENDED_WELL and (self._cost(row), number) < self._best:
                self._best, self.best_network = (self._cost(row), number), network

    def plot(self, path):
        """Draw loss and score against the first swept hyperparameter into a picture file (extra ``plot``)."""
        plotting.sweep(self, path)


def sweep(
    network,
    X,
    y,
    grid,
    *,
    epochs,
    batch_size=32,
    loss=None,
    optimizer=SGD(0.1),
    schedule=None,
    clip=None,
    dropout=0.0,
    average=None,
    early_stopping=None,
    validation=None,
    sample_weight=None,
    class_weight=None,
    standardize=False,
    shuffle=True,
    seed=0,
    threads=None,
    progress=False,
    backend="kernels",
):
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
        layer_sizes, hidden, initialization.
    epochs, batch_size, loss, optimizer, schedule, clip, dropout, average, early_stopping, shuffle, seed, backend
        See `train`: these hold where the grid says nothing else.
    validation, sample_weight, class_weight
        See `train`.
    standardize : bool
        See `train`: fitted once, for all configurations, but if the given network has a standardisation, which then
        goes for new networks too.
    threads : int, optional
        How many configurations run at a time; by default as many as there are cores.
    progress : bool
        Whether to show a progress bar.

    Returns
    -------
    SweepResult
        After Ctrl-C, what was finished by then.

    Raises
    ------
    ValueError, TypeError
        If an argument is not as described, before anything is trained; the message says what to do.

    Examples
    --------
    >>> import fastprop as fp
    >>> X, y = fp.datasets.digits()
    >>> result = fp.sweep((64, 16, 10), X, y, {"learning_rate": [0.01, 0.5]}, epochs=3, validation=0.2)
    >>> float(result.best["learning_rate"])
    0.5
    """
    configurations = checks.grid(grid, HYPERPARAMETERS)
    checks.choice(backend, "backend", RUNS)
    threads = min(checks.threads(threads), len(configurations))
    if not isinstance(network, MLP):
        network = checks.layer_sizes(network)
    setting = Setting(
        epochs,
        batch_size,
        loss,
        optimizer,
        shuffle,
        seed,
        schedule=schedule,
        clip=clip,
        dropout=dropout,
        average=average,
        early_stopping=early_stopping,
    ).checked()

    @functools.cache
    def beginning(loss):
        """The network that runs with this loss begin with, or one like it."""
        if isinstance(network, MLP):
            return network
        return MLP(network, output=checks.output_for(loss, y, network[-1]), seed=seed)

    settings = [_setting(setting, configuration) for configuration in configurations]
    networks = [beginning(own.loss) for own in settings]
    settings = [own._replace(loss=checks.loss(own.loss, like.output)) for own, like in zip(settings, networks)]
    for configuration, like in zip(configurations, networks):
        if not configuration.keys().isdisjoint(IN_NETWORK):
            _check(configuration, like)
    losses = list(dict.fromkeys(own.loss for own in settings))
    checks.comparable(losses, validation)
    sizes, dtype = networks[0].layer_sizes, networks[0].dtype
    sample_weight = checks.class_weight(class_weight, y, sample_weight)
    for own_loss in losses:
        data = checks.dataset(X, y, sizes[0], sizes[-1], own_loss, dtype, sample_weight)
        split = checks.validation(validation, data, sizes[0], sizes[-1], own_loss, dtype)
    if checks.flag(standardize, "standardize") and networks[0].input_mean is None:
        mean, scale = standardization(data.inputs, split[0], dtype)
        copies = {like: like.copy() for like in dict.fromkeys(networks)}
        for like in copies.values():
            like.input_mean, like.input_scale = mean, scale
        networks = [copies[like] for like in networks]
    result = SweepResult(
        [name for name in HYPERPARAMETERS if any(name in configuration for configuration in configurations)],
        len(configurations),
        epochs,
        "loss" if validation is None else "validation_loss",
        metrics.score_name(split[1].labelled, *losses),
        by_score=len(losses) > 1,
    )
    plans = list(zip(configurations, networks, settings))
    for row, plan in zip(result.table, plans):
        for name, column in zip(result.swept, result.hyperparameters):
            row[column] = _value(name, *plan)

    if backend == "kernels" and not any(isinstance(own.optimizer, LBFGS) for own in settings):
        packs = scheduling.packs([_shape(*plan) for plan in plans], dtype, threads)
    else:
        packs = [[number] for number in range(len(configurations))]

    def job(numbers):
        trained = [_network(*plans[number]) for number in numbers]
        run = new_run(backend, trained, data, *split, [settings[number] for number in numbers])

        def finish():
            for number, own_network, history in zip(numbers, trained, run.histories):
                result.record(number, own_network, history, score(own_network, *split[1:], result.score_name))

        return _Job(run, finish)

    for size in {min(2, len(numbers)) for numbers in packs}:
        new_run(backend, networks[:1] * size, data, *split, settings[:1]).prepare()
    if validation is not None:
        predict(networks[0], data.inputs[:1])
    start = time.perf_counter()
    with jobs.ProgressBar(total=len(configurations), unit="configuration", disable=not progress) as bar:
        jobs.run(map(job, packs), threads, lambda: bar.update(result.done - bar.n))
    result.seconds = time.perf_counter() - start
    return result


class _Job:
    """One configuration: its run, and what is to be done after it."""

    def __init__(self, run, finish):
        self._run, self._finish, self.stop = run, finish, run.stop

    def __call__(self):
        self._run()
        self._finish()


def _setting(setting, configuration):
    """The setting of a configuration: what the grid names, and the sweep's own for the rest."""
    in_optimizer = {name: configuration[name] for name in OPTIMIZING if name in configuration}
    in_setting = {name: configuration[name] for name in IN_SETTING if name in configuration}
    own = setting._replace(**in_setting).checked() if in_setting else setting
    checks.known_to(own.optimizer, in_optimizer)
    return own._replace(optimizer=replace(own.optimizer, **in_optimizer)) if in_optimizer else own


def _check(configuration, network):
    """Refuse what no network can be made of; `network` has what the configuration does not name."""
    sizes = network.layer_sizes
    if "layer_sizes" in configuration:
        sizes = configuration["layer_sizes"] = checks.ends(configuration["layer_sizes"], (sizes[0], sizes[-1]))
    hidden = checks.hidden(configuration.get("hidden", network.hidden), len(sizes) - 2)
    if "hidden" in configuration:
        configuration["hidden"] = hidden
    checks.initialization(configuration.get("initialization"), sizes, network.dtype)


def _value(name, configuration, network, setting):
    """What a configuration has of a hyperparameter; NaN for a number that its optimizer does not have."""
    if name in OPTIMIZING:
        return getattr(setting.optimizer, name, np.nan)
    if name in IN_SETTING:
        return getattr(setting, name)
    return configuration[name] if name in configuration else getattr(network, name)


def _shape(configuration, network, setting):
    """What must be equal in a pack."""
    own = [configuration.get(name, getattr(network, name)) for name in ("layer_sizes", "hidden", "output")]
    own += [getattr(setting, name) for name in ("loss", "batch_size", "schedule", "clip", "average", "early_stopping")]
    return *own, setting.optimizer.rule, setting.optimizer.l1 > 0


def _network(configuration, network, setting):
    """The network that a configuration begins with."""
    if not any(name in configuration for name in ("seed", *IN_NETWORK)):
        return network.copy()
    own = {name: configuration.get(name, getattr(network, name)) for name in IN_NETWORK}
    new = MLP(**own, output=network.output, seed=setting.seed, dtype=network.dtype)
    new.input_mean, new.input_scale = network.input_mean, network.input_scale
    return new
