"""The arguments of the command line; lists of names in its help come from the tables of options."""

import argparse

from fastprop import checks
from fastprop.cli import commands, values
from fastprop.metrics import SCORES
from fastprop.reference import LOSSES

ACTIVATIONS = ", ".join(checks.HIDDEN_ACTIVATIONS)
"""The names of activations, for the help."""


class _Parser(argparse.ArgumentParser):
    def error(self, message):
        raise ValueError(f"{message}: see '{self.prog} --help'.")


def make_parser():
    """Return the parser of all commands; its result has the function to call in `command`."""
    parser = _Parser(prog="fastprop", description="Train multilayer perceptrons on the CPU, many at once.")
    subparsers = parser.add_subparsers(title="commands", required=True, metavar="command")
    sweep = subparsers.add_parser("sweep", help="train one network for each configuration and rank them")
    train = subparsers.add_parser("train", help="train one network")
    find = subparsers.add_parser("find-learning-rate", help="suggest a learning rate, by a short run in which it rises")
    exercise = subparsers.add_parser("exercise", help="print the hand-worked 2-2-1 exercise")
    info = subparsers.add_parser("info", help="print lanes, threads, peak and where kernels are cached")
    for each, command in (
        (sweep, commands.sweep),
        (train, commands.train),
        (find, commands.find_learning_rate),
        (exercise, commands.show_exercise),
        (info, commands.info),
    ):
        each.set_defaults(command=command)
    _add_sweep_arguments(sweep)
    _add_train_arguments(train)
    _add_find_arguments(find)
    return parser


def _add_sweep_arguments(parser):
    rates = "0.1 or 0.1,0.3 or geomspace:FIRST:LAST:COUNT or linspace:… or with --samples loguniform:LOW:HIGH or "
    rates += "uniform:… (default geomspace:1e-3:10:64)"
    _add_data(parser)
    parser.add_argument(
        "--hidden",
        type=values.list_of(values.hidden),
        default="32",
        metavar="SIZES",
        help="32, or 64x32 for two layers; 16,32 tries both (default 32)",
    )
    parser.add_argument(
        "--activation",
        type=values.list_of(str),
        default="sigmoid",
        metavar="NAME",
        help=f"of the hidden layers: {ACTIVATIONS}; relu,tanh tries both (default sigmoid)",
    )
    _add_optimizer(parser, values.values, "VALUES", rates, " (likewise)")
    _add_run(parser)
    _add_search(parser)
    _add_plot(parser, "loss and score against the learning rate")


def _add_train_arguments(parser):
    _add_single_network(parser, "(default 0.5 of sgd, else the optimizer's)")
    _add_run(parser)
    parser.add_argument("--checkpoint", metavar="FILE", help="keep the state of the run in this file, every 10 s")
    parser.add_argument("--resume", action="store_true", help="go on from the checkpoint if it exists")


def _add_find_arguments(parser):
    _add_single_network(parser, rates=None)
    parser.add_argument("--min-rate", type=float, default=1e-5, metavar="RATE", help="(default %(default)s)")
    parser.add_argument("--max-rate", type=float, default=10.0, metavar="RATE", help="(default %(default)s)")
    parser.add_argument("--steps", type=int, default=100, metavar="N", help="(default %(default)s)")
    _add_plot(parser, "the losses against the learning rate")


def _add_single_network(parser, rates):
    """Add the data, the network and the optimizer of a command that trains one network."""
    _add_data(parser)
    sizes = "32, or 64x32 for two layers (default 32)"
    parser.add_argument("--hidden", type=values.hidden, default="32", metavar="SIZES", help=sizes)
    activation = f"of the hidden layers: {ACTIVATIONS} (default sigmoid)"
    parser.add_argument("--activation", default="sigmoid", metavar="NAME", help=activation)
    _add_optimizer(parser, float, "NUMBER", rates)
    parser.add_argument("--seed", type=int, default=0, help="of weights and row order (default 0)")


