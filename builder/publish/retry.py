"""Patience with a Hub that is busy, and with a network that drops connections."""

import time
from collections.abc import Callable
from typing import TypeVar

from imagenetq.builder.publish.hub_errors import is_passing, reason_of, seconds_to_wait
from imagenetq.progress import say

_RETRIES = 6
_FIRST_PAUSE = 1.0

Result = TypeVar("Result")


def retried(ask: Callable[[], Result], what: str) -> Result:
    """What a request gives, asked again while it fails in ways that may pass.

    Each pause is twice as long as the one before, and at least as long as the Hub asks for. The
    clients have tried some requests again by themselves before they raise.

    Args:
        ask: makes the request.
        what: is attempted; the user is told so.

    Raises:
        Exception: whatever the last of seven attempts raised, or the first that cannot pass.
    """
    for attempt in range(_RETRIES + 1):
        try:
            return ask()
        except Exception as error:
            if attempt == _RETRIES or not is_passing(error):
                raise
            pause = max(_FIRST_PAUSE * 2.0**attempt, seconds_to_wait(error) or 0.0)
            say(f"{what}: {reason_of(error)}; trying again in {pause:.0f} s")
            time.sleep(pause)
    raise AssertionError("the last attempt returns or raises")
