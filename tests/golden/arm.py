"""Run `check.py` on 64-bit ARM: a real aarch64 Python with aarch64 wheels, emulated by qemu.

Debian's arm64 Python is downloaded with apt and unpacked, never installed, so neither root nor a
foreign architecture in dpkg is needed. All of it stays under `.cache/golden-arm`.
"""

import os
import shutil
import subprocess
import sys

from matrix import CACHE, CODE, INSTALL, check_arguments, newest

FOLDER = CACHE / "golden-arm"
SYSTEM = FOLDER / "root"
APT = FOLDER / "apt"
WHEELS = FOLDER / "wheels"
# All that qemu can, with vectors of 128 bits, as the newest servers have: longer ones choose the
# same kernels of BLAS, and take seven times as long.
_PROCESSOR = "max,sve-default-vector-length=16"
_TOOLS = {"qemu-aarch64": "qemu-user", "apt-get": "apt", "dpkg-deb": "dpkg"}

# A private apt: this machine's sources and keys, but another architecture, no installed package,
# and state, cache and locks of its own. The hooks would tidy up the machine's own cache.
_APT_CONFIGURATION = f"""
APT::Architecture "arm64";
APT::Architectures {{ "arm64"; }};
APT::Install-Recommends "false";
APT::Sandbox::User "";
Dir::State "{APT}/state";
Dir::State::status "{APT}/status";
Dir::Cache "{APT}/cache";
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear DPkg::Pre-Install-Pkgs;
#clear DPkg::Pre-Invoke;
#clear DPkg::Post-Invoke;
"""


def unpack_python() -> None:
    """Fill `root` with Debian's default Python for arm64 and the libraries that wheels expect."""
    for folder in (APT / "state/lists/partial", APT / "cache/archives/partial", SYSTEM):
        folder.mkdir(parents=True, exist_ok=True)
    (APT / "status").touch()
    configuration = APT / "apt.conf"
    configuration.write_text(_APT_CONFIGURATION, encoding="utf-8")
    apt = ["apt-get", "--quiet=2", f"--config-file={configuration}"]
    # One of the machine's sources may lack arm64, or be out of reach: the next step will tell.
    subprocess.run([*apt, "update"])
    packages = ("python3", "libstdc++6")
    install = [*apt, "--yes", "--download-only", "install", *packages]
    subprocess.run(install, check=True, stdout=subprocess.DEVNULL)
    for archive in sorted((APT / "cache/archives").glob("*.deb")):
        subprocess.run(["dpkg-deb", "--extract", archive, SYSTEM], check=True)


def install_wheels(python: str) -> None:
    """Unpack the aarch64 wheels of all that renders, for a Python such as `3.11`."""
    platform = ["--python-platform=aarch64-manylinux_2_28", f"--python-version={python}"]
    subprocess.run([*INSTALL, *platform, f"--target={WHEELS}", *newest()], check=True)


def main() -> int:
    """Prepare what is missing and check; 0 all the same, 1 different or failed, 2 no tools."""
    missing = sorted({package for tool, package in _TOOLS.items() if shutil.which(tool) is None})
    if missing:
        print(f"needs Debian and its packages {', '.join(missing)}: apt-get install qemu-user")
        return 2
    try:
        if not list(SYSTEM.glob("usr/bin/python3.*")):
            unpack_python()
        interpreter = min(SYSTEM.glob("usr/bin/python3.*"))
        install_wheels(interpreter.name.removeprefix("python"))
    except subprocess.CalledProcessError as error:
        print(f"{error.cmd[0]} failed with status {error.returncode}; its message stands above")
        return 1
    # Not the caller's environment: it may choose a BLAS kernel or a folder for another processor.
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": f"{WHEELS}:{CODE}"}
    qemu = ["qemu-aarch64", "-cpu", _PROCESSOR, "-L", str(SYSTEM)]
    emulated = [*qemu, str(interpreter), *check_arguments()]
    return subprocess.run(emulated, env=environment).returncode


if __name__ == "__main__":
    sys.exit(main())
