"""Every message that the troubleshooting page quotes stands in the code, and is told apart."""

import pytest

from documents import fences
from messages import FILLED, templates

QUOTED = [
    fence.text.strip() for fence in fences("text") if fence.document == "docs/troubleshooting.md"
]


@pytest.mark.parametrize("message", QUOTED)
def test_a_quoted_message_stands_in_the_code(message: str) -> None:
    core = message.strip(f"{FILLED}: ")
    assert len(core.replace(FILLED, "").split()) >= 3
    assert any(core in template for template in templates())


def test_none_is_quoted_twice() -> None:
    assert len(QUOTED) > 60
    assert len(QUOTED) == len(set(QUOTED))


def test_a_text_that_the_code_does_not_hold_is_not_found() -> None:
    assert not any("no labels for those images" in template for template in templates())
    assert not any("Every message is one line" in template for template in templates())
