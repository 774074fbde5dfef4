"""What the tables of activations, losses, update rules and schedules have in common.

Each table has a row for each name. A row has a code, by which kernels branch, and whatever else has to be known of it.
"""

NO_BRANCH = float("nan")
"""What a code without a branch gives, so that the run diverges at once: no wrong number can be taken for a result."""


def bits(table, fact):
    """Return an int with a bit for each code of a table: 1 where `fact`, a function of the row, is true."""
    return sum(1 << row.code for row in table.values() if fact(row))
