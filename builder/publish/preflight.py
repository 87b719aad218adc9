"""Check what every push demands of the dataset that it takes, wherever that lies."""

from imagenetq.builder.folders import DatasetFolder
from imagenetq.builder.verifying.verify import verify
from imagenetq.errors import PublishError, UsageError
from imagenetq.manifest import Manifest
from imagenetq.progress import say
from imagenetq.selection import SAMPLE
from imagenetq.specification import CLEAN


def publishable_manifest(folder: DatasetFolder) -> Manifest:
    """Read the manifest of a dataset, and refuse a dataset that may not be published."""
    manifest = folder.manifest()
    if manifest.subset == SAMPLE:
        raise UsageError(
            f"{folder} is of the embedded sample, a demonstration, which is not published; "
            "build from ImageNet, and push that"
        )
    return manifest


def require_verified(folder: DatasetFolder, manifest: Manifest, workers: int | None) -> None:
    """Read every shard and pixel before anything of it is published."""
    problems = verify(folder, workers=workers)
    for problem in problems:
        say(problem)
    if problems:
        raise PublishError(
            f"{folder}: {len(problems)} problems, named above; nothing was pushed; mend them, "
            "or build again"
        )
    if folder.manifest() != manifest:
        raise PublishError(f"{folder}: changed while it was verified; push again")


def example_variant(manifest: Manifest, preferred: str) -> str:
    """Choose the variant that the line shows by which the dataset is loaded."""
    distorted = [variant for variant in manifest.variants if variant != CLEAN] or [CLEAN]
    return preferred if preferred in distorted else distorted[0]


def changed(path: str) -> PublishError:
    """Make the error that a file is no longer what was verified."""
    return PublishError(f"{path}: changed while it was pushed; verify the folder, and push again")
