"""Compute scores and comparisons from predictions, and name and show them."""

from imagenetq.evaluate.results.result import Result

__all__ = ["Result"]
