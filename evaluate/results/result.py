"""The result of one evaluation: the predictions, and the entry that says what they are of."""

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
    """One model's answers on one dataset, and all that follows from them."""

    entry: Entry
    """What was evaluated, by what, and with what result."""

    predictions: Predictions
    """The answers."""

    label: str | None = None
    """What people call the network, for tables and figures; the model's name if None."""

    @classmethod
    def of(cls, run: Run, predictions: Predictions) -> "Result":
        """The result of a finished evaluation."""
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
        """Read a folder with `entry.json` and `predictions.parquet`, which may be anyone's.

        Raises:
            EntryError: one of them is missing or damaged, or they do not belong together.
        """
        (result,) = cls.read_all([folder])
        return result

    @classmethod
    def read_all(
        cls, folders: Sequence[Path | str], confined: Confined | None = None
    ) -> "list[Result]":
        """Read several folders, as `read` does one; quicker than one after the other.

        Args:
            folders: of results.
            confined: the process that reads, if one has been started; it ends with the reading.

        Raises:
            EntryError: as `read`, or a file takes far more memory or time than it could need.
        """
        with confined or Confined() as started:
            return [cls(*_read(Path(folder), started)) for folder in folders]

    def write(self, folder: Path | str, *, overwrite: bool = False) -> None:
        """Write both files; the entry comes last, so that a folder with one is complete.

        Args:
            folder: made if absent.
            overwrite: replace another result.

        Raises:
            EntryError: the folder holds another result.
            OSError: it cannot be written.
        """
        folder = Path(folder)
        data = self.predictions.encoded
        # Another version of pyarrow writes the same rows as other bytes.
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
            # Never an entry beside another's predictions.
            path.unlink()
        write_whole(folder / PREDICTIONS_NAME, data)
        write_whole(path, text)

    def write_entry(self, folder: Path | str) -> None:
        """Write the entry alone, over that of the same predictions."""
        write_whole(Path(folder) / ENTRY_NAME, self.entry.to_json().encode())

    def __repr__(self) -> str:
        """One line: what was evaluated, on how much, with what score."""
        entry = self.entry
        return (
            f"Result({entry.model.name!r}, {counted(entry.n_images, 'photograph')}, "
            f"{counted(len(entry.variants), 'variant')}, {_score(self.scores)})"
        )

    def _repr_html_(self) -> str:
        """The same as a notebook shows it, with a row of accuracies a distortion."""
        from imagenetq.evaluate.results.console import result_html

        return result_html(self)

    @cached_property
    def scores(self) -> Scores:
        """Computed from the predictions, whatever the entry says."""
        return compute_scores(self.predictions)

    def contradictions(self) -> list[str]:
        """What the entry says that its predictions do not bear out, one line each."""
        return [
            f"{ENTRY_NAME}: {field} is not what the predictions give"
            for field, value in self._recomputed().items()
            if getattr(self.entry, field) != value
        ]

    def corrected(self) -> "Result":
        """The same predictions, with an entry that says what they give."""
        return Result(self.entry.model_copy(update=self._recomputed()), self.predictions)

    def _recomputed(self) -> dict[str, Any]:
        return {
            "n_images": self.predictions.n_images,
            "variants": count(self.predictions),
            "scores": self.scores,
        }

    def to_pandas(self) -> "pd.DataFrame":
        """One row a variant, in ladder order: what it is, accuracies, confidence, calibration."""
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
        """Accuracy against each distortion's parameter, one panel a distortion."""
        from imagenetq.evaluate.results.plot import plot_curves

        return plot_curves(self.scores, title=self.entry.model.name)


def _score(scores: Scores) -> str:
    held = scores.score
    return "no score" if held is None else f"ImageNet-Q score {100 * held.value:.1f} %"


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
    """The raw counts of each variant evaluated, in ladder order."""
    top1, top5 = (predictions.correct(k).sum(axis=0).tolist() for k in (1, 5))
    return {
        name: VariantCounts(correct_top1=one, correct_top5=five, total=predictions.n_images)
        for name, one, five in zip(predictions.variants, top1, top5, strict=True)
    }


def folder_name(model: str) -> str:
    """A model's folder in the results: its name, with what a path cannot hold replaced."""
    return "".join(c if c.isalnum() or c in "-_." else "-" for c in model).strip(".")
