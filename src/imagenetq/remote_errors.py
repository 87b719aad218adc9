"""Read what the clients of remote services raise: the status, whether it may pass, and why.

aiohttp calls an answer's status `status`, and httpx calls it `response.status_code`. For S3 it is
in a dictionary of the error from which the client's own error stems. `hf_xet` tells it in its text.
"""

import json
import re
from collections.abc import Iterator
from itertools import chain
from typing import Any

_HTTP_LIBRARIES = {"httpx", "httpx2", "httpcore", "requests", "urllib3"}
_XET_STATUS = re.compile(r"HTTP status (?:client|server) error \((\d{3})")

ANOTHER_ANSWERED = (
    "a proxy or a login page may have answered instead; check the network, and the proxy's settings"
)
"""Why a server's answer may be something else, and what to do about it."""

MISREAD = f"its answer makes no sense, so {ANOTHER_ANSWERED}"
"""What to say of an error if `is_misread` is true of it."""


def causes(error: BaseException) -> Iterator[BaseException]:
    """Walk from an error to what it stems from."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__


def first_line(error: BaseException) -> str:
    """Give the first line of what an error says; its type's name if it says nothing."""
    return str(error).strip().partition("\n")[0] or type(error).__name__


def named(error: BaseException) -> str:
    """Give an error's type and the first line of what it says."""
    line, name = first_line(error), type(error).__name__
    return name if line == name else f"{name}: {line}"


def status_of(error: BaseException) -> int | None:
    """Find the HTTP status that an error tells of; None if it tells of none."""
    for cause in causes(error):
        response = getattr(cause, "response", None)
        of_s3 = response.get("ResponseMetadata", {}) if isinstance(response, dict) else {}
        status = (
            getattr(response, "status_code", None)
            or of_s3.get("HTTPStatusCode")
            or getattr(cause, "status", None)
        )
        if isinstance(status, int):
            return status
        if match := _XET_STATUS.search(str(cause)):
            return int(match[1])
    return None


def is_busy(error: BaseException) -> bool:
    """Tell whether an error has an HTTP status that asks to come back later."""
    status = status_of(error)
    # 501 says that the service will never do it.
    return status is not None and (status in (408, 425, 429) or (status >= 500 and status != 501))


def may_pass(error: BaseException) -> bool:
    """Tell whether a request may succeed later: the service is busy, or a connection was lost."""
    if status_of(error) is not None:
        return is_busy(error)
    return any(
        isinstance(cause, ConnectionError | TimeoutError)
        or type(cause).__module__.partition(".")[0] in _HTTP_LIBRARIES
        for cause in causes(error)
    )


def seconds_to_wait(error: BaseException) -> float:
    """Find how many seconds a service asks to be left alone; 0 if it does not say."""
    for headers in _headers(error):
        if headers.get("Retry-After", "").isdigit():
            return float(headers["Retry-After"])
    return 0.0


def reason_of(error: BaseException) -> str:
    """Say what went wrong in a few words: the status and what the service says, or the origin."""
    status = status_of(error)
    if status is None:
        *_, origin = causes(error)
        return named(origin)
    # What the Hub's client quotes of an answer, or the answer's own header.
    quoted = (getattr(cause, "server_message", None) for cause in causes(error))
    stated = (headers.get("X-Error-Message") for headers in _headers(error))
    message = next((text for text in chain(quoted, stated) if text), "")
    line = str(message).strip().partition("\n")[0]
    return f"HTTP {status}: {line}" if line else f"HTTP {status}"


def is_misread(error: BaseException) -> bool:
    """Tell whether a client could make no sense of an answer that reported success."""
    kinds = (AttributeError, IndexError, KeyError, TypeError, json.JSONDecodeError)
    return isinstance(error, kinds)


def is_misread_of_hub(error: BaseException) -> bool:
    """Tell whether the Hub's client could make no sense of an answer; it may even say so itself."""
    from huggingface_hub import errors

    says_so = isinstance(error, ValueError | RuntimeError)
    # Refusals and bad names are ValueErrors, too.
    has_reason = isinstance(error, errors.HfHubHTTPError | errors.HFValidationError)
    return is_misread(error) or (says_so and not has_reason)


def _headers(error: BaseException) -> Iterator[Any]:
    for cause in causes(error):
        headers = getattr(getattr(cause, "response", None), "headers", None)
        if headers is not None:
            yield headers
