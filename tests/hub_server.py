"""A Hub of our own on 127.0.0.1, so that the real clients can be tested without the network.

It speaks what `huggingface_hub` and `datasets` ask of a dataset repository, keeps everything in
memory, records each request, and misbehaves on demand:

    with HubServer() as hub:
        repository = hub.add("org/name", {"README.md": b"..."}, gated=True)
        repository.accepted.add("hf_token")
        hub.fail("/resolve/", status=500, times=2)
        ...  # run a client with HF_ENDPOINT=hub.url
        assert hub.served("/resolve/") < 10_000

A route is a function and a line in `ROUTES`. Its answer is a `Response`; a refusal is raised.
"""

import hashlib
import json
import re
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import PurePosixPath
from threading import Lock, Thread
from typing import Self
from urllib.parse import parse_qs, unquote, urlsplit

MAIN = "main"


@dataclass
class Repository:
    """A dataset repository.

    Attributes:
        gated: whether its files need a token that accepted the terms.
        accepted: those tokens.
        commits: for each commit, oldest first, its files.
        refs: the commit of each branch and tag.
    """

    gated: bool = False
    accepted: set[str] = field(default_factory=set)
    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    refs: dict[str, str] = field(default_factory=dict)

    def commit(self, files: dict[str, bytes]) -> str:
        """Make a commit of these files alone the newest of the main branch; its id."""
        oid = hashlib.sha1(f"commit {len(self.commits)}".encode()).hexdigest()
        self.commits[oid] = dict(files)
        self.refs[MAIN] = oid
        return oid


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
    """

    method: str
    path: str
    query: dict[str, str]
    token: str | None
    span: tuple[int | None, int | None] | None
    body: bytes


@dataclass(frozen=True)
class Response:
    """What the server answers."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, value: object) -> Self:
        """Answer with JSON."""
        return cls(json.dumps(value).encode(), headers={"Content-Type": "application/json"})


@dataclass(frozen=True)
class Served:
    """A request that was answered: `sent` counts the bytes of its body."""

    method: str
    path: str
    status: int
    sent: int


@dataclass
class Fault:
    """How requests whose path contains `where` go wrong, the next `times` times.

    Attributes:
        where: a part of the path, percent-encoded.
        times: how often it will still happen.
        status: what is answered; None for the right answer, half of it, and a cut connection.
    """

    where: str
    times: int
    status: int | None


class Refusal(Exception):
    """A request is answered with an error, by status and the Hub's `X-Error-Code`."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.response = Response(
            json.dumps({"error": message}).encode(),
            status,
            {"X-Error-Code": code, "X-Error-Message": message},
        )


class HubServer:
    """The server; leaving its context closes it."""

    def __init__(self) -> None:
        self.repositories: dict[str, Repository] = {}
        self.log: list[Served] = []
        self._faults: list[Fault] = []
        self._lock = Lock()
        self._server = _Listener(self)
        self._thread = Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def url(self) -> str:
        """What clients take as HF_ENDPOINT."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def add(self, name: str, files: dict[str, bytes], *, gated: bool = False) -> Repository:
        """Make a repository with one commit."""
        repository = self.repositories[name] = Repository(gated=gated)
        repository.commit(files)
        return repository

    def fail(self, where: str, *, status: int, times: int) -> None:
        """Answer the next requests for paths that contain `where` with an error."""
        self._faults.append(Fault(where, times, status))

    def cut(self, where: str, *, times: int) -> None:
        """Cut the next answers for paths that contain `where` in half."""
        self._faults.append(Fault(where, times, None))

    def requests(self, where: str) -> list[Served]:
        """The requests so far whose path contains `where`."""
        with self._lock:
            return [served for served in self.log if where in served.path]

    def served(self, where: str) -> int:
        """How many bytes were sent for paths that contain `where`."""
        return sum(served.sent for served in self.requests(where))

    def forget(self) -> None:
        """Empty the log, and mend what `fail` and `cut` broke."""
        with self._lock:
            self.log.clear()
            self._faults.clear()

    def record(self, served: Served) -> None:
        """Add to the log."""
        with self._lock:
            self.log.append(served)

    def fault(self, path: str) -> Fault | None:
        """The fault that befalls this request, if any."""
        with self._lock:
            for fault in self._faults:
                if fault.where in path and fault.times:
                    fault.times -= 1
                    return fault
        return None

    def answer(self, request: Request) -> Response:
        """The right answer to a request."""
        method = "GET" if request.method == "HEAD" else request.method
        for allowed, pattern, route in ROUTES:
            match = re.fullmatch(pattern, request.path)
            if match and method == allowed:
                arguments = {name: unquote(value) for name, value in match.groupdict().items()}
                try:
                    return route(self, request, **arguments)
                except Refusal as refusal:
                    return refusal.response
        return Response(b"no such route", 404)

    def repository(self, name: str, request: Request) -> Repository:
        """A repository that anybody may know of."""
        if name in self.repositories:
            return self.repositories[name]
        # Like the Hub, which does not tell strangers whether a name is free or private.
        raise Refusal(404 if request.token else 401, "RepoNotFound", "Repository not found")

    def opened(self, name: str, request: Request) -> Repository:
        """A repository whose files this request may have."""
        repository = self.repository(name, request)
        if repository.gated and request.token not in repository.accepted:
            raise Refusal(
                403 if request.token else 401,
                "GatedRepo",
                f"Access to dataset {name} is restricted.",
            )
        return repository


