"""Give ImageNet's terms of access, which whoever makes photographs public must accept."""

import textwrap

from imagenetq.builder.card.card import front_matter, template


def terms() -> str:
    """Give the terms in one paragraph, as the dataset's card states them to its readers."""
    front = front_matter(template())
    text = f"{front['extra_gated_heading']}. {front['extra_gated_prompt']}"
    return textwrap.fill(" ".join(text.split()), 79)
