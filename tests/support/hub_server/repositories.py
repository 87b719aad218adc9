"""Dataset repositories: commits, refs, and who may read them."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from itertools import count

MAIN = "main"
_NUMBERS = count()


@dataclass(frozen=True)
class File:
    """A file of a commit.

    Attributes:
        content: all of it.
        sha256: of a large file, which git knows by a pointer; None for one that is in git itself.
        xet: its hash in Xet's storage; None if it is not there.
    """

    content: bytes
    sha256: str | None = None
    xet: str | None = None

    @property
    def pointer(self) -> bytes:
        """What git holds."""
        if self.sha256 is None:
            return self.content
        return (
            "version https://git-lfs.github.com/spec/v1\n"
            f"oid sha256:{self.sha256}\nsize {len(self.content)}\n"
        ).encode()

    @property
    def blob_id(self) -> str:
        """The file's id in git."""
        return blob_id(self.pointer)

    @property
    def etag(self) -> str:
        """What the Hub calls the content: the SHA-256 of large files, else the id in git."""
        return self.sha256 or self.blob_id


@dataclass
class Repository:
    """A dataset repository.

    Attributes:
        gated: whether its files need a token that accepted the terms: `auto`, `manual` or False.
        private: whether only tokens of the Hub's members may know of it.
        accepted: tokens that accepted the terms.
        commits: for each commit, oldest first, its files.
        refs: the commit of each branch and tag.
        tags: those refs that are tags.
    """

    gated: str | bool = False
    private: bool = False
    accepted: set[str] = field(default_factory=set)
    commits: dict[str, dict[str, File]] = field(default_factory=dict)
    refs: dict[str, str] = field(default_factory=dict)
    tags: set[str] = field(default_factory=set)

    def commit(self, files: Mapping[str, bytes | File]) -> str:
        """Make a commit of these files alone the newest of the main branch; its id."""
        # No two commits of any repository are the same: clients cache files by commit.
        oid = hashlib.sha1(f"commit {next(_NUMBERS)}".encode()).hexdigest()
        self.commits[oid] = {
            path: file if isinstance(file, File) else File(file) for path, file in files.items()
        }
        self.refs[MAIN] = oid
        return oid

    def files(self, ref: str = MAIN) -> dict[str, File]:
        """What a branch or tag holds."""
        return self.commits[self.refs[ref]]


@cache
def blob_id(content: bytes) -> str:
    """A file's id in git."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
