"""The compose stack, really run: `make deploy-stack`. A record of what it prints is compose_stack.txt."""

import os

import pytest

from tests.deploy.compose_stack import main
from tests.deploy.tools import needs


@needs("podman", "podman-compose", "debootstrap")
@pytest.mark.skipif(os.geteuid() != 0, reason="podman's networks need root here")
@pytest.mark.timeout(3600)
def test_the_stack_runs_and_mends_itself() -> None:
    main()
