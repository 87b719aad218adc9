"""Predictions come in; scores, comparisons and how they are named and shown go out."""

from imagenetq.evaluate.results.result import Result

__all__ = ["Result"]
