"""What changes repositories: creation, settings, commits, tags."""

import base64
import json
from typing import TYPE_CHECKING

from hub_server.messages import Refusal, Request, Response
from hub_server.reading import commit_of
from hub_server.repositories import MAIN, File, Repository

if TYPE_CHECKING:
    from hub_server import HubServer

ATTRIBUTES = b"*.parquet filter=lfs diff=lfs merge=lfs -text\n*.tar filter=lfs -text\n"
"""The file that the Hub puts into every new dataset."""

_LARGE_SUFFIXES = (".parquet", ".tar", ".webp", ".jpg", ".zip")
_LARGE_BYTES = 10 * 2**20


def create(hub: "HubServer", request: Request) -> Response:
    """Make a repository with a first commit."""
    hub.require_writer(request)
    asked = request.json()
    name = f"{asked['organization']}/{asked['name']}"
    if asked["organization"] not in hub.namespaces:
        namespace = asked["organization"]
        message = (
            f'You don\'t have the rights to create a dataset under the namespace "{namespace}"'
        )
        raise Refusal(403, "", message)
    answer = {"url": f"{request.host}/datasets/{name}", "name": name, "id": name}
    if name in hub.repositories:
        return Response.of(answer | {"error": "You already created this dataset repo"}, 409)
    private = asked.get("visibility") == "private" or asked.get("private", False)
    repository = hub.repositories[name] = Repository(private=private)
    repository.commit({".gitattributes": ATTRIBUTES})
    return Response.of(answer)


def settings(hub: "HubServer", request: Request, name: str) -> Response:
    """Change who may see a repository, and whether it is gated."""
    repository = hub.written(name, request)
    asked = request.json()
    if "visibility" in asked or "private" in asked:
        repository.private = asked.get("visibility") == "private" or asked.get("private", False)
    if "gated" in asked:
        repository.gated = asked["gated"]
    return Response.of({"private": repository.private, "gated": repository.gated})


def validate_card(_: "HubServer", __: Request) -> Response:
    """Find nothing wrong with a card."""
    return Response.of({"errors": [], "warnings": []})


def preupload(hub: "HubServer", request: Request, name: str, revision: str) -> Response:
    """Say which files belong into git, and which are large."""
    repository = hub.written(name, request)
    files = repository.commits[commit_of(repository, revision)]
    asked = request.json()["files"]
    hub.require_space(sum(file["size"] for file in asked if _is_large(file["path"], file["size"])))
    return Response.of(
        {
            "files": [
                {
                    "path": file["path"],
                    "uploadMode": "lfs" if _is_large(file["path"], file["size"]) else "regular",
                    "shouldIgnore": False,
                    "oid": files[file["path"]].etag if file["path"] in files else None,
                }
                for file in asked
            ]
        }
    )


def commit(hub: "HubServer", request: Request, name: str, revision: str) -> Response:
    """Commit what lines of JSON say: files, pointers to large files, deletions."""
    repository = hub.written(name, request)
    head = commit_of(repository, revision)
    if revision != MAIN:
        raise Refusal(404, "RevisionNotFound", f"{revision} is no branch")
    files = dict(repository.commits[head])
    for line in request.body.splitlines():
        operation = json.loads(line)
        _apply(hub, files, operation["key"], operation["value"], head)
    oid = repository.commit(files)
    return Response.of(
        {
            "success": True,
            "commitOid": oid,
            "commitUrl": f"{request.host}/datasets/{name}/commit/{oid}",
            "hookOutput": "",
        }
    )


def tag(hub: "HubServer", request: Request, name: str, revision: str) -> Response:
    """Give a commit a name for good."""
    repository = hub.written(name, request)
    asked = request.json()["tag"]
    oid = commit_of(repository, revision)
    if asked in repository.refs:
        raise Refusal(409, "", f"Tag reference exists already (refs/tags/{asked})")
    repository.refs[asked] = oid
    repository.tags.add(asked)
    return Response()


def _apply(hub: "HubServer", files: dict[str, File], key: str, value: dict, head: str) -> None:
    match key:
        case "header":
            if value.get("parentCommit", head) != head:
                message = "A commit has happened since. Please refresh and try again."
                raise Refusal(412, "", message)
        case "file":
            files[value["path"]] = File(base64.b64decode(value["content"]))
        case "lfsFile":
            files[value["path"]] = hub.large_file(value["oid"])
        case "deletedFile":
            if files.pop(value["path"], None) is None:
                message = f"A file with this name doesn't exist: {value['path']}"
                raise Refusal(404, "EntryNotFound", message)
        case "deletedFolder":
            for path in [path for path in files if path.startswith(value["path"])]:
                del files[path]
        case _:
            raise Refusal(400, "", f"unknown operation {key}")


def _is_large(path: str, size: int) -> bool:
    return size > 0 and (path.endswith(_LARGE_SUFFIXES) or size > _LARGE_BYTES)
