"""The public names, and that they cost nothing until they are used."""

import subprocess
import sys

import imagenetq


def test_every_public_name_exists_and_knows_its_home() -> None:
    for name in imagenetq.__all__:
        assert getattr(imagenetq, name) is not None
    homes = {name for public in imagenetq._HOMES.values() for name in public}
    assert homes == set(imagenetq.__all__) - {"__version__"}


def test_importing_the_package_imports_nothing_heavy() -> None:
    code = "import sys, imagenetq; print('numpy' in sys.modules, 'PIL' in sys.modules)"
    printed = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert printed.stdout.split() == ["False", "False"]
