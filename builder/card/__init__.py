"""Take a manifest, and write the README of a folder or of a repository on the Hub."""

from imagenetq.builder.card.card import refresh_template

__all__ = ["refresh_template"]
