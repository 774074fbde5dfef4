"""The commands: each calls the function that a Python user would call, and prints the result."""

import json

import numpy as np

import fastprop as fp
from fastprop import checks, exercise
from fastprop.cli import outputs, printing, values
from fastprop.cli.problem import problem_of

OPTIMIZER_FLAGS = "learning_rate", "momentum", "weight_decay"
"""Hyperparameters of optimizers that are arguments of the command line."""

DEFAULT_OPTIMIZERS = {"sgd": fp.SGD(0.5, momentum=0.9)}
"""Optimizers whose defaults differ from those in Python."""

DEFAULT_RATES = fp.geomspace(1e-3, 10, 64)
"""Learning rates that are swept by default."""


def sweep(options):
    """Run ``fastprop sweep``."""
    outputs.check(options)
    problem = problem_of(options)
    say = (lambda line: None) if options.json else print
    say(f"task: {problem.targets.description}")
    seeds = range(checks.whole_number(options.seeds, "--seeds"))
    rows = checks.whole_number(options.top, "--top")
    optimizer, swept = _optimizer(options)
    if hasattr(optimizer, "learning_rate"):
        swept = {"learning_rate": DEFAULT_RATES} | swept
    sizes = [problem.layer_sizes(hidden) for hidden in options.hidden]
    grid = swept | {"seed": list(seeds), "layer_sizes": sizes, "hidden": options.activation}
    single = {name: grid.pop(name)[0] for name in list(grid) if name != "learning_rate" and _is_single(grid[name])}
    optimizer = optimizer.changed(**{name: single[name] for name in swept if name in single})
    network = problem.network(options.hidden[0], options.activation[0], seed=0)
    arguments = {name: getattr(options, name) for name in ("samples", "cv", "score", "halving", "journal")}
    arguments |= {"optimizer": optimizer, "progress": not options.json}
    arguments |= {**_step_arguments(options), **_run_arguments(options)}
    result = fp.sweep(network, problem.X, problem.y, grid, **arguments)
    code, written = _write_results(result, problem, options)
    if options.json:
        print(json.dumps({"task": problem.targets.description, **printing.as_json(result)}))
    else:
        printing.print_table(result, rows)
    _say_how_it_ended(result, options, say)
    for line in written:
        say(line)
    broken_off = {"interrupted"} if options.seconds is not None else {"interrupted", "not run"}
    return 130 if broken_off & set(result.table["stopped"].tolist()) else code


def _write_results(result, problem, options):
    """Write the files that were asked for, as `outputs.write` does; without a best network there is an error."""
    if result.best_network is None:
        return 0 if result.finished.any() else 2, []  # in the latter case a warning has said what to do
    network = problem.named(result.best_network)
    files = [(options.save, network.save, "network"), (options.plot, result.plot, "picture")]
    return outputs.write([*files, (options.report, result.report, "report")])


def _say_how_it_ended(result, options, say):
    """Say how many configurations finished, and how good the best network is."""
    say(f"\n{result.finished.sum()} of {len(result.table)} configurations finished in {result.seconds:.2f} s")
    if result.finished.any() and not result.can_be_best.any():
        _ = result.best  # raises an error that says why there is none
    if result.best_network is None:
        return  # a warning has said why
    if options.cv:
        say(f"best network: {result.score_name} {result.best['score']:.4f} on average over {options.cv} folds")
    elif np.isfinite(result.best["score"]):
        say(f"best network: {result.score_name} {result.best['score']:.4f} on the held-out rows")
    else:
        say(f"best network: loss {result.best['loss']:.6g} on all rows, which it was trained on")


def _is_single(choices):
    return isinstance(choices, list) and len(choices) == 1


