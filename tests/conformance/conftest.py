"""One running server for all checks of what it says of itself."""

from collections.abc import Iterator

import pytest

from tests.e2e.serving import Server


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    with Server() as server:
        yield server
