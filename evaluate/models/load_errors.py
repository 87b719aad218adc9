"""Word the errors of models that cannot be had."""

from collections.abc import Iterable, Mapping, Sequence

from imagenetq.errors import ModelError
from imagenetq.remote_errors import causes
from imagenetq.words import did_you_mean

_LONGEST = 200
_N_LISTED = 3
_LONGEST_NAME = 80
_FETCHING = {"httpx", "requests", "huggingface_hub"}
"""Libraries whose errors are about fetching."""


def one_line(error: Exception) -> str:
    """Give an exception's text on one line, cut after 200 characters."""
    text = " ".join(str(error).split()) or type(error).__name__
    # The text may quote a stranger's file, and a terminal obeys control characters.
    text = "".join(c if c.isprintable() else "?" for c in text)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} .."


def listed(names: Iterable[str]) -> str:
    """Join the first three of some names, made safe to print since they may be a stranger's."""
    names = list(names)
    first = [name[:_LONGEST_NAME] for name in names[:_N_LISTED]]
    more = ", .." if len(names) > _N_LISTED else ""
    return ", ".join(n if n.isprintable() else ascii(n) for n in first) + more


def counted_problems(problems: Mapping[str, Sequence[str]]) -> str:
    """Count the names that have each problem, and list the first; empty if none has one."""
    return ", ".join(
        f"{len(names)} {problem} ({listed(names)})" for problem, names in problems.items() if names
    )


def unknown(source: str, name: str, known: Iterable[str]) -> ModelError:
    """Make the error for a name that a source does not have, and suggest similar names."""
    return ModelError(f"{source} has no model {name!r}{did_you_mean(name, known)}")


def failed(model: str, repository: str | None, error: Exception) -> ModelError:
    """Make the error for a model that could not be constructed, or whose weights did not come.

    The repository is the model's on the Hub, None if it has none there.
    """
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

    chain = list(causes(error))
    libraries = {type(link).__module__.partition(".")[0] for link in chain}
    if any(isinstance(link, GatedRepoError) for link in chain):
        return ModelError(
            f"{model}: its weights are gated; accept the terms on "
            f"https://huggingface.co/{repository} and sign in with `hf auth login`"
        )
    if any(isinstance(link, RepositoryNotFoundError) for link in chain):
        return ModelError(
            f"{model}: the Hub has no repository {repository}, or it is private; check the name, "
            "or sign in with `hf auth login`"
        )
    if libraries & _FETCHING or any(isinstance(link, OSError) for link in chain):
        return ModelError(
            f"{model}: its weights cannot be fetched ({one_line(error)}); connect to the network, "
            "or give them with --weights FILE"
        )
    return ModelError(
        f"{model}: cannot be constructed ({type(error).__name__}: {one_line(error)}); check its "
        "--model-arg"
    )