def _add_data(parser):
    parser.add_argument("data", help="'digits', or a .csv or .npz file")
    parser.add_argument(
        "--target", help="what to predict: a column of the CSV file (default the last), an array of the npz file"
    )


def _add_optimizer(parser, convert, metavar, rates, note=""):
    """Add the arguments that a step depends on.

    `convert` converts strings to hyperparameters of the optimizer. `metavar` stands for them in the help. `rates` is
    the help of the learning rate, or None for a command without this argument. `note` follows the help of the others.
    """
    parser.add_argument("--batch-size", type=int, default=32, metavar="ROWS", help="(default %(default)s)")
    losses = f"{', '.join(LOSSES)} (default: mse, of classes the last)"
    parser.add_argument("--loss", metavar="NAME", help=losses)
    optimizers = f"{', '.join(values.OPTIMIZER_NAMES)} (default sgd)"
    parser.add_argument("--optimizer", choices=values.OPTIMIZER_NAMES, default="sgd", metavar="NAME", help=optimizers)
    with_momentum = [name for name, option in values.OPTIMIZER_NAMES.items() if "momentum" in _fields(option)]
    helps = {
        "learning_rate": rates,
        "momentum": f"of {' and '.join(with_momentum)}{note} (default 0.9 of sgd)",
        "weight_decay": f"of weights and biases{note}",
    }
    for name in commands.OPTIMIZER_FLAGS:
        if helps[name] is not None:
            parser.add_argument(f"--{name.replace('_', '-')}", type=convert, metavar=metavar, help=helps[name])
    parser.add_argument("--clip-norm", type=float, metavar="LIMIT", help="of the gradient's norm")
    parser.add_argument("--threads", type=int, metavar="N", help="(default: all cores)")


def _fields(option):
    return option.__dataclass_fields__


def _add_run(parser):
    parser.add_argument("--epochs", type=int, default=30, metavar="N", help="(default %(default)s)")
    parser.add_argument("--validation", type=float, metavar="SHARE", help="of the rows to hold out (default 0.2)")
    schedules = f"of the learning rate: {', '.join(values.SCHEDULE_NAMES)}; with numbers step:10:0.5 or cosine:0.1:step"
    schedules += ", and warmup:5+cosine"
    parser.add_argument("--schedule", type=values.schedule, metavar="NAME", help=schedules)
    parser.add_argument("--dropout", type=float, default=0.0, metavar="SHARE", help="in the hidden layers (default 0)")
    parser.add_argument("--standardize", action="store_true", help="the inputs, by the training rows")
    parser.add_argument(
        "--early-stopping",
        type=int,
        metavar="EPOCHS",
        help="stop after EPOCHS epochs without an improvement, and restore the best weights",
    )
    parser.add_argument(
        "--save", type=checks.new_file, metavar="FILE", help="write the best network to a safetensors file"
    )


def _add_search(parser):
    parser.add_argument("--seeds", type=int, default=1, metavar="N", help="train each with N seeds (default 1)")
    parser.add_argument("--samples", type=int, metavar="N", help="draw N configurations if values have distributions")
    parser.add_argument("--cv", type=int, metavar="FOLDS", help="cross-validate, in place of --validation")
    scores = f"measure and rank by {', '.join(SCORES)} (default: by the loss)"
    parser.add_argument("--score", metavar="NAME", help=scores)
    halving = "stop all but 1 in FACTOR configurations at each rung on the way"
    parser.add_argument("--halving", type=int, metavar="FACTOR", help=halving)
    journal = "record each configuration in this file, and go on from what it holds"
    parser.add_argument("--journal", metavar="FILE", help=journal)
    parser.add_argument("--top", type=int, default=10, metavar="N", help="how many rows to print (default 10)")
    parser.add_argument("--report", type=checks.new_file, metavar="FILE", help="write a report, one HTML file")
    parser.add_argument("--json", action="store_true", help="print all rows as JSON, and nothing else")


def _add_plot(parser, what):
    parser.add_argument("--plot", type=checks.new_file, metavar="FILE", help=f"draw {what}")
