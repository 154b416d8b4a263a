"""Where the tools are that these tests run: `make deploy-check` installs them into .deploy, `tests/install_tools` those of Debian."""

import os
import shutil
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
BIN = PROJECT / ".deploy" / "bin"
DEBIAN = ("debootstrap", "nginx", "podman", "prometheus", "promtool", "redis-server")


def tool(name: str) -> str:
    """The path of a tool, whether it is there or not."""
    path = f"{os.environ['PATH']}:/usr/sbin"
    return (shutil.which(name, path=path) or name) if name in DEBIAN else str(BIN / name)


def needs(*names: str) -> pytest.MarkDecorator:
    """Skips a test, with the reason, where a tool is missing."""
    missing = [name for name in names if not shutil.which(tool(name))]
    return pytest.mark.skipif(
        bool(missing), reason=f"not installed: {', '.join(missing)}; `make deploy-check` or `deploy-stack` installs what can be installed"
    )