def train(options):
    """Run ``fastprop train``."""
    outputs.check(options)
    problem = problem_of(options)
    print(f"task: {problem.targets.description}")
    network = problem.network(options.hidden, options.activation, options.seed)
    optimizer, given = _optimizer(options)
    arguments = {"optimizer": optimizer.changed(**given), "seed": options.seed}
    arguments |= {**_step_arguments(options), **_run_arguments(options)}
    arguments |= {"checkpoint": options.checkpoint, "resume": options.resume}
    history = fp.train(network, problem.X, problem.y, progress=True, **arguments)
    is_lost = history.stopped == "diverged" and history.best_epoch < 0  # then a warning has said what to do
    files = [] if is_lost else [(options.save, network.save, "network")]
    code, written = outputs.write(files)
    print(f"{history.stopped} after {history.epochs} epochs in {history.seconds:.2f} s")
    if is_lost:
        return 2
    if history.epochs:
        printing.print_losses(history, problem.targets.task)
    print(*written, sep="\n", end="\n" * len(written))
    return 130 if history.stopped == "interrupted" else code


def find_learning_rate(options):
    """Run ``fastprop find-learning-rate``."""
    outputs.check(options)
    problem = problem_of(options)
    print(f"task: {problem.targets.description}")
    network = problem.network(options.hidden, options.activation, options.seed)
    optimizer, given = _optimizer(options)
    names = "min_rate", "max_rate", "epochs", "schedule", "dropout", "standardize", "seed"
    arguments = {"optimizer": optimizer.changed(**given), "validation": options.validation or None}
    arguments |= {name: getattr(options, name) for name in names}
    arguments |= _step_arguments(options)
    result = fp.find_learning_rate(network, problem.X, problem.y, **arguments)
    print(f"learning rate {result.suggestion:.2g}")
    code, written = outputs.write([(options.plot, result.plot, "picture")])
    print(*written, sep="\n", end="\n" * len(written))
    return code


def show_exercise(options):
    """Run ``fastprop exercise``."""
    print("A 2-2-1 sigmoid network, x = (0.5, 0.3), target 0.7, one step of descent at learning rate 0.1\n")
    print(f"{'':20}{'computed':48}printed in the original document")
    for line in exercise.lines():
        computed = " ".join(f"{value:.8f}" for value in line.value)
        print(f"{line.name:20}{computed:48}{line.printed}".rstrip())
    print(
        "\nThe printed gradients agree to 4e-8. The updated parameters were printed from a notebook whose cells had\n"
        "run out of order: the computed ones are right for one step from the initial weights."
    )
    return 0


def info(options):
    """Run ``fastprop info``."""
    from fastprop.kernels import compiler, epochs, peak

    one_core = peak.measure()
    print(f"fastprop    {fp.__version__}")
    lanes = f"{compiler.LANES} float32, {compiler.lanes('float64')} float64"
    print(f"lanes       {lanes} (FASTPROP_LANES forces another number)")
    print(f"threads     {checks.threads(None)}")
    print(f"peak        {one_core:.0f} GFLOP/s float32 on one core, measured")
    print(f"cache       {epochs.train.stats.cache_path}")
    return 0


# ---- options ----


def _step_arguments(options):
    """Return the arguments that a step depends on, except the optimizer."""
    clip = None if options.clip_norm is None else fp.ClipNorm(options.clip_norm)
    names = "batch_size", "loss", "class_weight", "threads"
    return {"clip": clip} | {name: getattr(options, name) for name in names}


def _run_arguments(options):
    """Return the arguments of `train` and `sweep` that say how long and on which rows to train."""
    early_stopping = None if options.early_stopping is None else fp.EarlyStopping(options.early_stopping)
    validation = 0.2 if options.validation is None and not getattr(options, "cv", None) else options.validation
    validation = None if validation == 0 else validation
    given = {name: getattr(options, name) for name in ("epochs", "schedule", "dropout", "standardize")}
    return given | {"validation": validation, "early_stopping": early_stopping, "seconds": options.seconds}


def _optimizer(options):
    """Return the optimizer with its defaults, and the hyperparameters that were given, by name."""
    optimizer = DEFAULT_OPTIMIZERS.get(options.optimizer) or values.OPTIMIZER_NAMES[options.optimizer]()
    given = {name: getattr(options, name) for name in OPTIMIZER_FLAGS if getattr(options, name, None) is not None}
    for name in given:
        if not hasattr(optimizer, name):
            raise ValueError(f"{options.optimizer} has no {name.replace('_', ' ')}: leave it out.")
    return optimizer, given
