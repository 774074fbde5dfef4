"""The arguments of the command line; lists of names in its help come from the tables of options.

Arguments that several commands have are added by one function for all of them, so that they mean the same everywhere.
"""

import argparse

import fastprop as fp
from fastprop import checks
from fastprop.cli import commands, fitting, prediction, values
from fastprop.metrics import SCORES
from fastprop.options import DESCENTS
from fastprop.reference import LOSSES, PRECISIONS
from fastprop.tabular import TASKS, sources
from fastprop.tabular.numeric_encodings import NUMERIC_ENCODINGS, SEARCH, SEARCHED
from fastprop.tabular.recipe import RECIPE
from fastprop.tabular.tuning import SECONDS

ACTIVATIONS = ", ".join(checks.HIDDEN_ACTIVATIONS)
"""The names of activations, for the help."""

FILES = f"a {', '.join(sources.ENDINGS)} file, or - for standard input"
"""The files that hold tables, for the help."""

REPORT = "write a report, one HTML file"
"""What a report is, for the help."""

JOURNAL = "record each configuration in this file, and go on from what it holds"
"""What a journal does, for the help."""


EXIT_CODES = (
    "Exit codes: 0 if all went well; 1 if the result is there but one of its files, or the output, could not be "
    "written, or if verify finds other bits; 2 for bad input or a failure, with one line on stderr; 130 after Ctrl-C; "
    "141 if what reads the output has closed it. All files to write are checked before anything is trained."
)
"""What the help ends with."""


class _Parser(argparse.ArgumentParser):
    def error(self, message):
        raise ValueError(f"{message}: see '{self.prog} --help'.")

    def parse_known_args(self, args=None, namespace=None):
        """Parse arguments as argparse does, and refuse what is left over in the words of this command."""
        found, others = super().parse_known_args(args, namespace)
        if others:
            self.error(f"unrecognized arguments: {' '.join(others)}{self._hint(args or [], others[0])}")
        return found, others

    def _hint(self, args, other):
        """Return how several values are given, if `other`, which is no argument, follows an option and its value."""
        args = ["", "", *args]
        for index in (index for index, each in enumerate(args) if each == other):
            option, equals, value = args[index - 1].partition("=")
            if not equals:
                option, value = args[index - 2], args[index - 1]
            of_flag = self._option_string_actions
            flags = [option] if option in of_flag else [flag for flag in of_flag if flag.startswith(option)]
            joint = getattr(of_flag[flags[0]].type, "joint", None) if len(flags) == 1 else None
            if joint is not None:
                by = "commas" if joint == "," else joint
                return f" (several values of {flags[0]} are joined by {by}: {flags[0]} {value}{joint}{other})"
        return ""


def make_parser():
    """Return the parser of all commands; its result has the function to call in `command`."""
    purpose = "Train multilayer perceptrons on the CPU, many at once."
    parser = _Parser(prog="fastprop", description=purpose, epilog=EXIT_CODES)
    parser.add_argument("--version", action="version", version=f"fastprop {fp.__version__}")
    parser.set_defaults(command=lambda options: parser.print_help() or 0)
    subparsers = parser.add_subparsers(title="commands", metavar="command")
    for name, command, add_arguments, purpose in (
        ("fit", fitting.fit, _add_fit, "search the best ensemble of networks for a table"),
        ("sweep", commands.sweep, _add_sweep, "train one network for each configuration and rank them"),
        ("train", commands.train, _add_train, "train one network"),
        ("predict", prediction.predict, _add_predict, "print what a saved network predicts for the rows of a table"),
        ("evaluate", prediction.evaluate, _add_evaluate, "measure a saved network on the rows of a table"),
        ("find-learning-rate", commands.find_learning_rate, _add_find, "suggest a learning rate"),
        ("exercise", commands.show_exercise, None, "print the hand-worked 2-2-1 exercise"),
        (
            "info",
            commands.info,
            _add_info,
            "print what a saved network knows, or lanes, threads and peak",
        ),
        ("verify", commands.verify, _add_verify, "train on this machine, and compare the bits with those published"),
    ):
        subparser = subparsers.add_parser(name, help=purpose, description=f"{purpose[0].upper()}{purpose[1:]}.")
        subparser.set_defaults(command=command)
        if add_arguments:
            add_arguments(subparser)
    return parser


