"""Checkpoints of the reference implementation, once imported, compute here what they computed there, to 1e-4 in every tensor.

Untrained weights amplify rounding thirtyfold a step, so after four steps only the same order of additions agrees: MKL's reproducible
kernels, which the model asks for itself. Where a CPU does not offer those, its own kernels have to agree.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.cli import main

PROJECT = Path(__file__).resolve().parents[2]
FOLDERS = sorted(path for path in (PROJECT.parent / "shared" / "parity").glob("*/") if (path / "expected.safetensors").exists())
TOLERANCE = 1e-4


def differences(entry: Path, folder: Path, **environment: str) -> dict[str, float]:
    command = [sys.executable, "-m", "tests.conformance.reference", str(entry), str(folder / "expected.safetensors")]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MKL_")}
    ran = subprocess.run(command, cwd=PROJECT, env=kept | environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    found: dict[str, float] = json.loads(ran.stdout.splitlines()[-1])
    return found


@pytest.mark.skipif(not FOLDERS, reason="there are no checkpoints of the reference beside the repository")
@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_every_tensor_is_what_the_reference_computed(folder: Path, tmp_path: Path) -> None:
    assert main(["import", str(folder), "--name", folder.name, "--store", str(tmp_path)]) == 0
    worst = [differences(tmp_path / folder.name, folder)]
    if max(worst[0].values()) > TOLERANCE:
        worst.append(differences(tmp_path / folder.name, folder, MKL_CBWR="AUTO"))
    assert min(max(each.values()) for each in worst) <= TOLERANCE, worst
