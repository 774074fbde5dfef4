"""What the command line understands."""

import argparse

from fastprop import checks
from fastprop.cli import commands, values


class _Parser(argparse.ArgumentParser):
    def error(self, message):
        raise ValueError(f"{message}: see '{self.prog} --help'.")


def make_parser():
    """Return the parser of all commands; its result has the `command` to call."""
    parser = _Parser(prog="fastprop", description="Train multilayer perceptrons on the CPU, many at once.")
    subparsers = parser.add_subparsers(title="commands", required=True, metavar="command")

    sweeping = subparsers.add_parser("sweep", help="train one network for each configuration and rank them")
    sweeping.set_defaults(command=commands.sweep)
    _add_data(sweeping)
    _add_network(
        sweeping,
        values.each(values.hidden),
        "32, or 64x32 for two layers; 16,32 tries both",
        values.each(str),
        "; relu,tanh tries both",
    )
    rates = (
        "0.1 or 0.1,0.3 or geomspace:FIRST:LAST:COUNT or linspace:… or with --samples loguniform:LOW:HIGH or uniform:… "
    )
    rates += "(default geomspace:1e-3:10:64)"
    _add_optimizer(sweeping, values.values, "VALUES", rates, " (likewise)")
    _add_run(sweeping)
    _add_search(sweeping)
    _add_plot(sweeping, "loss and score against the learning rate")

    training = subparsers.add_parser("train", help="train one network")
    training.set_defaults(command=commands.train)
    finding = subparsers.add_parser(
        "find-learning-rate", help="suggest a learning rate, by a short run in which it rises"
    )
    finding.set_defaults(command=commands.find_learning_rate)
    for each, rate in (training, "(default 0.5 of sgd, else the optimizer's)"), (finding, None):
        _add_data(each)
        _add_network(each, values.hidden, "32, or 64x32 for two layers", str)
        _add_optimizer(each, float, "NUMBER", rate)
        each.add_argument("--seed", type=int, default=0, help="of weights and row order (default 0)")
    _add_run(training)
    training.add_argument("--checkpoint", metavar="FILE", help="keep the state of the run here, every 10 s")
    training.add_argument("--resume", action="store_true", help="go on from the checkpoint, if it is there")
    finding.add_argument("--min-rate", type=float, default=1e-5, metavar="RATE", help="(default %(default)s)")
    finding.add_argument("--max-rate", type=float, default=10.0, metavar="RATE", help="(default %(default)s)")
    finding.add_argument("--steps", type=int, default=100, metavar="N", help="(default %(default)s)")
    _add_plot(finding, "the losses against the learning rate")

    subparsers.add_parser("exercise", help="print the hand-worked 2-2-1 exercise").set_defaults(
        command=commands.show_exercise
    )
    subparsers.add_parser("info", help="print lanes, threads, peak and cache place").set_defaults(command=commands.info)
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
    optimizers = f"{', '.join(values.OPTIMIZER_NAMES)} (default sgd)"
    parser.add_argument("--optimizer", choices=values.OPTIMIZER_NAMES, default="sgd", metavar="NAME", help=optimizers)
    helps = rates, f"of sgd and rmsprop{more} (default 0.9 of sgd)", f"of weights and biases{more}"
    for name, text in zip(commands.NUMBERS, helps):
        if text is not None:
            parser.add_argument(f"--{name.replace('_', '-')}", type=numbers, metavar=metavar, help=text)
    parser.add_argument("--clip-norm", type=float, metavar="LIMIT", help="of the gradient's norm")
    parser.add_argument("--threads", type=int, metavar="N", help="(default: all cores)")


def _add_run(parser):
    parser.add_argument("--epochs", type=int, default=30, metavar="N", help="(default %(default)s)")
    parser.add_argument("--validation", type=float, metavar="SHARE", help="of the rows to hold out (default 0.2)")
    schedules = "of the learning rate: cosine, one-cycle, step:10:0.5, cosine:0.1:step, warmup:5+cosine, …"
    parser.add_argument("--schedule", type=values.schedule, metavar="NAME", help=schedules)
    parser.add_argument("--dropout", type=float, default=0.0, metavar="SHARE", help="in the hidden layers (default 0)")
    parser.add_argument("--standardize", action="store_true", help="the inputs, as the training rows have them")
    parser.add_argument(
        "--early-stopping", type=int, metavar="EPOCHS", help="end after so many without an improvement, with the best"
    )
    parser.add_argument(
        "--save", type=checks.new_file, metavar="FILE", help="write the best network to a safetensors file"
    )


def _add_search(parser):
    parser.add_argument("--seeds", type=int, default=1, metavar="N", help="train each with N seeds (default 1)")
    parser.add_argument(
        "--samples", type=int, metavar="N", help="draw N configurations where values have distributions"
    )
    parser.add_argument("--cv", type=int, metavar="FOLDS", help="cross-validate, in place of --validation")
    scores = "measure and rank by accuracy, roc_auc, log_loss, r2, mse or mae (default: by the loss)"
    parser.add_argument("--score", metavar="NAME", help=scores)
    halving = "stop all but 1 in FACTOR configurations at each of some rungs on the way"
    parser.add_argument("--halving", type=int, metavar="FACTOR", help=halving)
    parser.add_argument(
        "--journal", metavar="FILE", help="record each configuration here, and go on from what is there"
    )
    parser.add_argument("--top", type=int, default=10, metavar="N", help="how many rows to print (default 10)")
    parser.add_argument("--report", type=checks.new_file, metavar="FILE", help="write a report, one HTML file")
    parser.add_argument("--json", action="store_true", help="print all rows as JSON, and nothing else")


def _add_plot(parser, what):
    parser.add_argument("--plot", type=checks.new_file, metavar="FILE", help=f"draw {what}")
