"""Command lines without the recipe of defaults, so that `fp.train` and `fp.sweep` are easily called in the same way."""

PLAIN = "--hidden 32 --activation sigmoid --optimizer sgd --schedule constant --batch-size 32 --no-standardize"


def plain(line):
    """Return a command line with plain options where it trains; what it says itself comes after them."""
    command, _, rest = line.partition(" ")
    if command not in ("train", "sweep", "find-learning-rate"):
        return line
    options = f"{PLAIN} --dropout 0"
    options += "" if command == "find-learning-rate" else " --early-stopping 0"
    return f"{command} {options} {rest}"
