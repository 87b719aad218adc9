"""Everything that ImageNet-Q refuses or fails at, as one family.

    ImagenetqError
    ├── UsageError            the caller asked for something that does not exist
    ├── BadImage              a file is not an image that the dataset can hold
    ├── SourceError           an ImageNet source cannot be read or does not fit
    │   └── AccessError       ... because of a missing token or unaccepted terms
    ├── FolderError           an output folder cannot be used
    ├── ModelError            a model or its weights cannot be loaded, or do not fit
    ├── EntryError            an evaluation's result cannot be used or compared
    │   └── PredictionsError  ... because of its predictions
    ├── LabelsError           a file of other labels cannot be used
    ├── EvaluationError       a model could not be evaluated on the data
    ├── BuildStopped          a build ended early and can be resumed
    ├── PublishError          a dataset could not be published
    ├── MissingPackage        an extra of this package is not installed
    ├── WorkerError           a worker process met an error that nobody foresaw
    └── PlatformError         this machine renders other pixels than the specification

Every message is one line: what is wrong, where, and what to do.
"""


class ImagenetqError(Exception):
    """Root of the family; catching it catches all that this package raises on purpose."""


class UsageError(ImagenetqError):
    """The caller named a variant, subset, format or source that does not exist."""


class BadImage(ImagenetqError):
    """A file is not an image that the dataset can hold; the message says why and what to do."""


class SourceError(ImagenetqError):
    """A source of ImageNet photographs cannot be read, or does not fit its labels."""


class AccessError(SourceError):
    """A gated source refused: no token, or terms that were not accepted."""


class FolderError(ImagenetqError):
    """A dataset folder cannot be used: unreadable, damaged, or of another version or plan."""


class ModelError(ImagenetqError):
    """A model cannot be evaluated: no such model, or weights that are missing or do not fit."""


class EntryError(ImagenetqError):
    """An evaluation's result cannot be used: damaged, contradictory, or of other photographs."""


class PredictionsError(EntryError):
    """Predictions are damaged, incomplete, or contradict themselves."""


class LabelsError(ImagenetqError):
    """A file of labels cannot be used: damaged, of other images, or of classes that are none."""


class EvaluationError(ImagenetqError):
    """A model could not be evaluated on the data; what was finished is kept."""


class BuildStopped(ImagenetqError):
    """A build ended before all units were done; the same command resumes it."""


class PublishError(ImagenetqError):
    """A dataset could not be published; the same command goes on once the cause is mended."""


class MissingPackage(ImagenetqError, ImportError):
    """A package is not installed that one of the extras brings."""


class WorkerError(ImagenetqError):
    """A worker process met an error that nobody foresaw; its notes hold the whole traceback."""


class PlatformError(ImagenetqError):
    """This machine's libraries render other pixels than the specification demands."""
