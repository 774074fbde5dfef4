"""The commands: each calls the function that a Python user would call, and prints the result."""

import json
from dataclasses import replace

import numpy as np

import fastprop as fp
from fastprop import checks, exercise, verification
from fastprop.cli import outputs, printing, saved_network, values
from fastprop.cli.problem import problem_of, share
from fastprop.metrics.scores import shown_score
from fastprop.sweeping import about
from fastprop.tabular import search_space
from fastprop.tabular.recipe import RECIPE

OPTIMIZER_FLAGS = "learning_rate", "momentum", "weight_decay"
"""Hyperparameters of optimizers that are arguments of the command line."""

FACTORS = "layer_rates", "bias_rate", "bias_decay"
"""Factors of layers and biases that are arguments of the command line."""

DEFAULT_OPTIMIZERS = {"sgd": fp.SGD(0.5, momentum=0.9), "adamw": RECIPE.optimizer}
"""Optimizers whose defaults differ from those in Python."""


def sweep(options):
    """Run ``fastprop sweep``."""
    outputs.check(options)
    problem = problem_of(options)
    say = (lambda line: None) if options.json else print
    if not options.json:
        printing.print_problem(problem)
    rows = checks.whole_number(options.top, "--top")
    optimizer, given = _optimizer(options)
    searched, samples = _searched(problem, options, given)
    names = [name for name in searched if name != "learning_rate" and _is_single(searched[name])]
    single = {name: searched.pop(name)[0] for name in names}
    optimizer = optimizer.changed(**{name: single[name] for name in given if name in single})
    hidden = single.get("layer_sizes", problem.layer_sizes(RECIPE.hidden_layer_sizes))[1:-1]
    network = problem.network(hidden, single.get("hidden", RECIPE.hidden), seed=0)
    arguments = {name: getattr(options, name) for name in ("cv", "outer", "halving", "journal", "search")}
    arguments |= {"samples": samples, "score": options.score}
    arguments |= {"optimizer": optimizer, "progress": not options.json}
    arguments |= {**_step_arguments(options, problem), **_run_arguments(options, problem)}
    arguments |= {name: single[name] for name in FACTORS if name in single}
    arguments["dropout"] = single.get("dropout", _default_dropout(options, problem))
    result = fp.sweep(network, problem.X, problem.y_of_folds, searched, **arguments)
    result.about["data"] = f"{problem.data['name']}, {result.about['data']}"
    code, written = _write_results(result, problem, options)
    if options.json:
        print(json.dumps({"task": problem.targets.description, **printing.as_json(result)}))
    else:
        printing.print_table(result, rows)
    _say_how_it_ended(result, options, say)
    if result.outer is not None:
        say(f"nested cross-validation: {result.outer}")
    if result.can_be_best.any():
        for line in search_space.edges(result.best, searched):
            say(line)
    for line in written:
        say(line)
    broken_off = {"interrupted"} if options.seconds is not None else {"interrupted", "not run"}
    return 130 if broken_off & set(result.table["stopped"].tolist()) else code


def _searched(problem, options, given):
    """Return the hyperparameters that are swept, by name, and the number of samples to draw of them, or None.

    These are the values that the user gives. Without several values of anything, and without a learning rate, it is
    the recipe's space, except for what is given.
    """
    seeds = range(checks.whole_number(options.seeds, "--seeds"))
    searched = given | {"seed": seeds}
    if options.hidden is not None:
        searched["layer_sizes"] = [problem.layer_sizes(hidden) for hidden in options.hidden]
    searched |= {} if options.activation is None else {"hidden": options.activation}
    searched |= {} if options.dropout is None else {"dropout": options.dropout}
    searched |= _factors(options)
    several = {name for name, values in searched.items() if not _is_single(values)}
    if several - ({"seed"} if options.search else set()) or "learning_rate" in given:
        return searched, options.samples
    space = search_space.space(options.optimizer)
    sizes = space.pop("hidden_sizes").values
    if options.search is None:  # a population changes values in training, and no network its layers
        space["layer_sizes"] = fp.choice([problem.layer_sizes(hidden) for hidden in sizes])
    samples = search_space.SAMPLES if options.samples is None else options.samples
    return space | searched, samples


def _write_results(result, problem, options):
    """Write the files that were asked for, as `outputs.write` does; without a best network there is an error."""
    if result.best_network is None:
        return 0 if result.finished.any() else 2, []  # in the latter case a warning has said what to do
    model = problem.model(result.best_network)
    files = [(options.save, model.save, "network"), (options.plot, result.plot, "picture")]
    return outputs.write([*files, (options.report, result.report, "report")])


def _say_how_it_ended(result, options, say):
    """Say how many configurations finished, and how good the best network is."""
    say(f"\n{result.finished.sum()} of {len(result.table)} configurations finished in {result.seconds:.2f} s")
    if result.best_network is None:
        return  # a warning has said why
    if options.cv:
        say(f"best network: {result.score_name} {shown_score(result.best['score'])} on average over {options.cv} folds")
    elif np.isfinite(result.best["score"]):
        say(f"best network: {result.score_name} {shown_score(result.best['score'])} on the held-out rows")
    else:
        say(f"best network: loss {result.best['loss']:.6g} on all rows, which it was trained on")


def _is_single(choices):
    return isinstance(choices, (list, range)) and len(choices) == 1


