"""Compile the kernels for a GPU when they are first needed, and keep them on disk.

NVRTC and the driver are called through `cuda.bindings`, which torch's Linux wheels bring.
"""

from collections.abc import Mapping
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Any

import torch

from imagenetq.errors import PlatformError
from imagenetq.files import user_cache, write_whole
from imagenetq.progress import say

KERNELS = {
    "analysis.cu": ("colours", "analyse_columns", "analyse_rows"),
    "contexts.cu": ("contexts",),
    "coder.cu": ("code",),
    "layers.cu": ("allocate",),
    "cuts.cu": ("find_cuts", "decode_cuts"),
    "values.cu": ("reconstruct",),
    "synthesis.cu": ("synthesise", "finish"),
}
"""Names of the kernels in each source file."""

_HEADERS = ("common.cuh", "wavelet.cuh")
_OPTIONS = ("--std=c++17", "--fmad=false")
_OLDEST_GPU = (8, 0)


def compiled(device: torch.device, definitions: Mapping[str, int]) -> dict[str, Any]:
    """Load the kernels on a GPU, by name, with values for what the sources leave open."""
    capability = torch.cuda.get_device_capability(device)
    if capability < _OLDEST_GPU:
        needed, given = (".".join(map(str, version)) for version in (_OLDEST_GPU, capability))
        raise PlatformError(
            f"JPEG 2000 on a GPU needs compute capability {needed}; {device} has {given}"
        )
    options = (
        *_OPTIONS,
        f"--gpu-architecture=sm_{capability[0]}{capability[1]}",
        *(f"-D{name}={value}" for name, value in definitions.items()),
    )
    kernels: dict[str, Any] = {}
    with torch.cuda.device(device):
        torch.cuda.current_stream().synchronize()  # Makes torch's context the current one.
        for source, names in KERNELS.items():
            module = _call("cuModuleLoadData", binary_of(source, options))
            kernels |= {name: _call("cuModuleGetFunction", module, name.encode()) for name in names}
    return kernels


def cache_folder() -> Path:
    """Give the folder of compiled kernels, inside the user's cache folder."""
    return user_cache() / "kernels"


def binary_of(source: str, options: tuple[str, ...]) -> bytes:
    """Read a source file's machine code from the cache, or compile it and put it there."""
    texts = [_text(name) for name in (source, *_HEADERS)]
    version = ".".join(map(str, _call("nvrtcVersion")))
    key = sha256("\0".join([*texts, *options, version]).encode()).hexdigest()
    path = cache_folder() / f"{source}-{key[:32]}.cubin"
    try:
        return path.read_bytes()
    except OSError:
        binary = _compile(source, options)
    try:
        write_whole(path, binary)
    except OSError as error:
        reason = error.strerror or error
        say(f"warning: {path.parent}: {reason}; kernels are compiled anew in every run")
    return binary


def _text(name: str) -> str:
    return files("imagenetq.torch.jpeg2000").joinpath("kernels", name).read_text("utf-8")


def _compile(source: str, options: tuple[str, ...]) -> bytes:
    headers = [_text(name).encode() for name in _HEADERS]
    names = [name.encode() for name in _HEADERS]
    program = _call(
        *("nvrtcCreateProgram", _text(source).encode(), source.encode()),
        *(len(headers), headers, names),
    )
    try:
        _call("nvrtcCompileProgram", program, len(options), [text.encode() for text in options])
    except PlatformError as reason:
        log = bytearray(_call("nvrtcGetProgramLogSize", program))
        _call("nvrtcGetProgramLog", program, log)
        first = log.decode(errors="replace").strip("\0\n ").partition("\n")[0]
        raise PlatformError(f"{reason}: {first[:160]}" if first else str(reason)) from None
    binary = bytearray(_call("nvrtcGetCUBINSize", program))
    _call("nvrtcGetCUBIN", program, binary)
    return bytes(binary)


def _call(function: str, *arguments: Any) -> Any:
    """Call a function of NVRTC or the driver; gives what it returns beside its status.

    That is nothing, a value or several.
    """
    try:
        from cuda.bindings import driver, nvrtc
    except ImportError:
        raise PlatformError(
            "JPEG 2000 on a GPU needs the package cuda-bindings (pip install cuda-bindings)"
        ) from None
    name, library = ("nvrtc", nvrtc) if function.startswith("nvrtc") else ("driver", driver)
    try:
        status, *values = getattr(library, function)(*arguments)
    except RuntimeError as error:  # The library itself cannot be found.
        reason = " ".join(str(error).split())[:160]
        raise PlatformError(f"JPEG 2000 on a GPU: no {name} library here ({reason})") from None
    if int(status):
        raise PlatformError(f"JPEG 2000 on a GPU: {function} failed ({status.name})")
    return values[0] if len(values) == 1 else tuple(values)
