"""Tell how to evaluate an entry's model again: the command, and what no command can say."""

import json
import shlex
from collections.abc import Iterator

from imagenetq.choices import RANKED_PRECISION
from imagenetq.entry import Entry, EntryModel
from imagenetq.evaluate.models import SOURCES
from imagenetq.evaluate.models.plain import objections
from imagenetq.specification import SUBSETS, variants
from imagenetq.words import counted

_OPTIONS = ("mean", "std", "input_size", "interpolation")
"""Names of a preprocessing's values that the command line can replace."""


def options(entry: Entry) -> str:
    """Write the options of `imagenetq eval` that evaluate a model again, quoted for a shell.

    Empty if the entry asks for what could load code or files: nobody should copy that unseen.
    """
    model = entry.model
    if any(objections(model.name, model.arguments)):
        return ""
    words = ["--model", model.name]
    if model.weights_file is not None:
        words.append(f"--weights={model.weights_file}")
    if model.weights_key is not None:
        words.append(f"--weights-key={model.weights_key}")
    for argument, value in model.arguments.items():
        words += ["--model-arg", f"{argument}={_argument(value)}"]
    for name, replacement in _overrides(model).items():
        if name in _OPTIONS:
            values = replacement if isinstance(replacement, list | tuple) else [replacement]
            words.append(f"--{name.replace('_', '-')}={','.join(map(str, values))}")
    if model.class_map is not None:
        words += ["--class-map", "class_map.json"]
    words += ["--source", "sample" if entry.subset == "sample" else "IMAGENET"]
    if entry.subset in ("full", "mini"):
        words += ["--subset", entry.subset]
        if _is_cut(entry):
            # Whether by a limit or for want of photographs, both options give the same again.
            words += ["--allow-short", "--limit", str(entry.n_images)]
    if entry.bad_images:
        words.append("--skip-bad")
    if len(entry.variants) < len(variants()):
        words += ["--only", ",".join(entry.variants)]
    if entry.precision != RANKED_PRECISION:
        words += ["--precision", entry.precision]
    if "compiled" in entry.hardware:
        words.append("--compile")
    return shlex.join(words)


def unsaid(entry: Entry) -> Iterator[str]:
    """Tell what the command needs besides its options, or cannot say; one sentence each."""
    model = entry.model
    source = model.name.partition("/")[0]
    if source not in SOURCES:
        yield (
            "The network was at hand in Python (evaluate_model), so no command names it; evaluate "
            "it there again."
        )
    if source == "python":
        yield "The network is Python code of its author, which must be importable."
    if source == "onnx":
        yield "The network is an ONNX file of its author, which must lie where the name says."
    if model.weights_file is not None:
        yield f"{model.weights_file} is a file of its author, with the SHA-256 of weights below."
    if model.class_map is not None:
        yield "class_map.json is the list in the entry's entry.json under model, class_map."
    others = [name for name in model.overrides or {} if name not in _OPTIONS]
    if others:
        yield f"No option sets {', '.join(others)} of the preprocessing; Python's LoadOptions does."
    if model.overrides is None:
        yield (
            "The entry is older than the record of what was overridden; the options repeat its "
            "preprocessing, but a class map or a resize of its own would be missing."
        )
    if entry.subset is None:
        yield "The photographs are none of the named subsets; give the same data."
    elif _is_cut(entry):
        yield "It has fewer photographs than its subset; give the same source."
    if entry.bad_images:
        yield (
            f"{counted(len(entry.bad_images), 'photograph')} that could not be read were left out; "
            "where they can be, the same photographs take other places."
        )


def _is_cut(entry: Entry) -> bool:
    """Tell whether there were fewer photographs than the subset has."""
    per_class = SUBSETS.get(entry.subset or "")
    return per_class is not None and entry.n_images < per_class * 1_000


def _overrides(model: EntryModel) -> dict[str, object]:
    """List what was replaced; of an older entry, all that could have been."""
    if model.overrides is not None:
        return dict(model.overrides)
    known = dict(model.preprocessing) | {"input_size": model.input_size}
    if "mean" not in known:
        return {}
    return {name: known[name] for name in _OPTIONS if known.get(name) is not None}


def _argument(value: object) -> str:
    """Write a value so that `--model-arg` reads it back: text as it is if it is not JSON."""
    if isinstance(value, str):
        try:
            json.loads(value)
        except ValueError:
            return value
    return json.dumps(value)