def _add_fit(parser):
    _add_data(parser, several_encodings=True)
    search = parser.add_argument_group("search")
    seconds = f"how long to search (default {SECONDS:g} without --configurations)"
    search.add_argument("--seconds", type=values.number, metavar="SECONDS", help=seconds)
    tried = "how many configurations to try at most"
    search.add_argument("--configurations", type=values.whole_number, metavar="N", help=tried)
    _add_seeds(search)
    folds = "of the cross-validation (default %(default)s)"
    search.add_argument("--folds", type=values.whole_number, default=5, metavar="N", help=folds)
    epochs = "of a configuration; fewer where time is short (default %(default)s)"
    search.add_argument("--epochs", type=values.whole_number, default=RECIPE.search_epochs, metavar="N", help=epochs)
    scores = f"rank and weigh by {', '.join(SCORES)} (default log_loss of classes, rmse of numbers)"
    search.add_argument("--score", metavar="NAME", help=scores)
    calibrated = "have probabilities of classes as sure as they are right, by a temperature (Guo et al. 2017; default "
    calibrated += "with a --score other than log_loss)"
    search.add_argument("--calibrate", action=argparse.BooleanOptionalAction, default=None, help=calibrated)
    _add_precision(search)
    _add_class_weight(search)
    drawn = "of the configurations that are drawn (default 0)"
    search.add_argument("--seed", type=values.whole_number, default=0, help=drawn)
    _add_threads(search)
    files = _add_outputs(parser, network="the ensemble")
    files.add_argument("--report", metavar="FILE", help=REPORT)
    files.add_argument("--journal", metavar="FILE", help=JOURNAL)
    parser.set_defaults(loss=None, validation=0.0)


def _add_sweep(parser):
    rates = "0.1 or 0.1,0.3 or geomspace:FIRST:LAST:COUNT or linspace:… or with --samples loguniform:LOW:HIGH or "
    rates += "uniform:…"
    _add_data(parser)
    network = parser.add_argument_group("network")
    network.add_argument(
        "--hidden",
        type=values.list_of(values.hidden),
        metavar="SIZES",
        help="32, or 64x32 for two layers; 16,32 tries both",
    )
    network.add_argument(
        "--activation",
        type=values.list_of(values.one_of(checks.HIDDEN_ACTIVATIONS)),
        metavar="NAME",
        help=f"of the hidden layers: {ACTIVATIONS}; relu,tanh tries both (default relu)",
    )
    training = _add_training(parser, values.values, "VALUES", rates, " (likewise)")
    _add_factors(training, values.list_of(values.layer_rates), "; 1x1,6x1 tries both", values.values, "VALUES")
    _add_seeds(training)
    dropout = {"type": values.values, "help": "in the hidden layers (likewise)", "metavar": "VALUES"}
    _add_run(training, share=None, dropout=dropout, epochs=RECIPE.search_epochs)
    _add_seconds(training)
    _add_early_stopping(training)
    _add_search(parser)
    outputs = _add_outputs(parser, "loss and score against the learning rate")
    outputs.add_argument("--report", metavar="FILE", help=REPORT)
    outputs.add_argument("--journal", metavar="FILE", help=JOURNAL)
    outputs.add_argument(
        "--top", type=values.whole_number, default=10, metavar="N", help="how many rows to print (default 10)"
    )
    outputs.add_argument("--json", action="store_true", help="print all rows as JSON, and nothing else")


