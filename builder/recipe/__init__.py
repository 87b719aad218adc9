"""The very dataset that a recipe describes, from one's own ImageNet."""

from imagenetq.builder.recipe.build_like import Likeness, build_like
from imagenetq.builder.recipe.recipe import Recipe, open_recipe

__all__ = ["Likeness", "Recipe", "build_like", "open_recipe"]
