"""What several tests need."""

from pathlib import Path

import pytest

_IMAGENET_SAMPLE = Path(__file__).parents[2] / "shared" / "imagenet-sample"


@pytest.fixture(scope="session")
def imagenet_sample() -> Path:
    """The folder of 200 real ImageNet photographs, which the repository must not hold."""
    if not _IMAGENET_SAMPLE.is_dir():
        pytest.skip("no ImageNet photographs in ../shared/imagenet-sample")
    return _IMAGENET_SAMPLE
