"""What is made of each column of a table: the plan of a column, a class for each kind, fitted on training rows."""

from fastprop.tabular.plans.base import ColumnPlan, LeftOutPlan
from fastprop.tabular.plans.categories import CategoryPlan
from fastprop.tabular.plans.measured import CALENDAR, BooleanPlan, DatePlan, NumberPlan, median
from fastprop.tabular.plans.planning import planned

__all__ = [
    "CALENDAR",
    "BooleanPlan",
    "CategoryPlan",
    "ColumnPlan",
    "DatePlan",
    "LeftOutPlan",
    "NumberPlan",
    "median",
    "planned",
]
