"""The command ``fastprop fit``: searches the best ensemble of networks for a table."""

from functools import partial

import numpy as np

import fastprop as fp
from fastprop import checks, metrics
from fastprop.cli import outputs, printing
from fastprop.cli.problem import problem_of
from fastprop.metrics.scores import shown_score
from fastprop.tabular import ensemble_report
from fastprop.tabular.column_inputs import searched_inputs
from fastprop.tabular.tuning import SECONDS, SearchOptions, needs_temperature, tuned

MAX_SHOWN = 10
"""Configurations with a weight that are printed."""


def fit(options):
    """Run ``fastprop fit``."""
    outputs.check(options)
    problem = problem_of(options)
    printing.print_problem(problem)
    seconds, configurations = options.seconds, options.configurations
    if seconds is None and configurations is None:
        seconds = SECONDS
    network, y = problem.network((), "relu", seed=0), problem.targets.y
    search_options = SearchOptions(
        seconds=None if seconds is None else checks.number(seconds, "seconds"),
        configurations=None if configurations is None else checks.whole_number(configurations, "configurations"),
        seeds=checks.whole_number(options.seeds, "seeds"),
        folds=min(checks.whole_number(options.folds, "folds", minimum=2), len(problem.targets.y)),
        epochs=checks.whole_number(options.epochs, "epochs"),
        score=options.score,
        seed=checks.seed(options.seed),
        threads=options.threads,
        journal=options.journal,
        progress=True,
        calibrates=_calibrates(options, network),
        precision=options.precision,
    )
    X = searched_inputs(problem.X, options.numeric_encoding)
    found = tuned(network, X, y, search_options, class_weight=options.class_weight)
    fitted = ensemble_report.Fitted(found, X)
    title = f"Ensemble for {problem.target_name} of {problem.data['name']}"
    report = partial(ensemble_report.write, fitted=fitted, title=title)
    files = [(options.save, _model(problem, found, X).save, "ensemble"), (options.report, report, "report")]
    code, written = outputs.write(files)
    _print(found, {"seed"} if search_options.seeds == 1 else set())
    print(*written, sep="\n", end="\n" * len(written))
    return 130 if found.is_interrupted else code


def _calibrates(options, network):
    """Return whether the ensemble has a temperature: as it was told, or else where classes need one."""
    if options.calibrate is None:
        return network.output == "softmax" and needs_temperature(options.score)
    return options.calibrate


def _model(problem, found, X):
    """Return what is saved: the ensemble, which knows the columns if there are any, and the data."""
    ensemble = found.ensemble
    for network in ensemble.networks:
        network.training = (network.training or {}) | {"data": problem.data}
    if problem.encoder is None:
        return ensemble
    return fp.TableEnsemble(ensemble, found.encoders(X), problem.target_name)


def _print(found, untold):
    """Print how the search went, how good the ensemble is, and which configurations have a weight in it.

    `untold` are names of hyperparameters that are not printed.
    """
    weights = found.weights
    chosen = found.with_weight()
    networks, configurations = len(chosen.ensemble.networks), len({each.index for each in chosen.kept})
    print(f"\n{counted(found.tried)} of at most {found.epochs} epochs in {found.seconds:.1f} s")
    best, of_all = shown_score(found.kept[0].score), shown_score(found.out_of_fold_score)
    print(f"best configuration: {found.score_name} {best} on average over {len(found.folds)} folds")
    told = f"ensemble: {networks} networks of {counted(configurations)}"
    if found.score_name in metrics.SCORES:
        told += f", {found.score_name} {of_all} out-of-fold, by weights chosen without the fold"
    print(told)
    if found.calibrates:
        print(f"temperature {found.temperature:.3g} of the probabilities, by the out-of-fold outputs")
    order = np.argsort(-weights, kind="stable")[:MAX_SHOWN]
    for index in order[weights[order] > 0]:
        print(f"{weights[index]:7.1%}  {_described(found.kept[index].values, untold)}")


def counted(configurations):
    """Return a number of configurations in words."""
    return f"{configurations} configuration{'' if configurations == 1 else 's'}"


def _described(values, untold):
    """Return the hyperparameters of a configuration in a line, but for some that are `untold`."""
    others = {"layer_sizes", "hidden", "loss"} | untold
    rest = {name: value for name, value in values.items() if name not in others}
    hidden = "x".join(map(str, values["layer_sizes"][1:-1]))
    told = [f"{name.replace('_', ' ')} {_text(value)}" for name, value in rest.items()]
    smoothing = getattr(values.get("loss"), "label_smoothing", 0)
    return ", ".join(
        [f"{hidden} {values['hidden']}", *told, *([f"label smoothing {smoothing:g}"] if smoothing else [])]
    )


def _text(value):
    return f"{value:.3g}" if isinstance(value, float) else type(value).__name__ if hasattr(value, "by") else str(value)
