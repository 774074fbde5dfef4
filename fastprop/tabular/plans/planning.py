"""Which kind of plan a column has, by what it holds and what the user says."""

from fastprop.tabular.plans.categories import CategoryPlan, left_out_text
from fastprop.tabular.plans.measured import BooleanPlan, DatePlan, NumberPlan
from fastprop.tabular.written_numbers import is_number

PLAN_OF_COLUMN = {plan.column_kinds[0]: plan for plan in (NumberPlan, BooleanPlan, DatePlan, CategoryPlan)}
"""By the kind of a `Column`, the plan of its cells if the user does not say what they are."""


def planned(name, column, told=None, encoding="standard"):
    """Return the plan of a column, which is not fitted to training rows yet.

    Parameters
    ----------
    name : str
    column : Column
    told : str, optional
        "category" or "number", if the user says what the column is.
    encoding : str
        Of `NUMERIC_ENCODINGS`, what becomes of the column if it holds numbers.

    Raises
    ------
    ValueError
        If no row has a cell, or the cells are not what the user says.
    """
    if column.kind == "other":
        raise ValueError(
            f"column {name!r} holds {column.words[0]}, which is no number, word, boolean or date: drop the column."
        )
    if column.missing == len(column.values):
        raise ValueError(f"column {name!r} has no value in any of the {len(column.values)} rows: drop it.")
    kind = {None: PLAN_OF_COLUMN[column.kind], "category": CategoryPlan, "number": NumberPlan}[told]
    if column.kind not in kind.column_kinds:
        raise ValueError(_why_refused(name, column, told))
    if told is None and column.kind == "words" and (left_out := left_out_text(name, column)) is not None:
        return left_out
    plan = kind.planned(name, column)
    return plan.in_encoding(column, encoding)


def _why_refused(name, column, told):
    """Return why a column cannot be what the user says, "category" or "number", with what to do."""
    if told == "category":
        return f"column {name!r} holds dates, which are no categories: leave it out of them."
    if column.kind == "dates":
        return f"column {name!r} holds dates, which are not plain numbers: leave it out of the numeric ones."
    word = next((word for word in column.words if not is_number(word)), column.words[0])
    return f"column {name!r} holds words such as {word!r}, which are no numbers: drop it."
