"""ImageNet's terms of access, as whoever makes photographs public must accept them."""

import textwrap

from imagenetq.builder.card.card import front_matter, template


def terms() -> str:
    """The terms in a paragraph: what the dataset's card asks of its readers too."""
    front = front_matter(template())
    text = f"{front['extra_gated_heading']}. {front['extra_gated_prompt']}"
    return textwrap.fill(" ".join(text.split()), 79)