def commit_of(repository: Repository, revision: str) -> str:
    """The commit that a branch, tag or commit id stands for."""
    oid = repository.refs.get(revision, revision)
    if oid not in repository.commits:
        raise Refusal(404, "RevisionNotFound", f"Invalid rev id: {revision}")
    return oid


@cache
def blob_id(content: bytes) -> str:
    """A file's id in git."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def dataset_info(hub: HubServer, request: Request, name: str, revision: str = MAIN) -> Response:
    """Describe a repository; also a gated one, to anybody, as the Hub does."""
    repository = hub.repository(name, request)
    oid = commit_of(repository, revision)
    return Response.of(
        {
            "id": name,
            "sha": oid,
            "private": False,
            "gated": "manual" if repository.gated else False,
            "tags": [],
            "siblings": [{"rfilename": path} for path in repository.commits[oid]],
        }
    )


def auth_check(hub: HubServer, request: Request, name: str) -> Response:
    """Say whether the token opens the repository."""
    hub.opened(name, request)
    return Response()


def tree(hub: HubServer, request: Request, name: str, revision: str, folder: str = "") -> Response:
    """List a folder: its entries, or with `recursive` everything below."""
    repository = hub.repository(name, request)
    entries = _entries(repository.commits[commit_of(repository, revision)])
    parent = PurePosixPath(folder)
    if folder and entries.get(folder, {}).get("type") != "directory":
        raise Refusal(404, "EntryNotFound", f"{folder} does not exist on {revision}")
    recursive = request.query.get("recursive", "").lower() in {"true", "1"}
    return Response.of(
        [
            entry
            for path, entry in entries.items()
            if parent == PurePosixPath(path).parent
            or (recursive and parent in PurePosixPath(path).parents)
        ]
    )


def resolve(hub: HubServer, request: Request, name: str, revision: str, path: str) -> Response:
    """A file, or the range of it that is asked for."""
    repository = hub.opened(name, request)
    oid = commit_of(repository, revision)
    content = repository.commits[oid].get(path)
    if content is None:
        raise Refusal(404, "EntryNotFound", f"{path} does not exist on {revision}")
    headers = {
        "Accept-Ranges": "bytes",
        "Content-Type": "application/octet-stream",
        "ETag": f'"{blob_id(content)}"',
        "X-Repo-Commit": oid,
    }
    if request.span is None:
        return Response(content, headers=headers)
    first, last = _bounds(request.span, len(content))
    if first >= len(content):
        return Response(status=416, headers={"Content-Range": f"bytes */{len(content)}"})
    headers["Content-Range"] = f"bytes {first}-{last}/{len(content)}"
    return Response(content[first : last + 1], 206, headers)


_NAME = r"(?P<name>[^/]+/[^/]+)"
_REVISION = r"(?P<revision>[^/]+)"

ROUTES: tuple[tuple[str, str, Callable[..., Response]], ...] = (
    ("GET", rf"/api/datasets/{_NAME}", dataset_info),
    ("GET", rf"/api/datasets/{_NAME}/revision/{_REVISION}", dataset_info),
    ("GET", rf"/api/datasets/{_NAME}/auth-check", auth_check),
    ("GET", rf"/api/datasets/{_NAME}/tree/{_REVISION}", tree),
    ("GET", rf"/api/datasets/{_NAME}/tree/{_REVISION}/(?P<folder>.+)", tree),
    ("GET", rf"/datasets/{_NAME}/resolve/{_REVISION}/(?P<path>.+)", resolve),
)


def _entries(files: dict[str, bytes]) -> dict[str, dict[str, object]]:
    """The files and their folders, as the Hub describes them."""
    entries: dict[str, dict[str, object]] = {}
    for path, content in sorted(files.items()):
        for folder in reversed(PurePosixPath(path).parents[:-1]):
            oid = hashlib.sha1(str(folder).encode()).hexdigest()
            entries[str(folder)] = {
                "type": "directory",
                "oid": oid,
                "size": 0,
                "path": str(folder),
            }
        entries[path] = {
            "type": "file",
            "oid": blob_id(content),
            "size": len(content),
            "path": path,
        }
    return entries


def _bounds(span: tuple[int | None, int | None], size: int) -> tuple[int, int]:
    first, last = span
    if first is None:
        return max(0, size - (last or 0)), size - 1
    return first, size - 1 if last is None else min(last, size - 1)


class _Listener(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, hub: HubServer) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.hub = hub
        self._connections: set[socket.socket] = set()

    def get_request(self) -> tuple[socket.socket, object]:
        connection, address = super().get_request()
        self._connections.add(connection)
        return connection, address

    def shutdown_request(self, request: socket.socket | tuple[bytes, socket.socket]) -> None:
        if isinstance(request, socket.socket):
            self._connections.discard(request)
        super().shutdown_request(request)

    def server_close(self) -> None:
        """Close also the connections that clients keep open: the server is gone."""
        super().server_close()
        for connection in list(self._connections):
            self.shutdown_request(connection)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Listener

    def do_GET(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def log_message(self, *_: object) -> None:
        pass

    def _answer(self) -> None:
        hub = self.server.hub
        request = self._request()
        fault = hub.fault(request.path)
        response = hub.answer(request)
        if fault and fault.status is not None:
            response = Response(b"out of order", fault.status)
        body = b"" if request.method == "HEAD" else response.body
        cut = fault is not None and fault.status is None
        if cut:
            body = body[: len(body) // 2]
        hub.record(Served(request.method, self.path, response.status, len(body)))
        try:
            self._send(response, body)
        except ConnectionError:
            cut = True
        self.close_connection |= cut

    def _request(self) -> Request:
        url = urlsplit(self.path)
        token = re.fullmatch(r"Bearer (.+)", self.headers.get("Authorization", ""))
        span = re.fullmatch(r"bytes=(\d*)-(\d*)", self.headers.get("Range", ""))
        return Request(
            self.command,
            url.path,
            {name: values[-1] for name, values in parse_qs(url.query).items()},
            token[1] if token else None,
            (int(span[1]) if span[1] else None, int(span[2]) if span[2] else None)
            if span
            else None,
            self.rfile.read(int(self.headers.get("Content-Length", 0))),
        )

    def _send(self, response: Response, body: bytes) -> None:
        self.send_response(response.status)
        for name, value in response.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(response.body)))
        self.end_headers()
        self.wfile.write(body)
