"""Compares fastprop with other methods on tables that ship in packages of PyPI.

    python -m benchmarks.tabular [--tables development|judged|NAMES] [--methods NAMES] [--seconds S] [--folds N]

Each method learns the training rows of each outer fold for so many seconds on so many threads, or for its own time if
it has no such limit, and predicts the others. Errors are the log loss of classes and the root mean squared error of
numbers. Each table, fold and method has a file, so that a comparison goes on where it was cut. In the end there are the
mean ranks of the methods with intervals by a bootstrap over tables, and the ranks by kinds of tables.
`benchmarks.tables` says where tables are from, and which ones may be looked at while the recipe of fastprop is changed.
The packages are scikit-learn, lightgbm, catboost, pytabkit, optuna and those of the tables.
"""

import argparse
import json
import platform
import time
from pathlib import Path

import numpy as np

from . import mean_ranks, tables
from .peers import tell_thread_pools
from .tabular_methods import METHODS, PEERS, Budget


def outer_folds(problem, folds):
    """Return the indices of training rows and of the others for the first of five folds."""
    from sklearn.model_selection import KFold, StratifiedKFold

    splitter = (StratifiedKFold if problem.is_classes else KFold)(5, shuffle=True, random_state=0)
    return list(splitter.split(problem.X, problem.y))[:folds]


def measured(name, training, test, budget):
    """Return the record of a method on a fold."""
    method = METHODS[name]()
    method.prepare(training)
    begin, begin_of_processor = time.perf_counter(), time.process_time()
    method.fit(training, budget)
    elapsed, of_processor = time.perf_counter() - begin, time.process_time() - begin_of_processor
    predicted = method.predict(test.X)
    record = {
        "error": tables.error(test, predicted),
        "seconds": elapsed,
        "processor_seconds": of_processor,
        **method.details,
    }
    if training.is_classes:
        record["accuracy"] = float((predicted.argmax(axis=1) == test.y).mean())
    else:
        record["r2"] = float(1 - ((predicted - test.y) ** 2).sum() / ((test.y - test.y.mean()) ** 2).sum())
    return record


def count_processor_seconds(threads):
    """Have the clocks of this process count its processor seconds, divided by the threads.

    A machine that has other work then gives every method as much of a core as the others had. Methods that sleep or
    start processes would get more.
    """
    for name in ("perf_counter", "monotonic", "time"):
        begin = getattr(time, name)() - time.process_time() / threads
        setattr(time, name, lambda begin=begin: begin + time.process_time() / threads)


def run(options):
    """Measure what has no file yet; return all records by table, fold and method."""
    folder = (
        Path(options.folder)
        / f"{options.rows} rows, {options.seconds:g} seconds, {options.threads} threads, {options.clock}"
    )
    folder.mkdir(parents=True, exist_ok=True)
    budget = Budget(options.seconds, options.threads)
    records = {}
    for table in options.tables:
        problem = tables.read(table, options.rows)
        for fold, (rows, others) in enumerate(outer_folds(problem, options.folds)):
            for name in options.methods:
                path = folder / f"{table.key}, fold {fold}, {name}.json"
                if not path.exists() and not options.report:
                    record = measured(name, problem.rows(rows), problem.rows(others), budget)
                    part = path.with_suffix(".part")
                    part.write_text(json.dumps({"table": table.key, "fold": fold, "method": name, **record}))
                    part.replace(path)
                    figures = f"{record['error']:.4f}, {record['seconds']:.1f} s"
                    print(f"{table.key}, fold {fold}, {name}: {figures}", flush=True)
                if path.exists():
                    records[table.key, fold, name] = json.loads(path.read_text())
    return records


def compared(records, methods, chosen, measure):
    """Return the tables on which all methods have the same folds, and means over folds (tables, methods) of a measure.

    Parameters
    ----------
    records : dict
        By table, fold and method.
    methods : list of str
    chosen : list of Table
    measure : str
        A name in the records.
    """
    found, means = [], []
    for table in chosen:
        folds = [fold for fold in range(5) if all((table.key, fold, name) in records for name in methods)]
        if folds:
            found.append(table)
            means.append([np.mean([records[table.key, fold, name][measure] for fold in folds]) for name in methods])
    return found, np.array(means)


