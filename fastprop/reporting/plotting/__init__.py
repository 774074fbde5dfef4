"""Pictures of ranked tables and of searches for a rate, with Matplotlib, imported when the first one is drawn."""

from fastprop.reporting.plotting.figures import endings
from fastprop.reporting.plotting.pictures import KINDS, choose, draw
from fastprop.reporting.plotting.rate_searches import rate_search

__all__ = ["KINDS", "choose", "draw", "endings", "rate_search"]
