"""Load the networks of entries as they were evaluated, or refuse them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from imagenetq.entry import EntryModel
from imagenetq.errors import ModelError, UsageError
from imagenetq.evaluate.models import SOURCES, LoadOptions, Model, load_model
from imagenetq.evaluate.models.plain import foreign_arguments
from imagenetq.evaluate.models.preprocessing import AnyPreprocessing, OpaquePreprocessing
from imagenetq.evaluate.models.preprocessing_overrides import overridden
from imagenetq.evaluate.results.result import Result
from imagenetq.files import sha256_of
from imagenetq.words import did_you_mean


def load_networks(
    results: Sequence[Result], names: Sequence[str], weights: Sequence[str] = ()
) -> list[Model]:
    """Load networks of entries, each with the arguments and preprocessing that its entry records.

    Args:
        results: results with the entries.
        names: names of models to load, such as `timm/vgg16`. Only these are loaded, since an entry
            may come from anyone.
        weights: paths of files, each for the entry that records its SHA-256. A network without a
            file gets its source's own weights.

    Raises:
        UsageError: no entry is of a model of a name, or weights are given without a model.
        ModelError: a network cannot be loaded, or is not the one that was evaluated.
    """
    wanted: list[EntryModel] = []
    for name in names:
        models = [result.entry.model for result in results if result.entry.model.name == name]
        if not models:
            known = list(dict.fromkeys(result.entry.model.name for result in results))
            hint = did_you_mean(name, known, known[:3], 0.4)
            raise UsageError(f"no entry is of model {name!r}{hint}")
        wanted += [model for model in models if model not in wanted]
    files = _files(weights, wanted)
    return [_load(model, files.get(model.weights_sha256 or "")) for model in wanted]


def match_networks(results: Sequence[Result], models: Sequence[Model]) -> list[Model | None]:
    """Find for each result the loaded model that was evaluated; None where there is none.

    Models are matched by name, weights and arguments.
    """
    entries = [_identity(result.entry.model) for result in results]
    return [next((model for model in models if _identity(model) == one), None) for one in entries]


def _identity(model: Model | EntryModel) -> tuple[object, ...]:
    return model.name, model.weights_sha256, model.weights_key, model.arguments


def _files(weights: Sequence[str], wanted: Sequence[EntryModel]) -> dict[str, str]:
    """Hash files of weights, and give their paths by the SHA-256."""
    if weights and not wanted:
        raise UsageError("weights without a network; say with --model whose they are")
    files = {}
    for file in weights:
        if not Path(file).is_file():
            raise ModelError(f"{file}: no such file; --weights takes a safetensors file or such")
        sha256 = sha256_of(Path(file))
        if all(model.weights_sha256 != sha256 for model in wanted):
            evaluated = ", ".join(f"{m.name}: {(m.weights_sha256 or 'none')[:12]}" for m in wanted)
            raise ModelError(
                f"{file}: its SHA-256 {sha256[:12]} is not that of the evaluated weights "
                f"({evaluated}); it would show another network"
            )
        files[sha256] = file
    return files


def _load(entry: EntryModel, file: str | None) -> Model:
    arguments: dict[str, Any] = dict(entry.arguments)
    foreign = foreign_arguments(entry.name, arguments)
    if foreign:
        # An entry may come from anyone: who reports on it has not agreed to what it would load.
        raise ModelError(
            f"{entry.name}: the entry asks for the argument {foreign[0][:80]!a}, which is no plain "
            "value of an architecture's parameter and may load code or files; if it is yours, "
            "load the network in Python and give it to write_report"
        )
    prefix, _, rest = entry.name.partition("/")
    if prefix not in SOURCES or not rest:
        # `load_model` refuses such a name, and says which names there are.
        return load_model(entry.name)
    # Not `load_model`, which requires 1,000 outputs: layers and filters can be shown without.
    key = None if file is None else entry.weights_key
    options = LoadOptions(weights=file, weights_key=key, arguments=arguments)
    network = SOURCES[prefix].load(rest, options)
    sha256 = None if network.weights is None else network.weights.sha256
    if sha256 != entry.weights_sha256:
        cure = "give those with --weights FILE" if file is None else "give those alone"
        raise ModelError(
            f"{entry.name}: its weights ({(sha256 or 'none')[:12]}) are not the "
            f"evaluated ones ({(entry.weights_sha256 or 'none')[:12]}); {cure}"
        )
    return Model(
        network.module.eval(),
        _as_evaluated(network.preprocessing, entry),
        network.weights,
        name=entry.name,
        parameters=entry.parameters,
        arguments=arguments,
        needs_fit=network.needs_fit,
    )


def _as_evaluated(own: AnyPreprocessing, entry: EntryModel) -> AnyPreprocessing:
    """Make the preprocessing that the entry records from the network's own."""
    ours, theirs = own.record(), entry.preprocessing
    if isinstance(own, OpaquePreprocessing) or ours == theirs:
        return own
    changed = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in theirs.items()
        if name in ours and ours[name] != value
    }
    try:
        made = overridden(own, changed)
    except (UsageError, TypeError):
        made = own
    if made.record() != theirs:
        raise ModelError(
            f"{entry.name}: its preprocessing here is not the one that the entry records; use the "
            "version of the library that it names"
        )
    return made
