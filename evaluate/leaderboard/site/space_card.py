"""Make the card of a static Space, which the Hugging Face Hub reads to serve a folder as a site."""

import yaml

from imagenetq.specification import DATASET_VERSION

CARD_NAME = "README.md"

_FACTS = {
    "title": "ImageNet-Q leaderboard",
    "emoji": "\N{CAMERA}",
    "colorFrom": "blue",
    "colorTo": "yellow",
    "sdk": "static",
    "app_file": "index.html",
    "pinned": False,
    "license": "apache-2.0",
    "short_description": "How image quality affects image classifiers",
    "tags": ["leaderboard", "imagenet", "robustness", "image-classification"],
}

_TEXT = f"""
# ImageNet-Q leaderboard

Top-1 accuracy of image classifiers on blurred, noisy, pale and compressed ImageNet photographs,
dataset version {DATASET_VERSION}. Every number is recomputed from an entry's predictions.

`imagenetq leaderboard build --space` makes this folder; what is changed here by hand is lost.
"""


def space_card() -> str:
    """Make the text of `README.md`."""
    facts = yaml.safe_dump(_FACTS, sort_keys=False, allow_unicode=True)
    return f"---\n{facts}---\n{_TEXT}"
