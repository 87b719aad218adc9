"""Choose which of a checkpoint's sets of tensors is the network's."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imagenetq.errors import ModelError
from imagenetq.evaluate.models.load_errors import listed

if TYPE_CHECKING:
    import torch

    Tensors = dict[str, torch.Tensor]

_DEEPEST = 4


def choose_tensors(
    content: Any, expected: Collection[str], path: Path, key: str | None
) -> "Tensors":
    """Choose the one set of tensors that is meant, and name them as the network does.

    The content is a file's: dicts of dicts, the innermost of tensors. A checkpoint of a training
    may hold several sets: the weights, their moving average, a teacher's. A set that has at least
    half of the network's names is a candidate.

    The key is the user's choice, such as `state_dict_ema`: the set's keys in the file, with dots
    between, perhaps followed by a prefix of the tensors' names. None takes the only set, or the
    only candidate.
    """
    sets = dict(_sets(content, ""))
    if key is not None:
        return _without_prefix(_set_of(sets, key, path), expected)
    if not sets:
        raise ModelError(f"{path}: {_why_none(content)}; save the network's state_dict()")
    named = {key: _without_prefix(tensors, expected) for key, tensors in sets.items()}
    candidates = {
        key: tensors
        for key, tensors in named.items()
        if len(named) == 1 or 2 * len(tensors.keys() & set(expected)) >= len(expected)
    }
    if not candidates:
        raise ModelError(
            f"{path}: none of its {len(sets)} sets of tensors ({_keys(sets)}) is this network's; "
            "check the model's name"
        )
    if len(candidates) > 1:
        raise ModelError(
            f"{path}: holds {len(candidates)} sets of this network's weights "
            f"({_keys(candidates)}); choose one with --weights-key"
        )
    return next(iter(candidates.values()))


def _sets(content: Any, key: str, depth: int = 0) -> "Iterator[tuple[str, Tensors]]":
    """Yield each dict that holds named tensors and nothing else, after the keys that lead to it."""
    if not isinstance(content, Mapping) or not content or depth > _DEEPEST:
        return
    if all(isinstance(name, str) and _is_tensor(value) for name, value in content.items()):
        yield key, dict(content)
        return
    for name, value in content.items():
        if isinstance(name, str):
            yield from _sets(value, f"{key}.{name}" if key else name, depth + 1)


def _set_of(sets: "Mapping[str, Tensors]", key: str, path: Path) -> "Tensors":
    if key in sets:
        return sets[key]
    inner = [tensors for own_key, tensors in sets.items() if own_key.startswith(f"{key}.")]
    if len(inner) == 1:
        return inner[0]
    for own_key, tensors in sets.items():
        if own_key and not key.startswith(f"{own_key}."):
            continue
        prefix = key[len(own_key) :].removeprefix(".") + "."
        part = {name: value for name, value in tensors.items() if name.startswith(prefix)}
        if part:
            return part
    known = _keys(sets) or "none"
    raise ModelError(f"{path}: holds no tensors under --weights-key {key}; its sets: {known}")


def _without_prefix(tensors: "Tensors", expected: Collection[str]) -> "Tensors":
    """Remove the prefix that all names share, as far as more of them then match the network's."""
    wanted = set(expected)
    best = tensors
    while len({name.partition(".")[0] for name in tensors}) == 1 and all("." in n for n in tensors):
        tensors = {name.partition(".")[2]: value for name, value in tensors.items()}
        if len(tensors.keys() & wanted) > len(best.keys() & wanted):
            best = tensors
    return best


def _why_none(content: Any) -> str:
    if not isinstance(content, Mapping) or not any(map(_is_tensor, content.values())):
        return "holds no dict of tensors"
    strangers = [
        str(name)
        for name, value in content.items()
        if not isinstance(name, str) or not _is_tensor(value)
    ]
    return f"holds more than tensors ({listed(strangers)})"


def _is_tensor(value: Any) -> bool:
    import torch

    return isinstance(value, torch.Tensor)


def _keys(sets: Iterable[str]) -> str:
    return listed(key or "the outermost" for key in sets)
