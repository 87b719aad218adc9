"""Send entries and predictions to dataset repositories of the Hugging Face Hub."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from imagenetq.errors import ImagenetqError, PublishError
from imagenetq.evaluate.leaderboard.entry.submission import Place
from imagenetq.evaluate.leaderboard.package import Package
from imagenetq.files import sha256_of
from imagenetq.hub import HubAddress
from imagenetq.predictions import PREDICTIONS_NAME
from imagenetq.remote_errors import MISREAD, first_line, is_misread_of_hub, status_of

_KIND = "dataset"


def open_pull_request(package: Package, address: HubAddress) -> str:
    """Propose an entry to a repository, as `entries/NAME/`; give the pull request's address.

    Anyone who is logged in may propose one.
    """
    from huggingface_hub import CommitOperationAdd, HfApi

    operations = [
        CommitOperationAdd(f"entries/{package.name}/{name}", content)
        for name, content in package.files.items()
    ]
    with _explained(address):
        commit = HfApi().create_commit(
            address.repository,
            operations,
            commit_message=f"Add {package.name}",
            commit_description="Made by `imagenetq submit`, which recomputed every number.",
            repo_type=_KIND,
            create_pr=True,
        )
    if commit.pr_url is None:
        raise PublishError(f"{address}: the Hub names no pull request; look at its page")
    return commit.pr_url


def keep_predictions(predictions: Path, name: str, address: HubAddress) -> Place:
    """Keep predictions in a public repository of one's own, which is made if it is not there.

    They lie in a folder of the entry's name, and are not sent again if they are there already.
    """
    from huggingface_hub import HfApi

    hub = HfApi()
    path = f"{name}/{PREDICTIONS_NAME}"
    with _explained(address):
        hub.create_repo(address.repository, repo_type=_KIND, private=False, exist_ok=True)
        info = hub.dataset_info(address.repository)
        if info.private or info.gated:
            raise PublishError(
                f"{address}: is private or gated, and whoever checks the entry must be able to "
                "read it; make it public, or give another"
            )
        revision = info.sha
        files = hub.get_paths_info(address.repository, [path], repo_type=_KIND, revision=revision)
        stored = {getattr(file.lfs, "sha256", None) for file in files if hasattr(file, "lfs")}
        if sha256_of(predictions) not in stored:
            revision = hub.upload_file(
                path_or_fileobj=str(predictions),
                path_in_repo=path,
                repo_id=address.repository,
                repo_type=_KIND,
                commit_message=f"Add predictions of {name}",
            ).oid
    if revision is None:
        raise PublishError(f"{address}: the Hub names no commit; run the same command again")
    return Place(repository=address.repository, revision=revision, path=path)


@contextmanager
def _explained(address: HubAddress) -> Iterator[None]:
    """Turn whatever the Hub's clients raise into one line of our own."""
    from huggingface_hub import constants, errors

    try:
        yield
    except ImagenetqError:
        raise
    except errors.LocalTokenNotFoundError as error:
        raise PublishError(
            f"{address}: there is no token; run `hf auth login` or set HF_TOKEN"
        ) from error
    except Exception as error:
        status = status_of(error)
        hub = constants.ENDPOINT
        if isinstance(error, errors.RepositoryNotFoundError):
            reason = f"no such dataset on {hub}, or none that this token may see; check the name"
        elif status in (401, 403):
            reason = (
                f"{hub} refuses it (HTTP {status}); log in with a token that may write "
                "(`hf auth login`, or set HF_TOKEN)"
            )
        elif is_misread_of_hub(error):
            reason = f"cannot be written to {hub}: {MISREAD}"
        else:
            reason = f"cannot be written to {hub} ({first_line(error)}); run the same command again"
        raise PublishError(f"{address}: {reason}") from error
