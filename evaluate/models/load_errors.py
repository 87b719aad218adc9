"""What is said when a model cannot be had."""

import difflib
from collections.abc import Iterable

from imagenetq.errors import ModelError

_LONGEST = 200
_N_LISTED = 3
_LONGEST_NAME = 80


def one_line(error: Exception) -> str:
    """What an exception says, on one line of bearable length."""
    text = " ".join(str(error).split()) or type(error).__name__
    # It may quote a stranger's file, and a terminal obeys control characters.
    text = "".join(c if c.isprintable() else "?" for c in text)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} .."


def listed(names: Iterable[str]) -> str:
    """The first of some names, which may be a stranger's, as they can be printed."""
    names = list(names)
    first = [name[:_LONGEST_NAME] for name in names[:_N_LISTED]]
    more = ", .." if len(names) > _N_LISTED else ""
    return ", ".join(n if n.isprintable() else ascii(n) for n in first) + more


def unknown(source: str, name: str, known: Iterable[str]) -> ModelError:
    """A source does not have the name; near ones are suggested."""
    near = difflib.get_close_matches(name, list(known), n=3, cutoff=0.5)
    hint = f"; did you mean {' or '.join(near)}?" if near else ""
    return ModelError(f"{source} has no model {name!r}{hint}")


def failed(model: str, repository: str | None, error: Exception) -> ModelError:
    """A model could not be constructed, or its weights did not come.

    Args:
        model: as the user named it.
        repository: on the Hub; None if it is not there.
        error: what the library raised.
    """
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

    chain = list(_chain(error))
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
    if any(_is_about_fetching(link) for link in chain):
        return ModelError(
            f"{model}: its weights cannot be fetched ({one_line(error)}); connect to the network, "
            "or give them with --weights FILE"
        )
    return ModelError(
        f"{model}: cannot be constructed ({type(error).__name__}: {one_line(error)}); check its "
        "--model-arg"
    )


def _is_about_fetching(error: BaseException) -> bool:
    library = type(error).__module__.partition(".")[0]
    return isinstance(error, OSError) or library.startswith(
        ("httpx", "requests", "huggingface_hub")
    )


def _chain(error: BaseException | None) -> Iterable[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
