"""A Hub of our own on 127.0.0.1, so that the real clients can be tested without the network.

It speaks what `huggingface_hub`, `hf_xet` and `datasets` ask of a dataset repository, keeps
everything in memory, records each request, and misbehaves on demand:

    with HubServer() as hub:
        repository = hub.add("org/name", {"README.md": b"..."}, gated=True)
        repository.accepted.add("hf_token")
        hub.tokens["hf_mine"] = "write"
        hub.fail("/resolve/", status=500, times=2)
        ...  # run a client with HF_ENDPOINT=hub.url
        assert hub.served("/resolve/") < 10_000

A route is a function and a line in `ROUTES`. Its answer is a `Response`; a refusal is raised.
"""

import re
import traceback
from collections.abc import Callable, Mapping
from threading import Lock
from typing import Literal
from urllib.parse import unquote

from hub_server import lfs, reading, writing, xet
from hub_server.answering import Answering
from hub_server.faults import Fault, Faults
from hub_server.messages import Refusal, Request, Response, Served
from hub_server.repositories import MAIN, File, Repository
from local_server import LocalServer

__all__ = ["MAIN", "File", "HubServer", "Repository", "Served"]

_QUOTA = (
    "Private repository storage limit reached, please upgrade your plan to increase your private "
    "storage limit."
)


class HubServer(LocalServer):
    """The server; leaving its context closes it.

    Attributes:
        repositories: by name.
        tokens: what members' tokens may do: `read` or `write`. Other tokens are strangers'.
        namespaces: where repositories may be made.
        objects: large files that came by git-lfs.
        xet: large files that came by Xet.
        quota: how many bytes of large files may be stored; None for any number.
        part_bytes: larger files come in parts, by git-lfs.
        page: entries on a page of a listing.
        log: the requests so far.
        faults: those to come.
    """

    def __init__(self) -> None:
        super().__init__(Answering, n_hosts=2)
        self._lock = Lock()
        self.faults = Faults()
        self.reset()

    def reset(self) -> None:
        """Become as new, at the same address."""
        self.repositories: dict[str, Repository] = {}
        self.tokens: dict[str | None, Literal["read", "write"]] = {}
        self.namespaces = {"org", "someone"}
        self.objects = lfs.Objects()
        self.xet = xet.XetStorage()
        self.quota: int | None = None
        self.part_bytes = 2**40
        self.page = 1000
        self.log: list[Served] = []
        self.faults.forget()

    @property
    def storage(self) -> str:
        """Where large files lie: another host, to which clients must not send their tokens."""
        return self.urls[1]

    def add(
        self, name: str, files: Mapping[str, bytes | File], *, gated: bool = False
    ) -> Repository:
        """Add a repository with one commit."""
        repository = self.repositories[name] = Repository("manual" if gated else False)
        repository.commit(files)
        return repository

    def fail(
        self,
        where: str,
        *,
        status: int,
        times: int,
        retry_after: int | None = None,
        message: str = "out of order",
    ) -> None:
        """Answer the next requests for paths that contain `where` with an error."""
        headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
        self.faults.add(Fault(where, times, "status", status, headers, message))

    def cut(self, where: str, *, times: int) -> None:
        """Cut the next answers for paths that contain `where` in half."""
        self.faults.add(Fault(where, times, "cut"))

    def drop(self, where: str, *, times: int) -> None:
        """Drop the connection of the next such requests; nothing is done."""
        self.faults.add(Fault(where, times, "drop"))

    def lose(self, where: str, *, times: int) -> None:
        """Do what the next such requests ask, but drop the connection instead of answering."""
        self.faults.add(Fault(where, times, "lose"))

    def slow(self, where: str, *, seconds: float, times: int) -> None:
        """Answer the next such requests later."""
        self.faults.add(Fault(where, times, "slow", seconds=seconds))

    def distort(self, where: str, *, body: bytes, times: int) -> None:
        """Answer the next such requests with success, and with something else."""
        self.faults.add(Fault(where, times, "odd", body=body))

    def requests(self, where: str) -> list[Served]:
        """The requests so far whose path contains `where`."""
        with self._lock:
            return [served for served in self.log if where in served.path]

    def served(self, where: str) -> int:
        """How many bytes were sent for paths that contain `where`."""
        return sum(served.sent for served in self.requests(where))

    def received(self, where: str) -> int:
        """How many bytes arrived for paths that contain `where`."""
        return sum(served.received for served in self.requests(where))

    def forget(self) -> None:
        """Empty the log, and mend what `fail` and its like broke."""
        with self._lock:
            self.log.clear()
            self.faults.forget()

    def record(self, served: Served) -> None:
        """Add to the log."""
        with self._lock:
            self.log.append(served)

    def fault(self, path: str) -> Fault | None:
        """The fault that befalls this request, if any."""
        with self._lock:
            return self.faults.take(path)

    def answer(self, request: Request) -> Response:
        """The right answer to a request."""
        method = "GET" if request.method == "HEAD" else request.method
        for allowed, pattern, route in ROUTES:
            match = re.fullmatch(pattern, request.path)
            if match and method == allowed:
                arguments = {name: unquote(value) for name, value in match.groupdict().items()}
                try:
                    with self._lock:
                        return route(self, request, **arguments)
                except Refusal as refusal:
                    return refusal.response
                except Exception:
                    # A client would take a lost connection for a fault, and ask again.
                    return Response(traceback.format_exc().encode(), 501)
        return Response(b"no such route", 404)

    def repository(self, name: str, request: Request) -> Repository:
        """A repository that the request may know of."""
        repository = self.repositories.get(name)
        if repository is not None and not (repository.private and request.token not in self.tokens):
            return repository
        # Like the Hub, which does not tell strangers whether a name is free or private.
        raise Refusal(404 if request.token else 401, "RepoNotFound", "Repository not found")

    def opened(self, name: str, request: Request) -> Repository:
        """A repository whose files this request may have."""
        repository = self.repository(name, request)
        allowed = repository.accepted | self.tokens.keys()
        if repository.gated and request.token not in allowed:
            raise Refusal(
                403 if request.token else 401,
                "GatedRepo",
                f"Access to dataset {name} is restricted.",
            )
        return repository

    def written(self, name: str, request: Request) -> Repository:
        """A repository that this request may change."""
        repository = self.repository(name, request)
        self.require_writer(request)
        return repository

    def require_writer(self, request: Request) -> None:
        """Refuse a token that may not write, and no token."""
        if request.token not in self.tokens:
            raise Refusal(401, "", "Invalid username or password.")
        if self.tokens[request.token] != "write":
            message = "You have read access but not the required permissions for this operation"
            raise Refusal(403, "", message)

    def require_space(self, n_bytes: int) -> None:
        """Refuse what would not fit."""
        stored = sum(len(file.content) for file in self.objects.whole.values())
        stored += sum(map(len, self.xet.xorbs.values()))
        if self.quota is not None and stored + n_bytes > self.quota:
            raise Refusal(403, "", _QUOTA)

    def large_file(self, sha256: str) -> File:
        """A large file that has arrived, by whichever way."""
        file = self.objects.whole.get(sha256) or xet.large_file(self, sha256)
        if file is None:
            message = "LFS pointer pointed to a file that does not exist"
            raise Refusal(400, "", message)
        return file


