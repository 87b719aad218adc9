"""The older way of large files to the Hub: git-lfs's batch API, whole files or parts of them."""

import hashlib
from typing import TYPE_CHECKING, Any

from hub_server.messages import Refusal, Request, Response
from hub_server.repositories import File

if TYPE_CHECKING:
    from hub_server import HubServer


class Objects:
    """Large files that have arrived, by SHA-256, whether or not a commit names them.

    Attributes:
        whole: complete files.
        parts: parts of files that are not complete, by number from 1.
        repeated: bytes that arrived although they were there.
    """

    def __init__(self) -> None:
        self.whole: dict[str, File] = {}
        self.parts: dict[str, dict[int, bytes]] = {}
        self.repeated = 0


def batch(hub: "HubServer", request: Request, name: str) -> Response:
    """Tell the client where to put which files; nothing for those that are there."""
    hub.written(name, request)
    asked = request.json()["objects"]
    if "xet" in request.json()["transfers"]:
        # Newer clients that can do without git-lfs do not ask.
        hub.require_space(sum(item["size"] for item in asked))
        return Response.of({"transfer": "xet", "objects": asked})
    missing = [item for item in asked if item["oid"] not in hub.objects.whole]
    hub.require_space(sum(item["size"] for item in missing))
    return Response.of(
        {
            "transfer": "basic",
            "objects": [
                item | ({"actions": _actions(hub, request, item)} if item in missing else {})
                for item in asked
            ],
        }
    )


def put(hub: "HubServer", request: Request, sha256: str) -> Response:
    """Take a whole file."""
    if hashlib.sha256(request.body).hexdigest() != sha256:
        raise Refusal(400, "", "XAmzContentSHA256Mismatch")
    _keep(hub, sha256, request.body)
    return Response(headers={"ETag": f'"{hashlib.md5(request.body).hexdigest()}"'})


def put_part(hub: "HubServer", request: Request, sha256: str, number: str) -> Response:
    """Take a part of a file."""
    parts = hub.objects.parts.setdefault(sha256, {})
    if parts.get(int(number)) == request.body:
        hub.objects.repeated += len(request.body)
    parts[int(number)] = request.body
    return Response(headers={"ETag": f'"{hashlib.md5(request.body).hexdigest()}"'})


def complete(hub: "HubServer", request: Request, sha256: str) -> Response:
    """Join the parts."""
    parts = hub.objects.parts.pop(sha256, {})
    content = b"".join(parts[part["partNumber"]] for part in request.json()["parts"])
    if hashlib.sha256(content).hexdigest() != sha256:
        raise Refusal(400, "", "the parts are not the file")
    _keep(hub, sha256, content)
    return Response.of({})


def verify(hub: "HubServer", request: Request) -> Response:
    """Say whether a file has arrived as it should."""
    asked = request.json()
    file = hub.objects.whole.get(asked["oid"])
    if file is None or len(file.content) != asked["size"]:
        raise Refusal(404, "", "no such object")
    return Response.of({})


def _keep(hub: "HubServer", sha256: str, content: bytes) -> None:
    if sha256 in hub.objects.whole:
        hub.objects.repeated += len(content)
    hub.objects.whole[sha256] = File(content, sha256)


def _actions(hub: "HubServer", request: Request, item: dict[str, Any]) -> dict[str, Any]:
    """Where a file goes, and who says that it has arrived."""
    address = f"{hub.storage}/lfs/{item['oid']}"
    verified = {"href": f"{request.host}/lfs-verify"}
    if item["size"] <= hub.part_bytes:
        return {"upload": {"href": address}, "verify": verified}
    n_parts = -(-item["size"] // hub.part_bytes)
    header = {str(part): f"{address}/{part}" for part in range(1, n_parts + 1)}
    header["chunk_size"] = str(hub.part_bytes)
    return {"upload": {"href": f"{address}/complete", "header": header}, "verify": verified}
