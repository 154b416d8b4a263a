"""One server for all tests that leave it as it was; those that harm theirs start their own."""

import signal
from collections.abc import Iterator

import pytest

from tests.e2e.serving import Server

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it, and so would every server started here


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    with Server() as server:
        yield server