def _add_train(parser):
    training = _add_single_network(parser, "(default 0.01 of adamw, 0.5 of sgd, else the optimizer's)")
    _add_run(training)
    _add_seconds(training)
    _add_early_stopping(training)
    outputs = _add_outputs(parser)
    outputs.add_argument("--checkpoint", metavar="FILE", help="keep the state of the run in this file, every 10 s")
    outputs.add_argument("--resume", action="store_true", help="go on from the checkpoint if it exists")


def _add_find(parser):
    training = _add_single_network(parser, rates=None)
    _add_run(training, "by default a fifth, or all in turn where they are few", share=None)
    lowest = "the lowest to try (default 1e-7, and lower if need be)"
    training.add_argument("--min-rate", type=values.number, metavar="RATE", help=lowest)
    training.add_argument("--max-rate", type=values.number, default=50.0, metavar="RATE", help="(default %(default)s)")
    _add_plot(parser, "the losses against the learning rate")


def _add_predict(parser):
    parser.add_argument("network", help="a safetensors file that --save wrote")
    parser.add_argument("data", help=f"'digits', or {FILES}; columns are found by their names")
    parser.add_argument("--output", metavar="FILE", help="write a CSV file in place of printing")
    interval = "columns lower and upper, between which the number lies with this probability, such as 0.9 (of fit)"
    parser.add_argument("--interval", type=values.number, metavar="COVERAGE", help=interval)
    std = "a column with the standard deviation over the networks of an ensemble"
    parser.add_argument("--std", action="store_true", help=std)


def _add_evaluate(parser):
    parser.add_argument("network", help="a safetensors file that --save wrote")
    parser.add_argument("data", help=f"'digits', or a table with the target: {FILES}")
    parser.add_argument("--target", metavar="COLUMN", help="(default: as it was called in training)")
    scores = f"{', '.join(SCORES)} (default: all that fit)"
    parser.add_argument("--score", type=values.one_of(SCORES), metavar="NAME", help=scores)


def _add_info(parser):
    parser.add_argument("network", nargs="?", help="a safetensors file that --save wrote (default: the machine)")


def _add_verify(parser):
    parser.add_argument("--only", default="", metavar="WORDS", help="only the runs with these words in their names")
    parser.add_argument("--threads", type=values.whole_number, metavar="N", help="(default: all cores)")


def _add_data(parser, several_encodings=False):
    """Add what is learned from, and what is learned; a search may try several encodings of numbers."""
    parser.add_argument("data", help=f"'digits', or {FILES}")
    data = parser.add_argument_group("data")
    data.add_argument("--target", help="what to predict: a column (default the last), or an array of the npz file")
    tasks = f"what the target holds: {', '.join(TASKS)} (default: by the loss, the score or its values)"
    data.add_argument("--task", choices=TASKS, metavar="NAME", help=tasks)
    data.add_argument(
        "--drop", action="append", default=[], type=values.columns, metavar="COLUMNS", help="leave columns out: id,name"
    )
    categories = "whatever they hold, such as zip codes"
    data.add_argument(
        "--categorical",
        action="append",
        default=[],
        type=values.columns,
        metavar="COLUMNS",
        help=f"categories, {categories}",
    )
    data.add_argument(
        "--numeric", action="append", default=[], type=values.columns, metavar="COLUMNS", help="numbers, not booleans"
    )
    how = f"what becomes of numbers: {', '.join(NUMERIC_ENCODINGS)}"
    tried = f"; {','.join(SEARCHED)} tries both, and is the default" if several_encodings else " (default %(default)s)"
    convert, default = (
        (values.numeric_encodings, SEARCH) if several_encodings else (values.numeric_encoding, "standard")
    )
    data.add_argument("--numeric-encoding", type=convert, default=default, metavar="NAME", help=how + tried)
    data.add_argument(
        "--features", action="append", type=values.columns, metavar="COLUMNS", help="learn from these columns alone"
    )


