"""Build what is published, check it, and use it as whoever installs it will.

`python tests/dist.py` leaves an sdist and a wheel in `dist/`, compares them with
`tests/distribution.toml`, and tries each in an environment of its own under `.cache/dist-*`.
"""

import shutil
import subprocess
import sys
from pathlib import Path

from distribution import differences
from environments import ROOT
from smoke import CORE, try_all

DIST = ROOT / "dist"
UV = (sys.executable, "-m", "uv")


def built() -> list[Path]:
    """Build the sdist, and the wheel from it, as an installer does where there is no wheel."""
    shutil.rmtree(DIST, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "build", "--outdir", DIST, ROOT], check=True)
    archives = sorted(DIST.iterdir())
    subprocess.run([sys.executable, "-m", "twine", "check", "--strict", *archives], check=True)
    return archives


def use(archive: Path) -> None:
    """Install an archive with the sample into an empty environment, and use it there."""
    folder = ROOT / ".cache" / f"dist-{archive.suffix.strip('.')}"
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run([*UV, "venv", "--quiet", "--python", sys.executable, folder], check=True)
    target = ["--quiet", f"--python={folder / 'bin' / 'python'}", f"{archive}[sample]"]
    subprocess.run([*UV, "pip", "install", *target], check=True)
    try_all(folder / "bin", folder, CORE)


def main() -> int:
    """Build, check and try; returns 0, or 1 if anything is not as it should be."""
    try:
        archives = built()
        found = [f"{archive.name}: {line}" for archive in archives for line in differences(archive)]
        print(*found, sep="\n", end="\n" if found else "")
        for archive in archives:
            use(archive)
    except subprocess.CalledProcessError as error:
        command = " ".join(map(str, error.cmd))
        print(f"{command} ended with status {error.returncode}; its message stands above")
        return 1
    if found:
        print("tests/distribution.toml lists something else: mend the one or the other")
        return 1
    print(*(f"{archive.name} installs and works" for archive in archives), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
