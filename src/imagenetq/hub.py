"""Address dataset repositories on the Hugging Face Hub, and explain the Hub's refusals."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from imagenetq.errors import AccessError, ImagenetqError, SourceError, UsageError
from imagenetq.remote_errors import MISREAD, is_misread_of_hub, reason_of, status_of

PREFIX = "hf:"
"""Prefix of the Hub's addresses on the command line."""

_ADDRESS = re.compile(r"(?P<repository>\w[\w.-]*/\w[\w.-]*)(@(?P<revision>\S+))?", re.ASCII)


@dataclass(frozen=True)
class HubAddress:
    """The address of a dataset repository on the Hub."""

    repository: str
    """Name of the repository, `ORG/NAME`."""

    revision: str | None
    """Branch, tag or commit; None for the main branch."""

    @classmethod
    def parse(cls, text: str, example: str) -> "HubAddress":
        """Parse `ORG/NAME` or `ORG/NAME@REVISION`, without `hf:`; a refusal shows the example."""
        match = _ADDRESS.fullmatch(text)
        if match is None:
            raise UsageError(f"{PREFIX}{text}: write hf:ORG/NAME, such as {example}")
        return cls(match["repository"], match["revision"])

    def __str__(self) -> str:
        return f"{PREFIX}{self.repository}"

    @property
    def page(self) -> str:
        """The URL of the repository's page."""
        from huggingface_hub import constants

        return f"{constants.ENDPOINT}/datasets/{self.repository}"

    def pin(self) -> str:
        """Find the commit that the revision is now; errors of the client are not explained here."""
        from huggingface_hub import HfApi

        hub = HfApi()
        commit = hub.dataset_info(self.repository, revision=self.revision).sha
        # The Hub describes a gated repository to anyone, but does not hand out its files.
        hub.auth_check(self.repository, repo_type="dataset")
        if commit is None:
            raise SourceError(f"{self}: the Hub names no commit; run the same command again")
        return commit

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Turn whatever the Hub's clients raise into an error of ours with a one-line message."""
        try:
            yield
        except ImagenetqError:
            raise
        except Exception as error:
            raise self._explanation(error) from error

    def _explanation(self, error: Exception) -> SourceError:
        from huggingface_hub import constants, errors

        hub = constants.ENDPOINT
        page = self.page
        status = status_of(error)
        match error:
            case errors.GatedRepoError() if status == 401:
                return AccessError(
                    f"{self} is gated and there is no token: accept its terms at {page}, "
                    "then run `hf auth login` or set HF_TOKEN"
                )
            case errors.GatedRepoError():
                return AccessError(
                    f"{self} is gated: accept its terms at {page} while logged in (a "
                    "fine-grained token must also allow gated repositories), then run again"
                )
            case errors.RepositoryNotFoundError():
                return SourceError(
                    f"{self}: no such dataset on {hub}; check the name, and if it is "
                    "private, run `hf auth login` or set HF_TOKEN"
                )
            case errors.RevisionNotFoundError():
                revision = self.revision or "main"
                return SourceError(f"{self} has no revision {revision}; see {page}")
            case errors.HfHubHTTPError() if status == 401:
                return AccessError(
                    f"{self}: {hub} refused the token; run `hf auth login` or set HF_TOKEN"
                )
            case errors.OfflineModeIsEnabled():
                return SourceError(f"{self} needs the network; unset HF_HUB_OFFLINE")
        if is_misread_of_hub(error):
            return SourceError(f"{self} cannot be read from {hub}: {MISREAD}")
        return SourceError(
            f"{self} cannot be read from {hub} ({reason_of(error)}); "
            "run the same command again to go on"
        )
