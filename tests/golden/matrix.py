"""Run `check.py` with the oldest and with the newest supported numpy, Pillow, scipy and glymur.

The bounds are read from pyproject.toml; the environments stay under `.cache/golden-*`. Others can
be named, the rest is the newest: `python tests/golden/matrix.py Pillow==11.3.0 numpy==2.0.0`.
"""

import os
import re
import subprocess
import sys
import tomllib
import venv
from pathlib import Path

from images import find_photograph

ROOT = Path(__file__).parents[2]
CODE = ROOT / "src"
CACHE = ROOT / ".cache"
CHECK = Path(__file__).with_name("check.py")
# It compiles no byte code of what is never imported; pip takes longer than the check.
INSTALL = (
    *(sys.executable, "-m", "uv", "pip", "install"),
    *("--quiet", "--upgrade", "--only-binary=:all:"),
)
_RENDERING = ("glymur", "numpy", "Pillow", "scipy")
# glymur imports it without declaring it; in a full install `datasets` brings it.
_UNDECLARED = "packaging"


def newest() -> list[str]:
    """The requirements of all that renders, as pyproject.toml states them."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = [line for line in project["dependencies"] if re.split(r"\W", line)[0] in _RENDERING]
    return [*lines, _UNDECLARED]


def oldest() -> list[str]:
    """The same at their lower bounds."""
    return [re.sub(r">=([\d.]+).*", r"==\1", line) for line in newest()]


def check_arguments() -> list[str]:
    """The script and its photograph: the environments themselves have no scikit-image."""
    photograph = find_photograph()
    return [str(CHECK), *(("--photograph", str(photograph)) if photograph else ())]


def check(name: str, requirements: list[str]) -> bool:
    """Install into `.cache/golden-NAME`, check, print; whether all pixels are the same."""
    print(f"{name}: {' '.join(requirements)}", flush=True)
    folder = CACHE / f"golden-{name}"
    if not (folder / "bin/python").exists():
        venv.create(folder)
    python = str(folder / "bin/python")
    subprocess.run([*INSTALL, "--python", python, *requirements], check=True)
    environment = {**os.environ, "PYTHONPATH": str(CODE)}
    return subprocess.run([python, *check_arguments()], env=environment).returncode == 0


def main() -> int:
    """Check all; returns 0, or 1 if a pixel differs or an environment cannot be made."""
    named = sys.argv[1:]
    wanted = {"named": [*named, *newest()]} if named else {"oldest": oldest(), "newest": newest()}
    try:
        results = [check(name, requirements) for name, requirements in wanted.items()]
    except subprocess.CalledProcessError as error:
        print(f"uv failed with status {error.returncode}; its message stands above")
        return 1
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
