"""Read and change a dataset repository of the Hub, every request retried and explained."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from imagenetq.builder.publish.payload import NewFile, RemoteFile
from imagenetq.builder.publish.preflight import changed
from imagenetq.choices import Gate
from imagenetq.errors import FolderError, ImagenetqError, PublishError
from imagenetq.hub import HubAddress
from imagenetq.manifest import MANIFEST_NAME, Manifest, parse_served
from imagenetq.remote_errors import (
    ANOTHER_ANSWERED,
    MISREAD,
    is_misread_of_hub,
    may_pass,
    reason_of,
    status_of,
)
from imagenetq.retrying import Patience, retried

if TYPE_CHECKING:
    from huggingface_hub import CommitOperationAdd

Result = TypeVar("Result")

_PATIENCE = Patience(seconds=120.0)
"""How long requests are repeated; the clients have tried some of them again before they raise."""

_KIND = "dataset"
_STORAGE = re.compile("storage|quota", re.IGNORECASE)


@dataclass(frozen=True)
class State:
    """The state of a repository."""

    head: str
    """Newest commit of its main branch."""

    private: bool
    """Whether only its owners see it."""

    gated: str | None
    """How requests for access are answered; None if the repository is open."""

    tags: Mapping[str, str]
    """Commit of each tag."""


class HubRepository:
    """A client of one repository of the Hub, which reads and changes it.

    All methods raise `PublishError` where the Hub refuses, or cannot be reached for long.
    """

    def __init__(self, address: HubAddress) -> None:
        from huggingface_hub import HfApi

        self.address = address
        self._hub = HfApi()
        self._name = address.repository

    def require_writer(self) -> None:
        """Refuse early where there is no token, or one that can only read.

        What a fine-grained token may do shows only when it is used.
        """
        from huggingface_hub import get_token

        if get_token() is None:
            raise PublishError(
                f"{self.address}: there is no token; run `hf auth login` or set HF_TOKEN"
            )

        def role() -> object:
            return self._hub.whoami().get("auth", {}).get("accessToken", {}).get("role")

        if self._ask("asking who you are", role) == "read":
            raise PublishError(
                f"{self.address}: the token can only read; make one that may write, and "
                "run `hf auth login` or set HF_TOKEN"
            )

    def state(self) -> State | None:
        """Ask for the repository's present state; None if there is no such repository."""
        from huggingface_hub.errors import RepositoryNotFoundError

        def look() -> State | None:
            try:
                info = self._hub.dataset_info(self._name)
            except RepositoryNotFoundError:
                return None
            refs = self._hub.list_repo_refs(self._name, repo_type=_KIND)
            tags = {tag.name: tag.target_commit for tag in refs.tags}
            return State(info.sha or "", bool(info.private), info.gated or None, tags)

        return self._ask("looking at the repository", look)

    def create(self) -> State:
        """Make the repository, private, and give its state."""
        self._ask(
            "making the repository",
            lambda: self._hub.create_repo(self._name, repo_type=_KIND, private=True, exist_ok=True),
        )
        state = self.state()
        if state is None:
            raise PublishError(
                f"{self.address}: was made, but is not there; run the same command again"
            )
        return state

    def set_access(self, *, private: bool, gated: str | None) -> None:
        """Set whether its owners alone see it, and how requests for access are answered, if any."""
        self._ask(
            "setting who has access",
            lambda: self._hub.update_repo_settings(
                self._name,
                repo_type=_KIND,
                private=private,
                gated=cast("Gate", gated) if gated else False,
            ),
        )
        state = self.state()
        self._require_kept(
            state is not None and (state.private, state.gated) == (private, gated),
            "setting who has access",
        )

    def files(self, commit: str) -> dict[str, RemoteFile]:
        """List all files of a commit, by path."""
        from huggingface_hub.hf_api import RepoFile

        def list_files() -> dict[str, RemoteFile]:
            entries = self._hub.list_repo_tree(
                self._name, repo_type=_KIND, revision=commit, recursive=True
            )
            return {
                entry.path: RemoteFile(
                    entry.size, entry.blob_id, entry.lfs.sha256 if entry.lfs else None
                )
                for entry in entries
                if isinstance(entry, RepoFile)
            }

        return self._ask("listing the repository", list_files)

    def read(self, path: str, commit: str) -> bytes:
        """Read a small file."""
        local = self._ask(
            f"reading {path}",
            lambda: self._hub.hf_hub_download(self._name, path, repo_type=_KIND, revision=commit),
        )
        return Path(local).read_bytes()

    def manifest(self, commit: str) -> Manifest | None:
        """Read the dataset's manifest in a commit; None if it is not one of ours."""
        try:
            return parse_served(
                Manifest, self.read(MANIFEST_NAME, commit), f"{self.address}: {MANIFEST_NAME}"
            )
        except FolderError:
            return None

    def upload(self, files: Sequence[NewFile], until: ExitStack) -> list["CommitOperationAdd"]:
        """Bring files to the Hub's storage, and give what `commit` takes.

        What is copied to this machine meanwhile is removed when `until` is closed.
        """
        from huggingface_hub import CommitOperationAdd

        contents = [file.at_hand(until) for file in files]

        def send() -> list[CommitOperationAdd]:
            # Made anew at each attempt, because the client remembers in them what it has read.
            additions = [
                CommitOperationAdd(file.path, content)
                for file, content in zip(files, contents, strict=True)
            ]
            with _without_bars():
                self._hub.preupload_lfs_files(
                    self._name, additions, repo_type=_KIND, free_memory=False
                )
            return additions

        try:
            additions = self._ask("uploading", send)
        except PublishError:
            for file in files:
                if not file.is_intact():
                    raise changed(file.path) from None
            raise
        sent = (addition.upload_info.sha256.hex() for addition in additions)
        for file, sha256 in zip(files, sent, strict=True):
            if sha256 != file.sha256:
                raise changed(file.path)
        return additions

    def commit(
        self,
        additions: Sequence["CommitOperationAdd"],
        deletions: Sequence[str],
        *,
        message: str,
        parent: str,
    ) -> str:
        """Commit what was uploaded and paths to delete, and give the new commit's id.

        Nobody else may have made a commit since `parent`.
        """
        from huggingface_hub import CommitOperationDelete

        deleted = [CommitOperationDelete(path) for path in deletions]
        attempts = 0

        def send() -> str:
            nonlocal attempts
            attempts += 1
            if attempts > 1:
                # The answer was lost, but the commit may have been made.
                state = self.state()
                if state is not None and state.head != parent:
                    return self._require_done(state.head, additions, deletions)
            return self._hub.create_commit(
                self._name,
                [*deleted, *additions],
                commit_message=message,
                repo_type=_KIND,
                parent_commit=parent,
            ).oid

        return self._ask("committing", send)

    def tag(self, name: str, commit: str) -> None:
        """Give a commit a name for good."""

        def send() -> None:
            try:
                self._hub.create_tag(self._name, tag=name, revision=commit, repo_type=_KIND)
            except Exception as error:
                state = self.state() if status_of(error) == 409 else None
                # The tag is ours if only the answer to an earlier attempt was lost.
                if state is None or state.tags.get(name) != commit:
                    raise

        self._ask("tagging", send)
        state = self.state()
        self._require_kept(state is not None and state.tags.get(name) == commit, f"tagging {name}")

    def _require_kept(self, is_kept: bool, what: str) -> None:
        # The client looks at no answer to these, so it takes even a login page for success.
        if not is_kept:
            raise PublishError(
                f"{self.address}: {what} was answered with success, but is not done: "
                f"{ANOTHER_ANSWERED}; then run the same command again"
            )

    def _require_done(
        self, head: str, additions: Sequence["CommitOperationAdd"], deletions: Sequence[str]
    ) -> str:
        files = self.files(head)
        paths = {addition.path_in_repo for addition in additions}
        if paths - files.keys() or files.keys() & set(deletions):
            raise PublishError(
                f"{self.address}: somebody else is changing it; wait until that is done, and run "
                "the same command again"
            )
        return head

    def _ask(self, what: str, request: Callable[[], Result]) -> Result:
        try:
            return retried(request, _PATIENCE, passes=may_pass, what=f"{self.address}: {what}")
        except ImagenetqError:
            raise
        except Exception as error:
            raise PublishError(_explanation(self.address, error)) from error


@contextmanager
def _without_bars() -> Iterator[None]:
    """Hide the client's own progress bars, of which there is one a file, also in a log."""
    from huggingface_hub import utils

    # Not declared as exported, but documented.
    bars: Any = utils
    with ExitStack() as until:
        if not bars.are_progress_bars_disabled():
            bars.disable_progress_bars()
            until.callback(bars.enable_progress_bars)
        yield


def _explanation(address: HubAddress, error: Exception) -> str:
    """Say in one line what a refusal of the Hub means to whoever publishes."""
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
    if status is not None and not may_pass(error):
        return f"{address}: {hub} refuses it ({reason})"
    return (
        f"{address} cannot be written to {hub} ({reason}); what was uploaded stays; "
        "run the same command again to go on"
    )
