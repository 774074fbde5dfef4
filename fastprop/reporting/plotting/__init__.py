"""Pictures of ranked tables and of range tests, with Matplotlib, which is imported when the first one is drawn."""

from fastprop.reporting.plotting.figures import endings
from fastprop.reporting.plotting.pictures import KINDS, choose, draw
from fastprop.reporting.plotting.range_tests import range_test

__all__ = ["KINDS", "choose", "draw", "endings", "range_test"]
