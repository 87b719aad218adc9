"""Xet's storage: chunks in xorbs, uploaded once, from which files are put together.

A xorb comes by a grant, which tells where to put it, unless it is there; older clients send it
directly.
"""

import json
import time
from typing import TYPE_CHECKING, Any

from hub_server.messages import Refusal, Request, Response
from hub_server.repositories import File
from hub_server.xorbs import (
    Term,
    XetFile,
    answering_shard,
    chunk_content,
    chunk_hashes,
    chunks_of,
    files_of,
)

if TYPE_CHECKING:
    from hub_server import HubServer

_READ, _WRITE = "xet-read", "xet-write"
_HOUR = 3600


class XetStorage:
    """What has arrived.

    Attributes:
        xorbs: as uploaded, by hash.
        files: by SHA-256.
        repeated: bytes of xorbs that arrived although they were there.
    """

    def __init__(self) -> None:
        self.xorbs: dict[str, bytes] = {}
        self.files: dict[str, XetFile] = {}
        self.repeated = 0
        self._by_hash: dict[str, XetFile] = {}
        self._shards: dict[str, bytes] = {}

    def add_xorb(self, name: str, data: bytes) -> bool:
        """Keep a xorb; whether it is new."""
        if name in self.xorbs:
            self.repeated += len(data)
            return False
        self.xorbs[name] = data
        return True

    def add_shard(self, shard: bytes) -> None:
        """Keep what a shard tells of files and chunks."""
        for file in files_of(shard):
            if any(term.xorb not in self.xorbs for term in file.terms):
                raise Refusal(400, "", "the shard names a xorb that was not uploaded")
            self.files[file.sha256] = self._by_hash[file.hash] = file
        self._shards |= dict.fromkeys(chunk_hashes(shard), shard)

    def tell_of(self, chunk: str) -> bytes | None:
        """A shard that says where a chunk is; None if it is not there."""
        found = self._shards.get(chunk)
        return None if found is None else answering_shard(found)

    def file(self, name: str) -> XetFile:
        """The file of that hash."""
        if name not in self._by_hash:
            raise Refusal(404, "", "no such file")
        return self._by_hash[name]

    def content(self, file: XetFile) -> bytes:
        """A file, put together."""
        parts = []
        for term in file.terms:
            xorb = self.xorbs[term.xorb]
            chunks = chunks_of(xorb)[term.first : term.last]
            parts.extend(chunk_content(xorb, chunk) for chunk in chunks)
        return b"".join(parts)


def read_token(hub: "HubServer", request: Request, name: str, revision: str) -> Response:
    """A token that reads, for whoever may have the repository's files."""
    del revision
    hub.opened(name, request)
    return _token(hub, _READ)


def write_token(hub: "HubServer", request: Request, name: str, revision: str) -> Response:
    """A token that writes."""
    del revision
    hub.written(name, request)
    return _token(hub, _WRITE)


def grant(hub: "HubServer", request: Request, xorb: str) -> Response:
    """Tell where to put a xorb, unless it is there."""
    _require(request, _WRITE)
    if xorb in hub.xet.xorbs:
        return Response.of({})
    address = f"{hub.storage}/xorb-uploads/{xorb}"
    return Response.of({"id": xorb, "method": "PUT", "url": address, "headers": {}}, 201)


def put_granted(hub: "HubServer", request: Request, xorb: str) -> Response:
    """Take a xorb where a grant said; the address is secret enough."""
    hub.xet.add_xorb(xorb, request.body)
    return Response()


def end_grant(hub: "HubServer", request: Request, xorb: str, grant_id: str) -> Response:
    """Say whether what was granted has arrived."""
    _require(request, _WRITE)
    return Response.of({}, 200 if grant_id == xorb in hub.xet.xorbs else 404)


def put_xorb(hub: "HubServer", request: Request, xorb: str) -> Response:
    """Take a xorb."""
    _require(request, _WRITE)
    return Response.of({"was_inserted": hub.xet.add_xorb(xorb, request.body)})


def put_shard(hub: "HubServer", request: Request) -> Response:
    """Take a shard: from now on its files can be committed."""
    _require(request, _WRITE)
    hub.xet.add_shard(request.body)
    return Response.of({"result": 1})


def query_chunk(hub: "HubServer", request: Request, chunk: str) -> Response:
    """Tell where a chunk is, and what lies beside it."""
    _require(request, _READ, _WRITE)
    shard = hub.xet.tell_of(chunk)
    return Response(b"", 404) if shard is None else Response(shard)


def reconstruction(hub: "HubServer", request: Request, file: str) -> Response:
    """Tell which chunks make up a file, or the range of it that is asked for."""
    _require(request, _READ, _WRITE)
    wanted = hub.xet.file(file)
    size = sum(term.size for term in wanted.terms)
    first, last = request.span or (0, size - 1)
    first, last = first or 0, size - 1 if last is None else last
    if first >= size:
        return Response(b"", 416)
    terms: list[Term] = []
    skipped = place = 0
    for term in wanted.terms:
        start, place = place, place + term.size
        if place > first and start <= last:
            skipped = skipped if terms else first - start
            terms.append(term)
    return Response.of(
        {
            "offset_into_first_range": skipped,
            "terms": [
                {
                    "hash": term.xorb,
                    "unpacked_length": term.size,
                    "range": {"start": term.first, "end": term.last},
                }
                for term in terms
            ],
            "fetch_info": {term.xorb: _fetched(hub, term.xorb, terms) for term in terms},
        }
    )


def _fetched(hub: "HubServer", xorb: str, terms: list[Term]) -> list[dict[str, Any]]:
    """Which parts of a xorb the terms need; the client takes it that no two overlap."""
    chunks = chunks_of(hub.xet.xorbs[xorb])
    spans: list[list[int]] = []
    for term in sorted(terms, key=lambda term: term.first):
        if term.xorb != xorb:
            continue
        if spans and term.first <= spans[-1][1]:
            spans[-1][1] = max(spans[-1][1], term.last)
        else:
            spans.append([term.first, term.last])
    return [
        {
            "range": {"start": first, "end": last},
            "url": f"{hub.storage}/xorb/{xorb}",
            "url_range": {"start": chunks[first].start, "end": chunks[last - 1].end - 1},
        }
        for first, last in spans
    ]


def xorb_bytes(hub: "HubServer", request: Request, xorb: str) -> Response:
    """A part of a xorb."""
    if xorb not in hub.xet.xorbs:
        raise Refusal(404, "", "no such xorb")
    return Response.part(hub.xet.xorbs[xorb], request.span, {})


def large_file(hub: "HubServer", sha256: str) -> File | None:
    """A file of Xet's storage; None if it is not there."""
    file = hub.xet.files.get(sha256)
    return None if file is None else File(hub.xet.content(file), sha256, file.hash)


def _token(hub: "HubServer", kind: str) -> Response:
    expires = int(time.time()) + _HOUR
    headers = {
        "X-Xet-Cas-Url": hub.storage,
        "X-Xet-Access-Token": kind,
        "X-Xet-Token-Expiration": str(expires),
    }
    body = json.dumps({"accessToken": kind, "exp": expires, "casUrl": hub.storage})
    return Response(body.encode(), headers={"Content-Type": "application/json"} | headers)


def _require(request: Request, *kinds: str) -> None:
    if request.token not in kinds:
        raise Refusal(403 if request.token else 401, "", "not with this token")
