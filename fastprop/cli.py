"""The command line, ``fastprop sweep | train | exercise | info``: parsing and printing, nothing else."""

import argparse
import sys

import numpy as np

import fastprop as fp
from fastprop import checks, datasets, exercise, metrics


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
    grid = {"learning_rate": options.learning_rate, "momentum": options.momentum, "seed": seeds, "layer_sizes": sizes}
    grid = {name: values for name, values in grid.items() if len(values) > 1 or name == "learning_rate"}
    optimizer = fp.SGD(momentum=options.momentum[0])
    result = fp.sweep(sizes[0], X, y, grid, optimizer=optimizer, progress=True, **_common(options))
    stopped = result.table["stopped"].tolist()
    _print_table(result, rows)
    print(f"\n{result.finished.sum()} of {len(stopped)} configurations finished in {result.seconds:.2f} s")
    if result.best_network is not None:
        print(f"best network: {result.score_name} {result.best['score']:.4f} on the held-out rows")
        if options.plot:
            result.plot(options.plot)
            print(f"picture: {options.plot}")
        _save(result.best_network, options)
    elif "diverged" in stopped:
        raise ValueError("no configuration finished: sweep smaller learning rates.")
    return 130 if {"interrupted", "not run"} & set(stopped) else 0


def train(options):
    """``fastprop train``."""
    X, y = _data(options)
    sizes = _layer_sizes(X, y, options.hidden)
    output = checks.output_for(options.loss, y, sizes[-1])
    network = fp.MLP(sizes, output=output, seed=options.seed)
    optimizer = fp.SGD(options.learning_rate, momentum=options.momentum)
    history = fp.train(network, X, y, optimizer=optimizer, seed=options.seed, progress=True, **_common(options))
    print(f"{history.stopped} after {history.epochs} epochs in {history.seconds:.2f} s")
    if history.stopped == "diverged":
        raise ValueError("the loss is no longer finite: train with a smaller learning rate.")
    if history.epochs:
        loss, held_out_loss = history.loss[history.epochs - 1], history.validation_loss[history.epochs - 1]
        print(f"loss {loss:.6g}, on the held-out rows {held_out_loss:.6g}")
        name = metrics.score_name(sizes[-1] > 1 and y.ndim == 1, checks.loss(options.loss, output))
        print(f"{name} {history.score:.4f} on the held-out rows")
    _save(network, options)
    return 130 if history.stopped == "interrupted" else 0


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


def _save(network, options):
    if options.save:
        network.save(options.save)
        print(f"network: {options.save}")


# ---- parsing ----


class _Parser(argparse.ArgumentParser):
    def error(self, message):
        raise ValueError(f"{message}: see '{self.prog} --help'.")


def _parser():
    parser = _Parser(prog="fastprop", description="Train multilayer perceptrons on the CPU, many at once.")
    commands = parser.add_subparsers(title="commands", required=True, metavar="command")

    sweeping = commands.add_parser("sweep", help="train one network for each configuration and rank them")
    _add_common(sweeping)
    sweeping.add_argument(
        "--hidden", type=_hidden_choices, default="32", help="32, or 64x32 for two layers; 16,32 tries both"
    )
    rates = "0.1 or 0.1,0.3 or geomspace:FIRST:LAST:COUNT or linspace:… (default %(default)s)"
    sweeping.add_argument("--learning-rate", type=_values, default="geomspace:1e-3:10:64", metavar="VALUES", help=rates)
    sweeping.add_argument(
        "--momentum", type=_values, default="0.9", metavar="VALUES", help="likewise (default %(default)s)"
    )
    sweeping.add_argument("--seeds", type=int, default=1, metavar="N", help="train each with N seeds (default 1)")
    sweeping.add_argument("--top", type=int, default=10, metavar="N", help="how many rows to print (default 10)")
    sweeping.add_argument(
        "--plot", type=checks.new_file, metavar="FILE", help="draw loss and score against the learning rate"
    )
    sweeping.set_defaults(command=sweep)

    training = commands.add_parser("train", help="train one network")
    _add_common(training)
    training.add_argument("--hidden", type=_hidden, default="32", help="hidden layers: 32, or 64x32 for two")
    training.add_argument("--learning-rate", type=float, default=0.5, metavar="RATE", help="(default %(default)s)")
    training.add_argument("--momentum", type=float, default=0.9, help="(default %(default)s)")
    training.add_argument("--seed", type=int, default=0, help="of weights and row order (default 0)")
    training.set_defaults(command=train)

    commands.add_parser("exercise", help="print the hand-worked 2-2-1 exercise").set_defaults(command=show_exercise)
    commands.add_parser("info", help="print lanes, threads, peak and cache place").set_defaults(command=info)
    return parser


def _add_common(parser):
    parser.add_argument("data", help="'digits', or a .csv or .npz file")
    parser.add_argument(
        "--target", help="what to predict: a column of the CSV file (default the last), an array of the npz file"
    )
    parser.add_argument("--epochs", type=int, default=30, help="(default %(default)s)")
    parser.add_argument("--batch-size", type=int, default=32, help="(default %(default)s)")
    parser.add_argument(
        "--validation", type=float, default=0.2, help="share of the rows to hold out (default %(default)s)"
    )
    parser.add_argument(
        "--loss", help="mse, binary_cross_entropy or cross_entropy (default: cross_entropy for classes, else mse)"
    )
    parser.add_argument("--threads", type=int, help="(default: all cores)")
    parser.add_argument(
        "--save", type=checks.new_file, metavar="FILE", help="write the best network to a safetensors file"
    )


def _common(options):
    names = ("epochs", "batch_size", "validation", "loss", "threads")
    return {name: getattr(options, name) for name in names}


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


def _hidden_choices(text):
    return [_hidden(choice) for choice in text.split(",")]


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
