"""Where the tools are that these tests run: `make deploy-check` installs them into .deploy, `tests/install_tools` those of Debian."""

import shutil
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
BIN = PROJECT / ".deploy" / "bin"
DEBIAN = ("nginx", "podman", "prometheus", "promtool", "redis-server")


def tool(name: str) -> str:
    """The path of a tool, whether it is there or not."""
    return (shutil.which(name) or name) if name in DEBIAN else str(BIN / name)


def needs(*names: str) -> pytest.MarkDecorator:
    """Skips a test, with the reason, where a tool is missing."""
    missing = [name for name in names if not shutil.which(tool(name))]
    return pytest.mark.skipif(bool(missing), reason=f"not installed: {', '.join(missing)}; `make deploy-check` installs what can be installed")
