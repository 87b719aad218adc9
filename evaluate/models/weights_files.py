"""Read what a weights file holds without running code, or say what the file is instead."""

import pickle
import re
import shlex
import warnings
import zipfile
from pathlib import Path
from typing import Any

from imagenetq.errors import ModelError
from imagenetq.evaluate.models.load_errors import listed, one_line

_ZIP = b"PK\x03\x04"
_PICKLE = b"\x80"
_LOOKED_AT = 512
_NEWER_PICKLE = "Unsupported operand 149"
_TORCHSCRIPT = "a TorchScript program, which is code; save its state_dict() instead"
_OTHER_PICKLE = (
    "a pickle that torch.save did not write; save its tensors with torch.save or as safetensors"
)
_CONVERT = (
    'python -c "import sys, torch; '
    "plain = lambda c: c.detach() if isinstance(c, torch.Tensor) else {k: plain(v) for k, v in "
    "(c.state_dict() if isinstance(c, torch.nn.Module) else c).items() "
    "if isinstance(v, (torch.Tensor, torch.nn.Module, dict))}; "
    "c = torch.load(sys.argv[1], map_location='cpu', weights_only=False); "
    "torch.save(plain(c), sys.argv[1] + '.plain.pt')\""
)
_KINDS: tuple[tuple[bytes, str], ...] = (
    (rb"version https://git-lfs", "a Git LFS pointer, not the file; get it with `git lfs pull`"),
    (rb"(?i)\s*<(!doctype|html|\?xml)", "a web page saved in place of the file; download it again"),
    (rb"\x89HDF", "an HDF5 file, as Keras writes; convert it to safetensors"),
    (rb"\x93NUMPY", "a NumPy array; convert it to safetensors"),
    (rb"\x1f\x8b|BZh|\xfd7zXZ|7z\xbc\xaf|\x28\xb5\x2f\xfd", "compressed; unpack it first"),
    (rb"(?s).{257}ustar", "a tar archive; unpack it first"),
    (rb"PK(\x05\x06|\x07\x08)", "a zip archive that is empty or in parts; get the whole file"),
    (rb"GGUF", "a GGUF file; convert it to safetensors"),
    (rb"\s*[\[{]", "JSON, perhaps the index of a checkpoint in several files; join those in one"),
)
"""Patterns of how other files begin, and what to say of each."""


def read_tensors(path: Path) -> Any:
    """Read what a weights file holds: a dict of tensors, perhaps inside other dicts."""
    if not path.is_file():
        reason = "not a regular file" if path.exists() else "no such file"
        reason = "is a folder" if path.is_dir() else reason
        raise ModelError(f"{path}: {reason}; --weights takes a safetensors file or checkpoint")
    try:
        with path.open("rb") as file:
            start = file.read(_LOOKED_AT)
        if start.startswith(_ZIP):
            _require_checkpoint(path)
            return _read_checkpoint(path)
        # A legacy checkpoint is a bare pickle, whose protocol byte no safetensors header has.
        if start.startswith(_PICKLE) and start[8:9] != b"{":
            return _read_checkpoint(path)
        if start[8:9] == b"{":
            return _read_safetensors(path)
    except MemoryError:
        raise ModelError(f"{path}: does not fit in memory; is it the right file?") from None
    except OSError as error:
        reason = error.strerror or one_line(error)
        raise ModelError(f"{path}: cannot be read ({reason})") from None
    if not start:
        raise ModelError(f"{path}: is empty; get it again")
    for pattern, what in _KINDS:
        if re.match(pattern, start):
            raise ModelError(f"{path}: {what}")
    raise ModelError(
        f"{path}: neither safetensors nor a torch checkpoint, or cut short; get it again"
    )


def _read_safetensors(path: Path) -> Any:
    from safetensors.torch import load_file

    try:
        str(path).encode()
    except UnicodeEncodeError:
        raise ModelError(
            f"{path}: safetensors takes no file whose name is not UTF-8; rename it"
        ) from None
    try:
        return load_file(path)
    except (MemoryError, OSError):
        raise
    except Exception as error:  # safetensors, and Python for unknown types, names and sizes.
        raise ModelError(f"{path}: damaged safetensors ({one_line(error)}); get it again") from None


def _require_checkpoint(path: Path) -> None:
    """Refuse a zip archive that is no plain checkpoint, by its directory, unread by PyTorch."""
    try:
        with zipfile.ZipFile(path) as archive:
            parts = archive.infolist()
    # An archive's directory may be damaged in many ways.
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OverflowError) as error:
        raise ModelError(f"{path}: damaged checkpoint ({one_line(error)}); get it again") from None
    names = [part.filename for part in parts]
    if any(name.endswith(".npy") for name in names):
        raise ModelError(f"{path}: a NumPy archive (.npz); convert it to safetensors")
    if not any(name.endswith("data.pkl") for name in names):
        raise ModelError(f"{path}: a zip archive, but no torch checkpoint; unpack it first")
    if any(name.endswith("/constants.pkl") for name in names):
        raise ModelError(f"{path}: {_TORCHSCRIPT}")
    # PyTorch compresses nothing, so parts that are larger than the file are a trap.
    if sum(part.file_size for part in parts) > path.stat().st_size:
        raise ModelError(
            f"{path}: a compressed archive, which torch.save does not write; save it again"
        )


def _read_checkpoint(path: Path) -> Any:
    import torch

    try:
        with warnings.catch_warnings():
            # PyTorch warns of other contents, which are then refused anyhow.
            warnings.simplefilter("ignore")
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ModelError(f"{path}: {_what_is_pickled(str(error), path)}") from None
    except MemoryError:
        raise
    except Exception as error:  # A damaged archive raises many types.
        if "Invalid magic number" in str(error):
            raise ModelError(f"{path}: {_OTHER_PICKLE}") from None
        raise ModelError(f"{path}: damaged checkpoint ({one_line(error)}); get it again") from None


def _what_is_pickled(error: str, path: Path) -> str:
    foreign = re.search(r"(?:GLOBAL|Unsupported class) (\S+)", error)
    if foreign is None:
        # PyTorch's message gives the cause last, after much advice.
        cause = error.rpartition("error:")[2].strip().partition("\n")[0]
        if cause == _NEWER_PICKLE:
            return _OTHER_PICKLE
        return f"damaged checkpoint ({one_line(Exception(cause))}); get it again"
    return (
        f"holds Python objects besides tensors ({listed([foreign[1]])}), and loading those can "
        "run code; save the network's state_dict() alone, or, if you trust the file, convert it: "
        f"{_CONVERT} {shlex.quote(str(path))}"
    )
