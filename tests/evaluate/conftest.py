"""What is evaluated is built without worker processes, of which the builder's own tests are."""

import pytest


@pytest.fixture(scope="module", autouse=True)
def built_here(module_in_this_process: None) -> None:
    """Every module of these tests builds its datasets in its own process."""
