"""Define the errors for all that ImageNet-Q refuses or fails at, as one family.

    ImagenetqError
    ├── UsageError            the caller asked for something that cannot be done
    ├── BadImage              a file is not an image that the dataset can hold
    ├── SourceError           an ImageNet source cannot be read or does not fit
    │   └── AccessError       a source refuses without a token or accepted terms
    ├── FolderError           an output folder cannot be used
    ├── ModelError            a model or its weights cannot be loaded, or do not fit
    ├── EntryError            an evaluation's result cannot be used or compared
    │   └── PredictionsError  an evaluation's predictions cannot be used
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
    """The root of the family; catching it catches all that this package raises on purpose."""


class UsageError(ImagenetqError):
    """A request that cannot be met, such as one for a variant or source that does not exist."""


class BadImage(ImagenetqError):
    """A file that is no image that the dataset can hold; the message says why and what to do."""


class SourceError(ImagenetqError):
    """A source of ImageNet photographs that cannot be read, or does not fit its labels."""


class AccessError(SourceError):
    """A gated source that refuses: there is no token, or its terms were not accepted."""


class FolderError(ImagenetqError):
    """A dataset folder that cannot be used: unreadable, damaged, or of another version or plan."""


class ModelError(ImagenetqError):
    """A model that cannot be evaluated: unknown, or with weights that are missing or do not fit."""


class EntryError(ImagenetqError):
    """A result that cannot be used: damaged, contradictory, or of other photographs."""


class PredictionsError(EntryError):
    """Predictions that are damaged or incomplete, or contradict themselves."""


class LabelsError(ImagenetqError):
    """A file of labels that cannot be used: damaged, of other images, or of unknown classes."""


class EvaluationError(ImagenetqError):
    """A failure to evaluate a model on the data; what was finished is kept."""


class BuildStopped(ImagenetqError):
    """The end of a build before all its units are done; the same command resumes it."""


class PublishError(ImagenetqError):
    """A failure to publish a dataset; the same command goes on once the cause is mended."""


class MissingPackage(ImagenetqError, ImportError):
    """A missing package that one of the extras brings."""


class WorkerError(ImagenetqError):
    """An unforeseen error in a worker process; its notes hold the whole traceback."""


class PlatformError(ImagenetqError):
    """A machine whose libraries cannot render the pixels that the specification demands."""
