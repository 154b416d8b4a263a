"""One server for all tests that leave it as it was; those that harm theirs start their own."""

from collections.abc import Iterator

import pytest

from tests.e2e.serving import Server


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    with Server() as server:
        yield server
