"""The API process stays small: nothing that it imports reaches torch or onnxruntime. The client needs none of what the server does."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MODULES = "app.main, app.pool.processes, app.solver, app.serve, app.cli"
HEAVY = ("torch", "onnxruntime", "onnx", "safetensors")
SHARED = {"pydantic", "rich"}
"""What the client has too; of rich it needs nothing, but httpx imports it where it is there."""


def imported(modules: str) -> set[str]:
    """The packages that are there once these modules have been imported."""
    code = f"import sys, {modules}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    return set(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split())


def test_the_modules_of_the_api_process_leave_torch_and_onnxruntime_out() -> None:
    assert not imported(MODULES) & {*HEAVY}


def test_the_client_leaves_out_whatever_only_the_server_needs() -> None:
    needed = [re.split(r"[~=<>]", line)[0] for line in tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]]
    servers = {name.replace("-", "_") for name in needed} - SHARED
    assert {"fastapi", "numpy", "onnxruntime", "redis", "uvicorn"} <= servers
    assert not imported("app.client") & servers
