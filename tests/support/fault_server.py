"""A folder over HTTP on 127.0.0.1, with Range requests, that misbehaves on demand.

with FaultServer(folder) as server:
    server.fail("/data/", status=429, times=2)
    server.drop("/data/", after=10_000, times=1)
    ...  # read server.url + "/manifest.json"
    assert len(server.requests("/data/")) == 5
"""

import re
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from threading import Lock
from typing import Any
from urllib.parse import unquote

from local_server import LocalServer


@dataclass
class Fault:
    """How requests whose path contains `where` go wrong, the next `times` times.

    Attributes:
        where: a part of the path.
        times: how often it will still happen.
        status: what is answered; None to cut the connection.
        after: how many bytes of the body are sent before the cut.
    """

    where: str
    times: int
    status: int | None
    after: int


@dataclass(frozen=True)
class Request:
    """A request that was answered."""

    path: str
    span: str | None
    status: int


class FaultServer(LocalServer):
    """The server; leaving its context closes it."""

    def __init__(self, folder: Path, *, ranges: bool = True) -> None:
        super().__init__(_Handler)
        self.folder = folder
        self.ranges = ranges
        self.log: list[Request] = []
        self._faults: list[Fault] = []
        self._lock = Lock()

    def fail(self, where: str, *, status: int, times: int) -> None:
        """Answer the next requests for such paths with an error."""
        self._faults.append(Fault(where, times, status, 0))

    def drop(self, where: str, *, after: int, times: int) -> None:
        """Cut the connection after so many bytes of the next answers for such paths."""
        self._faults.append(Fault(where, times, None, after))

    def requests(self, where: str) -> list[Request]:
        """The requests so far whose path contains `where`."""
        with self._lock:
            return [request for request in self.log if where in request.path]

    def forget(self) -> None:
        """Empty the log, and mend what was broken."""
        with self._lock:
            self.log.clear()
            self._faults.clear()

    def record(self, request: Request) -> Fault | None:
        """Log a request; what befalls it."""
        with self._lock:
            self.log.append(request)
            for fault in self._faults:
                if fault.where in request.path and fault.times:
                    fault.times -= 1
                    return fault
        return None


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Head and body are two writes, of which the second would wait for the client's system.
    disable_nagle_algorithm = True
    server: Any

    def do_GET(self) -> None:
        owner = self.server.owner
        path = unquote(self.path)
        file = owner.folder / path.lstrip("/")
        span = self.headers.get("Range")
        status, body, headers = 404, b"", {}
        if file.is_file():
            status, body, headers = self._content(file, span if owner.ranges else None)
        fault = owner.record(Request(path, span, status))
        if fault and fault.status:
            status, body, headers = fault.status, b"out of order", {}
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if fault and fault.status is None:
            body = body[: fault.after]
            self.close_connection = True
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass

    def _content(self, file: Path, span: str | None) -> tuple[int, bytes, dict[str, str]]:
        content = file.read_bytes()
        match = re.fullmatch(r"bytes=(\d+)-(\d*)", span or "")
        if match is None:
            return 200, content, {}
        first, last = int(match[1]), int(match[2] or len(content) - 1)
        if first >= len(content):
            return 416, b"", {"Content-Range": f"bytes */{len(content)}"}
        part = content[first : last + 1]
        placed = f"bytes {first}-{first + len(part) - 1}/{len(content)}"
        return 206, part, {"Content-Range": placed}