def _add_single_network(parser, rates):
    """Add the data, the network and the training of a command that trains one network; return the last group."""
    _add_data(parser)
    network = parser.add_argument_group("network")
    sizes = "32, or 64x32 for two layers (default 256)"
    network.add_argument("--hidden", type=values.hidden, default=RECIPE.hidden_layer_sizes, metavar="SIZES", help=sizes)
    activation = f"of the hidden layers: {ACTIVATIONS} (default relu)"
    one_name = values.one_of(checks.HIDDEN_ACTIVATIONS)
    network.add_argument("--activation", type=one_name, default=RECIPE.hidden, metavar="NAME", help=activation)
    training = _add_training(parser, values.number, "NUMBER", rates)
    training.add_argument("--seed", type=values.whole_number, default=0, help="of weights and row order (default 0)")
    _add_factors(training, values.layer_rates, "", values.number, "NUMBER")
    return training


def _add_factors(training, of_layers, note, of_biases, metavar):
    """Add the factors of layers and biases; `of_layers` and `of_biases` convert strings."""
    each = f"factors on the learning rate of each layer, such as 0.5x1x1 with two hidden layers{note}"
    training.add_argument("--layer-rates", type=of_layers, metavar="FACTORS", help=each)
    for flag, what in (("--bias-rate", "learning rate"), ("--bias-decay", "weight decay")):
        help = f"factor on the {what} of the biases (default 1)"
        training.add_argument(flag, type=of_biases, metavar=metavar, help=help)


def _add_training(parser, convert, metavar, rates, note=""):
    """Add and return the group of arguments that all training depends on.

    `convert` converts strings to hyperparameters of the optimizer. `metavar` stands for them in the help. `rates` is
    the help of the learning rate, or None for a command without this argument. `note` follows the help of the others.
    """
    training = parser.add_argument_group("training")
    training.add_argument(
        "--batch-size", type=values.whole_number, metavar="ROWS", help="(default 32; a hundredth of many rows)"
    )
    losses = f"{', '.join(LOSSES)} (default: cross_entropy of classes, mse of numbers)"
    of_loss = training.add_mutually_exclusive_group()
    of_loss.add_argument("--loss", type=values.one_of(LOSSES), metavar="NAME", help=losses)
    of_quantiles = "predict these quantiles of a number, such as 0.1,0.5,0.9, by the loss pinball"
    of_loss.add_argument("--quantiles", dest="loss", type=values.pinball, metavar="LIST", help=of_quantiles)
    optimizers = [name for name, option in values.OPTIMIZER_NAMES.items() if rates is not None or option in DESCENTS]
    names = f"{', '.join(optimizers)} (default adamw)"
    training.add_argument("--optimizer", choices=optimizers, default="adamw", metavar="NAME", help=names)
    with_momentum = [name for name, option in values.OPTIMIZER_NAMES.items() if "momentum" in _fields(option)]
    helps = {
        "learning_rate": rates,
        "momentum": f"of {' and '.join(with_momentum)}{note} (default 0.9 of sgd)",
        "weight_decay": f"of weights and biases{note}",
    }
    for name in commands.OPTIMIZER_FLAGS:
        if helps[name] is not None:
            training.add_argument(f"--{name.replace('_', '-')}", type=convert, metavar=metavar, help=helps[name])
    _add_precision(training)
    training.add_argument("--clip-norm", type=values.number, metavar="LIMIT", help="of the gradient's norm")
    _add_class_weight(training)
    _add_threads(training)
    return training


def _add_seeds(group):
    group.add_argument(
        "--seeds", type=values.whole_number, default=1, metavar="N", help="train each with N seeds (default 1)"
    )


def _add_precision(group):
    wide = f"{', '.join(PRECISIONS)}: of the products of wide layers (default float32)"
    group.add_argument("--precision", choices=PRECISIONS, metavar="NAME", help=wide)


def _add_class_weight(group):
    group.add_argument("--class-weight", choices=["balanced"], metavar="balanced", help="all classes weigh the same")


