"""A published recipe and one's own ImageNet come in; the very same dataset goes out."""

from imagenetq.builder.recipe.build_like import Likeness, build_like
from imagenetq.builder.recipe.recipe import Recipe, open_recipe

__all__ = ["Likeness", "Recipe", "build_like", "open_recipe"]
