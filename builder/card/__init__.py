"""A manifest comes in; the README of a folder or of a repository on the Hub goes out."""

from imagenetq.builder.card.card import refresh_template

__all__ = ["refresh_template"]
