"""Sites to look at."""

from pathlib import Path

import pytest

from imagenetq.evaluate.leaderboard.site import Board, write_site
from site_entries import HOSTILE, result, standing


def mixed() -> Board:
    """Three ranked entries, one in bf16, two demonstrations, one of them hostile."""
    strong, weak = result(0.9, 60, 1), result(0.45, 60, 2, model="torchvision/weak")
    small = result(0.8, 60, 3, model="timm/small", parameters=900_000, input_size=(96, 96))
    half = result(0.85, 60, 4, precision="bf16")
    other = result(0.7, 25, 5, source_digest="d" * 64, model="python/mine:net")
    hostile = result(
        0.6,
        25,
        6,
        source_digest="d" * 64,
        model=HOSTILE,
        arguments={"a": HOSTILE, "b": "$(touch x)"},
        hardware={HOSTILE: HOSTILE},
        warnings=(HOSTILE,),
    )
    return Board(
        (
            standing("weak", weak, title="Weak"),
            standing("strong", strong, title="Strong"),
            standing("small", small, title="Small", paper="https://example.org/paper"),
            standing("half", half, title="Half", unranked="computed in bf16, and only fp32 is"),
            standing("other", other, title="Other", is_registered=False),
            standing(
                "hostile",
                hostile,
                title=HOSTILE,
                is_registered=False,
                training_data=HOSTILE,
                notes=HOSTILE,
            ),
        )
    )


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site of `mixed`. Not to be changed by a test."""
    out = tmp_path_factory.mktemp("site") / "site"
    write_site(mixed(), out)
    return out