def train(options):
    """Run ``fastprop train``."""
    outputs.check(options)
    problem = problem_of(options)
    printing.print_problem(problem)
    network = problem.network(options.hidden, options.activation, options.seed)
    optimizer, given = _optimizer(options)
    arguments = {"optimizer": optimizer.changed(**given), "seed": options.seed} | _factors(options)
    arguments |= {**_step_arguments(options, problem), **_run_arguments(options, problem)}
    arguments |= {"checkpoint": options.checkpoint, "resume": options.resume}
    history = fp.train(network, problem.X, problem.y, progress=True, **arguments)
    is_lost = history.stopped == "diverged" and history.best_epoch < 0  # then a warning has said what to do
    if not is_lost:
        problem.unscale(network)
    files = [] if is_lost else [(options.save, problem.model(network).save, "network")]
    code, written = outputs.write(files)
    print(f"{history.stopped} after {history.epochs} epochs in {history.seconds:.2f} s")
    if is_lost:
        return 2
    if history.epochs:
        printing.print_losses(history, problem.factor(), problem.factor_of_score(history.score_name))
    print(*written, sep="\n", end="\n" * len(written))
    return 130 if history.stopped == "interrupted" else code


def find_learning_rate(options):
    """Run ``fastprop find-learning-rate``."""
    outputs.check(options)
    problem = problem_of(options)
    printing.print_problem(problem)
    network = problem.network(options.hidden, options.activation, options.seed)
    optimizer, given = _optimizer(options)
    names = "min_rate", "max_rate", "epochs", "standardize", "seed"
    arguments = {"optimizer": optimizer.changed(**given), "validation": options.validation or None}
    arguments |= {name: getattr(options, name) for name in names} | _factors(options)
    arguments |= {"schedule": _schedule(options), "dropout": _dropout(options, problem)}
    arguments |= _step_arguments(options, problem)
    result = fp.find_learning_rate(network, problem.X, problem.y, **arguments)
    factor = problem.factor()
    result = replace(result, losses=factor * result.losses, untrained_loss=factor * result.untrained_loss)
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
    """Run ``fastprop info``, of this machine or of a saved network."""
    if options.network is not None:
        print("\n".join(saved_network.lines(options.network)))
        return 0
    from fastprop.kernels import compiler, epochs, peak

    one_core = peak.measure()
    print(f"fastprop    {fp.__version__}")
    lanes = f"{compiler.LANES} float32, {compiler.lanes('float64')} float64"
    print(f"lanes       {lanes} (FASTPROP_LANES forces another number)")
    print(f"threads     {checks.threads(None)}")
    print(f"peak        {one_core:.0f} GFLOP/s float32 on one core, measured")
    print(f"cache       {epochs.train.stats.cache_path}")
    return 0


def verify(options):
    """Run ``fastprop verify``."""
    from fastprop.kernels import compiler

    names = verification.names(options.only)
    print(f"fastprop {fp.__version__}, Python {about.versions()}")
    print(f"{about.machine()}, vectors of {compiler.LANES} float32", flush=True)  # before the kernels are compiled
    differing = 0
    for name, digest, published in verification.differences(names, options.threads):
        print(f"{name}: {digest} here, {published} published", flush=True)
        differing += 1
    if differing:
        verb = "differs" if differing == 1 else "differ"
        print(f"{differing} of {len(names)} runs {verb} from what is published")
        return 1
    print(f"{len(names)} of {len(verification.names())} runs: same bits as published")
    return 0


# ---- options ----


def _step_arguments(options, problem):
    """Return the arguments that a step depends on, except the optimizer."""
    clip = None if options.clip_norm is None else fp.ClipNorm(options.clip_norm)
    names = "loss", "precision", "class_weight", "threads"
    given = {name: getattr(options, name) for name in names}
    return given | {"clip": clip, "batch_size": _batch_size(options, problem)}


def _factors(options):
    """Return the factors that were given, by name; of a sweep the values of each."""
    return {name: getattr(options, name) for name in FACTORS if getattr(options, name) is not None}


def _run_arguments(options, problem):
    """Return the arguments of `train` and `sweep` that say how long and on which rows to train."""
    validation = share(options)
    given = {name: getattr(options, name) for name in ("epochs", "standardize", "seconds")}
    given |= {"schedule": _schedule(options), "dropout": _dropout(options, problem)}
    return given | {"validation": validation, "early_stopping": _early_stopping(options)}


def _early_stopping(options):
    """Return when a run ends; by default it is the recipe's where rows are held out and no search ends runs itself."""
    patience = options.early_stopping
    if patience is None:
        is_measured = share(options) is not None or getattr(options, "cv", None)
        patience = RECIPE.patience if is_measured and getattr(options, "search", None) is None else 0
    return fp.EarlyStopping(None if patience == "never" else patience) if patience else None


def _dropout(options, problem):
    return _default_dropout(options, problem) if options.dropout is None else options.dropout


def _default_dropout(options, problem):
    """Return the dropout of the recipe, which is for an optimizer that takes a part of the rows in each step."""
    if options.optimizer == "lbfgs":
        return 0.0
    return RECIPE.dropout_of(*problem.X.shape, _batch_size(options, problem))


def _batch_size(options, problem):
    return RECIPE.batch_size(problem.X.shape[0]) if options.batch_size is None else options.batch_size


def _schedule(options):
    """Return the schedule; by default it is the recipe's, but none of an optimizer without a learning rate."""
    if options.schedule is None:
        return RECIPE.schedule if options.optimizer != "lbfgs" else None
    return None if options.schedule == "constant" else options.schedule


def _optimizer(options):
    """Return the optimizer with its defaults, and the hyperparameters that were given, by name."""
    optimizer = DEFAULT_OPTIMIZERS.get(options.optimizer) or values.OPTIMIZER_NAMES[options.optimizer]()
    given = {name: getattr(options, name) for name in OPTIMIZER_FLAGS if getattr(options, name, None) is not None}
    for name in given:
        if not hasattr(optimizer, name):
            raise ValueError(f"--optimizer {options.optimizer} has no --{name.replace('_', '-')}: leave it out.")
    return optimizer, given
