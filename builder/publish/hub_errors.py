"""What the Hub's clients raise: whether it may pass, and what it means in one line.

`huggingface_hub` raises its own errors, with the Hub's answer, and those of its HTTP library;
`hf_xet` raises `ConnectionError`s that tell an answer's status in their text.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from imagenetq.errors import ImagenetqError, PublishError
from imagenetq.hub import HubAddress, is_misread_of_hub
from imagenetq.retrying import MISREAD

_LATER = (408, 425, 429)
_HTTP_LIBRARIES = {"httpx", "httpx2", "httpcore", "requests", "urllib3"}
_XET_STATUS = re.compile(r"HTTP status (?:client|server) error \((\d{3})")
_STORAGE = re.compile("storage|quota", re.IGNORECASE)


def is_passing(error: BaseException) -> bool:
    """Whether the same request may succeed later: the Hub is busy, or a connection was lost."""
    status = status_of(error)
    if status is not None:
        return status in _LATER or status >= 500
    return any(
        isinstance(cause, ConnectionError | TimeoutError)
        or type(cause).__module__.partition(".")[0] in _HTTP_LIBRARIES
        for cause in _causes(error)
    )


def status_of(error: BaseException) -> int | None:
    """The HTTP status that an error tells of; None if it tells of none."""
    for cause in _causes(error):
        status = getattr(getattr(cause, "response", None), "status_code", None)
        if status is not None:
            return int(status)
        if match := _XET_STATUS.search(str(cause)):
            return int(match[1])
    return None


def seconds_to_wait(error: BaseException) -> float | None:
    """How long the Hub asks to be left alone; None if it does not say."""
    for cause in _causes(error):
        headers = getattr(getattr(cause, "response", None), "headers", {})
        if headers.get("Retry-After", "").isdigit():
            return float(headers["Retry-After"])
    return None


def reason_of(error: BaseException) -> str:
    """What went wrong, in a few words."""
    status = status_of(error)
    if status is not None:
        message = _message(error)
        return f"HTTP {status}: {message}" if message else f"HTTP {status}"
    *_, first = _causes(error)
    line = str(first).strip().partition("\n")[0]
    return f"{type(first).__name__}: {line}" if line else type(first).__name__


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
    if status is not None and not is_passing(error):
        return f"{address}: {hub} refuses it ({reason})"
    return (
        f"{address} cannot be written to {hub} ({reason}); what was uploaded stays; "
        "run the same command again to go on"
    )


def _message(error: BaseException) -> str:
    """What the Hub itself said."""
    for cause in _causes(error):
        headers = getattr(getattr(cause, "response", None), "headers", {})
        said = headers.get("X-Error-Message") or getattr(cause, "server_message", None)
        if said:
            return str(said).strip().partition("\n")[0]
    return ""


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__
