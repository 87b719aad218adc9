"""Install the lowest versions that pyproject.toml allows, and try every kind of command with them.

`python tests/lowest.py` makes two environments under `.cache/lowest-*`: the package alone, and with
its extras. torch and what it brings are gigabytes, so they are linked from this environment, in its
version; `--torch` installs their lowest versions, too. `--python VERSION` tries the package alone
with another Python, which has lowest versions of its own.
"""

import argparse
import re
import shutil
import subprocess
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent / "support"))
from environments import ROOT, link, needed, sources
from smoke import CORE, try_all

CACHE = ROOT / ".cache"
UV = (sys.executable, "-m", "uv", "pip")
ENTRIES = ROOT / "leaderboard" / "entries"
EXTRAS = ("az", "clip", "eval", "gs", "ray", "s3", "sample")
DATASETS = CACHE / "lowest-core" / "tried"
IMPORTS = (
    "import adlfs, gcsfs, onnx, onnxruntime, open_clip, ray, s3fs, timm, torchvision, transformers"
)

_EVAL = (
    ("imagenetq", "eval", "--model", "baseline/nearest", "--data", DATASETS / "q"),
    ("imagenetq", "eval", "--model", "python/net:net", "--data", DATASETS / "tars"),
    ("imagenetq", "compare", "results/baseline-nearest", "results/python-net-net"),
    ("imagenetq", "report", "results/baseline-nearest", "results/python-net-net"),
    ("imagenetq", "leaderboard", "check", ENTRIES),
    ("imagenetq", "leaderboard", "build", ENTRIES, "--out", "site"),
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


def lowest(extras: tuple[str, ...], folder: Path, python: str) -> Path:
    """Write the lowest versions of what the package and extras require directly."""
    pins = folder / "pins.txt"
    options = [word for extra in extras for word in ("--extra", extra)]
    # A version without a wheel for this Python would be compiled, and is nobody's lowest.
    wheels = ["--no-build", "--resolution=lowest-direct"]
    lowest_direct = ["--quiet", "--no-annotate", "--no-header", *wheels]
    target = [f"--python={python}", *options, ROOT / "pyproject.toml", "-o", pins]
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


def environment(
    name: str, extras: tuple[str, ...], *, python: str = sys.executable, with_torch: bool = False
) -> Path:
    """Make an environment with the lowest versions; returns its folder of programs."""
    folder = CACHE / f"lowest-{name}"
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run([*UV[:-1], "venv", "--quiet", f"--python={python}", folder], check=True)
    interpreter = str(folder / "bin" / "python")
    pins = lowest(extras, folder, interpreter)
    install = [*UV, "install", "--quiet", "--no-deps", f"--python={interpreter}"]
    linked = "eval" in extras and not with_torch
    if linked:
        without_torch(pins)
    subprocess.run([*install, "-r", pins], check=True)
    subprocess.run([*install, sources(folder / "sources")], check=True)
    if linked:
        (packages,) = folder.glob("lib/python*/site-packages")
        link({"torch", "torchvision", *(n for n in needed("torch"))}, packages)
    return folder / "bin"


def use(programs: Path, commands: tuple[tuple[object, ...], ...]) -> None:
    """Run commands in a folder of the environment's own."""
    folder = programs.parent / "tried"
    folder.mkdir()
    (folder / "net.py").write_text(_NET)
    try_all(programs, folder, commands)


def main() -> int:
    """Try the environments; returns 0, or 1 if a command fails or one cannot be made."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--torch", action="store_true", help="install the lowest torch, too")
    parser.add_argument("--python", help="its version or path: try the package alone with it")
    asked = parser.parse_args()
    try:
        if asked.python is not None:
            use(environment("python", ("sample",), python=asked.python), CORE)
        else:
            core = environment("core", ("sample",))
            extras = environment("extras", EXTRAS, with_torch=asked.torch)
            use(core, CORE)
            use(extras, _EVAL)
    except subprocess.CalledProcessError as error:
        command = " ".join(map(str, error.cmd))
        print(f"{command} ended with status {error.returncode}; its message stands above")
        return 1
    print("the lowest versions work")
    return 0


if __name__ == "__main__":
    sys.exit(main())
