"""Say in one line what the Hub's refusals mean to whoever publishes."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from imagenetq.errors import ImagenetqError, PublishError
from imagenetq.hub import HubAddress
from imagenetq.remote_errors import MISREAD, is_misread_of_hub, may_pass, reason_of, status_of

_STORAGE = re.compile("storage|quota", re.IGNORECASE)


@contextmanager
def explained(address: HubAddress) -> Iterator[None]:
    """Turn whatever the Hub's clients raise into one line of our own."""
    try:
        yield
    except ImagenetqError:
        raise
    except Exception as error:
        raise PublishError(_explanation(address, error)) from error


def _explanation(address: HubAddress, error: Exception) -> str:
    from huggingface_hub import constants, errors

    hub = constants.ENDPOINT
    status = status_of(error)
    reason = reason_of(error).rstrip(".")
    if isinstance(error, errors.OfflineModeIsEnabled):
        return f"{address} needs the network; unset HF_HUB_OFFLINE"
    if status == 403 and _STORAGE.search(reason):
        return (
            f"{address}: {hub} has no room for it ({reason}); what was uploaded stays; get more "
            "storage, and run the same command again to go on"
        )
    if status in (401, 403):
        namespace = address.repository.partition("/")[0]
        return (
            f"{address}: {hub} refuses it ({reason}); log in with a token that may write to "
            f"{namespace} (`hf auth login`, or set HF_TOKEN), see that there is storage left, and "
            "run the same command again"
        )
    if is_misread_of_hub(error):
        return f"{address} cannot be written to {hub}: {MISREAD}; what was uploaded stays"
    if status in (409, 412):
        return (
            f"{address}: somebody else is changing it ({reason}); wait until that is done, and "
            "run the same command again"
        )
    if status is not None and not may_pass(error):
        return f"{address}: {hub} refuses it ({reason})"
    return (
        f"{address} cannot be written to {hub} ({reason}); what was uploaded stays; "
        "run the same command again to go on"
    )
