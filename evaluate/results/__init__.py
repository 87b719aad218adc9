"""Predictions come in; scores, comparisons and their names go out."""

from imagenetq.evaluate.results.result import Result

__all__ = ["Result"]
