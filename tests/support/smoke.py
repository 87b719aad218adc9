"""Every kind of command of a core install with the sample, as its first user gives them."""

import subprocess
import time
from collections.abc import Iterable
from pathlib import Path

from environments import ROOT

ONLY = "clean,jpeg-10,jpeg2000-30,blur-2,noise-50,contrast-0.5"
CORE = (
    ("imagenetq", "--version"),
    ("imagenetq", "--help"),
    ("imagenetq", "eval", "--help"),
    ("python", "-m", "imagenetq", "spec"),
    ("imagenetq", "build", "sample", "--only", ONLY, "--workers", "2", "--out", "q"),
    ("imagenetq", "verify", "q", "sample", "--workers", "2"),
    ("imagenetq", "build", "sample", "--only", ONLY, "--format", "webdataset", "--out", "tars"),
    ("imagenetq", "verify", "tars"),
    ("python", ROOT / "docs" / "load_demo.py", "q"),
)


def try_all(programs: Path, folder: Path, commands: Iterable[tuple[object, ...]]) -> None:
    """Run commands of an environment one after the other, and print how long each takes.

    Args:
        programs: the environment's folder of programs.
        folder: to run in.
        commands: each a program's name and its arguments.

    Raises:
        subprocess.CalledProcessError: at the first that fails; what it said is printed.
    """
    for program, *arguments in commands:
        start = time.monotonic()
        command = [str(programs / str(program)), *map(str, arguments)]
        ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        print(f"{time.monotonic() - start:6.1f} s  {' '.join(command)}", flush=True)
        if ended.returncode:
            print(ended.stdout[-2000:], ended.stderr[-2000:], sep="\n")
            ended.check_returncode()
