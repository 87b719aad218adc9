"""Install the lowest versions that pyproject.toml allows, and try every kind of command with them.

`python tests/lowest.py` makes two environments under `.cache/lowest-*`: the package alone, and with
its extras. torch and what it brings are gigabytes, so they are linked from this environment, in its
version; `--torch` installs their lowest versions, too.
"""

import re
import subprocess
import sys
import venv
from pathlib import Path

from environments import ROOT, link, needed

CACHE = ROOT / ".cache"
UV = (sys.executable, "-m", "uv", "pip")
EXTRAS = ("az", "eval", "gs", "ray", "s3", "sample")
ONLY = "clean,jpeg-10,jpeg2000-30,blur-2,noise-50,contrast-0.5"
IMPORTS = "import adlfs, gcsfs, ray, s3fs, timm, torchvision, transformers, onnx, onnxruntime"

_CORE = (
    ("imagenetq", "--help"),
    ("imagenetq", "eval", "--help"),
    ("imagenetq", "build", "sample", "--only", ONLY, "--workers", "2", "--out", "q"),
    ("imagenetq", "verify", "q", "sample", "--workers", "2"),
    ("imagenetq", "build", "sample", "--only", ONLY, "--format", "webdataset", "--out", "tars"),
    ("imagenetq", "verify", "tars"),
    ("python", ROOT / "docs" / "load_demo.py", "q"),
)
_EVAL = (
    ("imagenetq", "eval", "--model", "baseline/nearest", "--data", "q", "--workers", "2"),
    ("imagenetq", "eval", "--model", "python/net:net", "--data", "tars", "--workers", "2"),
    ("imagenetq", "compare", "results/baseline-nearest", "results/python-net-net"),
    ("imagenetq", "report", "results/baseline-nearest", "results/python-net-net"),
    ("imagenetq", "leaderboard", "check", ROOT / "leaderboard" / "entries"),
    ("imagenetq", "models", "python/net:net"),
    ("imagenetq", "models"),
    ("python", "-c", IMPORTS),
)
_NET = """
import timm, torch
from imagenetq.evaluate import Preprocessing

def net():
    torch.manual_seed(0)
    module = timm.create_model("mobilenetv3_small_050", pretrained=False)
    size = dict(resize=32, interpolation="bilinear", crop=(32, 32))
    return module, Preprocessing(**size, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))
"""


def lowest(extras: tuple[str, ...], folder: Path) -> Path:
    """Write the lowest versions of what the package and extras require directly."""
    pins = folder / "pins.txt"
    options = [word for extra in extras for word in ("--extra", extra)]
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    lowest_direct = ["--quiet", "--no-annotate", "--no-header", "--resolution=lowest-direct"]
    target = [f"--python-version={version}", *options, ROOT / "pyproject.toml", "-o", pins]
    subprocess.run([*UV, "compile", *lowest_direct, *target], check=True)
    return pins


def without_torch(pins: Path) -> None:
    """Leave out torch and all that only it brings."""
    kept = [
        line
        for line in pins.read_text().splitlines()
        if not re.match(r"(torch|torchvision|triton|nvidia-[\w-]+)==", line)
    ]
    pins.write_text("\n".join(kept))


def environment(name: str, extras: tuple[str, ...], *, with_torch: bool) -> Path:
    """Make an environment with the lowest versions; returns its folder of programs."""
    folder = CACHE / f"lowest-{name}"
    venv.create(folder, symlinks=True, clear=True)
    pins = lowest(extras, folder)
    install = [*UV, "install", "--quiet", "--no-deps", f"--python={folder / 'bin' / 'python'}"]
    linked = "eval" in extras and not with_torch
    if linked:
        without_torch(pins)
    subprocess.run([*install, "-r", pins], check=True)
    subprocess.run([*install, ROOT], check=True)
    if linked:
        (packages,) = folder.glob("lib/python*/site-packages")
        link({"torch", "torchvision", *(n for n in needed("torch"))}, packages)
    return folder / "bin"


def try_all(programs: Path, commands: tuple[tuple[object, ...], ...]) -> bool:
    """Run commands in a folder of the environment's own; whether all succeed."""
    folder = programs.parent / "tried"
    folder.mkdir()
    (folder / "net.py").write_text(_NET)
    for program, *arguments in commands:
        command = [str(programs / str(program)), *map(str, arguments)]
        ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        if ended.returncode:
            print(" ".join(command), ended.stdout[-2000:], ended.stderr[-2000:], sep="\n")
            return False
    return True


def main() -> int:
    """Try both environments; returns 0, or 1 if a command fails or one cannot be made."""
    with_torch = "--torch" in sys.argv[1:]
    try:
        core = environment("core", ("sample",), with_torch=False)
        extras = environment("extras", EXTRAS, with_torch=with_torch)
    except subprocess.CalledProcessError as error:
        print(f"uv failed with status {error.returncode}; its message stands above")
        return 1
    # All are tried, so that one run tells of both.
    results = [try_all(core, _CORE), try_all(extras, _CORE + _EVAL)]
    print("the lowest versions work" if all(results) else "the lowest versions do not work")
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
