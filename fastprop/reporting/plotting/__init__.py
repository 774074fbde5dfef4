"""Pictures of ranked tables, histories and searches for a rate, with Matplotlib, imported on use."""

from fastprop.reporting.plotting.ensembles import importance, losses_of_configurations, predictions, reliability
from fastprop.reporting.plotting.figures import endings
from fastprop.reporting.plotting.histories import history
from fastprop.reporting.plotting.pictures import KINDS, choose, draw
from fastprop.reporting.plotting.rate_searches import rate_search

__all__ = [
    "KINDS",
    "choose",
    "draw",
    "endings",
    "history",
    "importance",
    "losses_of_configurations",
    "predictions",
    "rate_search",
    "reliability",
]
