"""Pictures of ranked tables, histories and searches for a rate, with Matplotlib, imported on use."""

from fastprop.reporting.plotting.figures import endings
from fastprop.reporting.plotting.histories import history
from fastprop.reporting.plotting.pictures import KINDS, choose, draw
from fastprop.reporting.plotting.rate_searches import rate_search

__all__ = ["KINDS", "choose", "draw", "endings", "history", "rate_search"]
