import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import check
import images
import regenerate
from imagenetq.specification import variants

HERE = Path(__file__).parent


def run(script: str) -> None:
    finished = subprocess.run([sys.executable, HERE / script], capture_output=True, text=True)
    assert finished.returncode == 0, finished.stdout + finished.stderr


def test_pixels_are_the_golden_ones():
    photograph = images.find_photograph()
    expected = check.golden()
    if photograph is None:
        del expected[images.PHOTOGRAPH]
    assert check.differences(expected, check.rendered(images.images(photograph))) == []


def test_every_variant_is_pinned():
    names = [variant.name for variant in variants()]
    assert all(list(hashes) == names for hashes in check.golden().values())


def test_each_difference_is_named():
    pinned = {"cat": {"blur-1": "a", "clean": "b"}}
    here = {"cat": {"blur-1": "x"}, "dog": {"clean": "b"}}
    lines = ["cat blur-1: differs", "cat clean: missing", "dog clean: not pinned"]
    assert check.differences(pinned, here) == lines
    assert check.differences(pinned, pinned) == []


def test_check_fails_on_a_changed_hash(monkeypatch, capsys):
    pinned = check.golden()
    pinned["uniform"]["jpeg-10"] = "0" * 64
    monkeypatch.setattr(check, "golden", lambda: pinned)
    monkeypatch.setattr(sys, "argv", ["check.py"])
    assert check.main() == 1
    assert "uniform jpeg-10: differs" in capsys.readouterr().out


def test_regeneration_does_not_replace_what_is_pinned_silently(monkeypatch, tmp_path, capsys):
    file = tmp_path / "pixels.json"
    changed = check.GOLDEN.read_text().replace(check.golden()["row"]["noise-50"], "0" * 64)
    file.write_text(changed)
    monkeypatch.setattr(check, "GOLDEN", file)
    monkeypatch.setattr(regenerate, "GOLDEN", file)
    monkeypatch.setattr(regenerate, "find_photograph", lambda: Path("chelsea.png"))
    monkeypatch.setattr(regenerate, "images", lambda _: {})
    here = check.Hashes(check.golden())
    here["row"] = {**here["row"], "noise-50": "1" * 64}
    monkeypatch.setattr(regenerate, "rendered", lambda _: here)
    monkeypatch.setattr(sys, "argv", ["regenerate.py"])
    assert regenerate.main() == 1
    assert "row noise-50: differs" in capsys.readouterr().out
    assert file.read_text() == changed
    monkeypatch.setattr(sys, "argv", ["regenerate.py", "--accept"])
    assert regenerate.main() == 0
    assert check.golden() == here


@pytest.mark.slow
@pytest.mark.skipif(
    any(shutil.which(tool) is None for tool in ("qemu-aarch64", "apt-get", "dpkg-deb")),
    reason="needs Debian with qemu-user",
)
@pytest.mark.skipif("IMAGENETQ_NO_NETWORK" in os.environ, reason="IMAGENETQ_NO_NETWORK is set")
def test_arm_renders_the_same_pixels():
    run("arm.py")


@pytest.mark.slow
@pytest.mark.skipif("IMAGENETQ_NO_NETWORK" in os.environ, reason="IMAGENETQ_NO_NETWORK is set")
def test_oldest_and_newest_versions_render_the_same_pixels():
    run("matrix.py")
