"""What is asked of the Hub, and what it answers."""

import json
import re
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

Span = tuple[int | None, int | None]


@dataclass(frozen=True)
class Request:
    """What a client asks.

    Attributes:
        method: such as `GET`; a `HEAD` is answered as a `GET` is, without the body.
        path: still percent-encoded, without the query.
        query: the last value of each parameter.
        token: what it authenticates with.
        span: first and last byte of a Range header; either may be absent.
        body: as sent.
        host: the address that the client knows this server by.
    """

    method: str
    path: str
    query: dict[str, str]
    token: str | None
    span: Span | None
    body: bytes
    host: str

    @classmethod
    def of(cls, method: str, address: str, headers: Any, body: bytes) -> Self:
        """Take a request apart.

        Args:
            method: of the request.
            address: its path and query.
            headers: by name.
            body: as sent.
        """
        url = urlsplit(address)
        token = re.fullmatch(r"Bearer (.+)", headers.get("Authorization", ""))
        span = re.fullmatch(r"bytes=(\d*)-(\d*)", headers.get("Range", ""))
        return cls(
            method,
            url.path,
            {name: values[-1] for name, values in parse_qs(url.query).items()},
            token[1] if token else None,
            (number(span[1]), number(span[2])) if span else None,
            body,
            f"http://{headers.get('Host', '')}",
        )

    def json(self) -> Any:
        """The body, read as JSON."""
        return json.loads(self.body)

    def fields(self) -> dict[str, Any]:
        """The body, read as JSON, or as older clients send it: a form, each field a list."""
        return self.json() if self.body[:1] == b"{" else parse_qs(self.body.decode())


@dataclass(frozen=True)
class Response:
    """What the server answers."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, value: object, status: int = 200) -> Self:
        """Answer with JSON."""
        return cls(json.dumps(value).encode(), status, {"Content-Type": "application/json"})

    @classmethod
    def part(cls, content: bytes, span: Span | None, headers: dict[str, str]) -> Self:
        """Answer with a file, or with the range of it that is asked for."""
        headers = {
            "Accept-Ranges": "bytes",
            "Content-Type": "application/octet-stream",
        } | headers
        if span is None:
            return cls(content, headers=headers)
        first, last = _bounds(span, len(content))
        if first >= len(content):
            return cls(status=416, headers={"Content-Range": f"bytes */{len(content)}"})
        headers["Content-Range"] = f"bytes {first}-{last}/{len(content)}"
        return cls(content[first : last + 1], 206, headers)


class Refusal(Exception):
    """A request is answered with an error, by status and the Hub's `X-Error-Code`."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        headers = {"X-Error-Message": message} | ({"X-Error-Code": code} if code else {})
        self.response = Response(json.dumps({"error": message}).encode(), status, headers)


@dataclass(frozen=True)
class Served:
    """A request that was answered.

    Attributes:
        method: of the request.
        path: with its query.
        status: of the answer; 0 where the connection was dropped.
        sent: bytes of the answer's body.
        received: bytes of the request's body.
    """

    method: str
    path: str
    status: int
    sent: int
    received: int


def number(digits: str) -> int | None:
    """The number, or None for no digits."""
    return int(digits) if digits else None


def _bounds(span: Span, size: int) -> tuple[int, int]:
    first, last = span
    if first is None:
        return max(0, size - (last or 0)), size - 1
    return first, size - 1 if last is None else min(last, size - 1)
