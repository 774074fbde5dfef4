"""Writes the README's section on performance, from the results of `benchmarks.peers` on one kind of chip.

python -m benchmarks.report [--check] [FILE]

The files are those of benchmarks/measured, by default the one that was measured last.
"""

import argparse
import itertools
import json
import re
from pathlib import Path

from .peers import three_digits

ROOT = Path(__file__).parents[1]
MEASURED = ROOT / "benchmarks" / "measured"
SECTION = re.compile(r"(<!-- performance: .*? -->\n).*(<!-- end -->)", re.DOTALL)
COLUMNS = {  # heading: the contestants of whom the fastest is shown
    "fastprop": ("fastprop",),
    "PyTorch": ("torch", "torch.compile"),
    "JAX": ("jax",),
    "JAX, host order": ("jax-host-order",),
    "scikit-learn": ("scikit-learn",),
    "NumPy": ("numpy",),
}
PARAGRAPHS = (
    """
Times are in milliseconds an epoch. An epoch of a sweep (S1 to S3, S8) is one of all its networks; for S4 it stands for
a whole cross-validated grid search (by GridSearchCV), and for S5 for a whole study of Optuna. Each time is the median
of calls in one process, in turn with the others, on {threads}. Before, a check has shown that all train the same
parameters from the same weights (scikit-learn's networks differ a little, and S4 and S5 compare scores). The column
PyTorch has the faster of eager and `torch.compile`. PyTorch trains the networks of a sweep in one `baddbmm`, JAX by
`vmap` on {devices}. JAX draws the order of the rows in its jitted epoch, which can take longer than training a small
network; in the column "JAX, host order" NumPy draws it. The last column is fastprop's share of the peak of its threads.
""",
    """
The times were measured on {date}: {machine}, {cores}, vectors of {lanes} float32, a peak of {peak_gflops:.0f} GFLOP/s a
core (multiply-adds in registers alone); Python {python}, {libraries}.
""",
)


def section(run, records):
    """Return the section for the results of `benchmarks.peers`: a table, and how it was measured."""
    rows = table(records, run["peak_gflops"] * run["threads"])
    words = {
        "libraries": ", ".join(f"{name} {version}" for name, version in run["versions"].items()),
        "threads": count(run["threads"], "thread"),
        "devices": count(run["threads"], "device"),
        "cores": count(run["cores"], "core"),
    }
    blocks = ["\n".join(f"| {' | '.join(row)} |" for row in rows)]
    blocks += [" ".join(paragraph.split()).format_map(run | words) for paragraph in PARAGRAPHS]
    return "".join(f"\n{block}\n" for block in blocks) + "\n"


def table(records, peak):
    """Yield the cells of a row of the table for each workload; `peak` is the GFLOP/s that all threads could reach."""
    yield "", "task", *COLUMNS, "fastest peer ÷ fastprop", "of peak"
    yield "---", "---", *["---:"] * (len(COLUMNS) + 2)
    for (name, task), group in itertools.groupby(records, lambda record: (record["workload"], record["task"])):
        contestants = {record["contestant"]: record for record in group}
        fastest = [
            min((contestants[name]["seconds"] for name in names if name in contestants), default=None)
            for names in COLUMNS.values()
        ]
        times = [three_digits(1e3 * seconds) if seconds else "–" for seconds in fastest]
        ratio = min(filter(None, fastest[1:])) / fastest[0]
        yield name, task, *times, three_digits(ratio), f"{contestants['fastprop']['gflops'] / peak:.1%}"


def count(value, thing):
    """Return "3 things", or "1 thing"."""
    return f"{value} {thing}{'s' * (value > 1)}"


def main(arguments=None):
    """Rewrite the section, or with ``--check`` fail unless it is up to date."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.report", description=__doc__.splitlines()[0])
    parser.add_argument(
        "file", nargs="?", type=Path, help="of peers --json; by default the last of benchmarks/measured"
    )
    parser.add_argument("--readme", type=Path, default=ROOT / "README.md")
    parser.add_argument("--check", action="store_true", help="write nothing; fail unless the README is as it would be")
    options = parser.parse_args(arguments)
    text = options.readme.read_text()
    file = options.file or max(MEASURED.glob("*.json"), key=lambda each: json.loads(each.read_text())["run"]["date"])
    measured = json.loads(file.read_text())
    made = SECTION.sub(lambda marks: marks[1] + section(**measured) + marks[2], text)
    if not options.check:
        options.readme.write_text(made)
    elif made != text:
        raise SystemExit(f"{options.readme} is not what {file} gives: run python -m benchmarks.report")


if __name__ == "__main__":
    main()
