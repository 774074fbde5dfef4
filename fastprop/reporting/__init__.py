"""Results as text, HTML pages and pictures, all drawn from arrays, names and titles."""

from fastprop.reporting.ranked_table import RankedTable

__all__ = ["RankedTable"]