_NAME = r"(?P<name>[^/]+/[^/]+)"
_REVISION = r"(?P<revision>[^/]+)"
_SHA256 = r"(?P<sha256>[0-9a-f]{64})"
_XORB = r"(?P<xorb>[0-9a-f]{64})"
_DATASET = rf"/api/datasets/{_NAME}"

ROUTES: tuple[tuple[str, str, Callable[..., Response]], ...] = (
    ("GET", "/api/whoami-v2", reading.who_am_i),
    ("GET", _DATASET, reading.dataset_info),
    ("GET", rf"{_DATASET}/revision/{_REVISION}", reading.dataset_info),
    ("GET", rf"{_DATASET}/auth-check", reading.auth_check),
    ("GET", rf"{_DATASET}/refs", reading.refs),
    ("GET", rf"{_DATASET}/tree/{_REVISION}", reading.tree),
    ("GET", rf"{_DATASET}/tree/{_REVISION}/(?P<folder>.+)", reading.tree),
    ("POST", rf"{_DATASET}/paths-info/{_REVISION}", reading.paths_info),
    ("GET", rf"/datasets/{_NAME}/resolve/{_REVISION}/(?P<path>.+)", reading.resolve),
    ("GET", rf"/storage/{_SHA256}", reading.stored),
    ("POST", "/api/repos/create", writing.create),
    ("POST", "/api/validate-yaml", writing.validate_card),
    ("PUT", rf"{_DATASET}/settings", writing.settings),
    ("POST", rf"{_DATASET}/preupload/{_REVISION}", writing.preupload),
    ("POST", rf"{_DATASET}/commit/{_REVISION}", writing.commit),
    ("POST", rf"{_DATASET}/tag/{_REVISION}", writing.tag),
    ("POST", rf"/datasets/{_NAME}\.git/info/lfs/objects/batch", lfs.batch),
    ("PUT", rf"/lfs/{_SHA256}", lfs.put),
    ("PUT", rf"/lfs/{_SHA256}/(?P<number>\d+)", lfs.put_part),
    ("POST", rf"/lfs/{_SHA256}/complete", lfs.complete),
    ("POST", "/lfs-verify", lfs.verify),
    ("GET", rf"{_DATASET}/xet-read-token/{_REVISION}", xet.read_token),
    ("GET", rf"{_DATASET}/xet-write-token/{_REVISION}", xet.write_token),
    ("POST", rf"/v1/xorb-grants/default/{_XORB}", xet.grant),
    ("PUT", rf"/xorb-uploads/{_XORB}", xet.put_granted),
    ("POST", rf"/v1/xorb-commits/default/{_XORB}/grant/(?P<grant_id>[^/]+)", xet.end_grant),
    ("POST", rf"/v1/xorbs/default/{_XORB}", xet.put_xorb),
    ("POST", "/v1/shards", xet.put_shard),
    ("GET", r"/v1/chunks/[^/]+/(?P<chunk>[0-9a-f]{64})", xet.query_chunk),
    ("GET", r"/v1/reconstructions/(?P<file>[0-9a-f]{64})", xet.reconstruction),
    ("GET", rf"/xorb/{_XORB}", xet.xorb_bytes),
)