def print_row(*cells):
    print(f"| {' | '.join(cells)} |")


def print_header(*names):
    print()
    print_row(*names)
    print("|---|" + "---:|" * (len(names) - 1))


def report(records, options):
    """Print the tables of errors, of mean ranks, and of ranks by kinds of tables."""
    methods = options.methods
    found, errors = compared(records, methods, options.tables, "error")
    if not found:
        print("No table has been measured with all methods.")
        return
    ranks = mean_ranks.ranks(errors)
    print_header("table", "rows × columns", *methods)
    kinds = {}
    for index, table in enumerate(found):
        problem = tables.read(table, options.rows)
        for kind in ["all", *problem.kinds]:
            kinds.setdefault(kind, []).append(index)
        rows, columns = problem.X.shape
        print_row(table.key, f"{rows} × {columns}", *(f"{each:.4g}" for each in errors[index]))
    seconds = compared(records, methods, found, "seconds")[1].mean(axis=0)
    of_processor = compared(records, methods, found, "processor_seconds")[1].mean(axis=0)
    configurations = compared(records, methods, found, "configurations")[1].mean(axis=0)
    print_header("method", "mean rank", "95 % interval", "seconds", "processor seconds", "configurations")
    mean, low, high = mean_ranks.intervals(ranks)
    for index in np.argsort(mean, kind="stable"):
        figures = seconds[index], of_processor[index], configurations[index]
        interval = f"{low[index]:.2f} to {high[index]:.2f}"
        print_row(methods[index], f"{mean[index]:.2f}", interval, *(f"{each:.1f}" for each in figures))
    print_header("kind of table", "tables", *methods)
    for kind, indices in kinds.items():
        print_row(kind, str(len(indices)), *(f"{each:.2f}" for each in ranks[indices].mean(axis=0)))


def described(options):
    """Return the options of a comparison and what it ran on."""
    names = {name: getattr(options, name) for name in ("rows", "seconds", "threads", "clock", "folds")}
    return names | {"machine": platform.processor() or platform.machine(), "python": platform.python_version()}


def parse_options(arguments):
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tabular", description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--tables", default="development", help="development, judged, or names with commas (default: development)")
    add(
        "--methods",
        default=",".join(PEERS),
        help=f"with commas, of {', '.join(METHODS)}; default: all but variants of fastprop",
    )
    add("--seconds", type=float, default=60, help="for each method and fold (default: 60)")
    add("--threads", type=int, default=2, choices=(1, 2), help="of each method (default: 2)")
    clocks = "what seconds are counted by; processor is for a machine that has other work (default: wall)"
    add("--clock", default="wall", choices=("wall", "processor"), help=clocks)
    add("--folds", type=int, default=5, choices=range(1, 6), help="outer folds of five that are measured (default: 5)")
    add("--rows", type=int, default=3000, help="of each table at most, drawn at random (default: 3000)")
    add("--folder", default="tabular-results", help="where results are kept (default: tabular-results)")
    add("--report", action="store_true", help="measure nothing, and print what has been measured")
    add("--json", metavar="FILE", help="also write all records here")
    options = parser.parse_args(arguments)
    known = {table.key: table for table in tables.TABLES}
    groups = {"development": tables.development(), "judged": tables.judged()}
    options.methods = options.methods.split(",")
    names = options.tables.split(",")
    unknown = [name for name in names if name not in known and name not in groups]
    unknown += [name for name in options.methods if name not in METHODS]
    if unknown:
        choices = f"tables are {', '.join(known)}; methods are {', '.join(METHODS)}"
        parser.error(f"no table or method {unknown[0]!r}; {choices}")
    options.tables = [table for name in names for table in groups.get(name) or [known[name]]]
    return options


def main(arguments=None):
    """Measure what is missing, and print the report."""
    options = parse_options(arguments)
    tell_thread_pools(options.threads)
    if options.clock == "processor":
        count_processor_seconds(options.threads)
    records = run(options)
    report(records, options)
    if options.json:
        content = {"run": described(options), "records": list(records.values())}
        Path(options.json).write_text(json.dumps(content, indent=1))


if __name__ == "__main__":
    main()
