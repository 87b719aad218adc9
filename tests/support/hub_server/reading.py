"""What the Hub tells of repositories, and the files it hands out."""

import hashlib
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from hub_server.messages import Refusal, Request, Response
from hub_server.repositories import MAIN, File, Repository

if TYPE_CHECKING:
    from hub_server import HubServer


def who_am_i(hub: "HubServer", request: Request) -> Response:
    """Whose token it is, and what it may do."""
    if request.token not in hub.tokens:
        raise Refusal(401, "", "Invalid username or password.")
    access = {"displayName": "token", "role": hub.tokens[request.token]}
    return Response.of(
        {
            "type": "user",
            "name": "someone",
            "orgs": [{"type": "org", "name": "org"}],
            "auth": {"type": "access_token", "accessToken": access},
        }
    )


def dataset_info(hub: "HubServer", request: Request, name: str, revision: str = MAIN) -> Response:
    """Describe a repository; also a gated one, to anybody, as the Hub does."""
    repository = hub.repository(name, request)
    oid = commit_of(repository, revision)
    return Response.of(
        {
            "id": name,
            "sha": oid,
            "private": repository.private,
            "gated": repository.gated,
            "tags": [],
            "siblings": [{"rfilename": path} for path in repository.commits[oid]],
        }
    )


def auth_check(hub: "HubServer", request: Request, name: str) -> Response:
    """Say whether the token opens the repository."""
    hub.opened(name, request)
    return Response()


def refs(hub: "HubServer", request: Request, name: str) -> Response:
    """List branches and tags."""
    repository = hub.repository(name, request)

    def of(kind: str, *, tags: bool) -> list[dict[str, str]]:
        return [
            {"name": ref, "ref": f"refs/{kind}/{ref}", "targetCommit": oid}
            for ref, oid in repository.refs.items()
            if (ref in repository.tags) == tags
        ]

    return Response.of(
        {"branches": of("heads", tags=False), "tags": of("tags", tags=True), "converts": []}
    )


def tree(
    hub: "HubServer", request: Request, name: str, revision: str, folder: str = ""
) -> Response:
    """List a folder: its entries, or with `recursive` everything below, a page at a time."""
    repository = hub.repository(name, request)
    entries = _entries(repository.commits[commit_of(repository, revision)])
    parent = PurePosixPath(folder)
    if folder and entries.get(folder, {}).get("type") != "directory":
        raise Refusal(404, "EntryNotFound", f"{folder} does not exist on {revision}")
    recursive = request.query.get("recursive", "").lower() in {"true", "1"}
    listed = [
        entry
        for path, entry in entries.items()
        if parent == PurePosixPath(path).parent
        or (recursive and parent in PurePosixPath(path).parents)
    ]
    start = int(request.query.get("cursor", 0))
    response = Response.of(listed[start : start + hub.page])
    if start + hub.page < len(listed):
        more = f"{request.host}{request.path}?recursive={recursive}&cursor={start + hub.page}"
        response.headers["Link"] = f'<{more}>; rel="next"'
    return response


def paths_info(hub: "HubServer", request: Request, name: str, revision: str) -> Response:
    """Describe the paths that are asked for and there."""
    repository = hub.repository(name, request)
    entries = _entries(repository.commits[commit_of(repository, revision)])
    return Response.of([entries[path] for path in request.fields()["paths"] if path in entries])


def resolve(hub: "HubServer", request: Request, name: str, revision: str, path: str) -> Response:
    """A file, or the range of it that is asked for; a large one lies elsewhere."""
    repository = hub.opened(name, request)
    oid = commit_of(repository, revision)
    file = repository.commits[oid].get(path)
    if file is None:
        raise Refusal(404, "EntryNotFound", f"{path} does not exist on {revision}")
    headers = {"ETag": f'"{file.etag}"', "X-Repo-Commit": oid}
    if file.sha256 is None:
        return Response.part(file.content, request.span, headers)
    headers |= {
        "X-Linked-ETag": f'"{file.etag}"',
        "X-Linked-Size": str(len(file.content)),
        "Location": f"{hub.storage}/storage/{file.sha256}",
    }
    if file.xet is not None:
        refresh = f"{request.host}/api/datasets/{name}/xet-read-token/{oid}"
        headers |= {"X-Xet-Hash": file.xet, "Link": f'<{refresh}>; rel="xet-auth"'}
    return Response(b"Found", 302, headers)


def stored(hub: "HubServer", request: Request, sha256: str) -> Response:
    """A large file where it lies; its address is secret enough."""
    return Response.part(hub.large_file(sha256).content, request.span, {"ETag": f'"{sha256}"'})


def commit_of(repository: Repository, revision: str) -> str:
    """The commit that a branch, tag or commit id stands for."""
    oid = repository.refs.get(revision, revision)
    if oid not in repository.commits:
        raise Refusal(404, "RevisionNotFound", f"Invalid rev id: {revision}")
    return oid


def _entries(files: dict[str, File]) -> dict[str, dict[str, Any]]:
    """The files and their folders, as the Hub describes them."""
    entries: dict[str, dict[str, Any]] = {}
    for path, file in sorted(files.items()):
        for folder in reversed(PurePosixPath(path).parents[:-1]):
            oid = hashlib.sha1(str(folder).encode()).hexdigest()
            entries[str(folder)] = {
                "type": "directory",
                "oid": oid,
                "size": 0,
                "path": str(folder),
            }
        size = len(file.content)
        entries[path] = {"type": "file", "oid": file.blob_id, "size": size, "path": path}
        if file.sha256 is not None:
            pointer = len(file.pointer)
            entries[path]["lfs"] = {"oid": file.sha256, "size": size, "pointerSize": pointer}
        if file.xet is not None:
            entries[path]["xetHash"] = file.xet
    return entries
