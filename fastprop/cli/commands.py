"""The commands: each calls what a Python user would, and prints what came of it."""

import json

import fastprop as fp
from fastprop import checks, exercise, metrics
from fastprop.cli import printing, values

NUMBERS = "learning_rate", "momentum", "weight_decay"
"""What can be said of an optimizer."""

BEGINNING = {"sgd": fp.SGD(0.5, momentum=0.9)}
"""Optimizers that have other numbers than in Python if nothing is said."""

RATES = fp.geomspace(1e-3, 10, 64)
"""What is swept if nothing is said."""


def sweep(options):
    """``fastprop sweep``."""
    X, y = values.data(options)
    sizes = [values.layer_sizes(X, y, hidden) for hidden in options.hidden]
    seeds, rows = range(checks.whole_number(options.seeds, "--seeds")), checks.whole_number(options.top, "--top")
    optimizer, numbers = _optimizer(options)
    if hasattr(optimizer, "learning_rate"):
        numbers = {"learning_rate": RATES} | numbers
    grid = numbers | {"seed": list(seeds), "layer_sizes": sizes, "hidden": options.activation}
    single = {name: grid.pop(name)[0] for name in list(grid) if name != "learning_rate" and _is_single(grid[name])}
    optimizer = optimizer.changed(**{name: single[name] for name in numbers if name in single})
    network = values.network(options, y, sizes[0], options.activation[0], seed=0)
    searching = {name: getattr(options, name) for name in ("samples", "cv", "score", "halving", "journal")}
    how = {"optimizer": optimizer, "progress": not options.json, **_step(options), **_run(options), **searching}
    result = fp.sweep(network, X, y, grid, **how)
    if options.json:
        print(json.dumps(printing.as_json(result)))
    else:
        printing.print_table(result, rows)
    tell = (lambda line: None) if options.json else print
    stopped = result.table["stopped"].tolist()
    tell(f"\n{result.finished.sum()} of {len(stopped)} configurations finished in {result.seconds:.2f} s")
    if result.best_network is not None:
        where = f"on average over {options.cv} folds" if options.cv else "on the held-out rows"
        tell(f"best network: {result.score_name} {result.best['score']:.4f} {where}")
        for path, write, what in (
            (options.plot, result.plot, "picture"),
            (options.report, result.report, "report"),
            (options.save, result.best_network.save, "network"),
        ):
            if path:
                write(path)
                tell(f"{what}: {path}")
    elif "diverged" in stopped:
        raise ValueError("no configuration finished: sweep smaller learning rates.")
    return 130 if {"interrupted", "not run"} & set(stopped) else 0


def _is_single(choices):
    return isinstance(choices, list) and len(choices) == 1


def train(options):
    """``fastprop train``."""
    X, y = values.data(options)
    network = values.network(options, y, values.layer_sizes(X, y, options.hidden), options.activation, options.seed)
    optimizer, numbers = _optimizer(options)
    how = {"optimizer": optimizer.changed(**numbers), "seed": options.seed, **_step(options), **_run(options)}
    how |= {"checkpoint": options.checkpoint, "resume": options.resume}
    history = fp.train(network, X, y, progress=True, **how)
    print(f"{history.stopped} after {history.epochs} epochs in {history.seconds:.2f} s")
    if history.stopped == "diverged":
        raise ValueError("the loss is no longer finite: train with a smaller learning rate.")
    if history.epochs:
        loss, held_out_loss = history.loss[history.best_epoch], history.validation_loss[history.best_epoch]
        print(f"loss {loss:.6g}, on the held-out rows {held_out_loss:.6g}")
        outputs, loss = network.layer_sizes[-1], checks.loss(options.loss, network.output)
        name = metrics.default_score(metrics.Task(outputs, network.output, loss, outputs > 1 and y.ndim == 1))
        print(f"{name} {history.score:.4f} on the held-out rows")
    _save(network, options)
    return 130 if history.stopped == "interrupted" else 0


def find_learning_rate(options):
    """``fastprop find-learning-rate``."""
    X, y = values.data(options)
    network = values.network(options, y, values.layer_sizes(X, y, options.hidden), options.activation, options.seed)
    optimizer, numbers = _optimizer(options)
    rates = {"min_rate": options.min_rate, "max_rate": options.max_rate, "steps": options.steps}
    how = {"optimizer": optimizer.changed(**numbers), "seed": options.seed, **rates, **_step(options)}
    result = fp.find_learning_rate(network, X, y, **how)
    print(f"learning rate {result.suggestion:.2g}")
    _plot(result, options)
    return 0


def show_exercise(options):
    """``fastprop exercise``."""
    print("A 2-2-1 sigmoid network, x = (0.5, 0.3), target 0.7, one step of descent at learning rate 0.1\n")
    print(f"{'':20}{'computed':48}printed in the seed document")
    for line in exercise.lines():
        print(f"{line.name:20}{' '.join(f'{number:.8f}' for number in line.value):48}{line.printed}".rstrip())
    print(
        "\nThe seed's gradients agree to 4e-8. Its updated parameters were printed from a notebook whose cells had\n"
        "run out of order: the computed ones are right for one step from the initial weights."
    )
    return 0


def info(options):
    """``fastprop info``."""
    from fastprop.kernels import epochs, jit, peak

    one_core = peak.measure()
    print(f"fastprop    {fp.__version__}")
    print(f"lanes       {jit.LANES} float32, {max(1, jit.LANES // 2)} float64 (FASTPROP_LANES forces another number)")
    print(f"threads     {checks.threads(None)}")
    print(f"peak        {one_core:.0f} GFLOP/s float32 on one core, measured")
    print(f"cache       {epochs.train.stats.cache_path}")
    return 0


def _plot(result, options):
    if options.plot:
        result.plot(options.plot)
        print(f"picture: {options.plot}")


def _save(network, options):
    if options.save:
        network.save(options.save)
        print(f"network: {options.save}")


# ---- options ----


def _step(options):
    clip = None if options.clip_norm is None else fp.ClipNorm(options.clip_norm)
    return {"batch_size": options.batch_size, "loss": options.loss, "clip": clip, "threads": options.threads}


def _run(options):
    early = None if options.early_stopping is None else fp.EarlyStopping(options.early_stopping)
    validation = 0.2 if options.validation is None and not getattr(options, "cv", None) else options.validation
    given = {name: getattr(options, name) for name in ("epochs", "schedule", "dropout", "standardize")}
    return given | {"validation": validation, "early_stopping": early}


def _optimizer(options):
    """The optimizer as it is if nothing else is said, and what is said of its numbers."""
    optimizer = BEGINNING.get(options.optimizer) or values.OPTIMIZER_NAMES[options.optimizer]()
    given = {name: getattr(options, name) for name in NUMBERS if getattr(options, name, None) is not None}
    for name in given:
        if not hasattr(optimizer, name):
            raise ValueError(f"{options.optimizer} has no {name.replace('_', ' ')}: leave it out.")
    return optimizer, given
