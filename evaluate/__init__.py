"""Shards (or clean images) in, one entry out.

What the command line does, this does: `open_data`, `load_model`, `evaluate`. In a notebook with a
network at hand, `evaluate_model(module, transform, data)` is all.
"""

from typing import TYPE_CHECKING

from imagenetq.lazy import lazy_names

if TYPE_CHECKING:
    from imagenetq.evaluate.data import CleanSource, Data, open_data
    from imagenetq.evaluate.evaluation.run import evaluate, evaluate_model, folder_of
    from imagenetq.evaluate.evaluation.settings import Settings
    from imagenetq.evaluate.models import LoadOptions, Model, load_model
    from imagenetq.evaluate.models.preprocessing import OpaquePreprocessing, Preprocessing
    from imagenetq.evaluate.results.comparison import Comparison, compare
    from imagenetq.evaluate.results.labels import Labels
    from imagenetq.evaluate.results.result import Result, folder_name

__all__ = [
    "CleanSource",
    "Comparison",
    "Data",
    "Labels",
    "LoadOptions",
    "Model",
    "OpaquePreprocessing",
    "Preprocessing",
    "Result",
    "Settings",
    "compare",
    "evaluate",
    "evaluate_model",
    "folder_name",
    "folder_of",
    "load_model",
    "open_data",
]

_HOMES = {
    "results.comparison": ("Comparison", "compare"),
    "data": ("CleanSource", "Data", "open_data"),
    "evaluation.run": ("evaluate", "evaluate_model", "folder_of"),
    "results.labels": ("Labels",),
    "results.result": ("Result", "folder_name"),
    "models": ("LoadOptions", "Model", "load_model"),
    "models.preprocessing": ("OpaquePreprocessing", "Preprocessing"),
    "evaluation.settings": ("Settings",),
}

__getattr__ = lazy_names(__name__, _HOMES)
