"""Define the result of one evaluation: the predictions, and the entry that describes them."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imagenetq.confined import Confined
from imagenetq.entry import ENTRY_NAME, Entry, Run, VariantCounts, read_entry
from imagenetq.entry_scores import Scores
from imagenetq.errors import EntryError, PredictionsError
from imagenetq.evaluate.results.format import percent
from imagenetq.evaluate.results.scores import compute_scores
from imagenetq.files import write_whole
from imagenetq.predictions import (
    PREDICTIONS_NAME,
    Predictions,
    parse_predictions,
    stored_predictions,
)
from imagenetq.specification import variant
from imagenetq.words import counted

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


@dataclass(frozen=True, eq=False)
class Result:
    """One model's answers on one dataset, with the entry that describes them."""

    entry: Entry
    """The record of the model, the dataset and the scores."""

    predictions: Predictions
    """The model's answers."""

    label: str | None = None
    """Name of the network in tables and figures; the model's name is shown if None."""

    @classmethod
    def of(cls, run: Run, predictions: Predictions) -> "Result":
        """Make the result of a finished evaluation."""
        entry = Entry(
            **dict(run),
            n_images=predictions.n_images,
            variants=count(predictions),
            scores=compute_scores(predictions),
            predictions_sha256=hashlib.sha256(predictions.encoded).hexdigest(),
        )
        return cls(entry, predictions)

    @classmethod
    def read(cls, folder: Path | str) -> "Result":
        """Read a folder with `entry.json` and `predictions.parquet`, which may come from anyone.

        Raises:
            EntryError: one of the files is missing or damaged, or they do not belong together.
        """
        (result,) = cls.read_all([folder])
        return result

    @classmethod
    def read_all(
        cls, folders: Sequence[Path | str], confined: Confined | None = None
    ) -> "list[Result]":
        """Read several folders of results; this is quicker than calling `read` for each.

        The process that parses the files is started if None is given, and ended afterwards.

        Raises:
            EntryError: as for `read`, or a file takes far more memory or time than it could need.
        """
        with confined or Confined() as started:
            return [cls(*_read(Path(folder), started)) for folder in folders]

    def write(self, folder: Path | str, *, overwrite: bool = False) -> None:
        """Write both files; the entry comes last, so that a folder with an entry is complete.

        Args:
            folder: where to write; it is made if absent.
            overwrite: whether to replace another result.

        Raises:
            EntryError: the folder holds another result, and `overwrite` is False.
            OSError: the folder cannot be written.
        """
        folder = Path(folder)
        data = self.predictions.encoded
        # Another version of pyarrow encodes the same rows differently.
        sha256 = hashlib.sha256(data).hexdigest()
        entry = self.entry.model_copy(update={"predictions_sha256": sha256})
        text = entry.to_json().encode()
        path = folder / ENTRY_NAME
        if path.exists():
            if not overwrite and path.read_bytes() != text:
                raise EntryError(
                    f"{folder} holds another result; give another folder, or overwrite=True to "
                    "replace it"
                )
            # So that an entry never lies beside another result's predictions.
            path.unlink()
        write_whole(folder / PREDICTIONS_NAME, data)
        write_whole(path, text)

    def write_entry(self, folder: Path | str) -> None:
        """Write only the entry, over an earlier one of the same predictions."""
        write_whole(Path(folder) / ENTRY_NAME, self.entry.to_json().encode())

    def __repr__(self) -> str:
        """Say in one line what was evaluated, on how many photographs, and with what score."""
        entry, score = self.entry, self.scores.score
        shown = "no score" if score is None else f"ImageNet-Q score {percent(score.value)} %"
        return (
            f"Result({entry.model.name!r}, {counted(entry.n_images, 'photograph')}, "
            f"{counted(len(entry.variants), 'variant')}, {shown})"
        )

    def _repr_html_(self) -> str:
        """Show the result in a notebook, as a table with a row of accuracies per distortion."""
        from imagenetq.evaluate.results.console import result_html

        return result_html(self)

    @cached_property
    def scores(self) -> Scores:
        """All scores, computed from the predictions, whatever the entry says."""
        return compute_scores(self.predictions)

    def contradictions(self) -> list[str]:
        """List the fields of the entry that its predictions contradict, one line each."""
        return [
            f"{ENTRY_NAME}: {field} is not what the predictions give"
            for field, value in self._recomputed().items()
            if getattr(self.entry, field) != value
        ]

    def corrected(self) -> "Result":
        """Give the same predictions with an entry whose counts and scores agree with them."""
        return Result(self.entry.model_copy(update=self._recomputed()), self.predictions)

    def _recomputed(self) -> dict[str, Any]:
        return {
            "n_images": self.predictions.n_images,
            "variants": count(self.predictions),
            "scores": self.scores,
        }

    def to_pandas(self) -> "pd.DataFrame":
        """Make a table with one row per variant, in ladder order.

        Its columns say which variant it is, and give top-1 and top-5 accuracy with their 95 %
        intervals, the mean confidence in the true class, and the calibration error, all 0 to 1.
        """
        import pandas as pd

        rows = []
        for name, scores in self.scores.variants.items():
            known = variant(name)
            rows.append(
                {
                    "variant": name,
                    "distortion": known.distortion,
                    "level": known.level,
                    "parameter": known.parameter,
                    "value": None if known.value is None else float(known.value),
                    "top1": scores.top1.value,
                    "top1_low": scores.top1.low,
                    "top1_high": scores.top1.high,
                    "top5": scores.top5.value,
                    "top5_low": scores.top5.low,
                    "top5_high": scores.top5.high,
                    "true_confidence": scores.true_confidence.value,
                    "calibration_error": scores.calibration_error,
                }
            )
        return pd.DataFrame(rows)

    def plot(self) -> "Figure":
        """Plot accuracy against each distortion's parameter, one panel per distortion."""
        from imagenetq.evaluate.results.plot import plot_curves

        return plot_curves(self.scores, title=self.entry.model.name)


def _read(folder: Path, confined: Confined) -> tuple[Entry, Predictions]:
    entry = read_entry(folder / ENTRY_NAME)
    path = folder / PREDICTIONS_NAME
    data = stored_predictions(path, entry.predictions_sha256)
    try:
        return entry, confined.run(parse_predictions, data, str(path))
    except PredictionsError:
        raise
    except EntryError as error:
        raise PredictionsError(f"{path}: {error}") from None


def count(predictions: Predictions) -> dict[str, VariantCounts]:
    """Count the right answers to each variant evaluated, in ladder order."""
    top1, top5 = (predictions.correct(k).sum(axis=0).tolist() for k in (1, 5))
    return {
        name: VariantCounts(correct_top1=one, correct_top5=five, total=predictions.n_images)
        for name, one, five in zip(predictions.variants, top1, top5, strict=True)
    }


def folder_name(model: str) -> str:
    """Make a folder's name from a model's: what a path may not hold becomes a hyphen."""
    return "".join(c if c.isalnum() or c in "-_." else "-" for c in model).strip(".")
