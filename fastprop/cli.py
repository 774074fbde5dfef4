"""The command line, ``fastprop sweep | train | find-learning-rate | …``: parsing and printing, nothing else."""

import argparse
import re
import sys
from dataclasses import replace

import numpy as np

import fastprop as fp
from fastprop import checks, datasets, exercise, metrics
from fastprop.options import OPTIMIZERS, SCHEDULES
from fastprop.options.schedules import UNITS


def main(arguments=None):
    """Run a command; return the exit code: 0, or 2 for bad input (one line on stderr), or 130 after Ctrl-C."""
    try:
        options = _parser().parse_args(arguments)
        return options.command(options)
    except (ValueError, TypeError, ImportError, OSError) as error:
        print(f"fastprop: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


# ---- commands ----


def sweep(options):
    """``fastprop sweep``."""
    X, y = _data(options)
    sizes = [_layer_sizes(X, y, hidden) for hidden in options.hidden]
    seeds, rows = range(checks.whole_number(options.seeds, "--seeds")), checks.whole_number(options.top, "--top")
    optimizer, numbers = _optimizer(options)
    if hasattr(optimizer, "learning_rate"):
        numbers = {"learning_rate": _values("geomspace:1e-3:10:64")} | numbers
    grid = numbers | {"seed": seeds, "layer_sizes": sizes, "hidden": options.activation}
    grid = {name: values for name, values in grid.items() if len(values) > 1 or name == "learning_rate"}
    optimizer = replace(optimizer, **{name: values[0] for name, values in numbers.items() if name not in grid})
    network = _network(options, y, sizes[0], options.activation[0], seed=0)
    result = fp.sweep(network, X, y, grid, optimizer=optimizer, progress=True, **_step(options), **_run(options))
    _print_table(result, rows)
    stopped = result.table["stopped"].tolist()
    print(f"\n{result.finished.sum()} of {len(stopped)} configurations finished in {result.seconds:.2f} s")
    if result.best_network is not None:
        print(f"best network: {result.score_name} {result.best['score']:.4f} on the held-out rows")
        _plot(result, options)
        _save(result.best_network, options)
    elif "diverged" in stopped:
        raise ValueError("no configuration finished: sweep smaller learning rates.")
    return 130 if {"interrupted", "not run"} & set(stopped) else 0


def train(options):
    """``fastprop train``."""
    X, y = _data(options)
    network = _network(options, y, _layer_sizes(X, y, options.hidden), options.activation, options.seed)
    optimizer, numbers = _optimizer(options)
    how = {"optimizer": replace(optimizer, **numbers), "seed": options.seed, **_step(options), **_run(options)}
    how |= {"checkpoint": options.checkpoint, "resume": options.resume}
    history = fp.train(network, X, y, progress=True, **how)
    print(f"{history.stopped} after {history.epochs} epochs in {history.seconds:.2f} s")
    if history.stopped == "diverged":
        raise ValueError("the loss is no longer finite: train with a smaller learning rate.")
    if history.epochs:
        loss, held_out_loss = history.loss[history.best_epoch], history.validation_loss[history.best_epoch]
        print(f"loss {loss:.6g}, on the held-out rows {held_out_loss:.6g}")
        labelled = network.layer_sizes[-1] > 1 and y.ndim == 1
        name = metrics.score_name(labelled, checks.loss(options.loss, network.output))
        print(f"{name} {history.score:.4f} on the held-out rows")
    _save(network, options)
    return 130 if history.stopped == "interrupted" else 0


def find_learning_rate(options):
    """``fastprop find-learning-rate``."""
    X, y = _data(options)
    network = _network(options, y, _layer_sizes(X, y, options.hidden), options.activation, options.seed)
    optimizer, numbers = _optimizer(options)
    rates = {"least": options.least, "most": options.most, "steps": options.steps}
    how = {"optimizer": replace(optimizer, **numbers), "seed": options.seed, **rates, **_step(options)}
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
    from fastprop.kernels import fused, jit, peak

    one_core = peak.measure()
    print(f"fastprop    {fp.__version__}")
    print(f"lanes       {jit.LANES} float32, {max(1, jit.LANES // 2)} float64 (FASTPROP_LANES forces another number)")
    print(f"threads     {checks.threads(None)}")
    print(f"peak        {one_core:.0f} GFLOP/s float32 on one core, measured")
    print(f"cache       {fused.train.stats.cache_path}")
    return 0


# ---- printing ----


def _print_table(result, rows):
    names = [*result.hyperparameters, "loss", "validation_loss", "score", "epochs", "stopped", "seconds"]
    lines = [names] + [[_cell(row[name]) for name in names] for row in result.top(rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(names))]
    for line in lines:
        print("  ".join(cell.rjust(width) for cell, width in zip(line, widths)))


def _cell(value):
    if isinstance(value, tuple):
        return "-".join(map(str, value))
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _plot(result, options):
    if options.plot:
        result.plot(options.plot)
        print(f"picture: {options.plot}")


def _save(network, options):
    if options.save:
        network.save(options.save)
        print(f"network: {options.save}")


# ---- options ----


_OPTIMIZERS = {kind.__name__.lower(): kind for kind in OPTIMIZERS}

_SCHEDULES = {re.sub("(?<!^)(?=[A-Z])", "-", kind.__name__).lower(): kind for kind in SCHEDULES}  # one-cycle: OneCycle

_NUMBERS = "learning_rate", "momentum", "weight_decay"
"""Of an optimizer."""

_BEGINNING = {"sgd": fp.SGD(0.5, momentum=0.9)}
"""Optimizers that have other numbers than in Python if nothing is said."""


class _Parser(argparse.ArgumentParser):
    def error(self, message):
        raise ValueError(f"{message}: see '{self.prog} --help'.")


def _parser():
    parser = _Parser(prog="fastprop", description="Train multilayer perceptrons on the CPU, many at once.")
    commands = parser.add_subparsers(title="commands", required=True, metavar="command")

    sweeping = commands.add_parser("sweep", help="train one network for each configuration and rank them")
    sweeping.set_defaults(command=sweep)
    _add_data(sweeping)
    _add_network(
        sweeping, _each(_hidden), "32, or 64x32 for two layers; 16,32 tries both", _each(str), "; relu,tanh tries both"
    )
    rates = "0.1 or 0.1,0.3 or geomspace:FIRST:LAST:COUNT or linspace:… (default geomspace:1e-3:10:64)"
    _add_optimizer(sweeping, _values, "VALUES", rates, " (likewise)")
    _add_run(sweeping)
    sweeping.add_argument("--seeds", type=int, default=1, metavar="N", help="train each with N seeds (default 1)")
    sweeping.add_argument("--top", type=int, default=10, metavar="N", help="how many rows to print (default 10)")
    _add_plot(sweeping, "loss and score against the learning rate")

    training = commands.add_parser("train", help="train one network")
    training.set_defaults(command=train)
    finding = commands.add_parser(
        "find-learning-rate", help="suggest a learning rate, by a short run in which it rises"
    )
    finding.set_defaults(command=find_learning_rate)
    for each, rate in (training, "(default 0.5 of sgd, else the optimizer's)"), (finding, None):
        _add_data(each)
        _add_network(each, _hidden, "32, or 64x32 for two layers", str)
        _add_optimizer(each, float, "NUMBER", rate)
        each.add_argument("--seed", type=int, default=0, help="of weights and row order (default 0)")
    _add_run(training)
    training.add_argument("--checkpoint", metavar="FILE", help="keep the state of the run here, every 10 s")
    training.add_argument("--resume", action="store_true", help="go on from the checkpoint, if it is there")
    finding.add_argument("--least", type=float, default=1e-5, metavar="RATE", help="(default %(default)s)")
    finding.add_argument("--most", type=float, default=10.0, metavar="RATE", help="(default %(default)s)")
    finding.add_argument("--steps", type=int, default=100, metavar="N", help="(default %(default)s)")
    _add_plot(finding, "the losses against the learning rate")

    commands.add_parser("exercise", help="print the hand-worked 2-2-1 exercise").set_defaults(command=show_exercise)
    commands.add_parser("info", help="print lanes, threads, peak and cache place").set_defaults(command=info)
    return parser


def _add_data(parser):
    parser.add_argument("data", help="'digits', or a .csv or .npz file")
    parser.add_argument(
        "--target", help="what to predict: a column of the CSV file (default the last), an array of the npz file"
    )


def _add_network(parser, sizes, sizes_help, names, more=""):
    parser.add_argument("--hidden", type=sizes, default="32", metavar="SIZES", help=f"{sizes_help} (default 32)")
    activation = f"of the hidden layers{more} (default sigmoid)"
    parser.add_argument("--activation", type=names, default="sigmoid", metavar="NAME", help=activation)


def _add_optimizer(parser, numbers, metavar, rates, more=""):
    """Add what a step depends on; `numbers` is the type of the optimizer's, `rates` the help of the learning rate's."""
    parser.add_argument("--batch-size", type=int, default=32, metavar="ROWS", help="(default %(default)s)")
    losses = "mse, mae, huber, poisson, binary_cross_entropy, cross_entropy (default: mse, of classes the last)"
    parser.add_argument("--loss", metavar="NAME", help=losses)
    optimizers = f"{', '.join(_OPTIMIZERS)} (default sgd)"
    parser.add_argument("--optimizer", choices=_OPTIMIZERS, default="sgd", metavar="NAME", help=optimizers)
    helps = rates, f"of sgd and rmsprop{more} (default 0.9 of sgd)", f"of weights and biases{more}"
    for name, text in zip(_NUMBERS, helps):
        if text is not None:
            parser.add_argument(f"--{name.replace('_', '-')}", type=numbers, metavar=metavar, help=text)
    parser.add_argument("--clip-norm", type=float, metavar="LIMIT", help="of the gradient's norm")
    parser.add_argument("--threads", type=int, metavar="N", help="(default: all cores)")


def _add_run(parser):
    parser.add_argument("--epochs", type=int, default=30, metavar="N", help="(default %(default)s)")
    parser.add_argument(
        "--validation", type=float, default=0.2, metavar="SHARE", help="of the rows to hold out (default %(default)s)"
    )
    schedules = "of the learning rate: cosine, one-cycle, steps:10:0.5, cosine:0.1:step, warmup:5+cosine, …"
    parser.add_argument("--schedule", type=_schedule, metavar="NAME", help=schedules)
    parser.add_argument("--dropout", type=float, default=0.0, metavar="SHARE", help="in the hidden layers (default 0)")
    parser.add_argument("--standardize", action="store_true", help="the inputs, as the training rows have them")
    parser.add_argument(
        "--early-stopping", type=int, metavar="EPOCHS", help="end after so many without an improvement, with the best"
    )
    parser.add_argument(
        "--save", type=checks.new_file, metavar="FILE", help="write the best network to a safetensors file"
    )


def _add_plot(parser, what):
    parser.add_argument("--plot", type=checks.new_file, metavar="FILE", help=f"draw {what}")


def _step(options):
    clip = None if options.clip_norm is None else fp.ClipNorm(options.clip_norm)
    return {"batch_size": options.batch_size, "loss": options.loss, "clip": clip, "threads": options.threads}


def _run(options):
    early = None if options.early_stopping is None else fp.EarlyStopping(options.early_stopping)
    given = {name: getattr(options, name) for name in ("epochs", "validation", "schedule", "dropout", "standardize")}
    return given | {"early_stopping": early}


def _optimizer(options):
    """The optimizer as it is if nothing else is said, and what is said of its numbers."""
    optimizer = _BEGINNING.get(options.optimizer) or _OPTIMIZERS[options.optimizer]()
    given = {name: getattr(options, name) for name in _NUMBERS if getattr(options, name, None) is not None}
    for name in given:
        if not hasattr(optimizer, name):
            raise ValueError(f"{options.optimizer} has no {name.replace('_', ' ')}: leave it out.")
    return optimizer, given


def _network(options, y, sizes, activation, seed):
    output = checks.output_for(options.loss, y, sizes[-1])
    return fp.MLP(sizes, hidden=activation, output=output, seed=seed)


# ---- values ----


def _values(text):
    kind, *rest = text.split(":")
    try:
        if not rest:
            return [float(value) for value in kind.split(",")]
        first, last, count = rest
        first, last, count = float(first), float(last), int(count)
        if count > 0 and kind == "linspace":
            return np.linspace(first, last, count).tolist()
        if count > 0 and kind == "geomspace" and min(first, last) > 0:
            return np.geomspace(first, last, count).tolist()
    except ValueError:
        pass
    raise argparse.ArgumentTypeError(
        f"{text!r} is not 0.1 or 0.1,0.3 or geomspace:FIRST:LAST:COUNT with positive numbers"
    )


def _hidden(text):
    try:
        return tuple(int(size) for size in text.split("x"))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not 32 or 64x32") from None


def _each(kind):
    """The type of several values, each of a `kind`, with commas between them."""
    return lambda text: [kind(each) for each in text.split(",")]


def _schedule(text):
    first, _, then = text.partition("+")
    name, *numbers = first.split(":")
    try:
        rest = {"by": numbers.pop()} if numbers and numbers[-1] in UNITS else {}
        if then:
            rest["then"] = _schedule(then)
        return _SCHEDULES[name](*(int(number) if number.isdigit() else float(number) for number in numbers), **rest)
    except (KeyError, ValueError, TypeError) as error:
        known = " or ".join(_SCHEDULES)
        raise argparse.ArgumentTypeError(f"{text!r} is not {known}, or numbers as in steps:10:0.5 ({error})") from None


def _data(options):
    if options.data == "digits":
        if options.target is not None:
            raise ValueError("digits has its own target: leave --target out.")
        return datasets.digits()
    return datasets.read(options.data, options.target)


def _layer_sizes(X, y, hidden):
    if y.ndim == 2:
        return X.shape[-1], *hidden, y.shape[1]
    return X.shape[-1], *hidden, int(y.max()) + 1 if y.dtype.kind == "i" else 1