def _add_threads(group):
    default = "(default: FASTPROP_THREADS, or as many as there are cores for this process)"
    group.add_argument("--threads", type=values.whole_number, metavar="N", help=default)


def _fields(option):
    return option.__dataclass_fields__


def _add_seconds(training):
    training.add_argument("--seconds", type=values.number, metavar="SECONDS", help="how long to train at most")


def _add_run(
    training, default_rows="0 trains on all rows (default 0.2)", share=0.2, dropout=None, epochs=RECIPE.epochs
):
    """Add how long and on which rows to train.

    `share` is the default of ``--validation``, and `default_rows` ends its help; `epochs` is that of ``--epochs``.
    `dropout` has the arguments of the parser for ``--dropout``.
    """
    training.add_argument(
        "--epochs", type=values.whole_number, default=epochs, metavar="N", help="(default %(default)s)"
    )
    held_out = f"of the rows to hold out; {default_rows}"
    training.add_argument("--validation", type=values.number, default=share, metavar="SHARE", help=held_out)
    schedules = f"of the learning rate: constant, {', '.join(values.SCHEDULE_NAMES)}; with numbers step:10:0.5 or "
    schedules += "cosine:0.1:step, and warmup:5+cosine (default cosine)"
    training.add_argument("--schedule", type=values.schedule, metavar="NAME", help=schedules)
    (_, of_few), (_, of_many) = RECIPE.dropout
    in_layers = f"in the hidden layers (default {of_few:g}, or {of_many:g} with many rows; 0 of lbfgs)"
    one_share = {"type": values.number, "metavar": "SHARE", "help": in_layers}
    training.add_argument("--dropout", **(dropout or one_share))
    standardize = "scale the inputs by the training rows, which is the default, or take them as they are"
    training.add_argument("--standardize", action=argparse.BooleanOptionalAction, default=True, help=standardize)


def _add_early_stopping(training):
    training.add_argument(
        "--early-stopping",
        type=values.patience,
        metavar="EPOCHS",
        help="stop after EPOCHS epochs without an improvement on the held-out rows, and restore the best weights; "
        "never does not stop, and restores them; 0 does neither; without held-out rows the training loss counts "
        f"(default {RECIPE.patience}, or 0 without held-out rows)",
    )


def _add_search(parser):
    search = parser.add_argument_group("search")
    search.add_argument(
        "--samples",
        type=values.whole_number,
        metavar="N",
        help="draw N configurations (default 32 if no values are given)",
    )
    search.add_argument(
        "--cv", type=values.whole_number, metavar="FOLDS", help="cross-validate, in place of --validation"
    )
    outer = "repeat the whole search in each of so many outer folds, and say how good its choice is (with --cv)"
    search.add_argument("--outer", type=values.whole_number, metavar="FOLDS", help=outer)
    scores = f"measure and rank by {', '.join(SCORES)} (default: by the loss)"
    search.add_argument("--score", type=values.one_of(SCORES), metavar="NAME", help=scores)
    population = (
        "population: at rungs, every EPOCHS epochs, the worst configurations take over networks of the best, and go "
    )
    population += "on with changed values (default after a tenth of the epochs, and the worst 0.2 of them)"
    search.add_argument("--search", type=values.search, metavar="population[:EPOCHS[:SHARE]]", help=population)
    halving = "stop all but 1 in FACTOR configurations at each rung on the way"
    search.add_argument("--halving", type=values.whole_number, metavar="FACTOR", help=halving)


def _add_outputs(parser, picture=None, network="the best network"):
    """Add and return the group of the files to write; `picture` is what ``--plot`` draws, if there is one."""
    outputs = parser.add_argument_group("outputs")
    outputs.add_argument("--save", metavar="FILE", help=f"write {network} to a .safetensors file")
    if picture:
        _add_plot(outputs, picture)
    return outputs


def _add_plot(parser, what):
    parser.add_argument("--plot", metavar="FILE", help=f"draw {what}")
