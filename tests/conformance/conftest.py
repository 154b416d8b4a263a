"""One running server for all checks of what it says of itself."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.serving import Server

os.environ["SCHEMATHESIS_HOOKS"] = str(Path(__file__).with_name("hooks.py"))


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    with Server() as server:
        yield server
