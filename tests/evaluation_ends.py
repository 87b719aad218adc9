"""Evaluations that are killed at a step of their end; a module, so that a process can run it."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

STEPS = ("gathering", "predictions", "entry", "swap", "removing", "removed half")
"""Before gathering; before each file is written; between the two that take their names; before the
parts lose their name; and when some of them are gone."""

MODEL = "python/tiny_models:tiny"


def run_killed(data: Path, out: Path, step: str) -> None:
    """Evaluate the tiny network on clean images, in a process that kills itself at a step."""
    ended = subprocess.run([sys.executable, __file__, str(data), str(out), step], check=False)
    assert ended.returncode == -signal.SIGKILL, ended


def _die(*_: Any, **__: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _dying_at(step: str) -> None:
    """Kill this process when it comes to the step."""
    import shutil

    from imagenetq import files
    from imagenetq.evaluate import evaluation, writing

    if step == "gathering":
        evaluation.gather = _die
    elif step == "removing":
        writing.remove_parts = _die
    elif step == "removed half":
        shutil.rmtree = _after_some(shutil.rmtree)
    elif step == "swap":
        Path.replace = _unless_swapped(Path.replace)
    else:
        name = "predictions.parquet" if step == "predictions" else "entry.json"
        files.AtomicFile.commit = _before(files.AtomicFile.commit, name)


def _after_some(rmtree: Callable[..., None]) -> Callable[..., None]:
    def half(path: Path, *more: Any, **options: Any) -> None:
        if Path(path).exists() and any(Path(path).glob("*.part")):
            (Path(path) / "plan.json").unlink()
            _die()
        rmtree(path, *more, **options)

    return half


def _unless_swapped(replace: Callable[..., Path]) -> Callable[..., Path]:
    def replaced(self: Path, target: Path) -> Path:
        if self.name == Path(target).name == "entry.json":
            _die()
        return replace(self, target)

    return replaced


def _before(commit: Callable[[Any], None], name: str) -> Callable[[Any], None]:
    def committed(self: Any) -> None:
        if self.path.name == name:
            _die()
        commit(self)

    return committed


if __name__ == "__main__":
    from imagenetq.evaluate import Settings, evaluate, load_model, open_data

    _dying_at(sys.argv[3])
    evaluate(
        [load_model(MODEL)], open_data(sys.argv[1]), Path(sys.argv[2]), Settings(only=["clean"])
    )
